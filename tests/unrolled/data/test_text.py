"""Letters to tokens and back, and what happens to letters that are not there."""

import numpy as np
import pytest

from unrolled.data.text import Vocabulary


def test_there_and_back():
    vocab = Vocabulary("helo")
    assert vocab.encode("hello").tolist() == [0, 1, 2, 2, 3]
    assert vocab.decode(vocab.encode("hello")) == "hello" and len(vocab) == 4


def test_batch_is_a_row_a_text():
    batch = Vocabulary("helo").encode_batch(["hell", "ello"])
    assert batch.tolist() == [[0, 1, 2, 2], [1, 2, 2, 3]]
    assert np.issubdtype(batch.dtype, np.integer)


def test_a_letter_outside_the_vocabulary():
    with pytest.raises(ValueError, match="'p' is not in the vocabulary, which has 'helo'"):
        Vocabulary("helo").encode("help")


def test_a_batch_of_different_lengths():
    with pytest.raises(ValueError, match=r"texts of one length, got lengths \[2, 4\]"):
        Vocabulary("helo").encode_batch(["he", "hell"])


@pytest.mark.parametrize("texts", [[], [""]])
def test_an_empty_batch_or_text(texts):
    with pytest.raises(ValueError, match="empty|one length"):
        Vocabulary("helo").encode_batch(texts)


@pytest.mark.parametrize("token", [-1, 4])
def test_a_token_outside_the_vocabulary(token):
    with pytest.raises(ValueError, match=f"token {token} is outside the vocabulary of 4 symbols"):
        Vocabulary("helo").decode([0, token])


def test_a_vocabulary_of_nothing_or_with_a_double():
    with pytest.raises(ValueError, match="at least one symbol"):
        Vocabulary("")
    with pytest.raises(ValueError, match="'l' stands twice"):
        Vocabulary("hello")
