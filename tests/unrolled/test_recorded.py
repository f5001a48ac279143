import json
import math
import os

import pytest

from unrolled import recorded
from unrolled.recorded import Record, side_by_side


@pytest.mark.parametrize("path", sorted(recorded.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_record_says_when_on_what_and_with_which_versions(path):
    record = recorded.load(path.stem)
    for part in [record] if "date" in record else record.values():
        assert {"date", "device", "versions", "recipe"} <= part.keys()


def test_an_unknown_record_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"nothing is recorded as 'lag'; there are: .*\blags\b"):
        recorded.load("lag")


def test_by_lag_takes_the_first_framework_and_sorts():
    found = {("gru", "numpy", 20): 2, ("gru", "numpy", 5): 1, ("gru", "keras", 5): 8}
    found[("rnn", "numpy", 5)] = 9
    keys = "model", "framework", "lag", "right"
    rows = [dict(zip(keys, (*key, value), strict=True)) for key, value in found.items()]
    recipe = {"models": {"gru": {"frameworks": ["numpy", "keras"]}}}
    part = {"recipe": recipe, "summary": rows}
    assert list(recorded.by_lag(part, "gru", "right").items()) == [(5, 1), (20, 2)]
    assert recorded.by_lag(part, "gru", "right", "keras") == {5: 8}


@pytest.fixture
def start(tmp_path):
    def start(recipe, **options):
        return Record(tmp_path / "made" / "it.json", {"a": recipe, "b": 2}, ["numpy"], **options)

    return start


def test_every_run_is_kept_at_once_with_its_recipe(start):
    record = start({"size": 3}, summarize=lambda recipe, runs: [recipe, *runs])
    record.add("a", "first", 5)
    record.add("b", "other", [1])
    record.add("a", "second", 4)
    kept = json.loads(record.path.read_text(encoding="utf-8"))
    assert kept["a"]["runs"] == {"first": 5, "second": 4} and kept["a"]["summary"] == [
        {"size": 3},
        "first",
        "second",
    ]
    assert kept["a"]["recipe"] == {"size": 3} and kept["b"]["recipe"] == 2
    assert kept["a"]["versions"].keys() == {"python", "numpy"}
    assert list(record.path.parent.iterdir()) == [record.path]
    again = start({"size": 3})
    assert again.runs("a") == {"first": 5, "second": 4} and again.runs("b") == {"other": [1]}


def test_runs_of_another_recipe_are_not_mixed(start):
    start({"size": 3}).add("a", "first", 5)
    record = start({"size": 4})
    with pytest.raises(SystemExit, match="it.json holds a under another recipe.*--again"):
        record.runs("a")
    with pytest.raises(SystemExit, match="another recipe"):
        record.add("a", "second", 6)
    assert start({"size": 3}).runs("a") == {"first": 5}
    record.forget("a")
    record.add("a", "second", 6)
    assert start({"size": 4}).runs("a") == {"second": 6}


def test_parts_of_two_records_at_once_are_both_kept_and_forgotten_ones_are_not(start):
    one, other = start({"size": 3}), start({"size": 3})
    one.add("a", "first", 5)
    other.add("b", "other", [1])
    one.add("a", "second", 6)
    assert start({"size": 3}).runs("b") == {"other": [1]}
    for part in ("a", "b"):
        one.forget(part)
    one.add("a", "third", 7)
    assert one.runs("b") == start({"size": 3}).runs("b") == {}
    one.add("b", "new", [2])
    assert start({"size": 3}).runs("a") == {"third": 7}
    assert start({"size": 3}).runs("b") == {"new": [2]}


def test_a_record_without_a_summary_has_none(start):
    record = start({})
    record.add("a", "first", 5)
    assert "summary" not in record.parts["a"]


@pytest.fixture
def environment(monkeypatch):
    for library in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        monkeypatch.setenv(f"{library}_THREADS", "7")  # given back after the test


@pytest.mark.usefixtures("environment")
def test_jobs_run_apart_with_one_thread_and_each_is_named():
    jobs = {"threads": (os.getenv, "OMP_NUM_THREADS"), "first": (os.getpid,), "next": (os.getpid,)}
    done = dict(side_by_side(jobs, 2))
    assert done["threads"] == "1"
    assert len({done["first"], done["next"], os.getpid()}) == 3


@pytest.mark.usefixtures("environment")
def test_a_failing_job_stops_the_rest_after_those_before_it():
    jobs = {number: (math.sqrt, number) for number in (4, 9, -1, 16)}
    done = {}
    with pytest.raises(ValueError, match="math domain|nonnegative"):
        for number, root in side_by_side(jobs, 1):
            done[number] = root
    assert done.items() >= {4: 2, 9: 3}.items()
