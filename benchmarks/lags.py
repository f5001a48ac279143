"""Over what lag does a network learn to remember? ``python benchmarks/lag.py``.

Trains each model on the recall task of ``unrolled.data.lags`` at growing lags: equal updates, three
learning rates, three seeds. The rate is chosen on validation data; a run succeeds when it answers
95 % of a fresh test set. At two lags, NumPy and Keras repeat the plain RNN's runs from the same
starts. Every finished run is kept in ``code/unrolled/recorded/lag.json`` at once; started again,
the script goes on with what is missing. About 30 minutes on one core.
"""

import argparse
import json
import os
import platform
import time
from collections import namedtuple
from datetime import UTC, datetime
from importlib.metadata import distributions

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from unrolled import agreement, optim, recorded
from unrolled.bptt.numpy import NumpyRNNModel
from unrolled.bptt.torch import TorchLayerModel
from unrolled.data.lags import RECALL_CHANCE, RECALL_VOCABULARY, recall
from unrolled.nn import cross_entropy_backward

RESULTS = recorded.FOLDER / "lag.json"
V, H = len(RECALL_VOCABULARY), 32
LAGS = [2, 5, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 100, 150, 200]
CHECKED_LAGS = [8, 100]  # where NumPy and Keras repeat what PyTorch found
SEEDS = [0, 1, 2]
KEY = ("framework", "model", "lag", "learning_rate", "seed")
USED = {"numpy", "torch", "keras", "tensorflow", "tensorflow_cpu"}
SETTINGS = {
    "task": "recall: 4 symbols, 4 distractors, one question; loss at the last step alone",
    "hidden_size": H,
    "batch_size": 64,
    "updates": 3000,
    "validate_every": 100,
    "validation_sequences": 500,
    "stop_at_validation_accuracy": 0.99,
    "test_sequences": 1000,
    "success_at_test_accuracy": 0.95,
    "optimizer": "Adam, gradient clipped to norm 1; a fresh batch for each update",
    "chance": RECALL_CHANCE,
}


def rnn_start(rng):
    """The weights that chapter 2's NumPy model starts from."""
    return NumpyRNNModel(V, H, rng=rng).params


def irnn_start(rng):
    """The same, but the state is copied from step to step, and the input is faint."""
    weights = rnn_start(rng)
    weights["W_hh"] = np.eye(H, dtype=np.float32)
    weights["W_xh"] = rng.normal(0, 0.001, (V, H)).astype(np.float32)
    return weights


def torch_rnn(weights, nonlinearity="tanh"):
    """PyTorch's layer with a readout. The second of its two biases stays at 0."""
    model = TorchLayerModel(V, H)
    model.rnn = torch.nn.RNN(V, H, nonlinearity=nonlinearity, batch_first=True)
    agreement.set_weights(model, weights, agreement.LIBRARY_NAMES)
    model.rnn.bias_hh_l0.requires_grad_(False)
    return model


def torch_irnn(weights):
    """The same layer with rectified linear units."""
    return torch_rnn(weights, "relu")


# start(rng) -> weights by name; build(weights) -> a PyTorch model whose call returns logits first.
Model = namedtuple("Model", "description learning_rates start build")
MODELS = {
    "rnn": Model(
        "tanh; W_xh ~ N(0, 1/V), W_hh ~ N(0, 1/H), b_h = 0",
        [0.003, 0.01, 0.03],
        rnn_start,
        torch_rnn,
    ),
    "irnn": Model(
        "ReLU; W_xh ~ N(0, 0.001^2), W_hh = I, b_h = 0 (Le, Jaitly, Hinton 2015)",
        [0.0001, 0.0003, 0.001],
        irnn_start,
        torch_irnn,
    ),
}


class TorchLearner:
    """A model of the table, with its optimizer."""

    def __init__(self, name, weights, learning_rate):
        self.model = MODELS[name].build(weights)
        self.trained = [param for param in self.model.parameters() if param.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, learning_rate)

    def scores(self, tokens):
        """Logits at the last step, (N, V)."""
        return self.model(torch.as_tensor(tokens))[0][:, -1]

    def update(self, tokens, targets):
        """One step of training on one batch."""
        loss = F.cross_entropy(self.scores(tokens), torch.as_tensor(targets))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()

    @torch.no_grad()
    def accuracy(self, tokens, targets):
        """The share of right answers."""
        return float(np.mean(self.scores(tokens).argmax(dim=-1).numpy() == targets))


class NumpyLearner:
    """Chapter 2's model, with its optimizer. Only the plain RNN."""

    def __init__(self, name, weights, learning_rate):
        self.model = NumpyRNNModel(V, H, rng=np.random.default_rng(0))
        agreement.set_weights(self.model, weights)
        self.optimizer = optim.Adam(self.model.params, learning_rate)

    def update(self, tokens, targets):
        """One step of training on one batch."""
        logits, _ = self.model.forward(tokens)
        dlogits = np.zeros_like(logits)
        dlogits[:, -1] = cross_entropy_backward(logits[:, -1], targets)
        self.model.backward(dlogits)
        optim.clip_by_norm(self.model.grads, 1.0)
        self.optimizer.step(self.model.grads)

    def accuracy(self, tokens, targets):
        """The share of right answers."""
        return float(np.mean(self.model.forward(tokens)[0][:, -1].argmax(axis=-1) == targets))


class KerasLearner:
    """Keras's own layer, with its optimizer. Only the plain RNN."""

    def __init__(self, name, weights, learning_rate):
        import keras

        from unrolled.bptt.keras import KerasLayerModel

        inner = KerasLayerModel(V, H)
        tokens = keras.Input((None,), dtype="int64")
        self.model = keras.Model(tokens, inner(tokens)[:, -1])
        agreement.set_weights(inner, weights, agreement.LIBRARY_NAMES)
        self.model.compile(
            keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def update(self, tokens, targets):
        """One step of training on one batch."""
        self.model.train_on_batch(tokens, targets)

    def accuracy(self, tokens, targets):
        """The share of right answers."""
        return float(np.mean(self.model.predict_on_batch(tokens).argmax(axis=-1) == targets))


LEARNERS = {"pytorch": TorchLearner, "numpy": NumpyLearner, "keras": KerasLearner}


def run(framework, name, lag, learning_rate, seed, settings=SETTINGS):
    """Train once, until it validates or the updates are spent, and test. Returns: a record."""
    start, draw = np.random.default_rng(seed), np.random.default_rng([seed, lag])
    validation = recall(draw, settings["validation_sequences"], lag)
    test = recall(draw, settings["test_sequences"], lag)
    began = time.perf_counter()
    learner = LEARNERS[framework](name, MODELS[name].start(start), learning_rate)
    for update in range(1, settings["updates"] + 1):
        learner.update(*recall(draw, settings["batch_size"], lag))
        if update % settings["validate_every"] == 0 or update == settings["updates"]:
            validated = learner.accuracy(*validation)
            if validated >= settings["stop_at_validation_accuracy"]:
                break
    return {
        **dict(zip(KEY, (framework, name, lag, learning_rate, seed), strict=True)),
        "updates": update,
        "validation_accuracy": validated,
        "test_accuracy": learner.accuracy(*test),
        "seconds": round(time.perf_counter() - began, 2),
    }


def summarize(runs):
    """One row for each framework, model and lag: what its best learning rate reached.

    Best is the highest mean validation accuracy over the seeds; of equals, the fewest updates.
    """
    groups = {}
    for each in runs:
        group = groups.setdefault((each["framework"], each["model"], each["lag"]), {})
        group.setdefault(each["learning_rate"], []).append(each)

    def merit(same):
        updates = sum(each["updates"] for each in same)
        return np.mean([each["validation_accuracy"] for each in same]), -updates

    rows = []
    for (framework, name, lag), rates in sorted(groups.items()):
        rate, best = max(rates.items(), key=lambda item: merit(item[1]))
        accuracies = [each["test_accuracy"] for each in best]
        success = [accuracy >= SETTINGS["success_at_test_accuracy"] for accuracy in accuracies]
        rows.append(
            {
                "framework": framework,
                "model": name,
                "lag": lag,
                "learning_rate": rate,
                "seeds": len(best),
                "success_rate": float(np.mean(success)),
                "mean_accuracy": float(np.mean(accuracies)),
                "mean_updates": float(np.mean([each["updates"] for each in best])),
            }
        )
    return rows


class Record:
    """The file of results: what was run, under which recipe.

    Raises: SystemExit if the file was made under another recipe.
    """

    def __init__(self, path):
        self.path = path
        self.runs, self.models = [], {}
        self.versions = {each.name: each.version for each in distributions() if each.name in USED}
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.runs, self.models = kept["runs"], kept["recipe"]["models"]
            ours = {name: describe(name) for name in self.models if name in MODELS}
            if kept["recipe"]["settings"] != SETTINGS or ours != self.models:
                raise SystemExit(f"{path} holds runs of another recipe: move it away to start anew")

    def done(self, key):
        """Is there a run with these values of KEY?"""
        return any(tuple(each[name] for name in KEY) == key for each in self.runs)

    def add(self, result):
        """Keep one more run, so that an interruption loses none and breaks nothing."""
        self.runs.append(result)
        self.models[result["model"]] = describe(result["model"])
        record = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": f"one of {os.cpu_count()} CPU cores, {platform.machine()}",
            "versions": self.versions,
            "recipe": {"settings": SETTINGS, "models": self.models, "seeds": SEEDS},
            "summary": summarize(self.runs),
            "runs": self.runs,
        }
        self.path.parent.mkdir(exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.path)


def describe(name):
    """What the record says of a model."""
    model = MODELS[name]
    return {"start": model.description, "learning_rates": model.learning_rates}


def sweep(record, names, lags):
    """Run in PyTorch all that is missing, short lags first."""
    keys = [
        ("pytorch", name, lag, rate, seed)
        for lag in lags
        for name in names
        for rate in MODELS[name].learning_rates
        for seed in SEEDS
    ]
    work(record, keys)


def check(record, lags):
    """Repeat the plain RNN at PyTorch's best learning rate in NumPy and Keras."""
    rates = {
        row["lag"]: row["learning_rate"]
        for row in summarize(record.runs)
        if (row["framework"], row["model"]) == ("pytorch", "rnn")
    }
    keys = [
        (framework, "rnn", lag, rates[lag], seed)
        for lag in lags
        if lag in rates
        for framework in ("numpy", "keras")
        for seed in SEEDS
    ]
    work(record, keys)


def work(record, keys):
    """Run what is missing, with a progress bar."""
    missing = [key for key in keys if not record.done(key)]
    for key in (bar := tqdm(missing, unit="run")):
        bar.set_description(" ".join(map(str, key)))
        record.add(run(*key))


def main():
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--lags", nargs="+", type=int, default=LAGS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(RESULTS)
    sweep(record, args.models, args.lags)
    if "rnn" in args.models:
        check(record, [lag for lag in CHECKED_LAGS if lag in args.lags])
    for row in summarize(record.runs):
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    main()
