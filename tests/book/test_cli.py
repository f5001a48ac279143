import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from book import devices
from book.__main__ import main
from book.execute import Places
from book.results import write
from book.table import table

ROOT = Path(__file__).parents[2]


def cli(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "book", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        capture_output=True,
        text=True,
    )


def test_help_lists_every_command():
    process = cli("--help")
    assert process.returncode == 0
    for command in "build execute results render serve quote check backends".split():
        assert f"    {command} " in process.stdout


def test_serve_says_how_to_build_a_site_that_is_missing(tmp_path):
    process = cli("--root", str(tmp_path), "serve")
    assert process.returncode == 1
    assert (
        process.stderr
        == f"error: there is no site at {tmp_path}/_build/html yet; `make book` builds it\n"
    )


def test_serve_shows_the_site(tmp_path):
    (tmp_path / "_build" / "html").mkdir(parents=True)
    (tmp_path / "_build" / "html" / "index.html").write_text("the front page")
    process = subprocess.Popen(
        [sys.executable, "-m", "book", "--root", str(tmp_path), "serve", "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        assert urllib.request.urlopen(url).read() == b"the front page"
    finally:
        process.kill()
        process.communicate()


def test_an_entry_of_the_contents_without_a_file_is_named(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: index\n")
    process = cli("--root", str(tmp_path), "execute")
    assert process.returncode == 1
    assert "names index, but there is neither index.ipynb nor index.md" in process.stderr


@pytest.mark.parametrize(
    ("answer", "blamed"),
    [
        ({"pytorch": True, "keras": False, "name": "G"}, "Keras on tensorflow sees no GPU"),
        ({"pytorch": False, "keras": True, "name": ""}, "PyTorch sees no GPU"),
    ],
)
def test_require_gpu_names_the_framework_without_one(tmp_path, monkeypatch, capsys, answer, blamed):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(devices, "seen", lambda backend: answer)
    assert main(["--root", str(tmp_path), "execute", "--require-gpu"]) == 1
    assert capsys.readouterr().out.startswith(f"FAILED  {blamed}")


@pytest.mark.parametrize(
    ("pytorch", "keras", "device", "name"),
    [
        (True, True, "gpu", "G"),
        (False, False, "cpu", f"{os.cpu_count()} CPU cores"),
        (True, False, "gpu", "G; Keras on tensorflow on"),
    ],
)
def test_the_device_is_what_the_frameworks_see(monkeypatch, pytorch, keras, device, name):
    answer = {"pytorch": pytorch, "keras": keras, "name": "G" if pytorch else ""}
    monkeypatch.setattr(devices, "may_have_gpu", lambda: True)
    monkeypatch.setattr(devices, "seen", lambda backend: answer)
    described = devices.describe("tensorflow")
    assert described["device"] == device and described["device_name"].startswith(name)


def test_the_table_shows_each_scoreboard(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: 01-a\n")
    notebook = new_notebook(cells=[new_code_cell()])
    nbformat.write(notebook, tmp_path / "01-a.ipynb")
    places = Places(tmp_path)
    places.executed.mkdir(parents=True)
    notebook.metadata["unrolled"] = {"seconds": 41.23, "cells": 57}
    nbformat.write(notebook, places.executed / "01-a.ipynb")
    measured = [("accuracy", "numpy", 1), ("accuracy", "keras", 0.98765), ("loss", "numpy", 0.5)]
    rows = [
        {"metric": metric, "framework": framework, "value": value, "baseline": 0.75}
        for metric, framework, value in measured
    ]
    write({"chapters": {"01-a": {"scoreboard": rows}}}, places.results)
    assert table(tmp_path).splitlines() == [
        "chapter  seconds  cells  scoreboard",
        "01-a        41.2     57  accuracy: numpy 1, keras 0.9877 (baseline 0.75)",
        "                         loss: numpy 0.5 (baseline 0.75)",
    ]
