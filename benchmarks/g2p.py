"""How is a word pronounced? ``python benchmarks/g2p.py``, with UNROLLED_DATA or a network.

Learns spelling to sound on the standard split of CMUdict (``unrolled.data.pronunciations``): 5 %
of the training words, by hash, are the development set; the 12,000 test words are scored once,
right if the output is any of the listed variants, phonemes against the nearest.

- ``compare``: the encoder-decoder without attention and with it, equally many weights, equally
  many rounds, three starts, in PyTorch.
- ``full``: the model that the package ships, trained for longer. Its weights go to
  ``code/unrolled/recorded/g2p.safetensors``.
- ``decode``: that file in NumPy, Keras and PyTorch: errors on the 12,000 words, and words a second.

Every finished run is kept at once in ``code/unrolled/recorded/g2p.json``, and ``full`` after every
round beside it; started again, the script goes on with what is missing.
"""

import argparse
import hashlib
import itertools
import json
import os
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import training
from tqdm import tqdm

from unrolled import agreement, metrics, recorded
from unrolled.attention.released import PATH, load_released
from unrolled.data.pairs import pair_vocabulary, source_tokens, target_tokens
from unrolled.data.pronunciations import read_standard
from unrolled.data.splits import split_of
from unrolled.search import decode

RESULTS = recorded.FOLDER / "g2p.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "safetensors", "rapidfuzz"
LONGEST = 30  # phonemes in an output; the longest in the training data has 20
BINS = [1, 5, 6, 7, 8, 9, 10, 11, 12, 14, 21]  # letters in a test word
TRAINING = {
    "words": "standard split of CMUdict: 106,837 pronunciations, 5 % of the words for development",
    "batch_size": 128,
    **training.RECIPE,
}
RECIPES = {
    "compare": TRAINING
    | {
        "models": {"attention": [64, 172], "none": [64, 204]},  # embedding, hidden size
        "rate": 0.003,
        "rounds": 4,
        "dropout": 0.1,
        "smoothing": 0.0,
        "seeds": [0, 1, 2],
    },
    "full": TRAINING
    | {
        "models": {"attention": [128, 384]},
        "rate": 0.002,
        "rounds": 24,
        "dropout": 0.3,
        "smoothing": 0.1,
        "seeds": [0],
    },
    "decode": {"words": "12,000 of the standard test", "widths": [1, 5], "batch_size": 250},
}


@cache
def load():
    """The standard data: pairs to train on, development and test words with their variants."""
    pairs, _, test = read_standard()
    parts = {"train": [], "valid": []}
    for word, phonemes in pairs:
        parts[split_of(word, valid=0.05, test=0)].append((word, phonemes))
    valid = {}
    for word, phonemes in parts["valid"]:
        valid.setdefault(word, []).append(phonemes)
    return parts["train"], valid, test


def vocabularies():
    """Of letters and of phonemes."""
    pairs, _, _ = load()
    return tuple(pair_vocabulary(side) for side in zip(*pairs, strict=True))


def say(model, words, *, width=1, batch_size=250):
    """What a model says for each word. Returns: tuples of phonemes, in order; seconds."""
    letters, phonemes = vocabularies()
    sources = [source_tokens(letters, word) for word in words]
    began = time.perf_counter()
    answers = decode(model, sources, max_steps=LONGEST, width=width, batch_size=batch_size)
    seconds = time.perf_counter() - began
    return [tuple(phonemes.symbols[token] for token in answer) for answer in answers], seconds


def score(model, references, **search):
    """Word and phoneme error rate. Args: references {word: variants}. Returns: both, seconds."""
    said, seconds = say(model, references, **search)
    wanted = list(references.values())
    return metrics.word_error_rate(said, wanted), metrics.error_rate(said, wanted), seconds


def train(part, kind, seed, unfinished=None):
    """Train a model. Returns: the model; what to record of it."""
    import torch

    from unrolled.attention.torch import torch_attention_seq2seq
    from unrolled.seq2seq.torch import torch_seq2seq

    recipe, (pairs, valid, _) = RECIPES[part], load()
    letters, phonemes = vocabularies()
    torch.manual_seed(seed)
    build = torch_attention_seq2seq if kind == "attention" else torch_seq2seq
    model = build(len(letters), len(phonemes), *recipe["models"][kind], both=True)
    model, result = training.trained(
        training.with_dropout(model, recipe["dropout"]),
        [source_tokens(letters, word) for word, _ in pairs],
        [target_tokens(phonemes, wanted) for _, wanted in pairs],
        recipe,
        seed=seed,
        validate=lambda model: score(model, valid)[0],
        title=f"{part} {kind} {seed}: word error rate",
        unfinished=unfinished,
    )
    return model, {"model": kind, "seed": seed, **result}


def tested(result, model):
    """A result with its errors on the test words, and those by the word's length."""
    _, _, test = load()
    said, _ = say(model, test)
    wanted = list(test.values())
    wer, per = metrics.word_error_rate(said, wanted), metrics.error_rate(said, wanted)
    by_length = []  # (fewest letters, most letters and one, word error rate, words)
    for low, high in itertools.pairwise(BINS):
        some = [k for k, word in enumerate(test) if low <= len(word) < high]
        if some:
            share = metrics.word_error_rate([said[k] for k in some], [wanted[k] for k in some])
            by_length.append((low, high, share, len(some)))
    return result | {"wer": wer, "per": per, "wer_by_length": by_length}


def compare(kind, seed):
    """One run of ``compare``."""
    model, result = train("compare", kind, seed)
    return tested(result, model)


def full():
    """Train the model that is shipped, and write its weights, by the book's names."""
    import torch
    from safetensors.numpy import save_file

    from unrolled.attention.numpy import numpy_attention_seq2seq

    unfinished = Path("_build/g2p-full.pt")
    unfinished.parent.mkdir(exist_ok=True)
    model, result = train("full", "attention", 0, unfinished)
    letters, phonemes = vocabularies()
    sizes, rng = RECIPES["full"]["models"]["attention"], np.random.default_rng(0)
    like = numpy_attention_seq2seq(len(letters), len(phonemes), *sizes, rng=rng).params
    weights = agreement.get_weights(model, agreement.seq2seq_names(), like)
    about = {
        "letters": json.dumps(letters.symbols),
        "phonemes": json.dumps(phonemes.symbols),
        "recipe": json.dumps(RECIPES["full"]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
    }
    halves = {name: np.ascontiguousarray(w, np.float16) for name, w in weights.items()}
    unfinished = PATH.with_suffix(".part")
    save_file(halves, unfinished, about)
    unfinished.replace(PATH)
    sha256 = hashlib.sha256(PATH.read_bytes()).hexdigest()
    return result | {"sha256": sha256, "bytes": PATH.stat().st_size}


def released_model(framework):
    """The shipped file in one framework. Returns: a model for ``unrolled.search``."""
    released = load_released()
    if framework == "numpy":
        from unrolled.attention.numpy import numpy_attention_seq2seq

        model = numpy_attention_seq2seq(*released.sizes, rng=np.random.default_rng(0))
    elif framework == "keras":
        from unrolled.attention.keras import keras_attention_seq2seq

        model = keras_attention_seq2seq(*released.sizes)
    else:
        from unrolled.attention.torch import torch_attention_seq2seq

        model = torch_attention_seq2seq(*released.sizes)
    agreement.set_weights(model, released.weights, agreement.seq2seq_names())
    return model


def decode_all(framework, width):
    """The 12,000 words with the shipped model. Returns: errors, and words a second."""
    _, _, test = load()
    recipe, model = RECIPES["decode"], released_model(framework)
    some = dict(list(test.items())[:500])
    score(model, some, width=width)  # what is compiled or allocated once is not timed
    wer, per, seconds = score(model, test, width=width, batch_size=recipe["batch_size"])
    result = {"framework": framework, "width": width, "wer": wer, "per": per}
    return result | {"words_per_second": round(len(test) / seconds), "threads": os.cpu_count()}


def summarize(recipe, runs):
    """One row for each kind of run: those that differ in their start together."""
    groups = {}
    for run in runs.values():
        keys = [key for key in ("model", "framework", "width") if key in run]
        groups.setdefault(tuple((key, run[key]) for key in keys), []).append(run)
    rows = []
    for keys, same in sorted(groups.items(), key=str):
        values = [key for key in same[0] if key in ("validation", "wer", "per", "seconds")]
        values += [key for key in ("parameters", "words_per_second") if key in same[0]]
        rows.append(dict(keys) | {key: [run[key] for run in same] for key in values})
    return rows


def jobs_of(part):
    """What a part consists of: {name: (function, *args)}."""
    recipe = RECIPES[part]
    if part == "full":
        return {"full": (full,)}
    if part == "decode":
        return {
            f"{framework}, beam {width}": (decode_all, framework, width)
            for framework in ("pytorch", "numpy", "keras")
            for width in recipe["widths"]
        }
    return {
        f"{kind} {seed}": (compare, kind, seed)
        for seed in recipe["seeds"]
        for kind in recipe["models"]
    }


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
            if part == "compare":
                finished = recorded.side_by_side(missing, args.jobs)
            else:  # one after the other, with all cores
                finished = ((name, job(*args)) for name, (job, *args) in missing.items())
            for name, result in finished:
                record.add(part, name, result)
                bar.update()
        for row in summarize(RECIPES[part], record.runs(part)):
            print(part, *row.values(), sep="\t")


if __name__ == "__main__":
    main()
