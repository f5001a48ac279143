"""How well do networks learn to write? ``python benchmarks/charlm.py``.

Four parts: ``pydoc``, the chapter's text: the baselines, and the model in all three frameworks,
from the same starts along the same batches; ``hmm``, a hidden Markov model against a network with
as many parameters; ``shakespeare``, a plain RNN at its best; ``speed``, the classic against the
fast model, for which the machine should be quiet. The others do as many runs side by side as there
are cores, each on one. Every finished run is kept in ``code/unrolled/recorded/charlm.json`` at
once; started again, the script goes on with what is missing. Under an hour on two cores.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import numpy as np
from tqdm import tqdm

from unrolled import agreement, recorded
from unrolled.charlm.numpy import NumpyCharModel
from unrolled.data.corpora import load_text, split_text, stream_batches, text_vocabulary

RESULTS = recorded.FOLDER / "charlm.json"
SEEDS = [0, 1, 2]
ORDERS = {"unigram": 1, "bigram": 2, "5-gram": 5, "6-gram": 6}
START = 60_000  # characters of the test text that are scored apart: texts change along the way
TRAINING = (
    "Adam (epsilon 1e-8), learning rate falling to 0 in equal steps from epoch to epoch; the state "
    "carried along the text; validated after each epoch, the best weights score the test text once"
)
PYDOC = {
    "corpus": "pydoc",
    "valid": 0.1,
    "test": 0.1,
    "embedding_size": 64,
    "hidden_size": 256,
    "batch_size": 32,
    "steps": 64,
    "epochs": 12,
    "learning_rate": 4e-3,
    "clip": 1.0,
}
SHAKESPEARE = PYDOC | {
    "corpus": "shakespeare",
    "valid": 0.05,
    "hidden_size": 512,
    "dropout": 0.2,  # of the states that the readout sees
    "epochs": 24,
    "learning_rate": 2e-3,
}
SPEED = {
    "corpus": "pydoc",
    "hidden_size": 100,
    "embedding_size": 100,
    "batch_size": 64,
    "steps": 64,
}
RECIPES = {
    "pydoc": PYDOC | {"training": TRAINING, "hmm": {"states": 16, "iterations": 100}},
    "hmm": PYDOC
    | {"training": TRAINING, "hidden_size": 100, "embedding_size": 50}
    | {"hmm": {"states": 131, "iterations": 40}},
    "shakespeare": SHAKESPEARE
    | {"training": TRAINING, "last": "again, on training and validation text, as many epochs"},
    "speed": SPEED
    | {"threads": [1, 2], "rounds": 7, "seconds": 2.0}
    | {"method": "a process each, in turns; medians of a round's repetitions, then of rounds"},
}


class NumpyLearner:
    """The NumPy model and its optimizer, started from given weights."""

    def __init__(self, weights, recipe):
        from unrolled import optim
        from unrolled.charlm import numpy as ours

        self.ours, self.clip = ours, recipe["clip"]
        self.model = start(recipe, len(weights["E"]), 0)
        agreement.set_weights(self.model, weights)
        self.optimizer = optim.Adam(self.model.params, recipe["learning_rate"])

    def train(self, batches, learning_rate):
        """One epoch. Returns: the losses."""
        self.optimizer.learning_rate = learning_rate
        return self.ours.numpy_train(self.model, batches, self.optimizer, clip=self.clip)

    def bits(self, tokens):
        """Bits per character of held-out text."""
        return self.ours.numpy_bits(self.model, tokens)

    def weights(self):
        """A copy of all weights."""
        return {name: param.copy() for name, param in self.model.params.items()}

    def restore(self, weights):
        """Take a copy's weights back."""
        agreement.set_weights(self.model, weights)


class TorchLearner:
    """The PyTorch model and its optimizer, started from given weights."""

    def __init__(self, weights, recipe):
        import torch

        from unrolled.charlm import torch as ours

        self.ours, self.clip = ours, recipe["clip"]
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.model = ours.TorchCharModel(*sizes(recipe, len(weights["E"])))
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        drop = torch.nn.Dropout(recipe.get("dropout", 0.0))

        def dropped(rnn, inputs, outputs):  # what the readout sees; the state goes on whole
            hs, state = outputs
            return (drop(hs) if rnn.training else hs), state

        self.model.rnn.register_forward_hook(dropped)
        self.optimizer = torch.optim.Adam(self.model.parameters(), recipe["learning_rate"])

    def train(self, batches, learning_rate):
        """One epoch. Returns: the losses."""
        self.model.train()
        self.optimizer.param_groups[0]["lr"] = learning_rate
        return self.ours.torch_train(self.model, batches, self.optimizer, clip=self.clip)

    def bits(self, tokens):
        """Bits per character of held-out text."""
        self.model.eval()
        return self.ours.torch_bits(self.model, tokens)

    def weights(self):
        """A copy of all weights."""
        return {name: value.clone() for name, value in self.model.state_dict().items()}

    def restore(self, weights):
        """Take a copy's weights back."""
        self.model.load_state_dict(weights)


class KerasLearner:
    """The Keras model and its optimizer, started from given weights."""

    def __init__(self, weights, recipe):
        import keras

        from unrolled.charlm import keras as ours

        self.ours = ours
        self.model = ours.KerasCharModel(*sizes(recipe, len(weights["E"])), stateful=True)
        self.model.build((recipe["batch_size"], recipe["steps"]))
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        self.model.compile(
            keras.optimizers.Adam(
                recipe["learning_rate"], epsilon=1e-8, global_clipnorm=recipe["clip"]
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def train(self, batches, learning_rate):
        """One epoch. Returns: the losses."""
        self.model.optimizer.learning_rate = learning_rate
        return self.ours.keras_train(self.model, batches)

    def bits(self, tokens):
        """Bits per character of held-out text."""
        return self.ours.keras_bits(self.model, tokens)

    def weights(self):
        """A copy of all weights."""
        return self.model.get_weights()

    def restore(self, weights):
        """Take a copy's weights back."""
        self.model.set_weights(weights)


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def sizes(recipe, vocab_size):
    """Args of a model: V, D, H."""
    return vocab_size, recipe["embedding_size"], recipe["hidden_size"]


def start(recipe, vocab_size, seed):
    """The NumPy model that lends its first weights to all three frameworks."""
    return NumpyCharModel(*sizes(recipe, vocab_size), rng=np.random.default_rng(seed))


def texts(recipe):
    """The three texts of a recipe. Returns: (train, valid, test)."""
    return split_text(load_text(recipe["corpus"]), valid=recipe["valid"], test=recipe["test"])


def network(part, framework, seed, *, last=False):
    """Train a network by the part's recipe. Args: last, train on the validation text too."""
    recipe = RECIPES[part]
    vocabulary = text_vocabulary(load_text(recipe["corpus"]))
    train, valid, test = (vocabulary.encode(text) for text in texts(recipe))
    if last:
        train = np.concatenate([train, valid])
    weights = start(recipe, len(vocabulary), seed).params
    learner = LEARNERS[framework](weights, recipe)
    best, kept, curve, seconds = np.inf, None, [], 0.0
    for epoch in range(recipe["epochs"]):
        rate = recipe["learning_rate"] * (1 - epoch / recipe["epochs"])
        began = time.process_time()
        losses = learner.train(stream_batches(train, recipe["batch_size"], recipe["steps"]), rate)
        seconds += time.process_time() - began
        bits = learner.bits(valid)
        if last or bits < best:
            best, kept, chosen = bits, learner.weights(), epoch + 1
        curve.append(
            {
                "updates": (epoch + 1) * len(losses),
                "core_seconds": round(seconds, 1),
                "train_bits": float(np.mean(losses) / np.log(2)),
                "valid_bits": None if last else bits,
            }
        )
    learner.restore(kept)
    return {
        "test_bits": learner.bits(test),
        "test_start_bits": learner.bits(test[:START]),
        "valid_bits": None if last else best,
        "chosen_epoch": chosen,
        "parameters": sum(weight.size for weight in weights.values()),
        "curve": curve,
    }


def ngrams(part, *, last=False):
    """The n-grams and the compressor. Args: last, count in the validation text too."""
    from unrolled.baselines import bz2_bits, ngram_bits

    train, valid, test = texts(RECIPES[part])
    train += valid * last
    scores = {name: partial(ngram_bits, train, order=order) for name, order in ORDERS.items()}
    scores["bz2"] = partial(bz2_bits, train)
    return {
        name: {"test_bits": score(test=test), "test_start_bits": score(test=test[:START])}
        for name, score in scores.items()
    }


def hidden_markov(part, seed):
    """A hidden Markov model, by EM; it sees the text in pieces of a thousand characters."""
    from unrolled.baselines import fit_hmm, hmm_bits

    recipe = RECIPES[part]
    vocabulary = text_vocabulary(load_text(recipe["corpus"]))
    train, valid, test = (vocabulary.encode(text) for text in texts(recipe))
    S, V = recipe["hmm"]["states"], len(vocabulary)
    began = time.process_time()
    pieces = train[: len(train) // 1000 * 1000].reshape(-1, 1000)
    model, losses = fit_hmm(
        pieces, V, S, recipe["hmm"]["iterations"], rng=np.random.default_rng(seed)
    )
    return {
        "test_bits": hmm_bits(model, test),
        "valid_bits": hmm_bits(model, valid),
        "parameters": (S - 1) + S * (S - 1) + S * (V - 1),
        "core_seconds": round(time.process_time() - began, 1),
        "train_bits": [float(loss / np.log(2)) for loss in losses],
    }


def classic_speed(seconds):
    """Characters per second of the classic: the median of its repetitions in that time."""
    from unrolled.charlm.classic import STEPS, ClassicCharRNN, classic_train

    vocabulary, tokens = speed_text()
    rng = np.random.default_rng(0)
    model = ClassicCharRNN(len(vocabulary), SPEED["hidden_size"], rng=rng)

    def work():
        list(classic_train(model, tokens, updates=100, every=100, length=1, rng=rng))

    return 100 * STEPS / typical_time(work, seconds)


def fast_speed(seconds):
    """The same of the fast model: forward, loss, backward, clipping, Adam."""
    from unrolled.charlm.numpy import numpy_train
    from unrolled.optim import Adam

    vocabulary, tokens = speed_text()
    model = start(SPEED, len(vocabulary), 0)
    optimizer = Adam(model.params, 2e-3)
    batches = list(stream_batches(tokens, SPEED["batch_size"], SPEED["steps"]))[:20]

    def work():
        numpy_train(model, batches, optimizer, clip=1.0)

    characters = len(batches) * SPEED["batch_size"] * SPEED["steps"]
    return characters / typical_time(work, seconds)


def speed_text():
    """The text that both train on: the vocabulary, and the tokens."""
    text = load_text(SPEED["corpus"])
    vocabulary = text_vocabulary(text)
    return vocabulary, vocabulary.encode(text)


def typical_time(work, seconds):
    """The median time of a repetition. Args: work(); seconds, for how long to repeat it."""
    work()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def fresh(threads, workers=1):
    """A pool that does each job in a new process, whose libraries may use so many threads."""
    for library in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        os.environ[f"{library}_THREADS"] = str(threads)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1)


def speed(threads):
    """Classic and fast model in turns, a process each. Returns: characters per second."""
    recipe = RECIPES["speed"]
    rounds = []
    for _ in tqdm(range(recipe["rounds"]), desc=f"speed, {threads} threads", unit="round"):
        for who in (classic_speed, fast_speed):
            with fresh(threads) as pool:
                rounds.append(pool.submit(who, recipe["seconds"]).result())
    classic, fast = rounds[::2], rounds[1::2]
    ratios = [b / a for a, b in zip(classic, fast, strict=True)]
    return {
        "classic_characters_per_second": round(statistics.median(classic)),
        "fast_characters_per_second": round(statistics.median(fast)),
        "times_as_fast": round(statistics.median(ratios), 2),
        "lowest_round": round(min(ratios), 2),
        "highest_round": round(max(ratios), 2),
    }


# part: {run: (function, arguments, keyword arguments)}
RUNS = {
    "pydoc": {
        f"{framework} {seed}": (network, ("pydoc", framework, seed), {})
        for framework in ("keras", "pytorch", "numpy")
        for seed in SEEDS
    }
    | {f"hmm {seed}": (hidden_markov, ("pydoc", seed), {}) for seed in SEEDS}
    | {"baselines": (ngrams, ("pydoc",), {})},
    "hmm": {f"hmm {seed}": (hidden_markov, ("hmm", seed), {}) for seed in SEEDS[:1]}
    | {f"numpy {seed}": (network, ("hmm", "numpy", seed), {}) for seed in SEEDS},
    "shakespeare": {
        "pytorch 0": (network, ("shakespeare", "pytorch", 0), {}),
        "pytorch 0 last": (network, ("shakespeare", "pytorch", 0), {"last": True}),
        "baselines": (ngrams, ("shakespeare",), {}),
        "baselines last": (ngrams, ("shakespeare",), {"last": True}),
    },
    "speed": {f"{threads} threads": (speed, (threads,), {}) for threads in (1, 2)},
}


class Record:
    """The file of results: for each part what was run, and under which recipe.

    Raises: SystemExit if a part was run under another recipe.
    """

    def __init__(self, path):
        self.path = path
        self.parts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def missing(self, part):
        """The runs of a part that are still to be done."""
        kept = self.parts.get(part, {"recipe": RECIPES[part], "runs": {}})
        if kept["recipe"] != RECIPES[part]:
            raise SystemExit(f"{part} is recorded under another recipe: start it with --again")
        return [name for name in RUNS[part] if name not in kept["runs"]]

    def forget(self, part):
        """Drop what is recorded of a part."""
        self.parts.pop(part, None)

    def add(self, part, name, result):
        """Keep one more run, so that an interruption loses none and breaks nothing."""
        runs = self.parts.get(part, {"runs": {}})["runs"] | {name: result}
        packages = "numpy", "keras", "tensorflow_cpu", "torch", "hmmlearn"
        self.parts[part] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": f"{os.cpu_count()} CPU cores, {platform.machine()}",
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in packages},
            "recipe": RECIPES[part],
            "runs": {each: runs[each] for each in RUNS[part] if each in runs},
        }
        self.path.parent.mkdir(exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(self.parts, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.path)


def work(record, parts):
    """Do what is missing: side by side, and at last the speed, which wants the machine alone."""
    missing = {part: record.missing(part) for part in parts}
    last = missing.pop("speed", [])
    total = sum(map(len, missing.values()))
    with fresh(1, os.cpu_count()) as pool, tqdm(total=total, unit="run") as bar:
        jobs = {}
        for part, names in missing.items():
            for name in names:
                function, args, options = RUNS[part][name]
                jobs[pool.submit(function, *args, **options)] = part, name
        try:
            for job in as_completed(jobs):
                part, name = jobs[job]
                record.add(part, name, job.result())
                bar.update()
                bar.write(f"{part}: {name}: {summary(job.result())}", file=sys.stderr)
        except BaseException:  # an interruption, or a run that failed: start no more of them
            pool.shutdown(cancel_futures=True)
            raise
    for name in last:
        function, args, options = RUNS["speed"][name]
        record.add("speed", name, function(*args, **options))


def summary(result):
    """The numbers of a run that fit on a line."""
    flat = {name: each["test_bits"] for name, each in result.items() if isinstance(each, dict)}
    flat |= {name: each for name, each in result.items() if isinstance(each, (int, float))}
    return ", ".join(f"{name} {each:.6g}" for name, each in flat.items())


def main():
    """Run what is missing and print what was reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--parts", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--again", action="store_true", help="run these parts anew")
    args = parser.parse_args()
    record = Record(RESULTS)
    if args.again:
        for part in args.parts:
            record.forget(part)
    work(record, args.parts)
    for part in args.parts:
        for name, result in record.parts[part]["runs"].items():
            print(f"{part}: {name}: {summary(result)}")


if __name__ == "__main__":
    main()
