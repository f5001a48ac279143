"""Over what lag does a network learn to remember? ``python benchmarks/lags.py``.

Trains plain RNN, MGU, GRU and LSTM, with equally many parameters and for equally many updates, on
the tasks of ``unrolled.data.lags`` and ``unrolled.data.reber``: ``recall`` at growing lags, also
with chapter 2's IRNN and with an LSTM whose forget bias starts at 5; ``adding``; ``copy``;
``reber``. The best of three learning rates is chosen on validation data. Gated models try all three
from the first start and repeat the best from two more; the plain RNN and the IRNN try every rate
from every start. On ``adding``, and on ``recall`` at two lags for the plain RNN, other frameworks
repeat the chosen runs from the same starts. Every finished run is kept at once in
``code/unrolled/recorded/lags.json``; started again, the script goes on with what is missing.
"""

import argparse
import os
import time
from collections import namedtuple
from functools import partial

import numpy as np
from tqdm import tqdm

from unrolled import agreement, nn, optim, recorded
from unrolled.bptt.numpy import NumpyRNN
from unrolled.data import lags, reber
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.mgu.numpy import NumpyMGU

RESULTS = recorded.FOLDER / "lags.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch"
SEEDS = [0, 1, 2]
KEY = "framework", "model", "lag", "learning_rate", "seed"
COPIED = 5  # letters

# layer: in NumPy; products: how many of its recurrence stand side by side; start: in words.
Model = namedtuple("Model", "layer products start")
GATED_START = "W_xh ~ N(0, 1/D), W_hh ~ N(0, 1/H), biases 0"
MODELS = {
    "rnn": Model(NumpyRNN, 1, "tanh; W_xh ~ N(0, 1/D), W_hh ~ N(0, 1/H), b_h = 0"),
    "irnn": Model(
        NumpyRNN, 1, "ReLU; W_xh ~ N(0, 0.001^2), W_hh = I, b_h = 0 (Le, Jaitly, Hinton 2015)"
    ),
    "mgu": Model(NumpyMGU, 2, GATED_START),
    "gru": Model(NumpyGRU, 3, GATED_START),
    "lstm": Model(NumpyLSTM, 4, f"{GATED_START}, that of the forget gate 1"),
    "lstm5": Model(
        partial(NumpyLSTM, forget_bias=5.0), 4, f"{GATED_START}, that of the forget gate 5"
    ),
}

# x (N, T, D); scored (N, T), True where an answer is due; targets (K,), one for each such place;
# score(outputs (K, M)) -> {metric: value}.
Batch = namedtuple("Batch", "x scored targets score")


def recall(rng, batch_size, lag, split):
    """The letter is due at the last step."""
    tokens, targets = lags.recall(rng, batch_size, lag)
    x = nn.one_hot(tokens, len(lags.RECALL_VOCABULARY))
    return Batch(x, last_steps(x, 1), targets, accuracy_of(targets))


def adding(rng, batch_size, lag, split):
    """The sum is due at the last step; the lag is the length."""
    x, targets = lags.adding(rng, batch_size, lag)

    def score(outputs):
        return {"error": float(np.mean((outputs[:, 0] - targets) ** 2))}

    return Batch(x, last_steps(x, 1), targets, score)


def copy(rng, batch_size, lag, split):
    """The letters are due at the end; the blanks before them are not scored."""
    tokens, targets = lags.copy(rng, batch_size, COPIED, lag)
    x, targets = nn.one_hot(tokens, len(lags.COPY_VOCABULARY)), targets[:, -COPIED:].ravel()
    return Batch(x, last_steps(x, COPIED), targets, accuracy_of(targets))


def embedded_reber(rng, batch_size, lag, split):
    """The next letter is due at every step; strings that are not trained on are all distinct."""
    tokens, targets, mask, legal = reber.reber(rng, batch_size, split, distinct=split != "train")

    def score(outputs):
        logits = np.zeros(legal.shape, outputs.dtype)
        logits[mask] = outputs
        return {
            "accuracy": float(reber.strings_right(logits, mask, legal).mean()),
            "outer_accuracy": float(reber.outer_right(logits, mask, targets).mean()),
        }

    return Batch(nn.one_hot(tokens, len(reber.REBER_VOCABULARY)), mask, targets[mask], score)


def last_steps(x, steps):
    """Where the last steps are. Args: x (N, T, D). Returns: (N, T) bool."""
    scored = np.zeros(x.shape[:2], bool)
    scored[:, -steps:] = True
    return scored


def accuracy_of(targets):
    """The score by the share of right answers."""
    return lambda logits: {"accuracy": float(np.mean(logits.argmax(axis=-1) == targets))}


def parameters(name, D, H, M):
    """How many numbers a model trains, the readout's too."""
    layer = MODELS[name].products * (D + H + 1) * H + H * (name == "gru")  # its second bias
    return layer + (H + 1) * M


def recipe(D, M, rnn_size, models, **settings):
    """What is recorded of how a task was run.

    Args: D inputs; M outputs; rnn_size, the H of the plain RNN: no model has more parameters;
    models {name: of ``plan``}; settings, those in which this task is unlike DEFAULTS.
    """
    budget = parameters("rnn", D, rnn_size, M)
    for name, model in models.items():
        H = max(H for H in range(1, rnn_size + 1) if parameters(name, D, H, M) <= budget)
        model |= {"hidden_size": H, "parameters": parameters(name, D, H, M)}
        model["start"] = MODELS[name].start
    return DEFAULTS | settings | {"inputs": D, "outputs": M, "models": models}


def plan(lags, learning_rates, *frameworks):
    """How a model is run; in the frameworks after the first, what was chosen there is repeated."""
    return {"lags": lags, "learning_rates": learning_rates, "frameworks": list(frameworks)}


DEFAULTS = {
    "metric": "accuracy",
    "batch_size": 64,
    "updates": 3000,
    "validate_every": 100,
    "validation_sequences": 500,
    "stop_at_validation": 0.99,
    "test_sequences": 1000,
    "success_at_test": 0.95,
    "optimizer": "Adam, gradient clipped to norm 1; a fresh batch for each update",
    "seeds": SEEDS,
}
GATED = ["mgu", "gru", "lstm"]
SEARCHED_ONCE = [*GATED, "lstm5"]  # the best rate of the first start is repeated from two more
SMALL_RATES, RATES = [0.001, 0.003, 0.01], [0.003, 0.01, 0.03]
RECALL_LAGS = [2, 5, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 100, 150, 200]
GATED_LAGS = [5, 10, 20, 30, 40, 60, 80, 100, 150, 200]
RECALL_CHECKED = [8, 100]  # where NumPy and Keras repeat what PyTorch found
V = {
    "recall": len(lags.RECALL_VOCABULARY),
    "copy": len(lags.COPY_VOCABULARY),
    "reber": len(reber.REBER_VOCABULARY),
}
THREE = "numpy", "keras", "pytorch"
RECIPES = {
    "recall": recipe(
        V["recall"],
        V["recall"],
        32,
        {
            "rnn": plan(RECALL_LAGS, RATES, "pytorch", "numpy", "keras")
            | {"repeated_lags": RECALL_CHECKED},
            "irnn": plan(RECALL_LAGS, [0.0001, 0.0003, 0.001], "pytorch"),
        }
        | {name: plan(GATED_LAGS, RATES, "numpy") for name in SEARCHED_ONCE},
        task="4 symbols, 4 distractors, one question; cross-entropy at the last step alone",
        chance=lags.RECALL_CHANCE,
    ),
    "adding": recipe(
        2,
        1,
        66,
        {
            "rnn": plan([100], SMALL_RATES, *THREE),
            "mgu": plan([100], RATES, "numpy"),
            "gru": plan([100], RATES, *THREE),
            "lstm": plan([100], RATES, *THREE),
        },
        task="two marked numbers, the lag is the length; squared error at the last step alone",
        metric="error",
        chance=lags.ADDING_BASELINE,
        batch_size=32,
        stop_at_validation=0.004,
        success_at_test=0.01,
    ),
    "copy": recipe(
        V["copy"],
        V["copy"],
        128,
        {"rnn": plan([20], SMALL_RATES, "numpy")}
        | {name: plan([20], RATES, "numpy") for name in GATED},
        task=f"{COPIED} letters of 8, in order; cross-entropy at the {COPIED} answers alone",
        chance=lags.COPY_CHANCE,
    ),
    "reber": recipe(
        V["reber"],
        V["reber"],
        42,
        {name: plan([5], RATES, "numpy") for name in ("rnn", *GATED)},
        task="the lag is that of the shortest string; cross-entropy at every letter; accurate is "
        "a string in which at every step the legal letters are those of the highest scores",
        outer_chance=reber.OUTER_CHANCE,
        batch_size=32,
        validation_sequences=256,
        stop_at_validation=0.995,
        test_sequences=256,
        success_at_test=0.97,
    ),
}
BATCHES = {"recall": recall, "adding": adding, "copy": copy, "reber": embedded_reber}


def start(name, D, H, M, rng):
    """The weights that a model starts from in all frameworks, by the book's names."""
    layer, readout = MODELS[name].layer(D, H, rng=rng), nn.Linear(H, M, rng=rng)
    weights = {**layer.params, "W_hy": readout.W, "b_y": readout.b}
    if name == "irnn":  # the state is copied from step to step, and the input is faint
        weights["W_hh"] = np.eye(H, dtype=np.float32)
        weights["W_xh"] = rng.normal(0, 0.001, (D, H)).astype(np.float32)
    return weights


def sizes(weights):
    """D, H and M of a model with these weights."""
    return len(weights["W_xh"]), len(weights["W_hh"]), len(weights["b_y"])


class NumpyLearner:
    """The book's layer with a readout and an optimizer."""

    def __init__(self, name, weights, learning_rate):
        D, H, M = sizes(weights)
        rng = np.random.default_rng(0)  # what it draws is replaced
        self.layer, self.readout = MODELS[name].layer(D, H, rng=rng), nn.Linear(H, M, rng=rng)
        self.params = {**self.layer.params, "W_hy": self.readout.W, "b_y": self.readout.b}
        agreement.set_weights(self, weights)
        self.optimizer = optim.Adam(self.params, learning_rate)

    def outputs(self, batch):
        """What it answers where answers are due, (K, M)."""
        self.hs, _ = self.layer.forward(batch.x)
        return self.readout.forward(self.hs[batch.scored])

    def update(self, batch):
        """One step of training."""
        outputs, targets = self.outputs(batch), batch.targets
        if np.issubdtype(targets.dtype, np.integer):
            doutputs = nn.cross_entropy_backward(outputs, targets)
        else:
            doutputs = 2 * (outputs - targets[:, None]) / len(targets)
        dhs = np.zeros_like(self.hs)
        dhs[batch.scored] = self.readout.backward(doutputs)
        self.layer.backward(dhs)
        grads = {**self.layer.grads, "W_hy": self.readout.dW, "b_y": self.readout.db}
        optim.clip_by_norm(grads, 1.0)
        self.optimizer.step(grads)


class TorchLearner:
    """PyTorch's own layer with a readout and an optimizer."""

    def __init__(self, name, weights, learning_rate):
        import torch

        D, H, M = sizes(weights)
        layers = {
            "rnn": torch.nn.RNN,
            "irnn": partial(torch.nn.RNN, nonlinearity="relu"),
            "gru": torch.nn.GRU,
            "lstm": torch.nn.LSTM,
        }
        rnn = layers[name](D, H, batch_first=True)
        self.model = torch.nn.ModuleDict({"rnn": rnn, "readout": torch.nn.Linear(H, M)})
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        if name != "gru":  # the second bias says what the first says, and stays at 0
            rnn.bias_hh_l0.requires_grad_(False)
        self.trained = [param for param in self.model.parameters() if param.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, learning_rate)

    def forward(self, batch):
        """What it answers where answers are due, a tensor (K, M)."""
        import torch

        hs, _ = self.model["rnn"](torch.as_tensor(batch.x))
        return self.model["readout"](hs[torch.as_tensor(batch.scored)])

    def outputs(self, batch):
        """The same as an array."""
        return self.forward(batch).detach().numpy()

    def update(self, batch):
        """One step of training."""
        import torch
        from torch.nn import functional as F

        outputs, targets = self.forward(batch), torch.as_tensor(batch.targets)
        if targets.is_floating_point():
            loss = F.mse_loss(outputs[:, 0], targets)
        else:
            loss = F.cross_entropy(outputs, targets)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()


class KerasLearner:
    """Keras's own layer with a readout and an optimizer, for tasks with one answer at the end."""

    def __init__(self, name, weights, learning_rate):
        import keras
        from keras import layers

        D, H, M = sizes(weights)
        layer = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[name]
        x = keras.Input((None, D))
        self.model = keras.Model(x, layers.Dense(M, name="readout")(layer(H)(x)))
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        letters = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(
            keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
            "mean_squared_error" if M == 1 else letters,
        )

    def outputs(self, batch):
        """What it answers at the last step, (K, M)."""
        return self.model.predict_on_batch(batch.x)

    def update(self, batch):
        """One step of training."""
        self.model.train_on_batch(batch.x, batch.targets)


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def run(task, framework, name, lag, learning_rate, seed):
    """Train once, until it validates or the updates are spent, and test. Returns: a result."""
    recipe = RECIPES[task]
    D, M, H = recipe["inputs"], recipe["outputs"], recipe["models"][name]["hidden_size"]
    draw, batches = np.random.default_rng([seed, lag]), BATCHES[task]
    valid = batches(draw, recipe["validation_sequences"], lag, "valid")
    test = batches(draw, recipe["test_sequences"], lag, "test")
    began = time.perf_counter()
    weights = start(name, D, H, M, np.random.default_rng(seed))
    learner = LEARNERS[framework](name, weights, learning_rate)
    for update in range(1, recipe["updates"] + 1):
        learner.update(batches(draw, recipe["batch_size"], lag, "train"))
        if update % recipe["validate_every"] == 0 or update == recipe["updates"]:
            validated = valid.score(learner.outputs(valid))
            if reaches(validated[recipe["metric"]], recipe["stop_at_validation"], recipe):
                break
    return {
        **dict(zip(KEY, (framework, name, lag, learning_rate, seed), strict=True)),
        "updates": update,
        **{f"validation_{metric}": value for metric, value in validated.items()},
        **{f"test_{metric}": value for metric, value in test.score(learner.outputs(test)).items()},
        "seconds": round(time.perf_counter() - began, 2),
    }


def reaches(value, bound, recipe):
    """Is a value of the task's metric as good as the bound?"""
    return value <= bound if recipe["metric"] == "error" else value >= bound


def summarize(recipe, runs):
    """One row for each framework, model and lag: what its best learning rate reached.

    Best, of those that the most seeds have tried, is the best mean validation score; of equals,
    the fewest updates.
    """
    groups = {}
    for each in runs.values():
        group = groups.setdefault((each["framework"], each["model"], each["lag"]), {})
        group.setdefault(each["learning_rate"], []).append(each)
    sign = -1 if recipe["metric"] == "error" else 1

    def merit(same):
        validated = np.mean([each[f"validation_{recipe['metric']}"] for each in same])
        return len(same), sign * validated, -sum(each["updates"] for each in same)

    rows = []
    for (framework, name, lag), rates in sorted(groups.items()):
        rate, best = max(rates.items(), key=lambda item: merit(item[1]))
        tested = {
            key.removeprefix("test_"): [each[key] for each in best]
            for key in best[0]
            if key.startswith("test_")
        }
        success = [
            reaches(value, recipe["success_at_test"], recipe) for value in tested[recipe["metric"]]
        ]
        rows.append(
            {
                "framework": framework,
                "model": name,
                "lag": lag,
                "learning_rate": rate,
                "seeds": len(best),
                "success_rate": float(np.mean(success)),
                **{f"mean_{metric}": float(np.mean(values)) for metric, values in tested.items()},
                "mean_updates": float(np.mean([each["updates"] for each in best])),
            }
        )
    return rows


def searches(task, names):
    """The runs among which a learning rate is chosen, short lags first: (task, *KEY)."""
    models = RECIPES[task]["models"]
    keys = [
        (task, models[name]["frameworks"][0], name, lag, rate, seed)
        for name in names
        for lag in models[name]["lags"]
        for rate in models[name]["learning_rates"]
        for seed in (SEEDS[:1] if name in SEARCHED_ONCE else SEEDS)
    ]
    return sorted(keys, key=lambda key: key[3])


def repetitions(task, names, runs):
    """The runs at the rates chosen: with the other seeds, and in the other frameworks."""
    keys = []
    for row in summarize(RECIPES[task], runs):
        model = RECIPES[task]["models"][row["model"]]
        first, *others = model["frameworks"]
        if row["framework"] != first or row["model"] not in names:
            continue
        repeated = row["lag"] in model.get("repeated_lags", model["lags"])
        keys += [
            (task, framework, row["model"], row["lag"], row["learning_rate"], seed)
            for framework in (first, *others * repeated)
            for seed in SEEDS
        ]
    return keys


def work(record, keys, jobs):
    """Do the runs that are missing, so many side by side."""
    missing = {key: (run, *key) for key in keys if named(key) not in record.runs(key[0])}
    with tqdm(total=len(missing), unit="run") as bar:
        for (task, *key), result in recorded.side_by_side(missing, jobs):
            record.add(task, named((task, *key)), result)
            bar.update()
            bar.set_description(" ".join(map(str, (task, *key))))


def named(key):
    """The name under which a run is recorded. Args: key, (task, *KEY)."""
    return " ".join(map(str, key[1:]))


def main():
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--again", action="store_true", help="run all of these tasks anew")
    args = parser.parse_args()
    record = recorded.Record(RESULTS, RECIPES, PACKAGES, summarize)
    names = {
        task: [name for name in args.models if name in RECIPES[task]["models"]]
        for task in args.tasks
    }
    if args.again:
        for task in args.tasks:
            record.forget(task)
    work(record, [key for task in args.tasks for key in searches(task, names[task])], args.jobs)
    chosen = [
        key for task in args.tasks for key in repetitions(task, names[task], record.runs(task))
    ]
    work(record, chosen, args.jobs)
    for task in args.tasks:
        for row in summarize(RECIPES[task], record.runs(task)):
            print(task, *row.values(), sep="\t")


if __name__ == "__main__":
    main()
