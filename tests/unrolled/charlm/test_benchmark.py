"""The benchmark of the character models at tiny sizes: three alike, nothing lost or mixed."""

import importlib
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

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
    monkeypatch.setattr(script, "fresh", lambda threads, function, *args: function(*args))
    tiny = {"epochs": 3, "hidden_size": 12, "embedding_size": 5, "learning_rate": 0.01}
    tiny |= {"batch_size": 4, "steps": 16, "hmm": {"states": 2, "iterations": 2}}
    for part in ("pydoc", "hmm", "shakespeare", "shakespeare lstm", "five minutes"):
        monkeypatch.setitem(script.RECIPES, part, script.RECIPES[part] | tiny)
    del tiny["hidden_size"]
    equal = script.RECIPES["layers"] | tiny | {"parameters": 2500}
    monkeypatch.setitem(script.RECIPES, "layers", equal)
    short = {"rounds": 2, "seconds": 0.01}
    monkeypatch.setitem(script.RECIPES, "speed", script.RECIPES["speed"] | short)
    return script


def as_list(weights):
    """What a learner copies: Keras's are a list, the others' have names."""
    return list(weights.values()) if isinstance(weights, dict) else weights


@pytest.mark.parametrize("part, layer", [("pydoc", "rnn"), ("layers", "lstm")])
def test_three_frameworks_go_along_one_curve(charlm, part, layer):
    runs = [charlm.network(part, framework, 1, layer=layer) for framework in charlm.LEARNERS]
    for run in runs:
        assert run["hidden_size"] == runs[0]["hidden_size"]
        assert run["parameters"] == runs[0]["parameters"]
        assert [point["updates"] for point in run["curve"]] == [112, 224, 336]
        for key in ("test_bits", "valid_bits"):
            assert run[key] == pytest.approx(runs[0][key], abs=0.01)
    assert 2 < runs[0]["valid_bits"] < runs[0]["curve"][0]["valid_bits"] < 6


def test_every_layer_gets_as_many_parameters_and_no_more(charlm, monkeypatch):
    full = charlm.PYDOC | {"parameters": 115_239}
    rnn = charlm.start(full, 103, 0).params
    assert charlm.size_of(rnn) == {"hidden_size": 256, "parameters": 115_239}
    del full["hidden_size"]
    for layer, H in {"rnn": 256, "mgu": 181, "gru": 146, "lstm": 125}.items():
        recipe = full | {"layer": layer}
        fits = charlm.size_of(charlm.start(recipe, 103, 0).params)
        more = charlm.size_of(charlm.start(recipe | {"hidden_size": H + 1}, 103, 0).params)
        assert fits["hidden_size"] == H
        assert fits["parameters"] <= 115_239 < more["parameters"]
    run = charlm.network("layers", "numpy", 0, layer="mgu")
    assert 2300 < run["parameters"] <= 2500


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


@pytest.mark.parametrize("framework", ["numpy", "keras", "pytorch"])
@pytest.mark.parametrize("part", ["shakespeare", "five minutes"])
def test_weights_taken_back_are_those_that_were_kept(charlm, part, framework):
    recipe = charlm.RECIPES[part]
    tokens = np.random.default_rng(0).integers(7, size=300)
    learner = charlm.LEARNERS[framework](charlm.start(recipe, 7, 0).params, recipe)
    bits, kept = learner.bits(tokens), learner.weights()
    learner.tune(0.1)
    learner.train(charlm.stream_batches(tokens, 4, 16))
    assert abs(learner.bits(tokens) - bits) > 1e-3
    learner.restore(kept)
    assert learner.bits(tokens) == bits


@pytest.mark.parametrize("framework", ["numpy", "keras", "pytorch"])
@pytest.mark.parametrize(
    "layer, kind", [("rnn", "dropout"), ("lstm", "dropout"), ("lstm", "input_dropout")]
)
@pytest.mark.parametrize("locked", [False, True])
def test_dropout_acts_in_training_alone(charlm, framework, layer, kind, locked):
    recipe = charlm.RECIPES["shakespeare"] | {"layer": layer, "learning_rate": 1e-9}
    recipe |= {"dropout": 0.0, "input_dropout": 0.0, "weight_decay": 0.0, "locked": locked}
    weights = charlm.start(recipe, 7, 0).params
    tokens = np.random.default_rng(0).integers(7, size=300)
    losses, bits = [], []
    for dropout in (0.0, 0.9):
        learner = charlm.LEARNERS[framework](weights, recipe | {kind: dropout})
        bits.append(learner.bits(tokens))
        losses.append(learner.train(charlm.stream_batches(tokens, 4, 16)))
        bits.append(learner.bits(tokens))
    assert bits == pytest.approx([bits[0]] * 4, abs=1e-5)
    assert np.abs(np.subtract(*losses)).min() > 1e-3


def test_numpy_dropout_hides_numbers_and_their_gradients_and_keeps_the_mean(charlm):
    rng = np.random.default_rng(0)
    layer = charlm.NumpyLSTM(3, 5, rng=rng, dtype=np.float64)
    x, dhs = rng.normal(size=(40, 30, 3)), rng.normal(size=(40, 30, 5))
    hs, state = layer.forward(x)
    dropout = charlm.NumpyDropout(layer, 0.25, False)
    shown, same = dropout.forward(x)
    np.testing.assert_array_equal(same, state)
    kept = shown != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.02)
    np.testing.assert_allclose(shown[kept], hs[kept] / 0.75)
    again, _ = dropout.forward(x)
    assert ((again != 0) != kept).any()
    kept = again != 0
    dx, _ = dropout.backward(dhs)
    grads = dropout.grads
    expected, _ = layer.backward(np.where(kept, dhs / 0.75, 0))
    np.testing.assert_allclose(dx, expected)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grads[name], grad)


@pytest.mark.parametrize("locked", [False, True])
def test_numpy_dropout_hides_inputs_and_their_gradients_too(charlm, locked):
    rng = np.random.default_rng(0)
    layer = charlm.NumpyLSTM(3, 5, rng=rng, dtype=np.float64)
    x, dhs = rng.normal(size=(40, 30, 3)), rng.normal(size=(40, 30, 5))
    dropout = charlm.NumpyInputDropout(layer, 0.25, locked)
    hs, _ = dropout.forward(x)
    dx, _ = dropout.backward(dhs)
    kept = dx != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.1 if locked else 0.02)
    assert (kept == kept[:, :1]).all() == locked
    expected, _ = layer.forward(np.where(kept, x / 0.75, 0))
    np.testing.assert_allclose(hs, expected)
    np.testing.assert_allclose(dx, np.where(kept, layer.backward(dhs)[0] / 0.75, 0))


@pytest.mark.parametrize("framework", ["numpy", "keras", "pytorch"])
def test_weight_decay_shrinks_every_weight_that_has_no_gradient(charlm, framework):
    recipe = charlm.RECIPES["five minutes"] | {"dropout": 0.0, "input_dropout": 0.0}
    weights = charlm.start(recipe, 7, 0).params
    tokens = np.random.default_rng(0).integers(6, size=300)  # never the seventh
    learner = charlm.LEARNERS[framework](weights, recipe | {"weight_decay": 0.5})
    learner.tune(0.01)
    learner.train(list(charlm.stream_batches(tokens, 4, 16))[:3])
    (E,) = (w for w in map(np.asarray, as_list(learner.weights())) if w.shape == (7, 5))
    np.testing.assert_allclose(E[6], weights["E"][6] * 0.995**3, rtol=1e-5)
    assert np.abs(E[:6] - weights["E"][:6] * 0.995**3).max() > 1e-3


def test_against_the_clock_the_learning_rate_falls_to_zero_and_all_learn_alike(charlm, monkeypatch):
    recipe = charlm.RECIPES["five minutes"] | {"dropout": 0.0, "input_dropout": 0.0, "seconds": 1.0}
    monkeypatch.setitem(charlm.RECIPES, "five minutes", recipe)
    _, valid, test = charlm.texts(recipe)
    runs = []
    for framework, learner in charlm.LEARNERS.items():
        ticks, rates, scored = iter(np.arange(0.0, 2.0, 0.004)), [], []

        def tune(self, rate, tune=learner.tune, rates=rates):
            rates.append(rate)
            tune(self, rate)

        def bits(self, tokens, bits=learner.bits, scored=scored):
            scored.append(len(tokens))
            return bits(self, tokens)

        monkeypatch.setattr(charlm, "time", SimpleNamespace(perf_counter=partial(next, ticks)))
        monkeypatch.setattr(learner, "tune", tune)
        monkeypatch.setattr(learner, "bits", bits)
        runs.append(charlm.against_the_clock("five minutes", framework, 0))
        curve = runs[-1]["curve"]
        assert rates.pop() == recipe["reading_rate"]  # for the test text, afterwards
        assert [point["updates"] for point in curve] == [112, 224, len(rates)]
        assert curve[-1]["seconds"] == pytest.approx(1.0, abs=0.1)
        assert 0.0098 < rates[0] < 0.01 and 0 < rates[-1] < 0.0001
        assert -2e-4 < np.diff(rates).min() and np.diff(rates).max() < 0  # evenly
        assert sorted(scored) == sorted([len(test), len(valid)])
    for run in runs:
        for key in ("test_bits", "valid_bits"):
            assert run[key] == pytest.approx(runs[0][key], abs=0.01)
    assert runs[0]["valid_bits"] < runs[0]["curve"][0]["train_bits"] < 6


def test_a_run_against_the_clock_ends_in_time_and_may_see_all_of_the_text(charlm, monkeypatch):
    recipe = charlm.RECIPES["five minutes"] | {"seconds": 0.3}
    monkeypatch.setitem(charlm.RECIPES, "five minutes", recipe)
    lengths = []
    batches = charlm.stream_batches
    monkeypatch.setattr(
        charlm,
        "stream_batches",
        lambda text, *args: lengths.append(len(text)) or batches(text, *args),
    )
    run = charlm.against_the_clock("five minutes", "numpy", 0, last=True)
    train, valid, test = charlm.texts(recipe)
    assert lengths.pop() == len(test)  # read once more, and learned from
    assert run["curve"][-1]["updates"] > 0 and run["curve"][-1]["seconds"] >= 0.3
    assert run["valid_bits"] is None and set(lengths) == {len(train) + len(valid)}


@pytest.mark.parametrize("framework", ["numpy", "keras", "pytorch"])
def test_what_is_learned_while_reading_is_scored_before_it_is_learned(charlm, framework):
    recipe = charlm.RECIPES["five minutes"] | {"reading_rate": 0.01}
    weights = charlm.start(recipe, 7, 0).params
    learner = charlm.LEARNERS[framework](weights, recipe)
    chance = np.random.default_rng(0).integers(7, size=320)  # nothing to learn, and no way to peek
    pattern = np.tile(np.arange(7), 60)
    before = learner.bits(pattern), learner.bits(chance)
    assert charlm.while_reading(learner, weights, recipe, chance) > np.log2(7) - 0.1
    assert charlm.while_reading(learner, weights, recipe, pattern) < before[0] - 0.3
    assert (learner.bits(pattern), learner.bits(chance)) == before
    still = charlm.while_reading(learner, weights, recipe | {"reading_rate": 1e-9}, pattern)
    assert still == pytest.approx(before[0], abs=0.02)


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

    def one_by_one(jobs, workers):
        return ((key, function(*args)) for key, (function, *args) in jobs.items())

    parts = ["speed", "pydoc", "hmm"]
    runs = {part: {f"{part} {i}": partial(job, f"{part} {i}") for i in (0, 1)} for part in parts}
    monkeypatch.setattr(charlm, "RUNS", runs)
    monkeypatch.setattr(charlm.recorded, "side_by_side", one_by_one)

    def work():
        charlm.work(charlm.recorded.Record(path, charlm.RECIPES, charlm.PACKAGES), parts)

    with pytest.raises(KeyError, match="interrupted"):
        work()
    assert list(json.loads(path.read_text())["pydoc"]["runs"]) == ["pydoc 0", "pydoc 1"]
    work()
    kept = json.loads(path.read_text())
    assert {part: [*each["runs"]] for part, each in kept.items()} == {
        part: [f"{part} 0", f"{part} 1"] for part in parts
    }
    assert started[-2:] == ["speed 0", "speed 1"]  # what wants the machine alone comes last
    assert kept["pydoc"]["recipe"] == charlm.RECIPES["pydoc"]
    before = len(started)
    work()
    assert len(started) == before


def test_what_is_recorded_was_run_by_the_recipes_that_stand_here(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    charlm = importlib.import_module("charlm")
    record = charlm.recorded.Record(charlm.RESULTS, charlm.RECIPES, charlm.PACKAGES)
    for part, runs in charlm.RUNS.items():
        assert record.runs(part).keys() <= runs.keys()


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
