"""The committed pictures are what the script draws, and files that any viewer can read."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from book import front_picture

IMAGES = Path(__file__).parents[2] / "chapters/images"


@pytest.fixture(scope="module")
def pictures():
    return front_picture.pictures()


def test_committed_pictures_are_up_to_date(pictures):
    for name, text in pictures.items():
        committed = (IMAGES / name).read_text(encoding="utf-8")
        assert committed == text, f"{name} is old: run python -m book.front_picture"


def test_pictures_stand_alone(pictures):
    for text in pictures.values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("aria-label")
        assert "var(" not in text and "currentColor" not in text


def test_front_picture_names_the_word_and_the_three_ways(pictures):
    for mode in ("light", "dark"):
        root = ElementTree.fromstring(pictures[f"unrolled-{mode}.svg"])
        words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert all(
            words.count(letter) == n for letter, n in {"h": 5, "l": 4, "e": 2, "o": 1}.items()
        )
        assert words[-3:] == ["NumPy", "Keras", "PyTorch"]


def test_main_writes_all(tmp_path, pictures):
    front_picture.main(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(pictures)
