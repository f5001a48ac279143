"""The benchmark scripts at tiny sizes: they measure what they say, and lose nothing."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled import recorded

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TINY = {"validation_sequences": 50, "test_sequences": 60, "updates": 3, "validate_every": 2}


@pytest.fixture
def lags(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("lags")


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


def named(results):
    return {str(i): each for i, each in enumerate(results)}


def task_sizes(lags, task):
    recipe = lags.RECIPES[task]
    return recipe["inputs"], recipe["outputs"]


@pytest.mark.parametrize("task", ["recall", "adding", "copy", "reber"])
def test_a_batch_says_what_is_due_and_scores_it(lags, task):
    N, lag = 6, 9
    batch = lags.BATCHES[task](np.random.default_rng(0), N, lag, "test")
    D, M = task_sizes(lags, task)
    assert batch.x.shape == (N, batch.scored.shape[1], D) and batch.x.dtype == np.float32
    assert batch.scored.dtype == bool and batch.scored.sum() == len(batch.targets)
    if task == "adding":
        right, wrong = batch.targets[:, None], batch.targets[:, None] + 0.5
        assert batch.score(right) == {"error": 0}
        assert batch.score(wrong)["error"] == pytest.approx(0.25)
        return
    right = np.eye(M)[batch.targets]
    if task == "reber":  # where two letters are legal, one of them alone is not the answer
        assert batch.score(right) == {"accuracy": 0, "outer_accuracy": 1}
    else:
        assert batch.score(right) == {"accuracy": 1}
        right[0] = -right[0]
        assert batch.score(right) == {"accuracy": 1 - 1 / len(batch.targets)}


def test_strings_that_are_not_trained_on_are_distinct(lags):
    for split, distinct in (("train", False), ("valid", True), ("test", True)):
        x = lags.embedded_reber(np.random.default_rng(0), 60, 5, split).x
        assert (len(np.unique(x, axis=0)) == 60) == distinct


@pytest.mark.parametrize("task", ["recall", "adding", "copy", "reber"])
def test_models_have_as_many_parameters_as_fit_into_those_of_the_plain_network(lags, task):
    (D, M), models = task_sizes(lags, task), lags.RECIPES[task]["models"]
    for name, model in models.items():
        counts = [
            sum(w.size for w in lags.start(name, D, H, M, np.random.default_rng(0)).values())
            for H in (model["hidden_size"], model["hidden_size"] + 1)
        ]
        assert counts[0] == model["parameters"]
        assert counts[0] <= models["rnn"]["parameters"] < counts[1]


@pytest.mark.parametrize(
    ("task", "name"), [("adding", "lstm"), ("adding", "rnn"), ("recall", "rnn")]
)
def test_three_frameworks_train_alike_from_one_start(lags, task, name):
    D, M = task_sizes(lags, task)
    weights = lags.start(name, D, 7, M, np.random.default_rng(0))
    learners = {
        framework: learner(name, {key: w.copy() for key, w in weights.items()}, 0.01)
        for framework, learner in lags.LEARNERS.items()
    }
    draw = np.random.default_rng(1)
    test = lags.BATCHES[task](draw, 40, 11, "test")
    untrained = learners["numpy"].outputs(test)
    for _ in range(5):
        batch = lags.BATCHES[task](draw, 6, 11, "train")
        for learner in learners.values():
            learner.update(batch)
    expected = learners["numpy"].outputs(test)
    assert np.abs(untrained - expected).max() > 0.05
    np.testing.assert_allclose(learners["pytorch"].outputs(test), expected, atol=1e-4)
    # Keras's Adam has a larger epsilon, and has it elsewhere.
    np.testing.assert_allclose(learners["keras"].outputs(test), expected, atol=0.01)


def test_a_gru_starts_alike_in_three_frameworks(lags):
    weights = lags.start("gru", 2, 7, 1, np.random.default_rng(0))
    test = lags.adding(np.random.default_rng(1), 5, 9, "test")
    ours, keras, torch_ = (learner("gru", weights, 0.01) for learner in lags.LEARNERS.values())
    np.testing.assert_allclose(keras.outputs(test), ours.outputs(test), atol=1e-5)
    np.testing.assert_allclose(torch_.outputs(test), ours.outputs(test), atol=1e-5)
    trained = {w for w, param in torch_.model.named_parameters() if param.requires_grad}
    assert "rnn.bias_hh_l0" in trained


@pytest.mark.parametrize("task", ["copy", "reber"])
def test_answers_in_between_are_learned_too(lags, task):
    D, M = task_sizes(lags, task)
    weights = lags.start("lstm", D, 7, M, np.random.default_rng(0))
    ours, theirs = (
        lags.NumpyLearner("lstm", weights, 0.01),
        lags.TorchLearner("lstm", weights, 0.01),
    )
    draw = np.random.default_rng(1)
    for _ in range(5):
        batch = lags.BATCHES[task](draw, 6, 4, "train")
        ours.update(batch)
        theirs.update(batch)
    test = lags.BATCHES[task](draw, 20, 4, "test")
    assert ours.outputs(test).shape == (len(test.targets), M)
    np.testing.assert_allclose(theirs.outputs(test), ours.outputs(test), atol=1e-4)


def test_the_identity_start_copies_the_state_and_trains_one_bias(lags):
    weights = lags.start("irnn", 9, 32, 9, np.random.default_rng(0))
    model = lags.TorchLearner("irnn", weights, 0.001).model
    weights = dict(model.named_parameters())
    assert torch.equal(weights["rnn.weight_hh_l0"], torch.eye(32))
    assert 0 < weights["rnn.weight_ih_l0"].abs().max() < 0.01
    frozen = [name for name, weight in weights.items() if not weight.requires_grad]
    assert frozen == ["rnn.bias_hh_l0"] and not weights["rnn.bias_hh_l0"].any()
    assert model["rnn"].nonlinearity == "relu"


def test_a_run_stops_when_it_validates_or_when_the_updates_are_spent(lags, monkeypatch):
    recipe = lags.RECIPES["recall"] | TINY
    monkeypatch.setitem(lags.RECIPES, "recall", recipe | {"updates": 200})
    easy = lags.run("recall", "pytorch", "rnn", 1, 0.01, 0)
    assert easy["updates"] < 200 and easy["updates"] % 2 == 0
    assert easy["validation_accuracy"] >= 0.99 and easy["test_accuracy"] > 0.9
    monkeypatch.setitem(lags.RECIPES, "recall", recipe)
    for framework, name in (("pytorch", "rnn"), ("numpy", "rnn"), ("numpy", "gru")):
        hard = lags.run("recall", framework, name, 60, 0.003, 0)
        assert hard["updates"] == 3 and hard["test_accuracy"] < 0.6
        again = lags.run("recall", framework, name, 60, 0.003, 0)
        assert hard | {"seconds": 0} == again | {"seconds": 0}


def test_where_the_metric_is_an_error_less_is_better(lags, monkeypatch):
    recipe = lags.RECIPES["adding"] | TINY | {"stop_at_validation": 1e-9}
    monkeypatch.setitem(lags.RECIPES, "adding", recipe)
    assert lags.run("adding", "numpy", "mgu", 8, 0.003, 0)["updates"] == 3
    monkeypatch.setitem(lags.RECIPES, "adding", recipe | {"stop_at_validation": 9.0})
    assert lags.run("adding", "numpy", "mgu", 8, 0.003, 0)["updates"] == 2
    runs = [
        {**result(learning_rate=rate), "validation_error": error, "test_error": error}
        for rate, error in ((0.1, 0.02), (0.01, 0.009), (0.003, 0.011))
    ]
    (row,) = lags.summarize(recipe, named(runs))
    assert (row["learning_rate"], row["success_rate"], row["mean_error"]) == (0.01, 1, 0.009)


def test_the_rate_is_chosen_on_validation_and_the_test_reports(lags):
    runs = [result(seed=s, learning_rate=0.1, validation_accuracy=0.5) for s in range(3)]
    runs += [result(seed=s, learning_rate=0.01, updates=300) for s in range(3)]
    runs += [
        result(seed=s, learning_rate=0.003, updates=200, test_accuracy=accuracy)
        for s, accuracy in enumerate([0.95, 0.949, 1.0])
    ]
    runs.append(result(lag=9, test_accuracy=0.25))
    row, other = lags.summarize(lags.RECIPES["recall"], named(runs))
    assert row["learning_rate"] == 0.003 and row["seeds"] == 3 and row["mean_updates"] == 200
    assert row["success_rate"] == pytest.approx(2 / 3)
    assert row["mean_accuracy"] == pytest.approx(2.899 / 3)
    assert (other["lag"], other["success_rate"], other["mean_accuracy"]) == (9, 0, 0.25)


def test_a_rate_that_was_repeated_stays_chosen(lags):
    runs = [result(learning_rate=rate, validation_accuracy=1 - rate) for rate in (0.01, 0.03)]
    (row,) = lags.summarize(lags.RECIPES["recall"], named(runs))
    assert row["learning_rate"] == 0.01
    runs += [result(seed=seed, validation_accuracy=0.5) for seed in (1, 2)]
    (row,) = lags.summarize(lags.RECIPES["recall"], named(runs))
    assert (row["learning_rate"], row["seeds"]) == (0.01, 3)


@pytest.fixture
def fake(lags, monkeypatch, tmp_path):
    """The script with runs that take no time: 0.01 is the best rate."""
    started = []

    def run(task, *key):
        started.append((task, *key))
        if len(started) == fake.stop:
            raise KeyboardInterrupt
        framework, model, lag, rate, seed = key
        metric = lags.RECIPES[task]["metric"]
        value = abs(rate - 0.01) if metric == "error" else 1 - abs(rate - 0.01)
        return {
            **dict(zip(lags.KEY, key, strict=True)),
            "updates": 9,
            f"validation_{metric}": value,
            f"test_{metric}": value,
        }

    monkeypatch.setattr(lags, "run", run)
    monkeypatch.setattr(lags, "RESULTS", tmp_path / "lags.json")

    def one_by_one(jobs, _):
        return ((key, job(*args)) for key, (job, *args) in jobs.items())

    monkeypatch.setattr(lags.recorded, "side_by_side", one_by_one)

    def fake(*arguments, stop=None):
        fake.stop = stop and len(started) + stop
        monkeypatch.setattr("sys.argv", ["lags", *arguments])
        lags.main()
        return json.loads(lags.RESULTS.read_text(encoding="utf-8"))

    fake.started = started
    return fake


def test_an_interrupted_sweep_goes_on_where_it_stopped(fake, lags, capsys):
    arguments = "--tasks", "adding", "reber", "--models", "rnn", "lstm"
    with pytest.raises(KeyboardInterrupt):
        fake(*arguments, stop=5)
    assert len(json.loads(lags.RESULTS.read_text())["adding"]["runs"]) == 4
    record = fake(*arguments)
    assert len(fake.started) == 1 + len(set(fake.started))
    # The plain network: 3 rates x 3 seeds; the other: 3 rates, and 2 more seeds at the best.
    assert len(record["reber"]["runs"]) == 9 + 5
    assert len(record["adding"]["runs"]) == 9 + 5 + 2 * 2 * 3  # and in two frameworks more
    repeated = [key for key in fake.started if key[1] in ("keras", "pytorch")]
    assert {key[4] for key in repeated} == {0.01} and len(repeated) == 12
    assert list(lags.RESULTS.parent.iterdir()) == [lags.RESULTS]
    before = len(fake.started)
    assert fake(*arguments)["adding"]["summary"] == record["adding"]["summary"]
    assert len(fake.started) == before
    assert "adding\tkeras\tlstm\t100\t0.01\t3\t1.0" in capsys.readouterr().out


def test_recall_is_repeated_at_some_lags_alone(fake, lags, monkeypatch):
    monkeypatch.setitem(lags.RECIPES["recall"]["models"]["rnn"], "lags", [5, 8, 100])
    record = fake("--tasks", "recall", "--models", "rnn", "lstm")
    runs = record["recall"]["runs"].values()
    assert {run["lag"] for run in runs if run["framework"] == "keras"} == {8, 100}
    assert {run["framework"] for run in runs if run["model"] == "lstm"} == {"numpy"}


def test_runs_of_another_recipe_are_not_mixed(fake, lags, monkeypatch):
    fake("--tasks", "reber", "--models", "rnn")
    monkeypatch.setitem(lags.RECIPES, "reber", lags.RECIPES["reber"] | {"updates": 7})
    with pytest.raises(SystemExit, match="lags.json holds reber under another recipe"):
        fake("--tasks", "reber", "--models", "rnn")
    fake("--tasks", "copy", "--models", "rnn")  # another task is not concerned
    record = fake("--tasks", "reber", "--models", "lstm", "--again")
    assert len(record["reber"]["runs"]) == 5 and record["reber"]["recipe"]["updates"] == 7


@pytest.mark.parametrize("task", ["recall", "adding", "copy", "reber"])
def test_the_recorded_summary_is_that_of_the_recorded_runs(lags, task):
    record = recorded.load("lags")[task]
    assert record["recipe"] == lags.RECIPES[task]
    assert record["summary"] == lags.summarize(record["recipe"], record["runs"])
    for name, run in record["runs"].items():
        assert name == lags.named((task, *(run[key] for key in lags.KEY)))


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


@pytest.mark.parametrize("script", ["lags", "layers"])
def test_help_explains(script, lags, layers, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [script, "--help"])
    with pytest.raises(SystemExit, match="0"):
        {"lags": lags, "layers": layers}[script].main()
    assert f"benchmarks/{script}.py" in capsys.readouterr().out


@pytest.fixture
def shapes(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("shapes")
    small = {"surnames": {"rounds": 1, "hidden_size": 8}, "batches": {"rounds": 1}}
    small["namer"] = {"rounds": 1, "numbers": 60}
    for part, changes in small.items():
        monkeypatch.setitem(module.RECIPES, part, module.RECIPES[part] | changes)
    return module


def test_surnames_are_scored_on_every_part_and_voted_on(shapes, monkeypatch):
    network, linear = shapes.surname_run(0.05, 0), shapes.surname_run(0.05, "linear")
    for scores in (network, linear):
        assert all(0 <= scores[part] <= 1 for part in ("train", "valid", "test"))
    assert linear["train"] > 0.9 and linear["strength"] in (1, 3, 10, 30)
    monkeypatch.setattr(shapes, "SEEDS", [0, 1])
    classes = shapes.surnames()[3]
    known = {part: np.log(np.eye(14)[classes[part]] * 0.9 + 0.01) for part in classes}
    monkeypatch.setattr(shapes, "surname_network", lambda share, seed: ({"seed": seed}, known))
    vote = shapes.surname_vote()
    assert vote["test"] == 1 and vote["alone"] == [{"seed": 0}, {"seed": 1}]


def test_the_lean_toward_large_classes_is_taken_out_as_validation_has_it(shapes):
    classes = {part: np.repeat([0, 1], [90, 10]) for part in ("train", "valid", "test")}
    leaning = np.full((100, 14), -50.0)
    leaning[:, 0], leaning[:90, 1], leaning[90:, 1] = 0.0, -3.0, -1.0
    found = shapes.best_tau(classes, {"valid": leaning, "test": leaning})
    assert found["tau"] > 0 and found["test"] == 1


def test_padding_is_counted_and_changes_no_score(shapes):
    runs = {how: shapes.batches_run("numpy", how, 0) for how in ("all alike", "at random")}
    assert runs["all alike"]["padding"] > runs["at random"]["padding"] > 0.3
    assert runs["all alike"]["test"] == pytest.approx(runs["at random"]["test"], abs=0.01)
    assert shapes.batches_run("pytorch", "by length", 0)["padding"] < 0.05


@pytest.mark.parametrize("given", ["once", "at every letter"])
def test_a_namer_is_trained_either_way(shapes, given):
    result = shapes.namer_run(given, 0.01, 0)
    assert 0 < result["loss"] < 4 and 0 <= result["test"] <= 1


def test_every_run_of_the_shapes_benchmark_has_a_name(shapes):
    jobs = shapes.jobs()
    assert jobs.keys() == shapes.RECIPES.keys()
    assert {part: len(runs) for part, runs in jobs.items()} == {
        "surnames": 16,
        "batches": 27,
        "namer": 18,
    }
