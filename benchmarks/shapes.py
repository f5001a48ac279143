"""What chapter 6 says of training, with three starts: ``python benchmarks/shapes.py``.

``surnames``  the language of a surname: GRUs with dropout and a linear classifier of letter groups,
              on a quarter, a half and all of the training names, with equally many updates; three
              GRUs that vote; the same without dropout, and trained three times as long.
``batches``   the same network with batches drawn at random and by length, in three frameworks:
              time, padding, and what it learns.
``namer``     numbers in words: the number given once, as the first state, or beside every letter;
              three learning rates.

Every finished run is kept at once in ``code/unrolled/recorded/shapes.json``; started again, the
script goes on with what is missing.
"""

import argparse
import os
import time

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from unrolled import agreement, nn, optim, recorded
from unrolled.baselines import letter_classifier
from unrolled.data.batches import (
    PAD,
    length_batches,
    length_mask,
    pad,
    padding_share,
    random_batches,
)
from unrolled.data.number_words import END, name_vocabulary, number_digits, number_names
from unrolled.data.splits import split_items
from unrolled.data.surnames import LANGUAGES, load_surnames, surname_vocabulary

RESULTS = recorded.FOLDER / "shapes.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "scikit-learn", "faker", "num2words"
SEEDS = [0, 1, 2]
RECIPES = {
    "surnames": {
        "task": "the language of a surname, one of 14; balanced accuracy",
        "seeds": SEEDS,
        "shares": [0.25, 0.5, 1.0],
        "network": "GRU in PyTorch, embedding 48, state 192, dropout 0.5 of the embedding and of "
        "the last state",
        "training": "AdamW, rate 0.002 falling to 0 over 20 rounds (40, 80 of a half, a quarter), "
        "weight decay 0.05, clipped to norm 1, batches of 64 by length; a class weighs as one over "
        "the root of its size; tau times the log share of a class is subtracted from its logit, "
        "tau chosen on validation. "
        "Dropout 0, 0.3, 0.4 and 0.5, states of 64 to 256, an LSTM, max-pooling over the states "
        "and both directions were tried on validation",
        "linear": "letter_classifier, strength 1, 3, 10 or 30, chosen on validation",
        "embedding_size": 48,
        "hidden_size": 192,
        "dropout": 0.5,
        "rounds": 20,
        "learning_rate": 0.002,
        "weight_decay": 0.05,
        "batch_size": 64,
    },
    "batches": {
        "task": "the language of a surname; the network of chapter 6",
        "seeds": SEEDS,
        "embedding_size": 32,
        "hidden_size": 96,
        "rounds": 4,
        "learning_rate": 0.005,
        "batch_size": 64,
        "training": "Adam, the rate falling to 0, clipped to norm 1; one thread",
    },
    "namer": {
        "task": "the numbers below 1000 in English words, letter by letter; a tenth each is held "
        "out for validation and test; exact match",
        "seeds": SEEDS,
        "numbers": 1000,
        "learning_rates": [0.003, 0.01, 0.03],
        "embedding_size": 16,
        "hidden_size": 64,
        "rounds": 30,
        "batch_size": 64,
        "training": "GRU in PyTorch, Adam, the rate falling to 0, clipped to norm 1",
    },
}


def surnames(share=1.0):
    """Tokens and classes by part. Args: share of the training names, the same at any seed."""
    names = load_surnames()
    vocabulary = surname_vocabulary([name for name, _ in names])
    parts = split_items(names, key=lambda item: item[0])
    parts["train"] = [parts["train"][k] for k in draw_share(len(parts["train"]), share)]
    words = {part: [name for name, _ in items] for part, items in parts.items()}
    classes = {part: np.array([c for _, c in items]) for part, items in parts.items()}
    tokens = {part: [vocabulary.encode(word) for word in words[part]] for part in words}
    return vocabulary, words, tokens, classes


def draw_share(count, share):
    """Which items are kept. Returns: indices, in order."""
    return np.sort(np.random.default_rng(0).permutation(count)[: round(count * share)])


def best_tau(classes, log_p):
    """Balanced accuracy once the lean toward large classes is taken out, as validation has it.

    Args: classes {part: (count,)}; log_p {part: (count, C)}. Returns: {part: score, "tau": tau}.
    """
    log_share = np.log(np.bincount(classes["train"], minlength=len(LANGUAGES)) + 1.0)

    def scores(tau):
        return {
            part: float(
                balanced_accuracy_score(classes[part], (p - tau * log_share).argmax(axis=1))
            )
            for part, p in log_p.items()
        }

    tau = max(np.arange(0, 1.6, 0.25), key=lambda tau: scores(tau)["valid"])
    return scores(tau) | {"tau": float(tau)}


def surname_network(share, seed, dropout=None, longer=1):
    """Train one GRU. Returns: what it scored, and its log probabilities on every part."""
    import torch
    from torch import nn as torch_nn
    from torch.nn import functional as F

    from unrolled.shapes.torch import TorchClassifier, TorchPacked

    recipe = RECIPES["surnames"]
    vocabulary, _, tokens, classes = surnames(share)
    rng, D, H = np.random.default_rng(seed), recipe["embedding_size"], recipe["hidden_size"]
    torch.manual_seed(seed)
    drop = torch_nn.Dropout(recipe["dropout"] if dropout is None else dropout)
    model = TorchClassifier(
        torch_nn.Sequential(torch_nn.Embedding(len(vocabulary), D, padding_idx=PAD), drop),
        TorchPacked(torch_nn.GRU(D, H, batch_first=True)),
        torch_nn.Sequential(drop, torch_nn.Linear(H, len(LANGUAGES))),
    )
    sizes = np.bincount(classes["train"], minlength=len(LANGUAGES))
    weight = torch.tensor((sizes.mean() / sizes) ** 0.5, dtype=torch.float32)
    rate, rounds = recipe["learning_rate"], round(recipe["rounds"] * longer / share)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=recipe["weight_decay"])
    lengths = np.array([len(row) for row in tokens["train"]])
    began = time.perf_counter()
    for epoch in range(rounds):
        optimizer.param_groups[0]["lr"] = rate * (1 - epoch / rounds)
        model.train()
        for batch in length_batches(lengths, recipe["batch_size"], rng):
            x = torch.tensor(pad([tokens["train"][k] for k in batch])[0])
            loss = F.cross_entropy(model(x), torch.tensor(classes["train"][batch]), weight=weight)
            optimizer.zero_grad()
            loss.backward()
            torch_nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    seconds = time.perf_counter() - began
    model.eval()
    with torch.no_grad():
        log_p = {
            part: F.log_softmax(model(torch.tensor(pad(rows)[0])), dim=1).numpy()
            for part, rows in tokens.items()
        }
    parameters = sum(weights.numel() for weights in model.parameters())
    result = best_tau(classes, log_p) | {"parameters": parameters, "seconds": round(seconds, 1)}
    return result, log_p


def surname_run(share, seed, dropout=None, longer=1):
    """One GRU, or for the seed "linear" the classifier it is measured against."""
    if seed != "linear":
        return surname_network(share, seed, dropout, longer)[0]
    _, words, _, classes = surnames(share)
    best = {}
    for strength in (1, 3, 10, 30):
        model = letter_classifier(strength).fit(words["train"], classes["train"])
        scores = {
            part: float(balanced_accuracy_score(classes[part], model.predict(words[part])))
            for part in words
        }
        if not best or scores["valid"] > best["valid"]:
            best = scores | {"strength": strength}
    return best


def surname_vote():
    """Three GRUs on all names, and what they say if their probabilities are averaged."""
    _, _, _, classes = surnames()
    alone, said = zip(*(surname_network(1.0, seed) for seed in SEEDS), strict=True)
    mean = {
        part: np.log(np.mean([np.exp(log_p[part]) for log_p in said], axis=0)) for part in said[0]
    }
    return best_tau(classes, mean) | {"alone": list(alone)}


def batches_run(framework, how, seed):
    """Train the chapter's classifier with one kind of batches, and time it."""
    recipe = RECIPES["batches"]
    vocabulary, _, tokens, classes = surnames()
    lengths = np.array([len(row) for row in tokens["train"]])
    rng, rounds, rate = np.random.default_rng(seed), recipe["rounds"], recipe["learning_rate"]
    learner = LEARNERS[framework](len(vocabulary), recipe, rng)
    drawn = [
        length_batches(lengths, recipe["batch_size"], rng)
        if how == "by length"
        else random_batches(len(lengths), recipe["batch_size"], rng)
        for _ in range(rounds)
    ]
    rows, longest = tokens["train"], max(lengths)

    def padded(batch):
        steps = longest if how == "all alike" else None
        return pad([rows[k] for k in batch], steps=steps)[0], classes["train"][batch]

    learner.round([padded(batch) for batch in drawn[0][:3]], 1e-9)  # what is compiled once
    seconds = []
    for epoch, batches in enumerate(drawn):
        ready = [padded(batch) for batch in batches]
        began = time.perf_counter()
        learner.round(ready, rate * (1 - epoch / rounds))
        seconds.append(time.perf_counter() - began)
    padding = 1 - sum(lengths) / (longest * len(lengths))
    if how != "all alike":
        padding = padding_share(lengths, drawn[0])
    scores = {
        part: float(
            balanced_accuracy_score(classes[part], learner.logits(pad(tokens[part])[0]).argmax(1))
        )
        for part in ("valid", "test")
    }
    return scores | {"padding": float(padding), "seconds": round(float(np.median(seconds)), 3)}


class NumpyLearner:
    """The chapter's classifier in NumPy, whose first weights all three start from."""

    def __init__(self, V, recipe, rng):
        from unrolled.gru.numpy import NumpyGRU
        from unrolled.shapes.numpy import NumpyClassifier

        D, H = recipe["embedding_size"], recipe["hidden_size"]
        self.model = NumpyClassifier(
            nn.Embedding(V, D, rng=rng),
            NumpyGRU(D, H, rng=rng),
            nn.Linear(H, len(LANGUAGES), rng=rng),
        )
        self.optimizer = optim.Adam(self.model.params, 1.0)

    def round(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.numpy import numpy_epoch

        self.optimizer.learning_rate = rate
        numpy_epoch(self.model, batches, self.optimizer, clip=1.0)

    def logits(self, tokens):
        """What it answers, (N, C)."""
        return self.model.forward(tokens)


class KerasLearner:
    """The same in Keras."""

    def __init__(self, V, recipe, rng):
        import keras

        from unrolled.charlm.keras import KerasDenseEmbedding

        start = NumpyLearner(V, recipe, rng).model.params
        self.model = keras.Sequential(
            [
                KerasDenseEmbedding(V, recipe["embedding_size"], mask_zero=True, name="embedding"),
                keras.layers.GRU(recipe["hidden_size"]),
                keras.layers.Dense(len(LANGUAGES), name="readout"),
            ]
        )
        self.model(np.ones((1, 2), int))
        agreement.set_weights(self.model, start, agreement.LIBRARY_NAMES)
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        self.model.compile(keras.optimizers.Adam(1.0, global_clipnorm=1.0), loss)

    def round(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.keras import keras_epoch

        self.model.optimizer.learning_rate = rate
        keras_epoch(self.model, batches)

    def logits(self, tokens):
        """What it answers, (N, C)."""
        return self.model.predict_on_batch(tokens)


class TorchLearner:
    """The same in PyTorch."""

    def __init__(self, V, recipe, rng):
        import torch

        from unrolled.shapes.torch import TorchClassifier, TorchPacked

        D, H = recipe["embedding_size"], recipe["hidden_size"]
        start = NumpyLearner(V, recipe, rng).model.params
        self.model = TorchClassifier(
            torch.nn.Embedding(V, D, padding_idx=PAD),
            TorchPacked(torch.nn.GRU(D, H, batch_first=True)),
            torch.nn.Linear(H, len(LANGUAGES)),
        )
        agreement.set_weights(self.model, start, agreement.LIBRARY_NAMES)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1.0)

    def round(self, batches, rate):
        """Go once through the batches."""
        from unrolled.shapes.torch import torch_epoch

        self.optimizer.param_groups[0]["lr"] = rate
        torch_epoch(self.model, batches, self.optimizer, clip=1.0)

    def logits(self, tokens):
        """What it answers, (N, C)."""
        import torch

        with torch.no_grad():
            return self.model(torch.tensor(tokens)).numpy()


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def namer_run(given, rate, seed):
    """Train one namer of numbers. Args: given, "once" or "at every letter"."""
    import torch

    from unrolled.shapes.torch import TorchNamer, torch_epoch, torch_names

    class FromTheStart(torch.nn.Module):
        """The same network, but the number is seen once: it is made into the first state."""

        def __init__(self, V, D, H):
            super().__init__()
            self.embedding, self.first = torch.nn.Embedding(V, D), torch.nn.Linear(40, H)
            self.layer = torch.nn.GRU(D, H, batch_first=True)
            self.readout = torch.nn.Linear(H, V)

        def forward(self, given, tokens):
            start = torch.tanh(self.first(given))[None]
            return self.readout(self.layer(self.embedding(tokens), start)[0])

    recipe = RECIPES["namer"]
    names = number_names()[: recipe["numbers"]]
    vocabulary = name_vocabulary(names)
    V, D, H = len(vocabulary), recipe["embedding_size"], recipe["hidden_size"]
    parts = split_items(range(recipe["numbers"]), key=str)
    digits = np.eye(10, dtype=np.float32)[[number_digits(n) for n in range(len(names))]]
    digits = digits.reshape(len(names), 40)
    tokens = [vocabulary.encode(name + END) for name in names]
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    if given == "once":
        model = FromTheStart(V, D, H)
    else:
        layer = torch.nn.GRU(40 + D, H, batch_first=True)
        model = TorchNamer(torch.nn.Embedding(V, D), layer, torch.nn.Linear(H, V))
    optimizer = torch.optim.Adam(model.parameters(), rate)
    train, losses = np.array(parts["train"]), []
    lengths = np.array([len(tokens[n]) for n in train])
    for epoch in range(recipe["rounds"]):
        optimizer.param_groups[0]["lr"] = rate * (1 - epoch / recipe["rounds"])
        batches = []
        for rows in length_batches(lengths, recipe["batch_size"], rng):
            y, y_lengths = pad([tokens[n] for n in train[rows]])
            read = np.concatenate([np.ones((len(y), 1), int), y[:, :-1]], axis=1)
            real = length_mask(y_lengths, y.shape[1])
            batches.append((digits[train[rows]], read, np.where(real, y, nn.IGNORED)))
        losses.append(float(np.mean(torch_epoch(model, batches, optimizer, clip=1.0))))
    result = {"loss": losses[-1]}
    for part in ("valid", "test"):
        given_digits = torch.tensor(digits[parts[part]])
        told = torch_names(model, given_digits, start=1, steps=max(map(len, tokens)))
        right = [
            (row[: len(tokens[n])] == tokens[n]).all()
            for row, n in zip(told, parts[part], strict=True)
        ]
        result[part] = float(np.mean(right))
    if rate == recipe["learning_rates"][1]:  # what it says of three test numbers
        shown = parts["test"][10:13]
        rows = torch_names(model, torch.tensor(digits[shown]), start=1, steps=max(map(len, tokens)))
        result["told"] = {
            names[n]: vocabulary.decode(row).partition(END)[0]
            for n, row in zip(shown, rows, strict=True)
        }
    result["updates"] = len(batches) * recipe["rounds"]
    result["parameters"] = sum(weights.numel() for weights in model.parameters())
    return result


def jobs():
    """Every run. Returns: {part: {name: (function, *args)}}."""
    shares = RECIPES["surnames"]["shares"]
    sizes = [(share, seed) for share in shares if share < 1 for seed in SEEDS]
    linear = [(share, "linear") for share in shares]
    return {
        "surnames": {
            f"{share:g} {seed}": (surname_run, share, seed) for share, seed in [*sizes, *linear]
        }
        | {"vote": (surname_vote,)}
        | {f"no dropout {seed}": (surname_run, 1.0, seed, 0.0) for seed in SEEDS}
        | {f"longer {seed}": (surname_run, 1.0, seed, None, 3) for seed in SEEDS},
        "batches": {
            f"{framework} {how} {seed}": (batches_run, framework, how, seed)
            for seed in SEEDS
            for framework in LEARNERS
            for how in ("all alike", "at random", "by length")
        },
        "namer": {
            f"{given}, {rate:g}, {seed}": (namer_run, given, rate, seed)
            for given in ("once", "at every letter")
            for rate in RECIPES["namer"]["learning_rates"]
            for seed in SEEDS
        },
    }


def main():
    """Run what is missing and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = jobs()
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side (batches: always one)"
    )
    parser.add_argument("--again", action="store_true", help="run all of these parts anew")
    args = parser.parse_args()
    record = recorded.Record(RESULTS, RECIPES, PACKAGES)
    for part in args.parts:
        if args.again:
            record.forget(part)
        missing = {name: job for name, job in parts[part].items() if name not in record.runs(part)}
        workers = 1 if part == "batches" else args.jobs  # two at once would time each other
        for name, result in tqdm(
            recorded.side_by_side(missing, workers), desc=part, total=len(missing)
        ):
            record.add(part, name, result)
        for name, result in record.runs(part).items():
            print(part, name, result, sep="\t")


if __name__ == "__main__":
    main()
