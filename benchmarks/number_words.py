"""einundzwanzig is twenty-one. ``python benchmarks/number_words.py``.

Learns the names of the numbers 0 to 9,999 from German to English, letter by letter, and is tested
on numbers that it never met (``unrolled.data.number_words``):

- ``frameworks``: with attention, in NumPy, Keras and PyTorch, from the same start.
- ``none``: without attention, as many weights and rounds: an encoder in both directions, one that
  reads forward, and one that reads the source turned around; PyTorch, three starts.
- ``scores``: every score function, and input feeding, three starts; PyTorch.

What is recorded of a run: exact matches on validation and test numbers, those of the test by the
length of the source, the share of letters that are wrong, and tokens a second. Every finished run
is kept at once in ``code/unrolled/recorded/number_words.json``; started again, the script goes on
with what is missing.
"""

import argparse
import os
import time
from functools import cache

import numpy as np
from tqdm import tqdm

from unrolled import agreement, metrics, optim, recorded
from unrolled.attention.numpy import numpy_attention_seq2seq
from unrolled.data.number_words import number_splits
from unrolled.data.pairs import pair_batches, pair_vocabulary, source_tokens, target_tokens
from unrolled.search import decode

RESULTS = recorded.FOLDER / "number_words.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "num2words"
SEEDS = [0, 1, 2]
EMBEDDING, HIDDEN, CLIP = 32, 128, 1.0
PLAIN = {"both": 154, "forward": 136, "turned": 136}  # H without attention, for as many weights
LONGEST = 60  # letters in an English name; the longest has 47
BINS = [0, 20, 25, 30, 35, 40, 60]  # lengths of the source
TRAINING = {
    "numbers": "0 to 9,999; 80 % to train on, 10 % validation, 10 % test, by the number's hash",
    "embedding": EMBEDDING,
    "hidden": {"attention": HIDDEN, **PLAIN},
    "encoder": "an LSTM in both directions, half of the hidden size each, where nothing else is"
    " said",
    "batch_size": 64,
    "optimizer": "Adam, gradient clipped to norm 1; the rate falls to 1/rounds in equal steps",
    "rate": 0.005,
    "rounds": 6,
    "batches": "pairs of nearly equal length, in random order",
}
RECIPES = {
    "frameworks": TRAINING | {"frameworks": ["numpy", "keras", "pytorch"], "seeds": [0]},
    "none": TRAINING | {"encoders": list(PLAIN), "seeds": SEEDS},
    "scores": TRAINING
    | {
        "scores": ["dot", "scaled", "general", "additive", "general, fed", "additive, fed"],
        "seeds": SEEDS,
    },
}


@cache
def load():
    """{part: [(number, German, English)]}, and the two vocabularies."""
    parts = number_splits()
    german, english = zip(*[pair[1:] for pair in parts["train"]], strict=True)
    return parts, pair_vocabulary(german), pair_vocabulary(english)


def tokens(part, turned=False):
    """Sources and targets of a part. Args: turned, whether the source is read from its end."""
    parts, german, english = load()
    step = -1 if turned else 1
    return (
        [source_tokens(german, pair[1][::step]) for pair in parts[part]],
        [target_tokens(english, pair[2]) for pair in parts[part]],
    )


class NumpyLearner:
    """The book's model with attention."""

    def __init__(self, weights, sizes, rate):
        self.model = numpy_attention_seq2seq(*sizes, rng=np.random.default_rng(0))
        agreement.set_weights(self.model, weights)
        self.optimizer = optim.Adam(self.model.params, rate)

    def epoch(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.numpy import numpy_epoch

        self.optimizer.learning_rate = rate
        numpy_epoch(self.model, batches, self.optimizer, clip=CLIP)


class KerasLearner:
    """The same in Keras."""

    def __init__(self, weights, sizes, rate):
        import keras

        from unrolled.attention.keras import keras_attention_seq2seq

        self.model = keras_attention_seq2seq(*sizes)
        agreement.set_weights(self.model, weights, agreement.seq2seq_names())
        self.model.compile(
            keras.optimizers.Adam(rate, epsilon=1e-8, global_clipnorm=CLIP),
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        )

    def epoch(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.keras import keras_epoch

        self.model.optimizer.learning_rate = rate
        keras_epoch(self.model, batches)


class TorchLearner:
    """The same in PyTorch; or any other model there."""

    def __init__(self, weights, sizes, rate, model=None):
        import torch

        from unrolled.attention.torch import torch_attention_seq2seq

        self.model = model
        if model is None:
            self.model = torch_attention_seq2seq(*sizes)
            agreement.set_weights(self.model, weights, agreement.seq2seq_names())
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(trained, rate)

    def epoch(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.torch import torch_epoch

        self.optimizer.param_groups[0]["lr"] = rate
        torch_epoch(self.model, batches, self.optimizer, clip=CLIP)


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def torch_model(kind, sizes):
    """A model in PyTorch. Args: kind, one of the recipe's scores or encoders."""
    from unrolled.attention import torch as attention
    from unrolled.seq2seq.torch import torch_lstm, torch_seq2seq

    V, M, D, H = sizes
    if kind in PLAIN:
        return torch_seq2seq(V, M, D, PLAIN[kind], both=kind == "both")
    name, _, fed = kind.partition(", ")
    score = {
        "dot": lambda: attention.TorchDotScore(),
        "scaled": lambda: attention.TorchDotScore(scaled=True),
        "general": lambda: attention.TorchGeneralScore(H, H),
        "additive": lambda: attention.TorchAdditiveScore(H, H, H),
    }[name]()
    model = attention.torch_attention_seq2seq(*sizes, score=score)
    if fed:
        old = model.decoder
        parts = old.attention, old.combine, old.readout
        layer = torch_lstm(D + H, H)
        model.decoder = attention.TorchFeedingDecoder(old.embedding, layer, *parts)
    return model


def answers(model, part, turned=False):
    """What a model says, and what is right. Returns: two lists of names; lengths of the sources."""
    parts, _, english = load()
    sources, _ = tokens(part, turned)
    said = decode(model, sources, max_steps=LONGEST)
    said = ["".join(english.symbols[token] for token in answer) for answer in said]
    return said, [pair[2] for pair in parts[part]], np.array([len(p[1]) for p in parts[part]])


def by_length(right, lengths):
    """The share of right answers for each range of lengths. Returns: [[from, to, share, count]]."""
    rows = []
    for low, high in zip(BINS, BINS[1:], strict=False):
        inside = (lengths >= low) & (lengths < high)
        if inside.any():
            rows.append([low, high, float(right[inside].mean()), int(inside.sum())])
    return rows


def train(kind, framework, seed):
    """Train one model. Returns: a result."""
    turned = kind == "turned"
    _, german, english = load()
    sizes, rng = (len(german), len(english), EMBEDDING, HIDDEN), np.random.default_rng(seed)
    rate, rounds = TRAINING["rate"], TRAINING["rounds"]
    if framework == "pytorch":
        import torch

        torch.manual_seed(seed)
    weights = numpy_attention_seq2seq(*sizes, rng=rng).params
    if kind == "general":  # from one start in all frameworks
        learner = LEARNERS[framework](weights, sizes, rate)
    else:
        learner = TorchLearner(weights, sizes, rate, torch_model(kind, sizes))
    sources, targets = tokens("train", turned)
    validation, seconds = [], 0.0
    for k in range(rounds):
        batches = pair_batches(sources, targets, TRAINING["batch_size"], rng)
        began = time.perf_counter()
        learner.epoch(batches, rate * (1 - k / rounds))
        seconds += time.perf_counter() - began
        said, wanted, _ = answers(learner.model, "valid", turned)
        validation.append(metrics.exact_match(said, wanted))
        print(kind, framework, seed, k + 1, f"{validation[-1]:.4f} {seconds:.0f} s", flush=True)
    said, wanted, lengths = answers(learner.model, "test", turned)
    right = np.array([a == b for a, b in zip(said, wanted, strict=True)])
    return {
        **dict(model=kind, framework=framework, seed=seed),
        "parameters": parameters(learner.model),
        "validation": validation[-1],
        "validation_by_round": validation,
        "test": metrics.exact_match(said, wanted),
        "letters_wrong": metrics.error_rate(said, [[name] for name in wanted]),
        "test_by_length": by_length(right, lengths),
        "tokens_per_second": round(rounds * sum(map(len, targets)) / seconds),
        "seconds": round(seconds, 1),
    }


def parameters(model):
    """How many numbers are trained."""
    if hasattr(model, "params"):
        return sum(weight.size for weight in model.params.values())
    if hasattr(model, "count_params"):
        return model.count_params()
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def summarize(recipe, runs):
    """One row for each model: its runs together."""
    groups = {}
    for run in runs.values():
        groups.setdefault((run["model"], run["framework"]), []).append(run)
    rows = []
    for (model, framework), same in sorted(groups.items(), key=str):
        rows.append(
            dict(model=model, framework=framework, starts=len(same))
            | {"parameters": same[0]["parameters"]}
            | {
                key: [run[key] for run in same]
                for key in ("validation", "test", "letters_wrong", "tokens_per_second", "seconds")
            }
        )
    return rows


def jobs_of(part):
    """What a part consists of: {name: (function, *args)}."""
    recipe = RECIPES[part]
    if part == "frameworks":
        runs = [("general", framework, 0) for framework in recipe["frameworks"]]
    elif part == "none":
        runs = [(kind, "pytorch", s) for s in recipe["seeds"] for kind in PLAIN]
    else:
        runs = [(kind, "pytorch", s) for s in recipe["seeds"] for kind in recipe["scores"]]
    return {" ".join(map(str, run)): (train, *run) for run in runs}


def main():
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--again", action="store_true", help="run all of these parts anew")
    args = parser.parse_args()
    record = recorded.Record(RESULTS, RECIPES, PACKAGES, summarize)
    for part in args.parts if args.again else ():
        record.forget(part)
    for part in args.parts:
        kept, jobs = record.runs(part), jobs_of(part)
        missing = {name: job for name, job in jobs.items() if name not in kept}
        with tqdm(total=len(missing), unit="run", desc=part) as bar:
            for name, result in recorded.side_by_side(missing, args.jobs):
                record.add(part, name, result)
                bar.update()
        for row in summarize(RECIPES[part], record.runs(part)):
            print(part, *row.values(), sep="\t")


if __name__ == "__main__":
    main()
