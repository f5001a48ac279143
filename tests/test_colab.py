"""Run each chapter as a reader on Colab does: setup cell first, nothing of ours installed.

The environment holds what the chapters need of Colab's own (its list of 2026-08-19), at Colab's
versions but for two: PyTorch is the one of requirements.txt (Colab: 2.11), which is the build at
hand without CUDA, and Python is the one that runs the tests (Colab: 3.13). The notebook and the
package come from a clone, so what is committed is tested.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from book.address import is_setup
from book.sources import chapters

ROOT = Path(__file__).resolve().parents[1]

TORCH = re.search(r"^torch==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
LINUX = 'sys_platform == "linux" and platform_machine == "x86_64"'
PINS = [
    TORCH,
    f"tensorflow-cpu==2.20.0 ; {LINUX}",
    'tensorflow==2.20.0 ; sys_platform != "linux" or platform_machine != "x86_64"',
    "Babel==2.18.0",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "jupyter_client==7.4.9",
    "keras==3.13.2",
    "matplotlib==3.10.0",
    "numpy==2.1.3",
    "pip==24.1.2",
    "pooch==1.9.0",
    "protobuf==5.29.6",
    "requests==2.32.4",
    "tqdm==4.67.3",
]

# The longest tests there are, so two workers share them. Each has an environment of its own, as
# every chapter installs the package into it.
CHAPTERS = [
    pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(f"colab-{number % 2}"))
    for number, path in enumerate(chapters(ROOT))
]
pytestmark = pytest.mark.slow


def pip(environment, *arguments):
    """Run the environment's pip and return what it printed."""
    command = [environment / "bin/python", "-m", "pip", *arguments]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def installed(environment):
    """Map each installed package to its version."""
    listing = json.loads(pip(environment, "list", "--format=json"))
    return {package["name"].lower(): package["version"] for package in listing}


@pytest.fixture(scope="session")
def colab():
    """The environment, made once and kept in .cache under a name that its pins decide."""
    recipe = "\n".join([sys.version, *PINS])
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"colab-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}-{worker}"
    environment = ROOT / ".cache" / name
    ready = environment / "ready"
    if not ready.exists():
        venv.create(environment, with_pip=True, clear=True)
        pip(environment, "install", "-q", TORCH)  # first, so that its build without CUDA stays
        pip(environment, "install", "-q", *PINS)
        ready.touch()
    pip(environment, "uninstall", "-q", "-y", "unrolled")
    return environment


@pytest.fixture
def clone(tmp_path):
    """A clone of this checkout, standing in for the repository that Colab installs from."""
    path = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(path)], check=True)
    return path


@pytest.fixture
def kernel(colab, tmp_path, monkeypatch):
    """A kernel in that environment, with Colab's own module loaded as on Colab."""
    startup = tmp_path / "ipython/profile_default/startup/colab.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(
        'import sys, types\nsys.modules["google.colab"] = types.ModuleType("colab")\n'
    )
    spec = tmp_path / "jupyter/kernels/colab/kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(colab / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    env = {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": "", "KERAS_BACKEND": "tensorflow"}
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "Colab", "language": "python", "env": env})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return "colab"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_on_colab_and_changes_nothing_there(chapter, colab, clone, kernel, tmp_path):
    notebook = nbformat.read(clone / chapter.relative_to(ROOT), 4)
    (cell,) = [cell for cell in notebook.cells if is_setup(cell)]
    cell.source, places = re.subn(r"git\+https://[^\s@]+@\w+", f"git+file://{clone}", cell.source)
    assert places == 1, f"no address to replace in the setup cell:\n{cell.source}"
    reader = tmp_path / "reader"
    reader.mkdir()
    before = installed(colab)

    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=300, resources={"metadata": {"path": str(reader)}}
    )
    client.execute()  # raises with the cell and its traceback

    after = installed(colab)
    assert "unrolled" in after
    moved = {name: (old, after.get(name)) for name, old in before.items() if after.get(name) != old}
    assert not moved, f"packages that Colab brings, before and after the setup cell: {moved}"
