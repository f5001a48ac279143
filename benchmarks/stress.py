"""Which vowels are stressed? ``python benchmarks/stress.py``.

Tags the vowels of cmudict's words (``unrolled.data.stress``), no word in two parts of the data:

- ``linear``: logistic regression on the phonemes around a vowel, and on runs of two and three of
  them; the strength of its penalty is chosen on validation data.
- ``search``: learning rate and state of the bidirectional LSTM, on validation data, one start.
- ``frameworks``: the best of these, three starts in each framework.
- ``directions``: forward, backward, both concatenated and summed, at the size of the chapter; also
  a forward layer with as many weights as two; three starts.
- ``ahead``: a forward layer that answers k steps late; three starts.

The test data is scored once, when a run ends; in ``search`` never. Every finished run is kept at
once in ``code/unrolled/recorded/stress.json``; started again, the script goes on with what is
missing.
"""

import argparse
import os
import time

import numpy as np
from tqdm import tqdm

from unrolled import agreement, nn, optim, recorded
from unrolled.bidirectional.linear import LinearTagger
from unrolled.bidirectional.numpy import NumpyBidirectional, NumpyTagger
from unrolled.data import stress
from unrolled.data.batches import length_batches
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.shapes.numpy import numpy_epoch

RESULTS = recorded.FOLDER / "stress.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "scikit-learn"
SEEDS = [0, 1, 2]
EMBEDDING, CLIP, CLASSES = 32, 1.0, 3
LINEAR = {  # what it sees: left, right, order of runs
    "left": (8, 0, 1),
    "left, pairs": (8, 0, 2),
    "both": (8, 8, 1),
    "both, pairs": (8, 8, 2),
    "both, triples": (8, 8, 3),
}
TRAINING = {
    "words": "cmudict, first pronunciation; 80 % to train on, 10 % validation, 10 % test, by hash",
    "batch_size": 128,
    "embedding": EMBEDDING,
    "optimizer": "Adam, gradient clipped to norm 1; the rate falls to 1/rounds in equal steps",
    "batches": "words of nearly equal length, in random order",
}
RECIPES = {
    "linear": {"windows": LINEAR, "C": [0.1, 0.3, 1.0], "iterations": 150},
    "search": TRAINING | {"sizes": [64, 128], "rates": [0.003, 0.01], "rounds": 3, "seeds": [0]},
    "frameworks": TRAINING | {"rounds": 4, "seeds": SEEDS, "chosen_by": "search"},
    "directions": TRAINING | {"size": 64, "rate": 0.01, "rounds": 3, "seeds": SEEDS},
    "ahead": TRAINING
    | {"size": 64, "rate": 0.01, "rounds": 3, "seeds": SEEDS, "late": [1, 2, 4, 8]},
}
EQUAL_SIZE = 96  # of a forward layer with about as many weights as two of 64


def load():
    """The three parts of the data, and the vocabulary."""
    parts = stress.stress_splits()
    return parts, stress.phoneme_vocabulary(parts["train"])


def linear(name, C):
    """One window and penalty: accuracy on validation and test data."""
    parts, vocabulary = load()
    batches = {part: stress.stress_batch(items, vocabulary) for part, items in parts.items()}
    left, right, order = LINEAR[name]
    began = time.perf_counter()
    model = LinearTagger(len(vocabulary), left, right, order=order, C=C).fit(*batches["train"])
    return {
        "model": name,
        "C": C,
        "validation": model.accuracy(*batches["valid"]),
        "test": model.accuracy(*batches["test"]),
        "parameters": model.parameters(),
        "seconds": round(time.perf_counter() - began, 1),
    }


def start(direction, size, vocab_size, rng):
    """The weights that a model starts from in all frameworks, by the book's names."""
    width = 2 * size if direction == "concat" else size
    one = NumpyLSTM(EMBEDDING, size, rng=rng).params
    weights = {"E": rng.normal(0, 1, (vocab_size, EMBEDDING)), **one}
    if direction in ("concat", "sum"):
        other = NumpyLSTM(EMBEDDING, size, rng=rng).params
        weights |= {f"{name}_reverse": value for name, value in other.items()}
    readout = nn.Linear(width, CLASSES, rng=rng)
    weights |= {"W_hy": readout.W, "b_y": readout.b}
    return {name: value.astype(np.float32) for name, value in weights.items()}


class NumpyLearner:
    """The book's tagger."""

    def __init__(self, weights, direction, rate):
        rng, (V, D), H = np.random.default_rng(0), weights["E"].shape, len(weights["W_hh"])
        layers = [NumpyLSTM(D, H, rng=rng) for _ in range(2)]
        self.model = NumpyTagger(
            nn.Embedding(V, D, rng=rng),
            NumpyBidirectional(*layers, direction),
            nn.Linear(len(weights["W_hy"]), CLASSES, rng=rng),
        )
        agreement.set_weights(self.model, weights)
        self.optimizer = optim.Adam(self.model.params, rate)

    def epoch(self, batches, rate):
        """Go once through the batches."""
        self.optimizer.learning_rate = rate
        numpy_epoch(self.model, batches, self.optimizer, clip=CLIP)

    def outputs(self, tokens):
        """Logits (N, T, C)."""
        return self.model.forward(tokens)


class KerasLearner:
    """Keras's own layers."""

    def __init__(self, weights, direction, rate):
        import keras

        from unrolled.charlm.keras import KerasDenseEmbedding

        (V, D), H = weights["E"].shape, len(weights["W_hh"])
        lstm = keras.layers.LSTM(H, return_sequences=True, name="lstm")
        self.model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                KerasDenseEmbedding(V, D, mask_zero=True, name="embedding"),
                keras.layers.Bidirectional(lstm, merge_mode=direction),
                keras.layers.Dense(CLASSES, name="readout"),
            ]
        )
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
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

    def outputs(self, tokens):
        """Logits (N, T, C)."""
        return self.model.predict_on_batch(tokens)


class TorchLearner:
    """PyTorch's own layers; "backward" reads the other way alone, "forward" may answer late."""

    def __init__(self, weights, direction, rate):
        import torch

        from unrolled.bidirectional.torch import TorchPackedTagger

        (V, D), H = weights["E"].shape, len(weights["W_hh"])
        both = direction in ("concat", "sum")
        self.turned = direction == "backward"
        self.model = TorchPackedTagger(
            torch.nn.Embedding(V, D),
            torch.nn.LSTM(D, H, batch_first=True, bidirectional=both),
            torch.nn.Linear(len(weights["W_hy"]), CLASSES),
            direction if both else "concat",
        )
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        for name, weight in self.model.named_parameters():  # it says what the first one says
            weight.requires_grad_("bias_hh" not in name)
        self.optimizer = torch.optim.Adam(
            [weight for weight in self.model.parameters() if weight.requires_grad], rate
        )

    def epoch(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.torch import torch_epoch

        self.optimizer.param_groups[0]["lr"] = rate
        torch_epoch(self.model, batches, self.optimizer, clip=CLIP)

    def outputs(self, tokens):
        """Logits (N, T, C)."""
        import torch

        with torch.no_grad():
            return self.model(torch.as_tensor(tokens)).numpy()


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def arranged(items, vocabulary, direction, late):
    """A batch as a direction reads it. Returns: tokens, targets, (N, T)."""
    if direction == "backward":  # a word turned around, read forward
        items = [(word, phonemes[::-1], tags[::-1]) for word, phonemes, tags in items]
    batch = stress.stress_batch(items, vocabulary)
    return stress.answer_late(*batch, late, len(vocabulary)) if late else batch


def accuracy(learner, items, *arrangement):
    """The share of vowels whose stress is right."""
    items, right = sorted(items, key=lambda item: len(item[1])), []
    for begin in range(0, len(items), 1000):
        tokens, targets = arranged(items[begin : begin + 1000], *arrangement)
        said = learner.outputs(tokens).argmax(axis=-1)
        right.append((said == targets)[targets != nn.IGNORED])
    return float(np.concatenate(right).mean())


def train(part, framework, direction, size, rate, late, seed):
    """Train a tagger for the rounds of its part. Returns: a result."""
    rounds, N = RECIPES[part]["rounds"], RECIPES[part]["batch_size"]
    parts, vocabulary = load()
    arrangement = vocabulary, direction, late
    weights = start(
        direction, size, len(vocabulary) + (late > 0), np.random.default_rng([seed, size])
    )
    learner = LEARNERS[framework](weights, direction, rate)
    items, draw = parts["train"], np.random.default_rng(seed)
    lengths = [len(phonemes) for _, phonemes, _ in items]
    began, validation = time.perf_counter(), []
    for k in range(rounds):
        batches = [
            arranged([items[i] for i in batch], *arrangement)
            for batch in length_batches(lengths, N, draw)
        ]
        learner.epoch(batches, rate * (1 - k / rounds))
        validation.append(accuracy(learner, parts["valid"], *arrangement))
    return {
        **dict(framework=framework, direction=direction, size=size, rate=rate, late=late),
        "seed": seed,
        "parameters": sum(weight.size for weight in weights.values()),
        "validation": validation[-1],
        "validation_by_round": validation,
        # What is chosen among is not tested.
        "test": None if part == "search" else accuracy(learner, parts["test"], *arrangement),
        "seconds": round(time.perf_counter() - began, 1),
    }


def summarize(recipe, runs):
    """One row for each model: its runs together. The linear ones with the best penalty alone."""
    groups = {}
    for run in runs.values():
        if "C" in run:
            best = groups.get(run["model"])
            if best is None or run["validation"] > best[0]["validation"]:
                groups[run["model"]] = [run]
        else:
            key = tuple(run[k] for k in ("framework", "direction", "size", "rate", "late"))
            groups.setdefault(key, []).append(run)
    rows = []
    for _, same in sorted(groups.items(), key=str):
        first = same[0]
        keys = (
            ("model", "C") if "C" in first else ("framework", "direction", "size", "rate", "late")
        )
        rows.append(
            {key: first[key] for key in keys}
            | {"parameters": first["parameters"], "starts": len(same)}
            | {k: [run[k] for run in same] for k in ("validation", "test", "seconds")}
        )
    return rows


def jobs_of(part, record):
    """What a part consists of: {name: (function, *args)}."""
    recipe = RECIPES[part]
    if part == "linear":
        return {f"{name}, C = {C}": (linear, name, C) for name in LINEAR for C in recipe["C"]}
    seeds = recipe["seeds"]
    if part == "search":
        models = [
            ("pytorch", "concat", size, rate, 0)
            for size in recipe["sizes"]
            for rate in recipe["rates"]
        ]
    elif part == "frameworks":
        tried = record.runs("search").values()
        best = max(tried, key=lambda run: run["validation"])
        models = [(framework, "concat", best["size"], best["rate"], 0) for framework in LEARNERS]
    elif part == "directions":
        kinds = ("forward", "backward", "concat", "sum")
        models = [("pytorch", kind, recipe["size"], recipe["rate"], 0) for kind in kinds]
        models.append(("pytorch", "forward", EQUAL_SIZE, recipe["rate"], 0))
    else:
        models = [("pytorch", "forward", recipe["size"], recipe["rate"], k) for k in recipe["late"]]
    keys = [(*model, seed) for seed in seeds for model in models]
    return {" ".join(map(str, key)): (train, part, *key) for key in keys}


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
        kept, jobs = record.runs(part), jobs_of(part, record)
        missing = {name: job for name, job in jobs.items() if name not in kept}
        with tqdm(total=len(missing), unit="run", desc=part) as bar:
            for name, result in recorded.side_by_side(missing, args.jobs):
                record.add(part, name, result)
                bar.update()
        for row in summarize(RECIPES[part], record.runs(part)):
            print(part, *row.values(), sep="\t")


if __name__ == "__main__":
    main()
