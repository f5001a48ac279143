"""Each chapter runs with Keras on PyTorch and on JAX, and its recorded numbers still hold."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from book.execute import Places
from book.results import gather
from book.sources import chapters, read

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_chapters_hold_on_another_backend(backend):
    process = subprocess.run(
        [sys.executable, "-m", "book", "execute", "--keras-backend", backend],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "code")},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr

    places = Places(ROOT, backend)
    results, problems = gather(places)
    assert not problems
    assert results["chapters"].keys() == {path.stem for path in chapters(ROOT)}
    for path in chapters(ROOT):
        executed = read(places.executed / path.relative_to(ROOT))
        assert executed.metadata["unrolled"]["versions"]["keras backend"] == backend
