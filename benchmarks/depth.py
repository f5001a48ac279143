"""How many layers? Depth with and without residual connections: ``python benchmarks/depth.py``.

``surnames``     the language of a surname: 1, 2, 4 and 8 LSTM layers, plain and residual, all with
                 at most the same number of weights and equally many updates; three learning
                 rates with the first start, the best on validation with two more.
``width``        the same names with a state of one size at each depth: 2 and 8 layers, where more
                 layers are more weights (not eight plain ones: they failed before).
``rt-polarity``  1 and 2 layers for the opinion in a sentence of a film review; these are
                 downloaded, or lie in UNROLLED_DATA's folder. Choose it with
                 ``--data rt-polarity``.
``linear``       what both have to beat: linear classifiers of letter groups, and of words and
                 groups of words, their penalty chosen on validation.

Every finished run is kept at once in ``code/unrolled/recorded/depth.json``; started again, the
script goes on with what is missing.
"""

import argparse
import os
import time

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from torch import nn as torch_nn
from torch.nn import functional as F
from tqdm import tqdm

from unrolled import agreement, nn, recorded
from unrolled.baselines import letter_classifier
from unrolled.data.batches import length_batches, pad
from unrolled.data.sentences import (
    OPINIONS,
    encode_words,
    load_sentences,
    word_vocabulary,
    words_of,
)
from unrolled.data.splits import split_items
from unrolled.data.surnames import LANGUAGES, load_surnames, surname_vocabulary
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.shapes.numpy import NumpyClassifier
from unrolled.shapes.torch import TorchClassifier, TorchPacked, torch_epoch
from unrolled.stacked.numpy import NumpyStack
from unrolled.stacked.torch import TorchStack

RESULTS = recorded.FOLDER / "depth.json"
PACKAGES = "numpy", "torch", "scikit-learn", "faker"
SEEDS = [0, 1, 2]
TRAINING = (
    "LSTMs in PyTorch from the first weights of unrolled.lstm.numpy; Adam, the rate falling to 0 "
    "in equal steps, clipped to norm 1, batches of 64 by length; the rate with the best "
    "validation of the first start, for each depth and way; one thread"
)
RECIPES = {
    "surnames": {
        "task": "the language of a surname, one of 14; balanced accuracy",
        "seeds": SEEDS,
        "layers": [1, 2, 4, 8],
        "embedding_size": 32,
        "weights": 60_000,  # of the layers; embedding and readout come on top
        "rounds": 8,
        "learning_rates": [0.003, 0.01, 0.03],
        "dropout": 0.0,
        "training": TRAINING,
    },
    "width": {
        "task": "the language of a surname, one of 14; balanced accuracy",
        "seeds": SEEDS,
        "layers": [2, 8],
        "left_out": [[8, False]],
        "embedding_size": 32,
        "hidden_size": 43,  # that of 4 layers with 60,000 weights
        "rounds": 8,
        "learning_rates": [0.003, 0.01, 0.03],
        "dropout": 0.0,
        "training": TRAINING,
    },
    "rt-polarity": {
        "task": "the opinion in a sentence, one of 2; accuracy, the classes being equal",
        "seeds": SEEDS,
        "layers": [1, 2],
        "embedding_size": 64,
        "weights": 60_000,
        "rounds": 4,
        "learning_rates": [0.005, 0.01, 0.02],
        "dropout": 0.3,  # of the embedding and between layers
        "training": TRAINING,
    },
    "linear": {
        "surnames": "letter_classifier of unrolled.baselines, strength 1, 3, 10 or 30",
        "rt-polarity": "logistic regression on tf-idf of words, pairs and triples that stand in "
        "two sentences, strength 0.3, 1, 3, 10 or 30",
    },
}


def load(data):
    """Words to read. Returns: vocabulary size, classes, {part: (texts, tokens, classes)}."""
    if data != "rt-polarity":
        items = load_surnames()
        vocabulary = surname_vocabulary([name for name, _ in items])
        encode, classes = vocabulary.encode, LANGUAGES
    else:
        items, classes = load_sentences(), OPINIONS
    parts = split_items(items, key=lambda item: item[0])
    if data == "rt-polarity":
        vocabulary = word_vocabulary([sentence for sentence, _ in parts["train"]])

        def encode(sentence):
            return encode_words(sentence, vocabulary)

    encoded = {
        part: (
            [text for text, _ in items],
            [encode(text) for text, _ in items],
            np.array([c for _, c in items]),
        )
        for part, items in parts.items()
    }
    return len(vocabulary), len(classes), encoded


def lstm_weights(layers, D, H):
    """The weights of so many LSTM layers."""
    return 4 * H * (D + H + 1) + (layers - 1) * 4 * H * (2 * H + 1)


def largest_size(layers, D, weights):
    """The largest H whose stack keeps to a number of weights."""
    return max(H for H in range(1, 1000) if lstm_weights(layers, D, H) <= weights)


def network(V, C, recipe, layers, residual, seed):
    """A classifier in PyTorch, from the weights that NumPy's layers start with."""
    D, rng = recipe["embedding_size"], np.random.default_rng(seed)
    H = recipe.get("hidden_size") or largest_size(layers, D, recipe["weights"])
    sizes = [D] + [H] * layers
    pairs = list(zip(sizes, sizes[1:], strict=False))
    start = NumpyClassifier(
        nn.Embedding(V, D, rng=rng),
        NumpyStack([NumpyLSTM(*pair, rng=rng) for pair in pairs]),
        nn.Linear(H, C, rng=rng),
    )
    stack = TorchStack(
        [TorchPacked(torch_nn.LSTM(*pair, batch_first=True)) for pair in pairs],
        residual=residual,
        dropout=recipe["dropout"],
    )
    model = TorchClassifier(torch_nn.Embedding(V, D), stack, torch_nn.Linear(H, C))
    agreement.set_weights(model, start.params, agreement.stack_names(layers))
    if recipe["dropout"]:
        model.embedding = torch_nn.Sequential(model.embedding, torch_nn.Dropout(recipe["dropout"]))
    return model, H


def layer_norms(model, tokens, classes):
    """How large the gradient of one batch is in the weights of each layer, before clipping."""
    model.train()
    model.zero_grad()
    F.cross_entropy(model(torch.tensor(tokens)), torch.tensor(classes)).backward()
    return [
        float(sum(weights.grad.square().sum() for weights in layer.parameters()) ** 0.5)
        for layer in model.layer.layers
    ]


def spreads(model, tokens):
    """How far apart the last states of each layer are for different texts: mean deviation."""
    model.eval()
    with torch.no_grad():
        x = torch.tensor(pad(tokens)[0])
        _, states = model.layer(model.embedding(x), mask=x != 0)
    return [float(h.std(dim=0).mean()) for h, _ in states]


def depth_run(data, layers, residual, rate, seed):
    """Train one classifier. Returns: what it reached, and how its layers fared on the way."""
    torch.set_num_threads(1)
    recipe = RECIPES[data]
    V, C, parts = load(data)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    model, H = network(V, C, recipe, layers, residual, seed)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    _, tokens, classes = parts["train"]
    lengths = np.array([len(row) for row in tokens])
    batches = []
    for _ in range(recipe["rounds"]):
        batches += length_batches(lengths, 64, rng)
    losses, norms = [], {}
    spread = {0: spreads(model, parts["valid"][1])}
    seconds, every = 0.0, max(1, len(batches) // 16)
    for update, rows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = rate * (1 - update / len(batches))
        batch = pad([tokens[k] for k in rows])[0], classes[rows]
        if update % every == 0:
            norms[update] = layer_norms(model, *batch)
        began = time.perf_counter()
        losses += torch_epoch(model, [batch], optimizer, clip=1.0)
        seconds += time.perf_counter() - began
    spread[len(batches)] = spreads(model, parts["valid"][1])
    scores = {}
    for part in ("train", "valid", "test"):
        _, tokens, classes = parts[part]
        with torch.no_grad():
            answers = [
                model(torch.tensor(pad(tokens[k : k + 500])[0])).argmax(1)
                for k in range(0, len(tokens), 500)
            ]
        scores[part] = float(balanced_accuracy_score(classes, torch.cat(answers)))
    per_round = len(batches) // recipe["rounds"]
    return {
        "layers": layers,
        "residual": residual,
        "learning_rate": rate,
        "seed": seed,
        "hidden_size": H,
        "weights": sum(weights.numel() for weights in model.parameters()),
        "updates": len(batches),
        "loss": float(np.mean(losses[-per_round:])),
        "losses": np.round(np.mean(np.reshape(losses, (-1, per_round)), axis=1), 4).tolist(),
        "valid": scores["valid"],
        "train": scores["train"],
        "test": scores["test"],
        "norms": {str(k): [float(f"{n:.3g}") for n in row] for k, row in norms.items()},
        "spread": {str(k): [float(f"{n:.3g}") for n in row] for k, row in spread.items()},
        "seconds": round(seconds, 1),
    }


def linear_run(data):
    """Fit the linear classifier of one data set, its penalty chosen on validation."""
    _, _, parts = load(data)
    (train, _, train_classes), (valid, _, valid_classes), (test, _, test_classes) = parts.values()
    strengths = [1, 3, 10, 30] if data == "surnames" else [0.3, 1, 3, 10, 30]
    best, began = None, time.perf_counter()
    for strength in strengths:
        if data == "surnames":
            model = letter_classifier(strength)
        else:
            model = make_pipeline(
                TfidfVectorizer(
                    tokenizer=words_of,
                    token_pattern=None,
                    ngram_range=(1, 3),
                    min_df=2,
                    sublinear_tf=True,
                ),
                LogisticRegression(C=strength, max_iter=1000),
            )
        model.fit(train, train_classes)
        score = balanced_accuracy_score(valid_classes, model.predict(valid))
        if best is None or score > best[0]:
            best = score, strength, model
    score, strength, model = best
    return {
        "valid": float(score),
        "test": float(balanced_accuracy_score(test_classes, model.predict(test))),
        "strength": strength,
        "weights": int(model[-1].coef_.size),
        "seconds": round(time.perf_counter() - began, 1),
    }


def best_rate(runs, recipe, layers, residual):
    """The rate with the best validation of the first start; None until all were tried."""
    tried = {
        rate: runs.get(run_name(layers, residual, rate, SEEDS[0]))
        for rate in recipe["learning_rates"]
    }
    if not all(tried.values()):
        return None
    return max(tried, key=lambda rate: tried[rate]["valid"])


def run_name(layers, residual, rate, seed):
    """What a run is called in the record."""
    return f"{layers} {'residual' if residual else 'plain'} {rate:g} {seed}"


def arms(recipe):
    """Depths and ways: with one layer there is nothing to connect."""
    every = [(n, way) for n in recipe["layers"] for way in (False, True) if n > 1 or not way]
    return [arm for arm in every if list(arm) not in recipe.get("left_out", [])]


def summarize(recipe, runs):
    """For each depth and way, what its best rate reached: a row each, three starts."""
    if "layers" not in recipe:
        return None
    rows = []
    for layers, residual in arms(recipe):
        rate = best_rate(runs, recipe, layers, residual)
        own = [runs.get(run_name(layers, residual, rate, seed)) for seed in SEEDS] if rate else []
        if own and all(own):
            row = {"layers": layers, "residual": residual, "learning_rate": rate}
            row |= {key: own[0][key] for key in ("hidden_size", "weights")}
            row |= {key: [run[key] for run in own] for key in ("loss", "train", "valid", "test")}
            rows.append(row | {"seconds": [run["seconds"] for run in own]})
    return rows


def main():
    """Run what is missing and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=["surnames", "width", "rt-polarity"], default="surnames")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--again", action="store_true", help="run this part anew")
    args = parser.parse_args()
    data, recipe = args.data, RECIPES[args.data]
    record = recorded.Record(RESULTS, RECIPES, PACKAGES, summarize)
    if args.again:
        record.forget(data)
    if data in RECIPES["linear"] and (args.again or data not in record.runs("linear")):
        record.add("linear", data, linear_run(data))
    first = [(*arm, rate, SEEDS[0]) for arm in arms(recipe) for rate in recipe["learning_rates"]]
    run_all(record, data, first, args.jobs)
    runs = record.runs(data)
    more = [
        (*arm, best_rate(runs, recipe, *arm), seed) for arm in arms(recipe) for seed in SEEDS[1:]
    ]
    run_all(record, data, more, args.jobs)
    print("linear", record.runs("linear").get(data))
    for row in record.parts[data]["summary"]:
        print(row)


def run_all(record, data, arguments, workers):
    """Do those of these runs that are not recorded yet."""
    missing = {run_name(*a): (depth_run, data, *a) for a in arguments}
    missing = {name: job for name, job in missing.items() if name not in record.runs(data)}
    done = recorded.side_by_side(missing, workers)
    for name, result in tqdm(done, desc=data, total=len(missing)):
        record.add(data, name, result)


if __name__ == "__main__":
    main()
