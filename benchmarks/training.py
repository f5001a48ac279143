"""How the benchmarks of chapters 9 and 10 train a model in PyTorch: one loop, resumable."""

import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from unrolled.data.pairs import pair_batches
from unrolled.nn import IGNORED

RECIPE = {  # what is said of it in every record
    "optimizer": "AdamW without decay, gradient clipped to norm 1; the rate rises during the"
    " warmup, then falls to 0 in a straight line",
    "warmup": 500,  # updates
    "averaged": "the weights are a running mean; of it, (1 + n) / (10 + n) is kept at update n, at"
    " most 0.999",
    "batches": "pairs of nearly equal length, in random order",
}


def running_mean(mean, newest, updates):
    """The mean of a weight over about the last thousand updates, fewer at the beginning."""
    kept = min(0.999, (1 + int(updates)) / (10 + int(updates)))
    return kept * mean + (1 - kept) * newest


def with_dropout(model, rate):
    """The same model, with dropout after both embeddings and before the readout."""
    for part in (model.encoder, model.decoder):
        part.embedding = nn.Sequential(part.embedding, nn.Dropout(rate))
    model.decoder.readout = nn.Sequential(nn.Dropout(rate), model.decoder.readout)
    return model


def trained(model, sources, targets, recipe, *, seed, validate, title, unfinished=None):
    """Train a model.

    Args: sources, targets, rows of tokens; recipe, with RECIPE, batch_size, rate, rounds and
    smoothing;
    validate(model) -> a number; unfinished, a path to go on from and to keep every round in.

    Returns: the model of mean weights; {parameters, validation, validation_by_round, seconds}.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, recipe["rate"], weight_decay=0)
    mean = AveragedModel(model, avg_fn=running_mean)
    owners = {"model": model, "mean": mean, "optimizer": optimizer}
    updates = recipe["rounds"] * -(-len(sources) // recipe["batch_size"])
    done, seconds, validation = 0, 0.0, []
    if unfinished and unfinished.exists():
        kept = torch.load(unfinished, weights_only=True)
        for name, owner in owners.items():
            owner.load_state_dict(kept[name])
        done, seconds, validation = kept["done"], kept["seconds"], kept["validation"]
    while len(validation) < recipe["rounds"]:
        began, rng = time.perf_counter(), np.random.default_rng([seed, len(validation)])
        torch.manual_seed(1000 * seed + len(validation))  # what dropout draws, also resumed
        model.train()
        for batch in pair_batches(sources, targets, recipe["batch_size"], rng):
            source, inputs, wanted = map(torch.as_tensor, batch)
            rising, falling = min((done + 1) / recipe["warmup"], 1), 1 - done / updates
            optimizer.param_groups[0]["lr"] = recipe["rate"] * rising * falling
            loss = F.cross_entropy(
                model(source, inputs).flatten(0, 1),
                wanted.flatten(),
                ignore_index=IGNORED,
                label_smoothing=recipe["smoothing"],
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            mean.update_parameters(model)
            done += 1
        seconds += time.perf_counter() - began
        mean.eval()
        validation.append(validate(mean.module))
        print(
            f"{title}: round {len(validation)}, {validation[-1]:.4f}, {seconds:.0f} s", flush=True
        )
        if unfinished:
            kept = {name: owner.state_dict() for name, owner in owners.items()}
            kept |= {"done": done, "seconds": seconds, "validation": validation}
            torch.save(kept, unfinished.with_suffix(".new"))
            os.replace(unfinished.with_suffix(".new"), unfinished)
    mean.eval()
    return mean.module, {
        "parameters": sum(weight.numel() for weight in weights),
        "validation": validation[-1],
        "validation_by_round": validation,
        "seconds": round(seconds, 1),
    }
