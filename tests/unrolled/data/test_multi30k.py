"""Captions in three languages, from a small mirror; and what happens without a network."""

import gzip
import hashlib
import json

import pooch
import pytest

from unrolled.data import multi30k
from unrolled.data.multi30k import FILES, FOLDER, LICENSE, NAMES, load_multi30k

LINES = {
    "de": {"train": "Ein  Hund.\nZwei\xa0Männer.\n", "valid": "Drei Züge.\n", "test": "Vier.\n"},
    "en": {"train": "A dog.\nTwo men. \n", "valid": "Three trains.\n", "test": "Four.\n"},
    "fr": {"train": "Un chien.\nDeux hommes.\n", "valid": "Trois trains.\n", "test": "Quatre.\n"},
}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder of mirrored files that holds a few captions."""
    entries, files = [], {}
    for language, texts in LINES.items():
        for part, text in texts.items():
            data = gzip.compress(text.encode())
            (tmp_path / f"{part}.{language}.gz").write_bytes(data)
            sha256 = hashlib.sha256(data).hexdigest()
            files.setdefault(language, {})[part] = sha256
            entries.append({"file": f"{part}.{language}.gz", "sha256": sha256})
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    monkeypatch.setattr(multi30k, "FILES", files)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))


def test_captions_beside_their_translations(mirror):
    assert load_multi30k() == {
        "train": [("Ein Hund.", "A dog."), ("Zwei Männer.", "Two men.")],
        "valid": [("Drei Züge.", "Three trains.")],
        "test": [("Vier.", "Four.")],
    }
    assert load_multi30k("fr", target="de")["train"][1] == ("Deux hommes.", "Zwei Männer.")


def test_another_language():
    for languages in (("cs", "en"), ("de", "cs")):
        with pytest.raises(ValueError, match="a language is one of de, en, fr, got 'cs'"):
            load_multi30k(*languages)


def test_each_file_is_asked_for_by_its_own_name_and_hash(monkeypatch):
    asked = {}

    def fetch(name, address, sha256, advice):
        asked[address.removeprefix(FOLDER)] = sha256
        raise ConnectionError

    monkeypatch.setattr(multi30k, "fetch_file", fetch)
    for language in FILES:
        for part in NAMES:
            with pytest.raises(ConnectionError):
                multi30k._sentences(language, part)
    assert len(asked) == len(set(asked.values())) == 9
    assert all(len(sha256) == 64 for sha256 in asked.values())
    assert asked["/train.de.gz"].startswith("726e39b2")
    assert asked["/val.en.gz"].startswith("14f7d25d")
    assert asked["/test_2016_flickr.fr.gz"].startswith("6d326e18")


def test_what_is_downloaded_is_pinned_and_its_license_is_stated():
    assert FOLDER.startswith("https://") and any(len(part) == 40 for part in FOLDER.split("/"))
    for text in (LICENSE, multi30k.__doc__):
        assert "research and education" in text and "Flickr30k" in text and "commerc" in text


def test_without_a_network_the_error_names_data_that_need_none(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(ConnectionError, match=r"number_pairs\(\) .* needs no download"):
        load_multi30k()
