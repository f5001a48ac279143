"""What the scripts in ``benchmarks/`` measured, for chapters to show: too long to run on a page.

Each file says when, on what device, with which versions and by which recipe it was made.
"""

import json
import multiprocessing
import os
import platform
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent


def load(name):
    """The record of one benchmark. Args: name, as in benchmarks/<name>.py. Returns: a dict.

    Raises: ValueError for a name that has no record.
    """
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in names:
        raise ValueError(f"nothing is recorded as {name!r}; there are: {', '.join(names)}")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def by_lag(part, model, quantity, framework=None):
    """What a model reached at each lag, along lags.

    Args: part of ``load("lags")``, such as its "recall"; quantity, a key of its summary's rows;
    framework, by default the one in which the model was trained first. Returns: {lag: value}.
    """
    framework = framework or part["recipe"]["models"][model]["frameworks"][0]
    rows = [r for r in part["summary"] if (r["model"], r["framework"]) == (model, framework)]
    return {row["lag"]: row[quantity] for row in sorted(rows, key=lambda row: row["lag"])}


class Record:
    """A benchmark's file while it is made: for each part its runs, and the recipe they share.

        {part: {date, device, versions, recipe, summary, runs: {name: result}}}

    Args: path; recipes {part: what JSON can hold}; packages whose versions matter;
    summarize(recipe, runs) -> what to say of a part at one glance, or None to say nothing.
    """

    def __init__(self, path, recipes, packages, summarize=None):
        self.path, self.recipes, self.summarize = path, recipes, summarize
        self.versions = {"python": platform.python_version()}
        self.versions |= {package: version(package) for package in packages}
        self.parts, self.forgotten = self.read(), set()

    def read(self):
        """What the file holds by now: another process may have added to another part."""
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def runs(self, part):
        """What was run of a part, {name: result}.

        Raises: SystemExit if that was done under another recipe.
        """
        kept = self.parts.get(part)
        if kept and kept["recipe"] != self.recipes[part]:
            raise SystemExit(
                f"{self.path} holds {part} under another recipe: start it anew with --again"
            )
        return kept["runs"] if kept else {}

    def forget(self, part):
        """Drop what is recorded of a part."""
        self.parts.pop(part, None)
        self.forgotten.add(part)

    def add(self, part, name, result):
        """Keep one more run, so that an interruption loses none and breaks nothing."""
        runs = self.runs(part) | {name: result}
        self.forgotten.discard(part)
        others = self.read().items()
        self.parts = {other: kept for other, kept in others if other not in self.forgotten}
        self.parts[part] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": f"{os.cpu_count()} CPU cores, {platform.machine()}",
            "versions": self.versions,
            "recipe": self.recipes[part],
            **({"summary": self.summarize(self.recipes[part], runs)} if self.summarize else {}),
            "runs": runs,
        }
        self.path.parent.mkdir(exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(self.parts, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.path)


def side_by_side(jobs, workers):
    """Do jobs in so many processes, each in a new one whose libraries use one thread.

    Args: jobs {key: (function, *args)}, all of which can be pickled.
    Yields: (key, result), as they finish. No more are started once one has failed.
    """
    for library in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        os.environ[f"{library}_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        waiting = {pool.submit(*job): key for key, job in jobs.items()}
        try:
            for job in as_completed(waiting):
                yield waiting[job], job.result()
        except BaseException:  # an interruption too, or that nobody wants the rest
            pool.shutdown(cancel_futures=True)
            raise
