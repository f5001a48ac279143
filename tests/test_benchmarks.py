"""The benchmark scripts at tiny sizes: they measure what they say, and lose nothing."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TINY = {"validation_sequences": 50, "test_sequences": 60, "updates": 3, "validate_every": 2}


@pytest.fixture
def lag(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("lag")


@pytest.fixture
def layers(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    for library in ("OPENBLAS", "OMP", "MKL"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
    before = torch.get_num_threads()
    yield importlib.import_module("layers")
    torch.set_num_threads(before)


@pytest.fixture
def in_process(layers, monkeypatch):
    monkeypatch.setattr(layers, "fresh", lambda threads, function, *args: function(*args))


def result(**changes):
    defaults = {"framework": "pytorch", "model": "rnn", "lag": 5, "learning_rate": 0.01, "seed": 0}
    reached = {"updates": 100, "validation_accuracy": 1.0, "test_accuracy": 1.0, "seconds": 0.1}
    return defaults | reached | changes


def test_three_frameworks_train_alike_from_one_start(lag):
    weights = lag.rnn_start(np.random.default_rng(0))
    learners = [
        learner("rnn", {name: w.copy() for name, w in weights.items()}, 0.01)
        for learner in lag.LEARNERS.values()
    ]
    draw = np.random.default_rng(1)
    for _ in range(5):
        batch = lag.recall(draw, 7, 3)
        for learner in learners:
            learner.update(*batch)
    tokens, _ = lag.recall(draw, 40, 3)
    ours, numpy, keras = (learner.model for learner in learners)
    expected = ours(torch.tensor(tokens))[0][:, -1].detach().numpy()
    np.testing.assert_allclose(numpy.forward(tokens)[0][:, -1], expected, atol=1e-4)
    # Keras's Adam has a larger epsilon, and has it elsewhere.
    np.testing.assert_allclose(keras.predict_on_batch(tokens), expected, atol=0.01)
    untrained = lag.TorchLearner("rnn", weights, 0.01).scores(tokens).detach().numpy()
    assert np.abs(untrained - expected).max() > 0.1
    answers = expected.argmax(axis=-1)
    answers[:10] = (answers[:10] + 1) % lag.V
    assert [learner.accuracy(tokens, answers) for learner in learners] == [0.75, 0.75, 0.75]


def test_the_identity_start_copies_the_state_and_trains_one_bias(lag):
    model = lag.torch_irnn(lag.irnn_start(np.random.default_rng(0)))
    weights = dict(model.named_parameters())
    assert torch.equal(weights["rnn.weight_hh_l0"], torch.eye(lag.H))
    assert 0 < weights["rnn.weight_ih_l0"].abs().max() < 0.01
    frozen = [name for name, weight in weights.items() if not weight.requires_grad]
    assert frozen == ["rnn.bias_hh_l0"] and not weights["rnn.bias_hh_l0"].any()
    assert model.rnn.nonlinearity == "relu"


def test_a_run_stops_when_it_validates_or_when_the_updates_are_spent(lag):
    easy = lag.run("pytorch", "rnn", 1, 0.01, 0, {**lag.SETTINGS, **TINY, "updates": 200})
    assert easy["updates"] < 200 and easy["updates"] % 2 == 0
    assert easy["validation_accuracy"] >= 0.99 and easy["test_accuracy"] > 0.9
    for framework in ("pytorch", "numpy"):
        hard = lag.run(framework, "rnn", 60, 0.003, 0, {**lag.SETTINGS, **TINY})
        assert hard["updates"] == 3 and hard["test_accuracy"] < 0.6
        again = lag.run(framework, "rnn", 60, 0.003, 0, {**lag.SETTINGS, **TINY})
        assert hard | {"seconds": 0} == again | {"seconds": 0}


def test_the_rate_is_chosen_on_validation_and_the_test_reports(lag):
    runs = [result(seed=s, learning_rate=0.1, validation_accuracy=0.5) for s in range(3)]
    runs += [result(seed=s, learning_rate=0.01, updates=300) for s in range(3)]
    runs += [
        result(seed=s, learning_rate=0.003, updates=200, test_accuracy=accuracy)
        for s, accuracy in enumerate([0.95, 0.949, 1.0])
    ]
    runs.append(result(lag=9, test_accuracy=0.25))
    row, other = lag.summarize(runs)
    assert row["learning_rate"] == 0.003 and row["seeds"] == 3 and row["mean_updates"] == 200
    assert row["success_rate"] == pytest.approx(2 / 3)
    assert row["mean_accuracy"] == pytest.approx(2.899 / 3)
    assert (other["lag"], other["success_rate"], other["mean_accuracy"]) == (9, 0, 0.25)


def test_an_interrupted_sweep_goes_on_where_it_stopped(lag, tmp_path, monkeypatch):
    path, started = tmp_path / "results" / "lag.json", []

    def run(*key):
        started.append(key)
        if len(started) == 5:
            raise KeyboardInterrupt
        return result(**dict(zip(lag.KEY, key, strict=True)))

    monkeypatch.setattr(lag, "run", run)
    with pytest.raises(KeyboardInterrupt):
        lag.sweep(lag.Record(path), ["rnn"], [2, 5])
    assert len(json.loads(path.read_text())["runs"]) == 4
    lag.sweep(lag.Record(path), ["rnn"], [2, 5])
    assert len(started) == 1 + 2 * 3 * 3 and len(set(started)) == 2 * 3 * 3
    lag.check(lag.Record(path), [5, 100])
    repeated = started[19:]
    assert {key[0] for key in repeated} == {"numpy", "keras"}
    assert {key[2] for key in repeated} == {5} and len(repeated) == 6
    assert [file.name for file in path.parent.iterdir()] == ["lag.json"]


def test_runs_of_another_recipe_are_not_mixed(lag, tmp_path, monkeypatch):
    path = tmp_path / "lag.json"
    lag.Record(path).add(result())
    monkeypatch.setitem(lag.MODELS, "new", lag.MODELS["rnn"])
    lag.Record(path).add(result(model="new"))  # one more model is no other recipe
    assert {each["model"] for each in lag.Record(path).runs} == {"rnn", "new"}
    monkeypatch.setitem(lag.SETTINGS, "updates", 7)
    with pytest.raises(SystemExit, match="lag.json holds runs of another recipe"):
        lag.Record(path)


def test_the_recorded_summary_is_that_of_the_recorded_runs(lag):
    record = json.loads(lag.RESULTS.read_text(encoding="utf-8"))
    assert record["summary"] == lag.summarize(record["runs"])
    assert record["recipe"]["settings"] == lag.SETTINGS


@pytest.mark.parametrize("layer", ["rnn", "lstm", "gru"])
def test_numpy_and_pytorch_do_the_same_work(layers, monkeypatch, layer):
    built, params = layers.build(layer, 7)
    for name in params:  # biases too, else they might be swapped
        params[name][...] = np.random.default_rng(len(name)).normal(size=params[name].shape)
    monkeypatch.setattr(layers, "build", lambda name, H: (built, params))
    N, T, H = 3, 5, 7
    ours = layers.numpy_pass(layer, N, T, H)()
    for other in (layers.torch_pass, layers.cell_pass):
        work = other(layer, N, T, H)
        for _ in range(2):  # no gradient is left over from the pass before
            for mine, theirs in zip(ours, work(), strict=True):
                np.testing.assert_allclose(mine, theirs.swapaxes(0, 1), atol=1e-5)


@pytest.mark.parametrize("layer", ["rnn", "lstm", "gru", "mgu"])
def test_the_products_are_those_of_the_gates(layers, layer):
    _, params = layers.build(layer, 7)
    assert params["W_xh"].shape == params["W_hh"].shape == (7, 7 * layers.LAYERS[layer].gates)
    layers.products_pass(layer, 3, 5, 7)()


def test_a_layer_that_computes_something_else_is_found_out(layers, in_process, monkeypatch):
    def wrong(name, N, T, H):
        work = layers.torch_pass(name, N, T, H)
        return lambda: tuple(1.01 * array for array in work())

    monkeypatch.setitem(layers.PASSES, "torch", wrong)
    plan = layers.QUICK._replace(seconds=0.001)
    with pytest.raises(RuntimeError, match="torch computed .*, others"):
        layers.in_turns("rnn", ["numpy", "torch"], 1, [(3, 5, 7)], plan)


def test_a_measurement_has_its_own_process_and_threads(layers):
    assert layers.fresh(2, layers.os.getenv, "OPENBLAS_NUM_THREADS") == "2"
    assert layers.fresh(1, layers.os.getpid) != layers.os.getpid()


def test_the_speed_table_compares_like_with_like(layers, in_process, monkeypatch):
    seconds = {"numpy": 2.0, "torch": 3.0, "cell": 5.0, "products": 1.0}
    monkeypatch.setattr(
        layers, "measure", lambda who, name, sizes, _: [(seconds[who], [])] * len(sizes)
    )
    row = layers.speed("rnn", layers.QUICK)[0]
    assert (row["N"], row["T"], row["H"]) == (8, 12, 24)
    assert row["numpy_tokens_per_second"] == 48 and row["torch_tokens_per_second"] == 32
    assert row["numpy_over_torch"] == row["lowest_round"] == row["highest_round"] == 1.5
    assert row["numpy_over_cell"] == 2.5 and row["share_of_products"] == 0.5
    assert layers.speed("lstm", layers.QUICK)[0]["products_gflops"] == 4 * row["products_gflops"]
    alone = layers.speed("mgu", layers.QUICK)[0]
    assert alone["numpy_tokens_per_second"] == 48 and alone["share_of_products"] == 0.5
    assert not [column for column in alone if "torch" in column or "cell" in column]


def test_a_bound_is_checked_where_it_was_promised(layers):
    good = {"numpy_over_torch": 0.9, "numpy_over_cell": 1.25, "share_of_products": 0.65}
    rows = [good | {"H": H, "threads": threads} for H in (128, 256, 512) for threads in (1, 2)]
    assert layers.missed("lstm", rows) == layers.missed("gru", rows) == []
    assert len(layers.missed("rnn", rows)) == 6 and layers.missed("mgu", rows) == []
    slow = [row | {"numpy_over_torch": 0.86, "share_of_products": 0.6} for row in rows]
    lines = layers.missed("lstm", slow)
    assert [line.partition(":")[0] for line in lines] == [
        "lstm, H = 256, on 1 threads",
        "lstm, H = 512, on 1 threads",
        "lstm, H = 256, on 1 threads",
        "lstm, H = 256, on 2 threads",
    ]
    assert "numpy_over_torch is 0.86, expected at least 0.9" in lines[0]
    assert "share_of_products is 0.6, expected at least 0.65" in lines[-1]


def test_what_is_measured_is_kept_layer_by_layer(layers, tmp_path, monkeypatch, capsys):
    path = tmp_path / "layers.json"
    path.write_text(json.dumps({"rnn": {"speed": ["kept"]}}))
    row = {"layer": "lstm", "H": 256, "threads": 1, "numpy_over_torch": 0.95}
    row |= {"numpy_over_cell": 1.2, "share_of_products": 0.7}

    def speed(name, plan):
        if name == "gru":
            raise KeyboardInterrupt
        return [row]

    monkeypatch.setattr(layers, "RESULTS", path)
    monkeypatch.setattr(layers, "speed", speed)
    for chosen, end in ((["lstm", "gru"], KeyboardInterrupt), (["lstm"], SystemExit)):
        monkeypatch.setattr("sys.argv", ["layers", "--layers", *chosen])
        with pytest.raises(end) as raised:
            layers.main()
    assert "numpy_over_cell is 1.2, expected at least 1.25" in str(raised.value)
    kept = json.loads(path.read_text())
    assert kept["rnn"] == {"speed": ["kept"]} and kept["lstm"]["speed"] == [row]
    assert {"date", "device", "versions", "recipe"} <= kept["lstm"].keys()
    assert "growth" not in kept["lstm"] and "0.95" in capsys.readouterr().out


def test_memory_kept_is_inputs_and_states_and_the_exponents_find_it(layers):
    N, T, H = 6, 40, 32
    (held,) = layers.memory("rnn", [(N, T, H)])
    numbers = N * (T * H + (T + 1) * H)  # the inputs and the states, float32
    assert held["kept"] == pytest.approx(4 * numbers, rel=0.05)
    assert held["peak"] > held["kept"] + held["gradients"]
    assert held["gradients"] == 4 * (2 * H * H + H)
    sizes = [10, 100, 200, 400]
    assert layers.exponent(sizes, [1e9] + [3 * s**1.7 for s in sizes[1:]], 100) == 1.7


def test_growth_is_measured_and_explained(layers, in_process):
    grown = layers.growth("rnn", layers.QUICK._replace(seconds=0.001, rounds=1))
    assert [row["T"] for row in grown["T"]["rows"]] == layers.QUICK.along_T
    assert [row["H"] for row in grown["H"]["rows"]] == layers.QUICK.along_H
    assert grown["T"]["exponents"]["kept_bytes"] == pytest.approx(1, abs=0.1)
    assert grown["H"]["exponents"]["gradients_bytes"] == pytest.approx(2, abs=0.1)
    assert any("memory kept" in line for line in layers.explain(grown))


@pytest.mark.parametrize("script", ["lag", "layers"])
def test_help_explains(script, lag, layers, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [script, "--help"])
    with pytest.raises(SystemExit, match="0"):
        {"lag": lag, "layers": layers}[script].main()
    assert f"benchmarks/{script}.py" in capsys.readouterr().out
