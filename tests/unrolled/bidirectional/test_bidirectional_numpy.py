"""Bidirectional layers in NumPy alone: reversal, gradients, states, masks, bad input."""

import numpy as np
import pytest

from unrolled.bidirectional.numpy import NumpyBidirectional, NumpyTagger, numpy_reverse
from unrolled.data.batches import length_mask, pad
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.mgu.numpy import NumpyMGU
from unrolled.nn import (
    IGNORED,
    Embedding,
    Linear,
    masked_cross_entropy,
    masked_cross_entropy_backward,
)

LAYERS = [NumpyLSTM, NumpyGRU, NumpyMGU]
MERGES = ["concat", "sum"]
# N, T, D, H
SIZES = [(2, 5, 3, 4), (3, 4, 6, 2), (1, 3, 2, 5), (4, 1, 3, 2), (1, 1, 1, 1)]


@pytest.fixture(params=LAYERS)
def Layer(request):
    return request.param


@pytest.fixture(params=MERGES)
def merge(request):
    return request.param


def random_pair(Layer, rng, D, H, merge="concat", dtype=np.float64):
    """A bidirectional layer with every parameter random, the biases too."""
    layers = [Layer(D, H, rng=rng, dtype=dtype) for _ in range(2)]
    both = NumpyBidirectional(*layers, merge)
    for param in both.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return both


def parts(state):
    """The arrays of a state of two layers, each of one array or, in an LSTM, of two."""
    if isinstance(state, tuple | list):
        return [array for part in state for array in parts(part)]
    return [state]


def like(state, arrays):
    """Arrays arranged as a state is. Args: arrays, an iterator."""
    if isinstance(state, tuple | list):
        return tuple(like(part, arrays) for part in state)
    return next(arrays)


def random_state(rng, layer, N):
    zeros = layer.init_state(N)
    return like(zeros, (rng.normal(size=part.shape) for part in parts(zeros)))


def random_mask(rng, N, T):
    """Holes anywhere: one in the first sequence, and of the last of several nothing stays."""
    mask = rng.random((N, T)) < 0.6
    mask[0] = (np.arange(T) != T // 2) | (T == 1)
    mask[1:][-1:] = False
    return mask


def width(merge, H):
    return 2 * H if merge == "concat" else H


def message(call, *args, error=ValueError, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    return str(raised.value)


# Reversal within the true length


def test_each_row_is_reversed_within_its_length_and_padding_stays(rng):
    x, lengths = pad([[1, 2, 3, 4], [5, 6], [7]])
    mask = length_mask(lengths, 4)
    expected = [[4, 3, 2, 1], [6, 5, 0, 0], [7, 0, 0, 0]]
    np.testing.assert_array_equal(numpy_reverse(x, mask), expected)
    np.testing.assert_array_equal(numpy_reverse(x), x[:, ::-1])
    np.testing.assert_array_equal(numpy_reverse(x, np.ones((3, 4), bool)), x[:, ::-1])
    np.testing.assert_array_equal(numpy_reverse(x, np.zeros((3, 4), bool)), x)


@pytest.mark.parametrize("features", [(), (3,), (3, 2)])
def test_holes_stay_where_they_are_and_twice_reversed_is_as_before(rng, features):
    N, T = 5, 9
    mask, x = rng.random((N, T)) < 0.5, rng.normal(size=(N, T, *features))
    turned = numpy_reverse(x, mask)
    for n in range(N):
        np.testing.assert_array_equal(turned[n, mask[n]], x[n, mask[n]][::-1])
        np.testing.assert_array_equal(turned[n, ~mask[n]], x[n, ~mask[n]])
    np.testing.assert_array_equal(numpy_reverse(turned, mask), x)


def test_with_a_mask_the_whole_row_may_be_reversed_without_one_it_must_not(rng, Layer):
    """Skipped steps at the beginning change nothing; read ones do."""
    N, T, D, H = 4, 7, 3, 2
    layer = random_pair(Layer, rng, D, H).layers[1]
    mask = length_mask([7, 3, 5, 1], T)
    x = rng.normal(size=(N, T, D)) * mask[..., None]
    within = numpy_reverse(layer.forward(numpy_reverse(x, mask), mask=mask)[0], mask)
    flipped = layer.forward(x[:, ::-1], mask=mask[:, ::-1])[0][:, ::-1]
    np.testing.assert_allclose(flipped[mask], within[mask], rtol=0, atol=1e-14)
    popular_bug = layer.forward(x[:, ::-1])[0][:, ::-1]
    assert np.abs(popular_bug[0] - within[0]).max() < 1e-14  # the longest row has no padding
    for n in (1, 2, 3):
        assert np.abs(popular_bug[n] - within[n])[mask[n]].max() > 0.01


# The layer


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
@pytest.mark.parametrize("given", [True, False], ids=["state", "no state"])
def test_gradients(rng, assert_gradients, Layer, merge, N, T, D, H, masked, given):
    layer = random_pair(Layer, rng, D, H, merge)
    x, pull = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, width(merge, H)))
    state, last_pull = (random_state(rng, layer, N) if given else None for _ in range(2))
    mask = random_mask(rng, N, T) if masked else None
    assert_gradients(layer, x, pull, state, last_pull, mask, parts=parts)


@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_each_step_knows_what_two_layers_know(rng, Layer, merge, masked):
    """Each sequence alone, by a loop of steps from both ends, its skipped steps left out."""
    N, T, D, H = 3, 6, 4, 2
    layer = random_pair(Layer, rng, D, H, merge)
    x, state = rng.normal(size=(N, T, D)), random_state(rng, layer, N)
    mask = random_mask(rng, N, T) if masked else None
    hs, lasts = layer.forward(x, state, mask)
    mask = np.ones((N, T), bool) if mask is None else mask
    assert (hs[~mask] == 0).all() and hs.shape == (N, T, width(merge, H))
    for n in range(N):
        real, seen = np.flatnonzero(mask[n]), []
        for one, order, start, last in zip(
            layer.layers, (real, real[::-1]), state, lasts, strict=True
        ):
            h = like(start, (part[[n]] for part in parts(start)))
            shown = {}
            for t in order:
                h = one.step(x[[n], t], h)
                shown[t] = parts(h)[0][0]
            seen.append(shown)
            for ours, theirs in zip(parts(last), parts(h), strict=True):
                np.testing.assert_allclose(ours[[n]], theirs, rtol=0, atol=1e-14)
        for t in real:
            pair = seen[0][t], seen[1][t]
            expected = np.concatenate(pair) if merge == "concat" else pair[0] + pair[1]
            np.testing.assert_allclose(hs[n, t], expected, rtol=0, atol=1e-14)


def test_a_mirror_exchanges_the_layers(rng, Layer):
    """Backward is forward in the mirror, so neither layer is treated in another way."""
    N, T, D, H = 3, 6, 4, 2
    layer = random_pair(Layer, rng, D, H)
    ahead, back = layer.layers
    x, mask = rng.normal(size=(N, T, D)), length_mask([6, 4, 1], T)
    hs, (last, first) = layer.forward(x, mask=mask)
    mirror = NumpyBidirectional(back, ahead)
    mirrored, (mirror_last, mirror_first) = mirror.forward(numpy_reverse(x, mask), mask=mask)
    halves = np.split(numpy_reverse(mirrored, mask), 2, axis=-1)
    np.testing.assert_array_equal(np.concatenate(halves[::-1], axis=-1), hs)
    ours, theirs = [*parts(last), *parts(first)], [*parts(mirror_first), *parts(mirror_last)]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_two_halves_equal_the_whole_if_the_backward_layer_meets_them_in_its_own_order(
    rng, Layer, cut
):
    """No state can be handed on to the right: what a backward layer knows comes from there."""
    N, T, D, H = 2, 7, 3, 4
    layer = random_pair(Layer, rng, D, H)
    ahead, back = layer.layers
    x, (start, end) = rng.normal(size=(N, T, D)), random_state(rng, layer, N)
    hs, (last, first) = layer.forward(x, (start, end))
    _, (middle, _) = layer.forward(x[:, :cut], (start, end))
    late, (state, behind) = layer.forward(x[:, cut:], (middle, end))
    early, (_, before) = layer.forward(x[:, :cut], (start, behind))
    np.testing.assert_allclose(np.concatenate([early, late], axis=1), hs, rtol=0, atol=1e-14)
    for ours, theirs in zip(parts((state, before)), parts((last, first)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)
    wrong, _ = layer.forward(x[:, :cut], (start, end))  # as if nothing came after
    assert np.abs(wrong[..., H:] - hs[:, :cut, H:]).max() > 1e-3


@pytest.mark.parametrize("extra", [0, 3, 30])
def test_padding_changes_nothing(rng, Layer, merge, extra):
    """Not the answers at real steps, not the last states, not the loss, not one gradient."""
    V, D, H, C = 6, 3, 4, 5
    layer = random_pair(Layer, rng, D, H, merge)
    tagger = NumpyTagger(
        Embedding(V, D, rng=rng, dtype=np.float64),
        layer,
        Linear(width(merge, H), C, rng=rng, dtype=np.float64),
    )
    tokens, lengths = pad([rng.integers(1, V, size) for size in (5, 2, 1, 4)])
    mask = length_mask(lengths, 5)
    targets = np.where(mask, rng.integers(C, size=mask.shape), IGNORED)
    targets[0, 1] = IGNORED

    def all_of(tokens, targets):
        logits = tagger.forward(tokens)
        tagger.backward(masked_cross_entropy_backward(logits, targets))
        _, last = layer.forward(tagger.embedding.forward(tokens), mask=tokens != 0)
        loss = masked_cross_entropy(logits, targets)
        return [logits[:, :5][mask], *parts(last), loss, *tagger.grads.values()]

    longer = [
        np.pad(array, ((0, 0), (0, extra)), constant_values=value)
        for array, value in ((tokens, 0), (targets, IGNORED))
    ]
    for ours, theirs in zip(all_of(tokens, targets), all_of(*longer), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_every_array_has_the_dtype_asked_for(rng, Layer, merge, dtype, masked):
    layer = random_pair(Layer, rng, 3, 4, merge, dtype)
    x, dhs = (rng.normal(size=(2, 6, size)).astype(dtype) for size in (3, width(merge, 4)))
    hs, last = layer.forward(x, mask=random_mask(rng, 2, 6) if masked else None)
    dx, dstart = layer.backward(dhs)
    arrays = [hs, dx, *parts(last), *parts(dstart), *layer.params.values(), *layer.grads.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_neither_input_nor_incoming_gradient_is_changed_and_backward_can_be_repeated(rng, merge):
    layer = random_pair(NumpyLSTM, rng, 3, 4, merge)
    x, dhs = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, width(merge, 4)))
    mask, state, dstate = (
        random_mask(rng, 2, 5),
        random_state(rng, layer, 2),
        random_state(rng, layer, 2),
    )
    given = [x, mask, dhs, *parts(state), *parts(dstate)]
    before = [array.copy() for array in given]
    hs, _ = layer.forward(x, state, mask)
    shown, results = hs.copy(), []
    for _ in range(2):
        dx, dstart = layer.backward(dhs, dstate)
        results.append([dx.copy(), *parts(dstart), *layer.grads.values()])
    for array, was in zip([*given, hs], [*before, shown], strict=True):
        np.testing.assert_array_equal(array, was)
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_parameters_are_those_of_the_layers_and_trained_in_place(rng):
    ahead, back = (NumpyGRU(3, 4, rng=rng) for _ in range(2))
    layer = NumpyBidirectional(ahead, back)
    for name in ahead.params:
        assert layer.params[name] is ahead.params[name]
        assert layer.params[f"{name}_reverse"] is back.params[name]
    assert len(layer.params) == 2 * len(ahead.params)


def test_a_mask_without_a_real_step_leaves_the_states_as_they_were(rng, Layer):
    layer = random_pair(Layer, rng, 3, 4)
    state = random_state(rng, layer, 2)
    hs, last = layer.forward(rng.normal(size=(2, 5, 3)), state, np.zeros((2, 5), bool))
    assert not hs.any()
    for ours, given in zip(parts(last), parts(state), strict=True):
        np.testing.assert_array_equal(ours, given)
    dx, dstate = layer.backward(rng.normal(size=(2, 5, 8)), state)
    assert not dx.any() and not any(grad.any() for grad in layer.grads.values())
    for ours, given in zip(parts(dstate), parts(state), strict=True):
        np.testing.assert_array_equal(ours, given)


# Bad input


def test_bad_input_is_named(rng):
    layer = NumpyBidirectional(*(NumpyGRU(3, 4, rng=rng) for _ in range(2)))
    x = np.zeros((2, 5, 3))
    expected = "x has shape (2, 0, 3): expected at least one step"
    assert message(layer.forward, np.zeros((2, 0, 3))) == expected
    expected = "x has 6 features, the layer was built for 3"
    assert message(layer.forward, np.zeros((2, 5, 6))) == expected
    expected = "mask has shape (2, 4), expected (2, 5)"
    assert message(layer.forward, x, mask=np.ones((2, 4), bool)) == expected
    expected = "mask must be boolean, True for a real step, got dtype int64"
    assert message(layer.forward, x, mask=np.ones((2, 5), int), error=TypeError) == expected
    expected = "state has shape (1, 4), expected (2, 4)"
    assert message(layer.forward, x, (np.zeros((2, 4)), np.zeros((1, 4)))) == expected
    expected = "sequence 1 has length 6, but there are 5 steps"
    assert message(length_mask, [2, 6], 5) == expected
    layer.forward(x)
    expected = "dhs has shape (2, 5, 2), expected (2, 5, 4)"
    assert message(layer.backward, np.zeros((2, 5, 4))) == expected


def test_layers_that_do_not_match_are_named(rng):
    ahead = NumpyMGU(3, 4, rng=rng)
    for other in (NumpyMGU(3, 5, rng=rng), NumpyMGU(2, 4, rng=rng), NumpyLSTM(3, 4, rng=rng)):
        said = message(NumpyBidirectional, ahead, other)
        assert said.startswith("the two layers have unlike weights: {'W_xh': (3, 8), ")
        assert f"'W_xh': {other.params['W_xh'].shape}" in said
    expected = "one layer was given twice: the two directions have weights of their own"
    assert message(NumpyBidirectional, ahead, ahead) == expected
    for merge in ("mean", None, "Concat"):
        said = message(NumpyBidirectional, ahead, NumpyMGU(3, 4, rng=rng), merge)
        assert said == f"merge is one of concat, sum, got {merge!r}"


def test_a_tagger_names_tokens_and_classes_out_of_range(rng):
    layer = NumpyBidirectional(*(NumpyGRU(3, 4, rng=rng) for _ in range(2)))
    tagger = NumpyTagger(Embedding(6, 3, rng=rng), layer, Linear(8, 2, rng=rng))
    expected = "token 6 is outside the vocabulary of 6 symbols"
    assert message(tagger.forward, np.array([[1, 6]])) == expected
    logits = tagger.forward(np.array([[1, 5]]))
    assert logits.shape == (1, 2, 2)
    expected = "target 2 is none of the 2 classes"
    assert message(masked_cross_entropy, logits, np.array([[0, 2]])) == expected
    expected = "no target is to be scored, expected at least one"
    assert message(masked_cross_entropy, logits, np.full((1, 2), IGNORED)) == expected
