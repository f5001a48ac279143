"""How well do networks learn to write? ``python benchmarks/charlm.py``.

The parts: ``pydoc``, the chapters' text: the baselines, and a plain RNN in all three frameworks,
from the same starts along the same batches; ``layers``, the same with gates, of as many parameters;
``hmm``, a hidden Markov model against a network with as many parameters; ``shakespeare`` and
``shakespeare lstm``, the RNN and the LSTM at their best; and those for which the machine should be
quiet: ``five minutes``, what an LSTM learns in that time; ``speed``, the classic against the fast
model. The others do as many runs side by side as there are cores, each on one. Every finished run
is kept in ``code/unrolled/recorded/charlm.json`` at once; started again, the script goes on with
what is missing. Two hours on two cores.
"""

import argparse
import os
import statistics
import sys
import time
from bisect import bisect
from collections import namedtuple
from functools import partial
from itertools import chain
from math import isqrt

import numpy as np
from timing import fresh, typical_time
from tqdm import tqdm

from unrolled import agreement, optim, recorded
from unrolled.charlm.numpy import NumpyCharModel, NumpyLanguageModel
from unrolled.data.corpora import load_text, split_text, stream_batches, text_vocabulary
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.mgu.numpy import NumpyMGU

RESULTS = recorded.FOLDER / "charlm.json"
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "hmmlearn"
SEEDS = [0, 1, 2]
ORDERS = {"unigram": 1, "bigram": 2, "5-gram": 5, "6-gram": 6}
START = 60_000  # characters of the test text that are scored apart: texts change along the way
TRAINING = (
    "Adam (epsilon 1e-8), learning rate falling to 0 in equal steps from epoch to epoch; the state "
    "carried along the text; validated after each epoch, the best weights score the test text once"
)
LAST = "again, on training and validation text, as many epochs"
AGAINST_THE_CLOCK = (
    "Adam (epsilon 1e-8), learning rate falling to 0 with the time; the state carried along the "
    "text; the clock runs from the first batch; the last weights score"
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
SHAKESPEARE_LSTM = SHAKESPEARE | {
    "layer": "lstm",
    "input_dropout": 0.1,  # of the layer's inputs
    "dropout": 0.4,
    "locked": True,  # hide the same at all steps of a row of a batch (Gal & Ghahramani 2016)
    "weight_decay": 0.05,  # apart from the gradient (AdamW)
    "batch_size": 64,
    "epochs": 16,
    "learning_rate": 4e-3,
}
FIVE_MINUTES = {
    "corpus": "pydoc",
    "valid": 0.1,
    "test": 0.1,
    "layer": "lstm",
    "embedding_size": 64,
    "hidden_size": 384,
    "input_dropout": 0.15,
    "dropout": 0.4,
    "locked": True,
    "weight_decay": 0.15,
    "batch_size": 64,
    "steps": 32,
    "learning_rate": 1e-2,
    "reading_rate": 3e-4,  # the learning rate of `while_reading`
    "clip": 1.0,
    "seconds": 300,
    "threads": 2,
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
    "layers": {name: PYDOC[name] for name in PYDOC if name != "hidden_size"}
    | {"training": TRAINING}
    | {"parameters": 115_239},  # at most: as many as the RNN of part "pydoc" has
    "shakespeare": SHAKESPEARE | {"training": TRAINING, "last": LAST},
    "shakespeare lstm": SHAKESPEARE_LSTM | {"training": TRAINING, "last": LAST},
    "five minutes": FIVE_MINUTES
    | {"training": AGAINST_THE_CLOCK, "last": "again, on training and validation text"},
    "speed": SPEED
    | {"threads": [1, 2], "rounds": 7, "seconds": 2.0}
    | {"method": "a process each, in turns; medians of a round's repetitions, then of rounds"},
}


def dropout_scale(rng, array, rate, locked):
    """What an array (N, T, D) is multiplied with: 0, or 1 / (1 - rate), so that the mean stays.

    Args: locked, draw once for all steps of a row.
    """
    N, T, D = array.shape
    shown = rng.random((N, 1 if locked else T, D), array.dtype) >= rate
    return np.divide(shown, 1 - rate, dtype=array.dtype)


class NumpyDropout:
    """A recurrent layer that hides some of its numbers, drawn anew, from the readout.

    Its own state goes on whole.
    """

    def __init__(self, layer, rate, locked):
        self.layer, self.how, self.rng = layer, (rate, locked), np.random.default_rng(0)

    def forward(self, inputs, state=None):
        """Args: as the layer's. Returns: hs (N, T, H), with zeros among them; the state."""
        hs, state = self.layer.forward(inputs, state)
        self.scale = dropout_scale(self.rng, hs, *self.how)
        return hs * self.scale, state

    def backward(self, dhs, dstate=None):
        """Args, returns: as the layer's; what was hidden has no gradient."""
        returned = self.layer.backward(dhs * self.scale, dstate)
        self.grads = self.layer.grads
        return returned


class NumpyInputDropout:
    """A recurrent layer from which some numbers of its inputs are hidden, drawn anew."""

    def __init__(self, layer, rate, locked):
        self.layer, self.how, self.rng = layer, (rate, locked), np.random.default_rng(1)

    def forward(self, x, state=None):
        """Args, returns: as the layer's."""
        self.scale = dropout_scale(self.rng, x, *self.how)
        return self.layer.forward(x * self.scale, state)

    def backward(self, dhs, dstate=None):
        """Args, returns: as the layer's; what was hidden has no gradient."""
        dx, dstate = self.layer.backward(dhs, dstate)
        self.grads = self.layer.grads
        return dx * self.scale, dstate


class NumpyAdamW(optim.Adam):
    """Adam that also shrinks every weight a little, apart from its gradient.

    Source: Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.
    """

    def __init__(self, params, learning_rate, weight_decay):
        super().__init__(params, learning_rate)
        self.weight_decay = weight_decay

    def step(self, grads):
        """Update every parameter. Args: grads {name: array}."""
        for param in self.params.values():
            param *= 1 - self.learning_rate * self.weight_decay
        super().step(grads)


class NumpyLearner:
    """The NumPy model and its optimizer, started from given weights."""

    def __init__(self, weights, recipe):
        from unrolled.charlm import numpy as ours

        self.ours, self.clip = ours, recipe["clip"]
        self.model = start(recipe, len(weights["E"]), 0)
        agreement.set_weights(self.model, weights)
        self.layer = self.in_training = self.model.rnn
        locked = recipe.get("locked", False)
        if rate := recipe.get("input_dropout"):
            self.in_training = NumpyInputDropout(self.in_training, rate, locked)
        if rate := recipe.get("dropout"):
            self.in_training = NumpyDropout(self.in_training, rate, locked)
        decay = recipe.get("weight_decay", 0.0)
        self.optimizer = NumpyAdamW(self.model.params, recipe["learning_rate"], decay)

    def tune(self, learning_rate):
        """Set the learning rate."""
        self.optimizer.learning_rate = learning_rate

    def train(self, batches):
        """Go through the batches once, as they come. Returns: the losses."""
        self.model.rnn = self.in_training
        losses = self.ours.numpy_train(self.model, batches, self.optimizer, clip=self.clip)
        self.model.rnn = self.layer
        return losses

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
        torch.manual_seed(0)  # of the dropout
        V, D, H = sizes(recipe, len(weights["E"]))
        layer = getattr(torch.nn, layer_of(recipe).torch)(D, H, batch_first=True)
        layer.bias_hh_l0.requires_grad_(False)  # of two biases that are added, one is enough
        self.model = ours.TorchLanguageModel(V, D, H, layer)
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)

        def drop(x, rate):
            N, T, D = x.shape
            scale = x.new_ones(N, 1 if recipe.get("locked") else T, D)
            return x * torch.nn.functional.dropout(scale, rate, layer.training)

        def dropped_inputs(rnn, args):
            x, *state = args
            return drop(x, recipe.get("input_dropout", 0.0)), *state

        def dropped(rnn, args, outputs):  # what the readout sees; the state goes on whole
            hs, state = outputs
            return drop(hs, recipe.get("dropout", 0.0)), state

        layer.register_forward_pre_hook(dropped_inputs)
        layer.register_forward_hook(dropped)
        trained = [param for param in self.model.parameters() if param.requires_grad]
        decay = recipe.get("weight_decay", 0.0)
        self.optimizer = torch.optim.AdamW(trained, recipe["learning_rate"], weight_decay=decay)

    def tune(self, learning_rate):
        """Set the learning rate."""
        self.optimizer.param_groups[0]["lr"] = learning_rate

    def train(self, batches):
        """Go through the batches once, as they come. Returns: the losses."""
        self.model.train()
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

        kind = keras.layers.SpatialDropout1D if recipe.get("locked") else keras.layers.Dropout

        class Dropped(getattr(keras.layers, layer_of(recipe).keras)):
            """The layer, with dropout of its inputs and of what the readout sees."""

            drop_inputs = kind(recipe.get("input_dropout", 0.0), seed=1)
            drop = kind(recipe.get("dropout", 0.0), seed=0)

            def call(self, sequences, initial_state=None, mask=None, training=False):
                sequences = self.drop_inputs(sequences, training=training)
                hs, *state = super().call(sequences, initial_state, mask, training)
                return self.drop(hs, training=training), *state

        self.ours = ours
        V, D, H = sizes(recipe, len(weights["E"]))
        layer = Dropped(H, return_sequences=True, return_state=True)
        self.model = ours.KerasLanguageModel(V, D, layer, stateful=True)
        self.model.build((recipe["batch_size"], recipe["steps"]))
        agreement.set_weights(self.model, weights, agreement.LIBRARY_NAMES)
        self.model.compile(
            keras.optimizers.Adam(
                recipe["learning_rate"],
                epsilon=1e-8,
                global_clipnorm=recipe["clip"],
                weight_decay=recipe.get("weight_decay"),
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def tune(self, learning_rate):
        """Set the learning rate."""
        self.model.optimizer.learning_rate = learning_rate

    def train(self, batches):
        """Go through the batches once, as they come: ``fit`` wants all at once. Returns: losses."""
        self.model.reset_state()
        losses = []
        for inputs, targets in batches:
            self.model.reset_metrics()  # else Keras returns the mean so far
            losses.append(float(self.model.train_on_batch(inputs, targets)))
        return losses

    def bits(self, tokens):
        """Bits per character of held-out text."""
        return self.ours.keras_bits(self.model, tokens)

    def weights(self):
        """A copy of all weights; not of the state, which Keras keeps among them."""
        import keras

        return [keras.ops.convert_to_numpy(v) for v in self.model.trainable_variables]

    def restore(self, weights):
        """Take a copy's weights back."""
        for variable, weight in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(weight)


LEARNERS = {"numpy": NumpyLearner, "keras": KerasLearner, "pytorch": TorchLearner}


def around(layer, vocab_size, embedding_size, hidden_size, *, rng):
    """The NumPy model around a layer of any kind."""
    layer = layer(embedding_size, hidden_size, rng=rng)
    return NumpyLanguageModel(vocab_size, layer, rng=rng)


# numpy: (V, D, H, rng=) -> the model; keras, torch: what the libraries call the layer.
Layer = namedtuple("Layer", "numpy keras torch", defaults=(None, None))
LAYERS = {
    "rnn": Layer(NumpyCharModel, "SimpleRNN", "RNN"),
    "mgu": Layer(partial(around, NumpyMGU)),
    "gru": Layer(partial(around, NumpyGRU)),
    "lstm": Layer(partial(around, NumpyLSTM), "LSTM", "LSTM"),
}


def layer_of(recipe):
    """A recipe's kind of layer: a plain RNN if it names none."""
    return LAYERS[recipe.get("layer", "rnn")]


def sizes(recipe, vocab_size):
    """Args of a model: V, D, H; H as large as the recipe's number of parameters allows."""
    D = recipe["embedding_size"]
    if "hidden_size" in recipe:
        return vocab_size, D, recipe["hidden_size"]

    def parameters(H):
        model = layer_of(recipe).numpy(vocab_size, D, H, rng=np.random.default_rng())
        return sum(param.size for param in model.params.values())

    most = recipe["parameters"]  # and so of W_hh alone, H·H or more
    return vocab_size, D, bisect(range(1, isqrt(most) + 1), most, key=parameters)


def start(recipe, vocab_size, seed):
    """The NumPy model that lends its first weights to all three frameworks."""
    return layer_of(recipe).numpy(*sizes(recipe, vocab_size), rng=np.random.default_rng(seed))


def texts(recipe):
    """The three texts of a recipe. Returns: (train, valid, test)."""
    return split_text(load_text(recipe["corpus"]), valid=recipe["valid"], test=recipe["test"])


def begin(recipe, framework, seed, last):
    """What a run needs. Args: last, train on the validation text too.

    Returns: the first weights; the learner that begins with them; train, valid, test tokens.
    """
    vocabulary = text_vocabulary(load_text(recipe["corpus"]))
    train, valid, test = (vocabulary.encode(text) for text in texts(recipe))
    if last:
        train = np.concatenate([train, valid])
    weights = start(recipe, len(vocabulary), seed).params
    return weights, LEARNERS[framework](weights, recipe), train, valid, test


def size_of(weights):
    """How large a model is. Returns: {"hidden_size": H, "parameters": how many}."""
    parameters = sum(weight.size for weight in weights.values())
    return {"hidden_size": len(weights["W_hh"]), "parameters": parameters}


def network(part, framework, seed, *, last=False, **changes):
    """Train a network by the part's recipe. Args: last, train on the validation text too."""
    recipe = RECIPES[part] | changes
    weights, learner, train, valid, test = begin(recipe, framework, seed, last)
    best, kept, curve, seconds = np.inf, None, [], 0.0
    for epoch in range(recipe["epochs"]):
        learner.tune(recipe["learning_rate"] * (1 - epoch / recipe["epochs"]))
        began = time.process_time()
        losses = learner.train(stream_batches(train, recipe["batch_size"], recipe["steps"]))
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
        **size_of(weights),
        "curve": curve,
    }


def against_the_clock(part, framework, seed, *, last=False):
    """Train for so many seconds, with as many threads as the recipe allows; then score once."""
    return fresh(RECIPES[part]["threads"], hurried, part, framework, seed, last)


def hurried(part, framework, seed, last):
    """The run of ``against_the_clock``, in its process."""
    recipe = RECIPES[part]
    weights, learner, train, valid, test = begin(recipe, framework, seed, last)
    began, curve, updates = time.perf_counter(), [], 0

    def elapsed():
        return time.perf_counter() - began

    def in_time(batches):
        for batch in batches:
            left = 1 - elapsed() / recipe["seconds"]
            if left <= 0:
                break
            learner.tune(recipe["learning_rate"] * left)
            yield batch

    while elapsed() < recipe["seconds"]:
        batches = stream_batches(train, recipe["batch_size"], recipe["steps"])
        if losses := learner.train(in_time(batches)):
            updates += len(losses)
            curve.append(
                {
                    "updates": updates,
                    "seconds": round(elapsed(), 1),
                    "train_bits": float(np.mean(losses) / np.log(2)),
                }
            )
    return {
        "test_bits": learner.bits(test),
        "valid_bits": None if last else learner.bits(valid),
        "test_bits_while_reading": while_reading(learner, weights, recipe, test),
        **size_of(weights),
        "curve": curve,
    }


def while_reading(learner, weights, recipe, tokens):
    """Bits per character of a text that the network goes on to learn from, as a compressor does.

    Each piece of it is scored first and trained on afterwards; nothing is dropped, and Adam
    starts anew. Args: learner, trained; weights, of its size. The learner stays as it is.
    Source: dynamic evaluation, Krause, Kahembwe, Murray, Renals 2018.
    """
    still = {"batch_size": 1, "dropout": 0.0, "input_dropout": 0.0, "weight_decay": 0.0}
    reader = type(learner)(weights, recipe | still)
    reader.restore(learner.weights())
    reader.tune(recipe["reading_rate"])
    losses = reader.train(stream_batches(tokens, 1, recipe["steps"]))
    return float(np.mean(losses) / np.log(2))


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


def speed(threads):
    """Classic and fast model in turns, a process each. Returns: characters per second."""
    recipe = RECIPES["speed"]
    rounds = []
    for _ in tqdm(range(recipe["rounds"]), desc=f"speed, {threads} threads", unit="round"):
        for who in (classic_speed, fast_speed):
            rounds.append(fresh(threads, who, recipe["seconds"]))
    classic, fast = rounds[::2], rounds[1::2]
    ratios = [b / a for a, b in zip(classic, fast, strict=True)]
    return {
        "classic_characters_per_second": round(statistics.median(classic)),
        "fast_characters_per_second": round(statistics.median(fast)),
        "times_as_fast": round(statistics.median(ratios), 2),
        "lowest_round": round(min(ratios), 2),
        "highest_round": round(max(ratios), 2),
    }


# part: {run: what to call}
RUNS = {
    "pydoc": {
        f"{framework} {seed}": partial(network, "pydoc", framework, seed)
        for framework in ("keras", "pytorch", "numpy")
        for seed in SEEDS
    }
    | {f"hmm {seed}": partial(hidden_markov, "pydoc", seed) for seed in SEEDS}
    | {"baselines": partial(ngrams, "pydoc")},
    "layers": {
        f"{layer} {framework} {seed}": partial(network, "layers", framework, seed, layer=layer)
        for layer, frameworks in {
            "lstm": ("pytorch", "keras", "numpy"),
            "gru": ("numpy",),
            "mgu": ("numpy",),
        }.items()
        for framework in frameworks
        for seed in SEEDS
    },
    "hmm": {f"hmm {seed}": partial(hidden_markov, "hmm", seed) for seed in SEEDS[:1]}
    | {f"numpy {seed}": partial(network, "hmm", "numpy", seed) for seed in SEEDS},
    "shakespeare": {
        "pytorch 0": partial(network, "shakespeare", "pytorch", 0),
        "pytorch 0 last": partial(network, "shakespeare", "pytorch", 0, last=True),
        "baselines": partial(ngrams, "shakespeare"),
        "baselines last": partial(ngrams, "shakespeare", last=True),
    },
    "shakespeare lstm": {
        "pytorch 0 last": partial(network, "shakespeare lstm", "pytorch", 0, last=True),
    },
    "five minutes": {
        f"{framework} 0 last": partial(against_the_clock, "five minutes", framework, 0, last=True)
        for framework in LEARNERS
    }
    | {"baselines last": partial(ngrams, "five minutes", last=True)},
    "speed": {f"{threads} threads": partial(speed, threads) for threads in (1, 2)},
}
ALONE = "five minutes", "speed"  # the parts that want the machine for themselves


def work(record, parts):
    """Do what is missing: side by side, and at last what wants the machine alone."""
    missing = {
        (part, name): (run,)
        for part in parts
        for name, run in RUNS[part].items()
        if name not in record.runs(part)
    }
    alone = {key: missing.pop(key) for key in list(missing) if key[0] in ALONE}
    results = recorded.side_by_side(missing, os.cpu_count())
    with tqdm(total=len(missing) + len(alone), unit="run") as bar:
        for (part, name), result in chain(results, ((key, run()) for key, (run,) in alone.items())):
            record.add(part, name, result)
            bar.update()
            bar.write(f"{part}: {name}: {summary(result)}", file=sys.stderr)


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
    record = recorded.Record(RESULTS, RECIPES, PACKAGES)
    if args.again:
        for part in args.parts:
            record.forget(part)
    work(record, args.parts)
    for part in args.parts:
        for name, result in record.runs(part).items():
            print(f"{part}: {name}: {summary(result)}")


if __name__ == "__main__":
    main()
