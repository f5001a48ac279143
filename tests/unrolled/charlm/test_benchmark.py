"""The benchmark of chapter 3 at tiny sizes: three alike, nothing lost, nothing mixed."""

import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def charlm(monkeypatch):
    """The script, with a short text and a tiny recipe for every part."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script = importlib.import_module("charlm")
    text = script.load_text("pydoc")[:9000]
    monkeypatch.setattr(script, "load_text", lambda name: text)
    monkeypatch.setattr(script, "fresh", lambda threads, workers=1: ThreadPoolExecutor(1))
    tiny = {"epochs": 3, "hidden_size": 12, "embedding_size": 5, "learning_rate": 0.01}
    tiny |= {"batch_size": 4, "steps": 16, "hmm": {"states": 2, "iterations": 2}}
    for part in ("pydoc", "hmm", "shakespeare"):
        monkeypatch.setitem(script.RECIPES, part, script.RECIPES[part] | tiny)
    short = {"rounds": 2, "seconds": 0.01}
    monkeypatch.setitem(script.RECIPES, "speed", script.RECIPES["speed"] | short)
    return script


def test_three_frameworks_go_along_one_curve(charlm):
    runs = [charlm.network("pydoc", framework, 1) for framework in charlm.LEARNERS]
    for run in runs:
        assert run["parameters"] == runs[0]["parameters"]
        assert [point["updates"] for point in run["curve"]] == [112, 224, 336]
        for key in ("test_bits", "valid_bits"):
            assert run[key] == pytest.approx(runs[0][key], abs=0.01)
    assert 2 < runs[0]["valid_bits"] < runs[0]["curve"][0]["valid_bits"] < 6


def test_the_best_epoch_on_validation_text_scores_the_test_text_once(charlm, monkeypatch):
    scores = iter([5.0, 3.0, 4.0])
    _, valid, test = charlm.texts(charlm.RECIPES["pydoc"])
    seen, bits = [], charlm.NumpyLearner.bits

    def scored(learner, tokens):
        seen.append((len(tokens), learner.weights()))
        return next(scores) if len(seen) < 4 else bits(learner, tokens)

    monkeypatch.setattr(charlm.NumpyLearner, "bits", scored)
    run = charlm.network("pydoc", "numpy", 0)
    assert [length for length, _ in seen[:3]] == [len(valid)] * 3
    assert [length for length, _ in seen[3:]] == [len(test), len(test[: charlm.START])]
    assert run["chosen_epoch"] == 2 and run["valid_bits"] == 3.0
    for name, param in seen[1][1].items():
        np.testing.assert_array_equal(seen[3][1][name], param)
    assert np.abs(seen[2][1]["W_hh"] - seen[1][1]["W_hh"]).max() > 0


@pytest.mark.parametrize("framework", ["keras", "pytorch"])
def test_weights_taken_back_are_those_that_were_kept(charlm, framework):
    recipe = charlm.RECIPES["shakespeare"]
    tokens = np.random.default_rng(0).integers(7, size=300)
    learner = charlm.LEARNERS[framework](charlm.start(recipe, 7, 0).params, recipe)
    bits, kept = learner.bits(tokens), learner.weights()
    learner.train(charlm.stream_batches(tokens, 4, 16), 0.1)
    assert abs(learner.bits(tokens) - bits) > 1e-3
    learner.restore(kept)
    assert learner.bits(tokens) == bits


def test_dropout_acts_in_training_alone(charlm):
    weights = charlm.start(charlm.RECIPES["shakespeare"], 7, 0).params
    tokens = np.random.default_rng(0).integers(7, size=300)
    losses, bits = [], []
    for dropout in (0.0, 0.9):
        learner = charlm.TorchLearner(weights, charlm.RECIPES["shakespeare"] | {"dropout": dropout})
        bits.append(learner.bits(tokens))
        losses.append(learner.train(charlm.stream_batches(tokens, 4, 16), 1e-9))
    assert bits[0] == bits[1]
    assert np.abs(np.subtract(*losses)).max() > 1e-3


def test_the_last_run_trains_on_the_validation_text_too(charlm):
    run = charlm.network("shakespeare", "pytorch", 0, last=True)
    assert run["valid_bits"] is None and run["chosen_epoch"] == 3
    apart = charlm.network("shakespeare", "pytorch", 0)
    assert run["curve"][0]["updates"] > apart["curve"][0]["updates"]
    counts = [charlm.ngrams("shakespeare", last=last) for last in (False, True)]
    assert counts[0]["6-gram"] != counts[1]["6-gram"]
    assert counts[0]["6-gram"]["test_bits"] < counts[0]["unigram"]["test_bits"]


def test_every_run_is_kept_and_an_interrupted_script_goes_on(charlm, tmp_path, monkeypatch):
    path, started = tmp_path / "recorded" / "charlm.json", []

    def job(name):
        started.append(name)
        if len(started) == 3:
            raise KeyError("interrupted")
        return {"test_bits": 1.5}

    runs = {
        part: {f"{part} {i}": (job, (f"{part} {i}",), {}) for i in (0, 1)} for part in charlm.RUNS
    }
    monkeypatch.setattr(charlm, "RUNS", runs)
    with pytest.raises(KeyError, match="interrupted"):
        charlm.work(charlm.Record(path), ["pydoc", "hmm", "speed"])
    charlm.work(charlm.Record(path), ["pydoc", "hmm", "speed"])
    kept = json.loads(path.read_text())
    assert {part: [*each["runs"]] for part, each in kept.items()} == {
        part: [f"{part} 0", f"{part} 1"] for part in ("pydoc", "hmm", "speed")
    }
    assert started[-2:] == ["speed 0", "speed 1"]
    assert kept["pydoc"]["recipe"] == charlm.RECIPES["pydoc"]
    assert [file.name for file in path.parent.iterdir()] == ["charlm.json"]
    before = len(started)
    charlm.work(charlm.Record(path), ["pydoc", "hmm", "speed"])
    assert len(started) == before


def test_runs_of_another_recipe_are_not_mixed(charlm, tmp_path, monkeypatch):
    path = tmp_path / "charlm.json"
    charlm.Record(path).add("pydoc", "numpy 0", {"test_bits": 1.5})
    monkeypatch.setitem(charlm.RECIPES, "pydoc", charlm.RECIPES["pydoc"] | {"clip": 7.0})
    with pytest.raises(SystemExit, match="pydoc is recorded under another recipe"):
        charlm.Record(path).missing("pydoc")
    record = charlm.Record(path)
    record.forget("pydoc")
    assert record.missing("pydoc") == [*charlm.RUNS["pydoc"]]
    assert record.missing("hmm") == [*charlm.RUNS["hmm"]]


def test_speed_compares_round_by_round(charlm, monkeypatch):
    classic, fast = iter([10.0, 20.0]), iter([300.0, 500.0])
    monkeypatch.setattr(charlm, "classic_speed", lambda seconds: next(classic))
    monkeypatch.setattr(charlm, "fast_speed", lambda seconds: next(fast))
    row = charlm.speed(1)
    assert row["classic_characters_per_second"] == 15 and row["fast_characters_per_second"] == 400
    assert (row["lowest_round"], row["times_as_fast"], row["highest_round"]) == (25, 27.5, 30)


def test_both_speeds_are_measured_in_characters_per_second(charlm):
    # Which is faster is for a quiet machine to say: beside other load, threads wait for each other.
    assert charlm.fast_speed(0.01) > 100 and charlm.classic_speed(0.01) > 100


def test_the_hidden_markov_model_has_the_stated_number_of_parameters(charlm):
    run = charlm.hidden_markov("hmm", 0)
    V = len(charlm.text_vocabulary(charlm.load_text("pydoc")))
    assert run["parameters"] == 1 + 2 + 2 * (V - 1)
    assert len(run["train_bits"]) == 2 and run["test_bits"] < 7


def test_help_explains(charlm, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["charlm", "--help"])
    with pytest.raises(SystemExit, match="0"):
        charlm.main()
    assert "benchmarks/charlm.py" in capsys.readouterr().out
