import subprocess

import pooch
import pytest

from unrolled.data import wheels


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    return tmp_path / "unrolled"


def pip_that(monkeypatch, *, writes=None, says=""):
    """Stand in for pip: it leaves a file where it is told to, or fails."""

    def run(command, **options):
        if writes is not None:
            from pathlib import Path

            (Path(command[command.index("--dest") + 1]) / "thing-1.0-any.whl").write_bytes(writes)
        return subprocess.CompletedProcess(command, int(writes is None), "", says)

    monkeypatch.setattr(wheels.subprocess, "run", run)


HASH = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of b"x"


def test_a_wheel_is_fetched_once(cache, monkeypatch):
    pip_that(monkeypatch, writes=b"x")
    path = wheels.fetch_wheel("thing==1.0", HASH)
    assert path.read_bytes() == b"x" and path.name == "thing-1.0.whl"
    pip_that(monkeypatch, says="no network")
    assert wheels.fetch_wheel("thing==1.0", HASH) == path


def test_a_damaged_copy_is_fetched_again(cache, monkeypatch):
    pip_that(monkeypatch, writes=b"x")
    path = wheels.fetch_wheel("thing==1.0", HASH)
    path.write_bytes(b"broken")
    assert wheels.fetch_wheel("thing==1.0", HASH).read_bytes() == b"x"


def test_what_pip_could_not_do_is_said_and_nothing_is_left(cache, monkeypatch):
    pip_that(monkeypatch, says="WARNING: one\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES")
    with pytest.raises(ConnectionError, match="could not fetch thing==1.0.*DO NOT MATCH"):
        wheels.fetch_wheel("thing==1.0", HASH)
    assert not list(cache.iterdir())


def test_pip_itself_refuses_another_hash(cache):
    with pytest.raises(ConnectionError, match="could not fetch num2words==0.5.14"):
        wheels.fetch_wheel("num2words==0.5.14", HASH)
    assert not list(cache.iterdir())
