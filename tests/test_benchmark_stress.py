"""benchmarks/stress.py at tiny sizes: it measures what it says."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled.data.batches import PAD
from unrolled.data.stress import look_up
from unrolled.nn import IGNORED

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def stress(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    script = importlib.import_module("stress")
    everything = script.load()

    def few():
        parts, vocabulary = everything
        return {part: items[:300] for part, items in parts.items()}, vocabulary

    monkeypatch.setattr(script, "load", few)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield script
    torch.set_num_threads(before)


@pytest.mark.parametrize("direction", ["concat", "sum"])
def test_three_frameworks_train_alike_from_one_start(stress, direction):
    parts, vocabulary = stress.load()
    weights = stress.start(direction, 7, len(vocabulary), np.random.default_rng(0))
    arrangement = vocabulary, direction, 0
    tokens, _ = stress.arranged(parts["test"][:40], *arrangement)
    batches = [stress.arranged(parts["train"][k : k + 20], *arrangement) for k in (0, 20, 40)]
    outputs = {}
    for framework, Learner in stress.LEARNERS.items():
        learner = Learner({name: w.copy() for name, w in weights.items()}, direction, 0.01)
        untrained = learner.outputs(tokens)
        learner.epoch(batches, 0.01)
        outputs[framework] = learner.outputs(tokens)
        assert np.abs(untrained - outputs[framework]).max() > 0.05
    expected = outputs.pop("numpy")
    for framework, found in outputs.items():
        np.testing.assert_allclose(found, expected, atol=2e-3, err_msg=framework)


def test_a_direction_reads_and_answers_as_it_says(stress):
    _, vocabulary = stress.load()
    items = look_up("comply it")
    tokens, targets = stress.arranged(items, vocabulary, "forward", 0)
    turned, asked = stress.arranged(items, vocabulary, "backward", 0)
    for n, length in enumerate((6, 2)):
        np.testing.assert_array_equal(turned[n, :length], tokens[n, :length][::-1])
        np.testing.assert_array_equal(asked[n, :length], targets[n, :length][::-1])
    assert (turned[1, 2:] == PAD).all() and (asked[1, 2:] == IGNORED).all()
    late, answers = stress.arranged(items, vocabulary, "forward", 3)
    np.testing.assert_array_equal(late[0, 6:], [len(vocabulary)] * 3)
    np.testing.assert_array_equal(answers[:, 3:], targets)


def test_a_run_scores_vowels_alone(stress):
    class Says:
        def outputs(self, tokens):
            return np.broadcast_to([0, 1, 0], (*tokens.shape, 3))

    _, vocabulary = stress.load()
    items = look_up("comply company it")  # 0 1, 1 0 2, 1
    assert stress.accuracy(Says(), items, vocabulary, "forward", 0) == pytest.approx(3 / 6)
    assert stress.accuracy(Says(), items, vocabulary, "forward", 2) == pytest.approx(3 / 6)


def test_a_run_is_what_is_recorded(stress):
    result = stress.train("ahead", "pytorch", "forward", 8, 0.01, 2, 1)
    assert len(result["validation_by_round"]) == stress.RECIPES["ahead"]["rounds"]
    assert result["validation"] == result["validation_by_round"][-1]
    weights = 41 * 32 + 4 * 8 * (32 + 8 + 1) + 9 * 3  # one symbol more: the end of a word
    assert result["parameters"] == weights and 0 < result["test"] < 1
    bar = stress.linear("both", 0.3)
    assert 0.4 < bar["test"] < 1 and bar["parameters"] > 100


def test_a_summary_puts_starts_together_and_keeps_the_best_penalty(stress):
    def run(seed, **changes):
        defaults = dict(framework="numpy", direction="sum", size=4, rate=0.1, late=0)
        reached = dict(parameters=9, validation=0.5, test=0.6 + seed, seconds=1)
        return defaults | reached | {"seed": seed} | changes

    rows = stress.summarize({}, {"a": run(0), "b": run(1), "c": run(0, framework="keras")})
    assert {row["framework"]: row["test"] for row in rows} == {"numpy": [0.6, 1.6], "keras": [0.6]}
    bars = [
        {"model": "left", "C": C, "validation": v, "test": 1 - v, "parameters": 3, "seconds": 1}
        for C, v in ((0.1, 0.5), (1.0, 0.75), (3.0, 0.6))
    ]
    (row,) = stress.summarize({}, dict(enumerate(bars)))
    assert row["C"] == 1.0 and row["test"] == [0.25]
