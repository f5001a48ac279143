"""Attention alone: what it is, and that the libraries' own layers say the same."""

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled import agreement
from unrolled.attention import keras as k
from unrolled.attention import numpy as n
from unrolled.attention import torch as t
from unrolled.nn import numeric_gradient

N, T, S, H, A = 3, 4, 5, 6, 7
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
BOUND = 1e-12 if KERAS_HAS_FLOAT64 else 1e-5


@pytest.fixture
def arrays(rng):
    """Queries, memory, and a mask with padding behind, in front and in between."""
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 1]], bool)
    return rng.normal(size=(N, T, H)), rng.normal(size=(N, S, H)), mask


def scores_of(name, rng):
    """The same score in NumPy, Keras and PyTorch."""
    if name in ("dot", "scaled"):
        way = {"scaled": name == "scaled"}
        return n.NumpyDotScore(**way), k.KerasDotScore(**way), t.TorchDotScore(**way)
    if name == "general":
        score = n.NumpyGeneralScore(H, H, rng=rng, dtype=np.float64)
        others = k.KerasGeneralScore(), t.TorchGeneralScore(H, H)
    else:
        score = n.NumpyAdditiveScore(H, H, A, rng=rng, dtype=np.float64)
        others = k.KerasAdditiveScore(A), t.TorchAdditiveScore(H, H, A)
    others[0].build((N, T, H), (N, S, H))
    for other in others:
        agreement.set_weights(other, score.params)
    return score, *others


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["dot", "scaled", "general", "additive"])
def test_three_frameworks_look_at_the_same(name, masked, arrays, rng):
    queries, memory, mask = arrays
    with agreement.precision("float64"):
        ours, in_keras, in_torch = scores_of(name, rng)
        mask = mask if masked else None
        wanted = n.NumpyAttention(ours).forward(queries, memory, mask)
        found = k.KerasAttention(in_keras)(
            *map(keras.ops.convert_to_tensor, (queries, memory)),
            None if mask is None else keras.ops.convert_to_tensor(mask),
        )
        found_torch = t.TorchAttention(in_torch)(
            *map(torch.as_tensor, (queries, memory)), None if mask is None else torch.tensor(mask)
        )
        for a, b, c in zip(wanted, found, found_torch, strict=True):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(b), a, rtol=0, atol=BOUND)
            np.testing.assert_allclose(c.detach(), a, rtol=0, atol=1e-12)
        _, weights = wanted
        np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-12)
        if masked:  # 0, not nearly 0
            for every in (weights, keras.ops.convert_to_numpy(found[1]), found_torch[1].detach()):
                assert (np.asarray(every)[~np.repeat(mask[:, None], T, axis=1)] == 0).all()


def test_keras_s_own_attention_is_the_dot_product(arrays):
    queries, memory, mask = arrays
    with agreement.precision("float64"):
        contexts, weights = n.NumpyAttention(n.NumpyDotScore()).forward(queries, memory, mask)
        layer = keras.layers.Attention(use_scale=False, score_mode="dot")
        found, looked = layer(
            [keras.ops.convert_to_tensor(a) for a in (queries, memory)],
            mask=[None, keras.ops.convert_to_tensor(mask)],
            return_attention_scores=True,
        )
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), contexts, rtol=0, atol=BOUND)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(looked), weights, rtol=0, atol=BOUND)
    assert (keras.ops.convert_to_numpy(looked)[weights == 0] == 0).all()


def test_keras_s_own_additive_attention_wants_what_was_multiplied_before(arrays, rng):
    queries, memory, mask = arrays
    with agreement.precision("float64"):
        score = n.NumpyAdditiveScore(H, H, A, rng=rng, dtype=np.float64)
        contexts, weights = n.NumpyAttention(score).forward(queries, memory, mask)
        W_q, W_k, v = score.params.values()
        layer = keras.layers.AdditiveAttention()
        inputs = [keras.ops.convert_to_tensor(a) for a in (queries @ W_q, memory, memory @ W_k)]
        layer.build([a.shape for a in inputs])
        layer.scale.assign(v)
        found, looked = layer(
            inputs,
            mask=[None, keras.ops.convert_to_tensor(mask)],
            return_attention_scores=True,
        )
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), contexts, rtol=0, atol=BOUND)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(looked), weights, rtol=0, atol=BOUND)


def test_torch_s_own_attention_is_the_scaled_dot_product(arrays):
    queries, memory, mask = (torch.as_tensor(array) for array in arrays)
    contexts, _ = t.TorchAttention(t.TorchDotScore(scaled=True))(queries, memory, mask)
    found = F.scaled_dot_product_attention(queries, memory, memory, attn_mask=mask[:, None])
    torch.testing.assert_close(found, contexts, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["dot", "scaled", "general", "additive"])
def test_gradients_are_those_of_central_differences(name, arrays, rng):
    queries, memory, mask = arrays
    pull = rng.normal(size=(N, T, H))
    attention = n.NumpyAttention(scores_of(name, rng)[0])
    inputs = attention.params | {"queries": queries, "memory": memory}
    attention.forward(queries, memory, mask)
    dqueries, dmemory = attention.backward(pull)
    numeric = numeric_gradient(
        lambda: np.vdot(pull, attention.forward(queries, memory, mask)[0]), inputs
    )
    grads = attention.grads | {"queries": dqueries, "memory": dmemory}
    errors = agreement.gradient_error(grads, numeric)
    assert max(errors.values()) <= 1e-7, errors


def test_who_may_look_at_one_place_alone_sees_it():
    memory = np.arange(12.0).reshape(2, 3, 2)
    mask = np.array([[False, True, False], [False, False, True]])
    contexts, weights = n.NumpyAttention(n.NumpyDotScore()).forward(
        np.ones((2, 1, 2)), memory, mask
    )
    np.testing.assert_array_equal(contexts[:, 0], [memory[0, 1], memory[1, 2]])
    np.testing.assert_array_equal(weights[:, 0], mask)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_what_cannot_be_looked_at_is_refused(framework, arrays):
    queries, memory, mask = arrays
    if framework == "numpy":
        look, tensor = n.NumpyAttention(n.NumpyDotScore()).forward, np.asarray
    else:
        look, tensor = t.TorchAttention(t.TorchDotScore()), torch.as_tensor
    queries, memory = tensor(queries), tensor(memory)
    with pytest.raises(ValueError, match="nothing to look at"):
        look(queries, memory, tensor(mask & [[True], [False], [True]]))
    with pytest.raises(ValueError, match=r"expected queries \(N, T, Q\)"):
        look(queries[0], memory)
    with pytest.raises(ValueError, match=r"expected queries \(N, T, Q\)"):
        look(queries[:2], memory)
    with pytest.raises(ValueError, match="mask has shape"):
        look(queries, memory, tensor(mask[:, :-1]))
    with pytest.raises(TypeError, match="mask must be boolean"):
        look(queries, memory, tensor(mask.astype(float)))
