"""Sentences of film reviews, from a small mirror; and what happens without a network."""

import hashlib
import json

import pooch
import pytest

from unrolled.data import sentences
from unrolled.data.sentences import (
    FILES,
    FOLDER,
    LICENSE,
    OPINIONS,
    encode_words,
    load_sentences,
    word_vocabulary,
    words_of,
)

LINES = {
    "against": "a dull film \nnobody laughs , nobody cries\nit's  a film\n",
    "for": "a bright film !\nit's a film \n\na bright film !\n",
}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder of mirrored files that holds a few lines of each opinion."""
    entries, files = [], {}
    for opinion, text in LINES.items():
        (tmp_path / opinion).write_text(text, encoding="utf-8")
        files[opinion] = f"{opinion}.txt", hashlib.sha256(text.encode()).hexdigest()
        entries.append({"file": opinion, "sha256": files[opinion][1]})
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    monkeypatch.setattr(sentences, "FILES", files)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))


def test_distinct_sentences_with_one_opinion_each(mirror):
    assert OPINIONS == ("against", "for")
    assert load_sentences() == [
        ("a bright film !", 1),
        ("a dull film", 0),
        ("nobody laughs , nobody cries", 0),
    ]


def test_words_and_marks_are_tokens_and_rare_words_are_unknown(mirror):
    assert words_of("It's  a film, 90 minutes!") == ["it's", "a", "film", ",", "90", "minutes", "!"]
    lines = [line for line, _ in load_sentences()]
    vocabulary = word_vocabulary(lines)
    assert vocabulary.symbols == ["·", "?", "a", "film"]  # nobody stands twice in one sentence
    assert encode_words("a dull film", vocabulary).tolist() == [2, 1, 3]
    assert len(word_vocabulary(lines, least=1)) == 2 + 9
    with pytest.raises(ValueError, match="the text is empty"):
        encode_words(" ", vocabulary)


def test_what_is_downloaded_is_pinned_and_its_license_is_stated():
    assert "Pang & Lee" in LICENSE
    assert FOLDER.startswith("https://") and any(len(part) == 40 for part in FOLDER.split("/"))
    assert all(len(sha256) == 64 for _, sha256 in FILES.values())


def test_without_a_network_the_error_names_data_that_need_none(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(ConnectionError, match=r"load_surnames\(\) .* needs no download"):
        load_sentences()
