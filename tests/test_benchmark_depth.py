"""The benchmark of depth at tiny sizes: equal budgets, fair choices, a record that can be read."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled import recorded


@pytest.fixture
def depth(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    threads = torch.get_num_threads()
    yield importlib.import_module("depth")
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(depth, monkeypatch):
    recipe = depth.RECIPES["surnames"] | {"weights": 900, "embedding_size": 4, "rounds": 1}
    monkeypatch.setitem(depth.RECIPES, "surnames", recipe)
    size, classes, parts = depth.load("surnames")
    few = {part: tuple(each[:300] for each in rows) for part, rows in parts.items()}
    monkeypatch.setattr(depth, "load", lambda data: (size, classes, few))
    return depth


@pytest.mark.parametrize("layers", [1, 2, 4, 8])
def test_every_depth_keeps_to_the_budget_and_uses_it(depth, layers):
    recipe = depth.RECIPES["surnames"]
    model, H = depth.network(50, 14, recipe, layers, True, 0)
    book = model.layer.layers
    counted = sum(w.numel() for layer in book for w in layer.parameters())
    redundant = 4 * H * layers  # PyTorch's second bias
    assert counted - redundant == depth.lstm_weights(layers, 32, H) <= recipe["weights"]
    assert depth.lstm_weights(layers, 32, H + 1) > recipe["weights"]


def test_plain_and_residual_start_from_the_same_weights(depth):
    recipe = depth.RECIPES["surnames"]
    plain, residual = (depth.network(50, 14, recipe, 2, way, 3)[0] for way in (False, True))
    for (name, a), (_, b) in zip(
        plain.named_parameters(), residual.named_parameters(), strict=True
    ):
        assert torch.equal(a, b), name
    other = depth.network(50, 14, recipe, 2, False, 4)[0]
    assert not torch.equal(plain.readout.weight, other.readout.weight)


def test_a_run_reports_what_it_reached_and_can_be_repeated(tiny):
    first, second = (tiny.depth_run("surnames", 2, True, 0.01, 0) for _ in range(2))
    assert first.pop("seconds") >= 0 and second.pop("seconds") >= 0  # rounded to tenths
    assert first == second
    assert first["layers"] == 2 and first["updates"] == 5 and len(first["losses"]) == 1
    assert all(0 <= first[part] <= 1 for part in ("train", "valid", "test"))
    for rows in (first["norms"], first["spread"]):
        assert all(len(row) == 2 and min(row) > 0 for row in rows.values())


def test_the_rate_is_chosen_on_validation_by_the_first_start_alone(depth):
    recipe = {"layers": [1, 2], "learning_rates": [0.1, 0.2], "left_out": [[2, False]]}
    assert depth.arms(recipe) == [(1, False), (2, True)]
    result = {"hidden_size": 3, "weights": 9, "loss": 1.0, "train": 0.5, "seconds": 1.0}
    runs = {
        depth.run_name(1, False, rate, 0): result | {"valid": valid, "test": 1 - valid}
        for rate, valid in ((0.1, 0.6), (0.2, 0.5))
    }
    assert depth.best_rate(runs, recipe, 1, False) == 0.1
    assert depth.best_rate(runs, recipe, 2, True) is None
    assert depth.summarize(recipe, runs) == []  # two more starts are missing
    for seed in (1, 2):
        runs[depth.run_name(1, False, 0.1, seed)] = result | {"valid": 0.9, "test": 0.8}
    (row,) = depth.summarize(recipe, runs)
    assert row["learning_rate"] == 0.1 and row["test"] == [0.4, 0.8, 0.8]
    assert depth.summarize({"surnames": "…"}, {}) is None


def test_what_is_recorded_is_what_the_recipe_asks_for(depth):
    record = recorded.load("depth")
    for part in ("surnames", "width", "rt-polarity"):
        recipe = record[part]["recipe"]
        assert recipe == depth.RECIPES[part]
        rows = record[part]["summary"]
        assert [(r["layers"], r["residual"]) for r in rows] == depth.arms(recipe)
        for row in rows:
            assert all(len(row[key]) == 3 for key in ("loss", "train", "valid", "test"))
            assert np.isfinite(row["loss"]).all()
