"""The table that ends a build: chapter, seconds, cells, scoreboard."""

import json

from book.execute import Places
from book.sources import chapters, read

HEADER = ("chapter", "seconds", "cells", "scoreboard")


def table(root):
    """Return the table of the executed chapters, a line for each of their scoreboards."""
    places = Places(root)
    scores = json.loads(places.results.read_text(encoding="utf-8"))["chapters"]
    lines = [HEADER]
    for path in chapters(root):
        run = read(places.executed / path.relative_to(root)).metadata["unrolled"]
        first, *others = _scoreboards(scores[path.stem]["scoreboard"])
        lines.append((path.stem, f"{run['seconds']:.1f}", str(run["cells"]), first))
        lines += [("", "", "", other) for other in others]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {seconds:>{widths[1]}}  {cells:>{widths[2]}}  {score}"
        for name, seconds, cells, score in lines
    )


def _scoreboards(rows):
    """Return a line for each metric and baseline: its value in each framework."""
    groups = {}
    for row in rows:
        group = groups.setdefault((row["metric"], row["baseline"]), [])
        group.append(f"{row['framework']} {row['value']:.4g}")
    return [
        f"{metric}: {', '.join(values)} (baseline {baseline:.4g})"
        for (metric, baseline), values in groups.items()
    ]
