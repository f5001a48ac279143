"""German captions in English. ``python benchmarks/translate.py``, UNROLLED_DATA or a network.

Trains chapter 10's model on Multi30k (29,000 sentences; for research and education, not for trade)
with subwords of sentencepiece, in PyTorch, and scores the 1,000 sentences of test2016 by sacrebleu,
as they are written: no lower case, no tokens but sacrebleu's own.

- ``train``: one start. The weights are kept after every round in ``_build/translate.pt``, and stay
  there: they are made of data that is not ours to give away.
- ``test``: beam width and length penalty are chosen on the validation sentences; then the test
  set is translated once with a beam and once without, in PyTorch, and with the same weights in
  Keras: which of its translations are the same.

Every finished run is kept at once in ``code/unrolled/recorded/translate.json``; started again, the
script goes on with what is missing.
"""

import argparse
import io
import time
from functools import cache
from pathlib import Path

import numpy as np
import training
from tqdm import tqdm

from unrolled import agreement, metrics, recorded
from unrolled.data.multi30k import LICENSE, load_multi30k
from unrolled.data.pairs import END
from unrolled.search import decode

RESULTS = recorded.FOLDER / "translate.json"
KEPT = Path("_build/translate.pt")
PACKAGES = "numpy", "keras", "tensorflow_cpu", "torch", "sacrebleu", "sentencepiece"
LONGEST = 60  # subwords in a translation; the longest English test sentence has 45
RECIPES = {
    "train": {
        "data": f"Multi30k, German to English, 29,000 pairs; license: {LICENSE}",
        "subwords": 5000,
        "embedding": 256,
        "hidden": 512,
        "batch_size": 64,
        "rate": 0.002,
        "rounds": 12,
        "dropout": 0.4,
        "smoothing": 0.1,
        "seed": 0,
        **training.RECIPE,
    },
    "test": {"widths": [1, 5, 10], "alphas": [0.0, 0.6, 1.0], "batch_size": 100},
}


@cache
def subwords(side):
    """A sentencepiece model of one language's training sentences. Args: side, 0 or 1 of a pair.

    Its first four tokens are the book's: padding, start, end, unknown.
    """
    import sentencepiece

    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([pair[side] for pair in load()["train"]]),
        model_writer=file,
        model_type="bpe",
        vocab_size=RECIPES["train"]["subwords"],
        character_coverage=1.0,
        byte_fallback=True,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())


@cache
def load():
    """The three parts of the data."""
    return load_multi30k("de", "en")


def tokens(part, side):
    """Every sentence of one side as subwords, END last."""
    model = subwords(side)
    return [np.append(model.encode(pair[side]), END) for pair in load()[part]]


def build():
    """The model, untrained."""
    from unrolled.attention.torch import torch_attention_seq2seq

    recipe = RECIPES["train"]
    sizes = recipe["subwords"], recipe["subwords"], recipe["embedding"], recipe["hidden"]
    return training.with_dropout(torch_attention_seq2seq(*sizes), recipe["dropout"])


def translate(model, part, *, width=1, alpha=0.0, batch_size=100):
    """Translate a part of the data. Returns: sentences; seconds."""
    began = time.perf_counter()
    options = dict(max_steps=LONGEST, width=width, alpha=alpha, batch_size=batch_size)
    said = decode(model, tokens(part, 0), progress=True, **options)
    return [subwords(1).decode(answer) for answer in said], time.perf_counter() - began


def bleu(said, part):
    """BLEU and sacrebleu's signature."""
    return metrics.bleu(said, [english for _, english in load()[part]])


def train():
    """Train, or go on training. Returns: what to record."""
    import torch

    recipe = RECIPES["train"]
    torch.manual_seed(recipe["seed"])
    KEPT.parent.mkdir(exist_ok=True)
    _, result = training.trained(
        build(),
        tokens("train", 0),
        tokens("train", 1),
        recipe,
        seed=recipe["seed"],
        validate=lambda model: bleu(translate(model, "valid")[0], "valid")[0],
        title="validation BLEU",
        unfinished=KEPT,
    )
    return result


def trained_models():
    """The trained model in PyTorch and, with the same weights, in Keras."""
    import torch
    from torch.optim.swa_utils import AveragedModel

    from unrolled.attention.keras import keras_attention_seq2seq
    from unrolled.attention.numpy import numpy_attention_seq2seq

    model = AveragedModel(build())
    model.load_state_dict(torch.load(KEPT, weights_only=True)["mean"])
    recipe, names = RECIPES["train"], agreement.seq2seq_names()
    sizes = recipe["subwords"], recipe["subwords"], recipe["embedding"], recipe["hidden"]
    like = numpy_attention_seq2seq(*sizes, rng=np.random.default_rng(0)).params
    weights = agreement.get_weights(model.module.eval(), names, like)
    same = keras_attention_seq2seq(*sizes)
    agreement.set_weights(same, weights, names)
    return model.module, same


def test():
    """Choose how to search, translate the test set, and see whether Keras says the same."""
    recipe = RECIPES["test"]
    model, same = trained_models()
    tried = []
    for width in recipe["widths"]:
        for alpha in recipe["alphas"] if width > 1 else [0.0]:
            said, _ = translate(model, "valid", width=width, alpha=alpha)
            tried.append({"width": width, "alpha": alpha, "bleu": bleu(said, "valid")[0]})
    best = max(tried, key=lambda way: way["bleu"])
    result = {"validation": tried, "chosen": best}
    english = [pair[1] for pair in load()["test"]]
    ways = {"greedy": (1, 0.0), "beam": (best["width"], best["alpha"])}
    for name, (width, alpha) in ways.items():
        options = dict(width=width, alpha=alpha, batch_size=recipe["batch_size"])
        said, seconds = translate(model, "test", **options)
        again, keras_seconds = translate(same, "test", **options)
        score, signature = bleu(said, "test")
        characters, characters_signature = metrics.chrf(said, english)
        result[name] = {
            "bleu": score,
            "bleu_signature": signature,
            "chrf": characters,
            "chrf_signature": characters_signature,
            "keras_bleu": bleu(again, "test")[0],
            "same_in_keras": sum(a == b for a, b in zip(said, again, strict=True)),
            "seconds": round(seconds, 1),
            "keras_seconds": round(keras_seconds, 1),
        }
    return result


def main():
    """Run what is missing and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--again", action="store_true", help="run all of these parts anew")
    args = parser.parse_args()
    record = recorded.Record(RESULTS, RECIPES, PACKAGES)
    for part in args.parts if args.again else ():
        record.forget(part)
        if part == "train":
            KEPT.unlink(missing_ok=True)
    for part in tqdm([part for part in args.parts if part not in record.runs(part)], unit="part"):
        record.add(part, part, {"train": train, "test": test}[part]())
    for part in args.parts:
        for key, value in record.runs(part)[part].items():
            print(part, key, value, sep="\t")


if __name__ == "__main__":
    main()
