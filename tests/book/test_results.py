import json
import math

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from book import results
from book.execute import Places


def row(framework="numpy", **changes):
    return {
        "framework": framework,
        "metric": "accuracy",
        "unit": "fraction",
        "value": 0.9,
        "baseline": 0.75,
        "better": "higher",
        "low": 0.8,
        "high": 1.0,
        "beaten": True,
        "parameters": 40,
        "seconds": 1.2,
    } | changes


def board(**changes):
    return [row(**changes), row("keras"), row("pytorch")]


def agreement(**changes):
    table = {"float64": 3e-15, "float32": 2e-7, "steps": 50, "rows": []}
    return table | {"trajectory": {"float64": 1e-12, "float32": 0.3}} | changes


def gather(tmp_path, boards, agreements):
    """Gather the results of a book of one chapter that recorded these."""
    (tmp_path / "_toc.yml").write_text("root: chapters/01-a\n")
    (tmp_path / "chapters").mkdir()
    nbformat.write(new_notebook(), tmp_path / "chapters" / "01-a.ipynb")
    recorded = [(results.SCOREBOARD, data) for data in boards]
    recorded += [(results.AGREEMENT, data) for data in agreements]
    outputs = [new_output("display_data", data={mime: data}) for mime, data in recorded]
    notebook = new_notebook(cells=[new_code_cell("show()", outputs=outputs)])
    notebook.metadata["unrolled"] = {"seconds": 41.2, "device": "cpu", "versions": {"numpy": "2"}}
    places = Places(tmp_path)
    path = places.executed / "chapters" / "01-a.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return results.gather(places)


def test_good_results_are_gathered_in_the_stated_form(tmp_path):
    tables = [agreement(), agreement(float64=5e-15)]
    found, problems = gather(tmp_path, [board()], tables)
    assert problems == []
    results.write(found, tmp_path / "_build" / "results.json")
    assert json.loads((tmp_path / "_build" / "results.json").read_text()) == {
        "chapters": {
            "01-a": {
                "seconds": 41.2,
                "device": "cpu",
                "versions": {"numpy": "2"},
                "agreement": {"float64": 5e-15, "float32": 2e-7},
                "scoreboard": board(),
            }
        }
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": 0.79}, "value 0.79 is outside of its range [0.8, 1]"),
        ({"value": 1.01}, "value 1.01 is outside of its range [0.8, 1]"),
        ({"low": 0.7}, "its range [0.7, 1] allows the baseline 0.75"),
        ({"low": 0.75}, "its range [0.75, 1] allows the baseline 0.75"),
        ({"beaten": False}, "beaten is False, but value 0.9 stands against 0.75"),
        ({"better": "lower"}, "beaten is True, but value 0.9 stands against 0.75"),
        ({"better": "lower", "baseline": 0.95}, "its range [0.8, 1] allows the baseline 0.95"),
        ({"beaten": 1}, "beaten should be true or false, not 1"),
        ({"better": "bigger"}, "better should be higher or lower, not 'bigger'"),
        ({"value": math.nan}, "value should be a finite number, not nan"),
        ({"value": "nan"}, "value should be a finite number, not 'nan'"),
        ({"seconds": None}, "seconds should be a finite number, not None"),
        ({"high": math.inf}, "high should be a finite number, not inf"),
    ],
)
def test_a_row_that_does_not_hold_is_named(changes, message):
    problems = list(results.check_scoreboard(board(**changes)))
    assert any(message in problem for problem in problems)
    assert all(problem.startswith("numpy, accuracy: ") for problem in problems)


@pytest.mark.parametrize("field", results.FIELDS)
def test_a_missing_field_is_named(field):
    rows = board()
    del rows[1][field]
    assert any(f"the field {field} is missing" in line for line in results.check_scoreboard(rows))


def test_a_row_may_say_that_the_baseline_stands():
    rows = board(value=0.7, low=0.6, high=0.8, beaten=False)
    assert list(results.check_scoreboard(rows)) == []


def test_lower_is_better_for_a_loss():
    rows = board(value=0.1, low=0.0, high=0.2, baseline=0.3, better="lower")
    assert list(results.check_scoreboard(rows)) == []


def test_every_framework_must_stand_on_a_scoreboard():
    problems = list(results.check_scoreboard([row(), row("keras")]))
    assert problems == ["a scoreboard has no row for pytorch"]
    problems = list(results.check_scoreboard(board(framework="torch")))
    assert "a scoreboard has no row for numpy" in problems
    assert "torch, accuracy: framework should be one of keras, numpy, pytorch" in problems


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"float64": 2e-10}, "float64: 2e-10 is above 1e-10"),
        ({"float32": 2e-5}, "float32: 2e-05 is above 1e-05"),
        (
            {"trajectory": {"float64": 2e-9, "float32": 0}},
            "trajectory float64: 2e-09 is above 1e-09",
        ),
        (
            {"trajectory": {"float64": 1e-12}},
            "trajectory float32: a number was expected, None came",
        ),
        ({"float64": math.nan}, "float64: a number was expected, nan came"),
        ({"float32": "nan"}, "float32: a number was expected, 'nan' came"),
    ],
)
def test_broken_agreement_is_named(changes, message):
    [problem] = results.check_agreement(agreement(**changes))
    assert message in problem


def test_problems_name_their_chapter(tmp_path):
    _, problems = gather(tmp_path, [board(value=0.5)], [agreement(float64=1.0)])
    assert problems[0].startswith("01-a: numpy, accuracy: value 0.5 is outside")
    assert problems[-1].startswith("01-a: agreement, float64: 1 is above 1e-10")


def test_a_chapter_must_record_both(tmp_path):
    found, problems = gather(tmp_path, [], [])
    assert problems == ["01-a: records no scoreboard", "01-a: records no agreement"]
    assert found["chapters"]["01-a"]["agreement"] == {"float64": None, "float32": None}


def test_a_chapter_that_was_never_executed_is_named(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: 01-a\n")
    nbformat.write(new_notebook(), tmp_path / "01-a.ipynb")
    _, problems = results.gather(Places(tmp_path))
    assert problems == ["01-a: not executed yet; `make execute` does it"]
