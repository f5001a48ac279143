"""The rival of chapter 9: sums over alignments against trying them all, and a look-up by hand."""

import itertools

import numpy as np
import pytest

from unrolled.seq2seq.lookup import (
    MOST,
    Alignment,
    LetterLookup,
    backward_ways,
    forward_ways,
    likeliest_cut,
    marked,
)

PAIRS = [("ab", "A B"), ("ba", "B A"), ("aa", "A A"), ("xb", "K S B"), ("bx", "B K S")]
PAIRS += [("bh", "B"), ("ah", "A"), ("ahx", "A K S")]
PAIRS = [(word, tuple(sounds.split())) for word, sounds in PAIRS]


def look_up(pairs, windows):
    return LetterLookup(pairs, Alignment(pairs).cuts, windows)


def every_cut(letters, sounds):
    """All ways to give each letter 0 to 2 of the sounds."""
    ways = itertools.product(range(MOST + 1), repeat=letters)
    return [cut for cut in ways if sum(cut) == sounds]


def weight(q, n, cut):
    """How likely is one way? The product over letters."""
    begins = np.cumsum([0, *cut[:-1]])
    return np.prod([q[n, i, k, j] for i, (k, j) in enumerate(zip(cut, begins, strict=True))])


@pytest.mark.parametrize(("L", "P"), [(1, 1), (1, 2), (3, 1), (3, 4), (4, 8), (4, 5)])
def test_sums_and_the_best_against_trying_every_way(L, P):
    rng = np.random.default_rng(L)
    q = rng.random((5, L, MOST + 1, P + 1))
    for k in range(1, MOST + 1):
        q[:, :, k, max(0, P + 1 - k) :] = 0  # no k sounds are left from there on
    ways = every_cut(L, P)
    wanted = np.array([[weight(q, n, cut) for cut in ways] for n in range(5)])
    ahead, back = forward_ways(q), backward_ways(q)
    np.testing.assert_allclose(ahead[:, L, P], wanted.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(back[:, 0, 0], wanted.sum(axis=1), rtol=1e-12)
    for i in range(L + 1):  # whatever stands where after i letters, the sum over it is all
        np.testing.assert_allclose(
            (ahead[:, i] * back[:, i]).sum(axis=1), wanted.sum(axis=1), rtol=1e-12
        )
    best = [ways[k] for k in wanted.argmax(axis=1)]
    assert [tuple(cut) for cut in likeliest_cut(q)] == best


def test_counts_are_the_mean_over_every_way():
    model = Alignment(PAIRS, rounds=1)
    rng = np.random.default_rng(0)
    model.table[:, :-1] = rng.random(model.table[:, :-1].shape)
    for rows, x, made in model.groups(PAIRS):
        q = model.chances(x, made)
        counts, wanted = np.zeros(model.table.size), np.zeros(model.table.shape)
        log_p = model.count(x, made, counts)
        for n in range(len(rows)):
            ways = every_cut(x.shape[1], made.shape[2] - 1)
            chance = np.array([weight(q, n, cut) for cut in ways])
            assert log_p[n] == pytest.approx(np.log(chance.sum()), abs=1e-12)
            for cut, p in zip(ways, chance / chance.sum(), strict=True):
                for i, (k, j) in enumerate(zip(cut, np.cumsum([0, *cut[:-1]]), strict=True)):
                    wanted[x[n, i], made[n, k, j]] += p
        np.testing.assert_allclose(counts.reshape(wanted.shape), wanted, rtol=0, atol=1e-12)


def test_em_finds_which_letter_makes_what():
    model = Alignment(PAIRS, rounds=20)
    assert (np.diff(model.surprise) <= 1e-12).all() and model.surprise[0] > model.surprise[-1]
    cuts = {word: cut for (word, _), cut in zip(PAIRS, model.cuts, strict=True)}
    assert cuts["xb"] == [2, 1] and cuts["bx"] == [1, 2] and cuts["ahx"] == [1, 0, 2]
    np.testing.assert_allclose(model.table.sum(axis=1), 1)


def test_a_word_with_too_many_sounds_is_left_out():
    model = Alignment([*PAIRS, ("ab", tuple("ABABA"))])
    assert model.cuts[-1] is None and None not in model.cuts[:-1]


def test_the_widest_window_that_was_seen_decides_and_a_narrower_one_breaks_a_tie():
    pairs = [("ab", ("A", "B")), ("ac", ("E", "K")), ("ac", ("A", "K")), ("a", ("A",))]
    model = look_up(pairs, [(1, 1), (0, 0)])
    # Before c, a was said in two ways equally often; alone, A was more frequent.
    assert "#ac" not in model.said[1, 1]
    assert model.say("ac") == ("A", "K")
    assert model.say("ab") == ("A", "B")
    assert model.say("ca") == ("K", "A")  # never seen beside each other
    assert model.say("zz") == ()  # letters that were never seen say nothing
    pairs += [("ac", ("E", "K"))]
    assert look_up(pairs, [(1, 1), (0, 0)]).say("ac") == ("E", "K")


def test_leaving_out_what_is_beyond_doubt_changes_no_answer():
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abx"), rng.integers(1, 6))) for _ in range(300)]
    sound = {"a": ("A",), "b": ("B",), "x": ("K", "S"), "aa": ("E",)}
    pairs = []
    for word in words:
        said = tuple(s for letter in word.replace("aa", "a") for s in sound[letter])
        pairs.append((word, said))
    windows = [(2, 3), (1, 1), (0, 0)]
    model, cuts = look_up(pairs, windows), Alignment(pairs).cuts

    def slowly(word):
        """By counting anew for every letter."""
        said = []
        for i in range(len(word)):
            for left, right in windows:
                here, ways = marked(word)[8 + i - left : 9 + i + right], {}
                for (other, sounds), cut in zip(pairs, cuts, strict=True):
                    for j in range(len(other)):
                        if marked(other)[8 + j - left : 9 + j + right] == here:
                            end = sum(cut[: j + 1])
                            piece = sounds[end - cut[j] : end]
                            ways[piece] = ways.get(piece, 0) + 1
                if list(ways.values()).count(max(ways.values(), default=0)) == 1:
                    said += max(ways, key=ways.get)
                    break
        return tuple(said)

    for word in [*words[:20], "xxaab", "bbbbbb"]:
        assert model.say(word) == slowly(word), word


@pytest.mark.parametrize("windows", [[], [(1, 1), (2, 0)], [(9, 0)], [(1, -1)]])
def test_windows_lie_within_each_other(windows):
    with pytest.raises(ValueError, match="at least one window, each within the one before"):
        look_up(PAIRS, windows)


def test_rounds_are_checked():
    with pytest.raises(ValueError, match="rounds must be a whole number of at least 1"):
        Alignment(PAIRS, rounds=0)
