"""Gather what the executed chapters recorded, and say where a number is not what it should be.

Chapters record scoreboards and agreement tables as data beside their HTML. This is what catches
a model that runs and learns nothing.
"""

import json
import math

from book.sources import FRAMEWORKS, chapters, code_cells, read

SCOREBOARD = "application/vnd.unrolled.scoreboard+json"
AGREEMENT = "application/vnd.unrolled.agreement+json"
NUMBERS = ("value", "baseline", "low", "high", "parameters", "seconds")
FIELDS = ("framework", "metric", "unit", "better", "beaten", *NUMBERS)
BOUNDS = {"float64": 1e-10, "float32": 1e-5}
TRAJECTORY_BOUND = 1e-9  # float64; in float32 the trajectory is reported only


def gather(places):
    """Return (results, problems) of the executed chapters; both also when there are problems."""
    results, problems = {}, []
    for path in chapters(places.root):
        executed = places.executed / path.relative_to(places.root)
        if not executed.exists():
            problems.append(f"{path.stem}: not executed yet; `make execute` does it")
            continue
        notebook = read(executed)
        boards, agreements = _recorded(notebook, SCOREBOARD), _recorded(notebook, AGREEMENT)
        found = [problem for board in boards for problem in check_scoreboard(board)]
        found += [problem for table in agreements for problem in check_agreement(table)]
        if not boards:
            found.append("records no scoreboard")
        if not agreements:
            found.append("records no agreement")
        problems += [f"{path.stem}: {problem}" for problem in found]
        run = notebook.metadata["unrolled"]
        results[path.stem] = {
            **{name: run[name] for name in ("seconds", "device", "versions")},
            "agreement": {dtype: _worst(agreements, dtype) for dtype in BOUNDS},
            "scoreboard": [row for board in boards for row in board],
        }
    return {"chapters": results}, problems


def write(results, path):
    """Write the gathered results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def check_scoreboard(rows):
    """Yield what is wrong with one recorded scoreboard."""
    missing = FRAMEWORKS - {row.get("framework") for row in rows}
    if missing:
        yield f"a scoreboard has no row for {', '.join(sorted(missing))}"
    for row in rows:
        name = f"{row.get('framework')}, {row.get('metric')}"
        broken = [*_broken_fields(row)]
        yield from (f"{name}: {problem}" for problem in broken or _broken_claims(row))


def check_agreement(table):
    """Yield what is wrong with one recorded agreement table."""
    trajectory = table.get("trajectory", {})
    differences = [(dtype, table.get(dtype), bound) for dtype, bound in BOUNDS.items()]
    differences += [
        ("trajectory float64", trajectory.get("float64"), TRAJECTORY_BOUND),
        ("trajectory float32", trajectory.get("float32"), math.inf),
    ]
    for name, value, bound in differences:
        if not _is_number(value):
            yield f"agreement, {name}: a number was expected, {value!r} came"
        elif value > bound:
            yield f"agreement, {name}: {value:.2g} is above {bound:g}; the frameworks differ"


def _broken_fields(row):
    """Yield the fields of a row that are missing or not of their kind."""
    for name in FIELDS:
        if name not in row:
            yield f"the field {name} is missing"
        elif name in NUMBERS and not _is_number(row[name]):
            yield f"{name} should be a finite number, not {row[name]!r}"
    if row.get("framework") not in FRAMEWORKS:
        yield f"framework should be one of {', '.join(sorted(FRAMEWORKS))}"
    if row.get("better") not in ("higher", "lower"):
        yield f"better should be higher or lower, not {row.get('better')!r}"
    if not isinstance(row.get("beaten"), bool):
        yield f"beaten should be true or false, not {row.get('beaten')!r}"


def _broken_claims(row):
    """Yield what a complete row says that its numbers do not."""
    value, baseline, low, high = (row[name] for name in ("value", "baseline", "low", "high"))
    if not low <= value <= high:
        yield f"value {value:g} is outside of its range [{low:g}, {high:g}]"
    sign = 1 if row["better"] == "higher" else -1
    if row["beaten"] != (sign * value > sign * baseline):
        yield f"beaten is {row['beaten']}, but value {value:g} stands against {baseline:g}"
    # The worst value that still passes must beat the baseline, or the range tests nothing.
    worst = low if row["better"] == "higher" else high
    if row["beaten"] and sign * worst <= sign * baseline:
        yield (
            f"value {value:g}: its range [{low:g}, {high:g}] allows the baseline {baseline:g}, "
            "so it would pass a model that learned nothing"
        )


def _recorded(notebook, mime):
    """Return the data that a notebook's outputs hold under a MIME type."""
    return [
        output.data[mime]
        for _, cell in code_cells(notebook)
        for output in cell.outputs
        if mime in output.get("data", {})
    ]


def _worst(tables, dtype):
    """Return the largest difference that a chapter's agreement tables record, or None."""
    values = [table.get(dtype) for table in tables]
    return max((value for value in values if _is_number(value)), default=None)


def _is_number(value):
    """Return whether a value is a finite number; on its way here NaN may become text."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
