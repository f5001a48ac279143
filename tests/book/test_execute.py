import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book import results
from book.execute import Places, cache_key, execute
from book.sources import read

ROOT = Path(__file__).parents[2]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture
def book(tmp_path):
    """A book of two chapters that import no framework: one rests on a.py, the other on b.py."""
    (tmp_path / "_toc.yml").write_text(
        "root: index\nchapters:\n- file: chapters/01-a\n- file: chapters/02-b\n"
    )
    (tmp_path / "index.md").write_text("# Start\n")
    package = tmp_path / "code" / "unrolled"
    (package / "a").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "a" / "__init__.py").touch()
    (package / "a" / "numpy.py").write_text("from ..base import BASE\nA = BASE + 1\n")
    (package / "base.py").write_text("def late():\n    from unrolled import deep\n\nBASE = 1\n")
    (package / "deep.py").write_text("DEEP = 1\n")
    (package / "b.py").write_text("B = 2\n")
    (package / "unused.py").write_text("")
    (tmp_path / "chapters").mkdir()
    write(tmp_path, "01-a", "from unrolled.a.numpy import A\nprint('A is', A)")
    write(tmp_path, "02-b", "%precision 3\nimport unrolled.b as b\nb.B")
    return tmp_path


def write(book, chapter, *sources, tags=()):
    cells = [new_markdown_cell("# Title", id="title")]
    for number, source in enumerate(sources):
        cells.append(new_code_cell(source, id=f"code-{number}", metadata={"tags": list(tags)}))
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, book / "chapters" / f"{chapter}.ipynb")


def executed(book, chapter):
    return Places(book).executed / "chapters" / f"{chapter}.ipynb"


def cli(book, *arguments, **environment):
    """Run the real command line on a book."""
    return subprocess.run(
        [sys.executable, "-m", "book", "--root", str(book), *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")} | environment,
        capture_output=True,
        text=True,
    )


def recording(value="1.0"):
    """Return the source of a cell that records an agreement table and a scoreboard.

    Args: value, the numpy row's, as Python source.
    """
    return f"""\
from IPython.display import display
row = dict(metric="accuracy", unit="fraction", value=1.0, baseline=0.75, better="higher",
           low=0.9, high=1.0, beaten=True, parameters=40, seconds=1.2)
board = [dict(row, framework=name) for name in ("numpy", "keras", "pytorch")]
board[0]["value"] = {value}
table = {{"float64": 1e-15, "float32": 1e-7, "trajectory": {{"float64": 1e-12, "float32": 0.1}}}}
display({{{results.SCOREBOARD!r}: board, {results.AGREEMENT!r}: table}}, raw=True)"""


def test_a_chapter_is_executed_once_and_says_how(book, capsys):
    assert [outcome.error for outcome in execute(book)] == ["", ""]
    notebook = read(executed(book, "01-a"))
    assert notebook.cells[1].outputs[0].text == "A is 2\n"
    assert notebook.cells[1].metadata == {"tags": []}
    run = notebook.metadata["unrolled"]
    assert run["executed"].endswith("+00:00") and run["cells"] == 1 and run["seconds"] > 0
    assert {"python", "numpy", "keras backend"} <= set(run["versions"])
    assert run["device"] in ("cpu", "gpu") and run["device_name"]
    assert (book / "_build" / "junit" / "01-a.xml").read_text().count("<testcase") == 1

    before = {chapter: executed(book, chapter).stat().st_mtime_ns for chapter in ("01-a", "02-b")}
    capsys.readouterr()
    execute(book)
    assert capsys.readouterr().out == "01-a  cached\n02-b  cached\n"
    assert before == {name: executed(book, name).stat().st_mtime_ns for name in before}

    # A module that 01-a imports through two others, once inside a function.
    (book / "code" / "unrolled" / "deep.py").write_text("DEEP = 2\n")
    execute(book)
    assert executed(book, "01-a").stat().st_mtime_ns > before["01-a"]
    assert executed(book, "02-b").stat().st_mtime_ns == before["02-b"]


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("a/numpy.py", {"01-a"}),
        ("a/__init__.py", {"01-a"}),
        ("base.py", {"01-a"}),
        ("deep.py", {"01-a"}),
        ("b.py", {"02-b"}),
        ("words.json", {"01-a", "02-b"}),  # data beside an imported module
        ("__init__.py", {"01-a", "02-b"}),
        ("unused.py", set()),
    ],
)
def test_a_change_in_the_code_makes_only_its_chapters_stale(book, changed, stale):
    def keys():
        paths = (book / "chapters").glob("*.ipynb")
        return {path.stem: cache_key(book, read(path), "tensorflow") for path in paths}

    before = keys()
    (book / "code" / "unrolled" / changed).write_text("CHANGED = 1\n")
    after = keys()
    assert {chapter for chapter in before if before[chapter] != after[chapter]} == stale


def test_the_key_covers_cells_their_metadata_and_the_backend(book):
    notebook = read(book / "chapters" / "01-a.ipynb")
    keys = {cache_key(book, notebook, "tensorflow"), cache_key(book, notebook, "jax")}
    notebook.cells[0].source = "# Another title"
    keys.add(cache_key(book, notebook, "tensorflow"))
    notebook.cells[1].metadata["tags"] = ["numpy"]
    keys.add(cache_key(book, notebook, "tensorflow"))
    notebook.cells[1].metadata["quote"] = "unrolled.b:B"  # a quoted module counts as imported
    keys.add(cache_key(book, notebook, "tensorflow"))
    (book / "code" / "unrolled" / "b.py").write_text("B = 3\n")
    keys.add(cache_key(book, notebook, "tensorflow"))
    assert len(keys) == 6


def test_failing_cells_are_all_reported_and_good_copies_stay(book):
    execute(book)
    good = executed(book, "01-a").read_bytes()
    write(book, "01-a", "print('so far')", "def f():\n    return 1 / 0", "f()", "print('never')")
    write(book, "02-b", "undefined_name")
    process = cli(book, "execute")
    assert process.returncode == 1
    assert "chapters/01-a.ipynb, cell 4 (id code-2) failed:\n\n    f()\n" in process.stdout
    assert "return 1 / 0" in process.stdout and "ZeroDivisionError" in process.stdout
    assert "chapters/02-b.ipynb, cell 2 (id code-0) failed" in process.stdout
    assert "NameError: name 'undefined_name' is not defined" in process.stdout
    assert "Failed: 01-a, 02-b (2 of 2 chapters)" in process.stdout
    assert executed(book, "01-a").read_bytes() == good
    left = read(book / "_build" / "failed" / "chapters" / "01-a.ipynb")
    assert left.cells[1].outputs[0].text == "so far\n"
    assert "<failure" in (book / "_build" / "junit" / "01-a.xml").read_text()


def test_a_build_that_fails_leaves_the_last_good_site(book):
    site = book / "_build" / "html" / "index.html"
    site.parent.mkdir(parents=True)
    site.write_text("the last good site")
    write(book, "01-a", "1 / 0")
    assert cli(book, "build").returncode == 1
    assert site.read_text() == "the last good site"


def test_a_dead_kernel_and_an_endless_cell_fail_too(book):
    write(book, "01-a", "import os", "os._exit(1)")
    write(book, "02-b", "import time", "time.sleep(600)")
    process = cli(book, "execute", "--timeout", "2")
    assert process.returncode == 1
    assert "chapters/01-a.ipynb failed outside of its cells" in process.stdout
    assert "DeadKernelError" in process.stdout
    assert "chapters/02-b.ipynb, cell 3 (id code-1) failed" in process.stdout
    assert "longer than the time limit" in process.stdout


def test_a_scoreboard_out_of_range_fails_the_execution(book):
    write(book, "01-a", recording())
    write(book, "02-b", recording("0.5"))
    process = cli(book, "execute")
    assert process.returncode == 1
    assert "FAILED  02-b: numpy, accuracy: value 0.5 is outside of its range" in process.stdout
    assert "01-a:" not in process.stdout
    assert set(json.loads(Places(book).results.read_text())["chapters"]) == {"01-a", "02-b"}

    write(book, "02-b", recording("float('nan')"))
    process = cli(book, "execute")
    assert process.returncode == 1
    assert "02-b: numpy, accuracy: value should be a finite number" in process.stdout


def test_another_backend_has_places_of_its_own(book):
    for chapter in ("01-a", "02-b"):
        source = "import os\nprint(os.environ['KERAS_BACKEND'])"
        write(book, chapter, source, recording())
    assert cli(book, "execute", "--keras-backend", "torch").returncode == 0
    notebook = read(book / "_build" / "executed-torch" / "chapters" / "01-a.ipynb")
    assert notebook.cells[1].outputs[0].text == "torch\n"
    assert notebook.metadata["unrolled"]["versions"]["keras backend"] == "torch"
    assert (book / "_build" / "results-torch.json").exists()
    assert not executed(book, "01-a").exists()


def test_a_line_on_stderr_is_a_warning_even_from_the_cache(book):
    write(book, "01-a", "import sys\nprint('a log line', file=sys.stderr)")
    write(book, "02-b", "import sys\nprint('quiet', file=sys.stderr)", tags=["remove-stderr"])
    for _ in range(2):
        outcomes = execute(book)
        assert [len(outcome.warnings) for outcome in outcomes] == [1, 0]
        assert "01-a.ipynb, cell 2 (id code-0) shows stderr: a log line" in outcomes[0].warnings[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_a_run_leaves_no_kernel(book, number):
    pids = book / "pids"
    write(
        book,
        "01-a",
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} end')\n"
        "time.sleep(600)",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "book", "--root", str(book), "execute"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().endswith("end")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    started = [int(pid) for pid in pids.read_text().split()[:2]]
    assert all(psutil.pid_exists(pid) for pid in started)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Stopped" in output
    assert not any(_runs(pid) for pid in started)


def _runs(pid):
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
