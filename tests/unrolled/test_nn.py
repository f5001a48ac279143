"""The NumPy building blocks: values by hand, gradients against central differences, bad input."""

import numpy as np
import pytest

from unrolled import nn
from unrolled.agreement import gradient_error


def assert_gradients(analytic, loss, params):
    """DESIGN.md's bound, for every array of ``params``."""
    errors = gradient_error(analytic, nn.numeric_gradient(loss, params))
    assert max(errors.values()) <= 1e-7, errors


def message(error, call, *args, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    return str(raised.value)


@pytest.mark.parametrize("size", [0, -3, 2.5, "4", None])
def test_check_size_says_what_came(size):
    expected = f"hidden_size must be a whole number of at least 1, got {size!r}"
    assert message(ValueError, nn.check_size, "hidden_size", size) == expected


@pytest.mark.parametrize("size", [1, 7, np.int64(3)])
def test_check_size_hands_a_good_size_back_as_an_int(size):
    assert nn.check_size("hidden_size", size) == size
    assert type(nn.check_size("hidden_size", size)) is int


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_check_positive_says_what_came(value):
    expected = f"limit must be positive, got {value!r}"
    assert message(ValueError, nn.check_positive, "limit", value) == expected


def test_check_positive_hands_a_good_value_back():
    assert nn.check_positive("limit", 1e-30) == 1e-30


def test_check_tokens_hands_good_tokens_back_as_an_array():
    tokens = nn.check_tokens([[0, 4], [2, 2]], 5)
    assert isinstance(tokens, np.ndarray) and tokens.tolist() == [[0, 4], [2, 2]]
    assert nn.check_tokens(np.zeros((0, 3), int), 5).shape == (0, 3)
    assert nn.check_tokens(0, 1) == 0


@pytest.mark.parametrize(
    ("tokens", "outside"), [([[0, -1]], -1), ([[5, 0]], 5), ([[4, 0], [7, -2]], 7), (1000, 1000)]
)
def test_a_token_outside_the_vocabulary_is_named(tokens, outside):
    expected = f"token {outside} is outside the vocabulary of 5 symbols"
    assert message(ValueError, nn.check_tokens, tokens, 5) == expected
    assert message(ValueError, nn.one_hot, np.array(tokens), 5) == expected
    embedding = nn.Embedding(5, 2, rng=np.random.default_rng(0))
    assert message(ValueError, embedding.forward, tokens) == expected


def test_tokens_must_be_integers():
    expected = "tokens must be integers, got dtype float64"
    assert message(TypeError, nn.check_tokens, [0.0, 1.0], 5) == expected


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 3, 1), ()])
def test_check_shape_says_both_shapes(shape):
    expected = f"dhs has shape {shape}, expected (2, 3)"
    assert message(ValueError, nn.check_shape, "dhs", np.zeros(shape), (2, 3)) == expected


def test_check_shape_hands_a_good_array_back():
    array = np.zeros((2, 3))
    assert nn.check_shape("dhs", array, (2, 3)) is array


def test_check_state_wants_so_many_arrays_of_one_shape():
    good, other = np.zeros((2, 3)), np.zeros((2, 4))
    for parts, states in (
        (2, [(good,), (good, good, good), (good, other), [other, good], (), good]),
        (1, [(good, good), (other,), good]),
    ):
        for state in states:
            shapes = [part.shape for part in state]
            expected = f"dstate has the shapes {shapes}, expected {parts} arrays of (2, 3)"
            assert message(ValueError, nn.check_state, "dstate", state, (2, 3), parts) == expected
    # One array is not taken apart, even where its rows would do.
    expected = "state has the shapes [(2, 3), (2, 3)], expected 2 arrays of (2, 3)"
    assert message(ValueError, nn.check_state, "state", np.zeros((2, 2, 3)), (2, 3), 2) == expected


@pytest.mark.parametrize("kind", [tuple, list])
def test_check_state_hands_a_good_state_back(kind):
    state = kind([np.zeros((2, 3)), np.ones((2, 3))])
    assert nn.check_state("state", state, (2, 3), 2) is state


@pytest.mark.parametrize("dtype", ["int64", "float32", "uint8", "object"])
def test_a_mask_is_boolean(dtype):
    expected = f"mask must be boolean, True for a real step, got dtype {dtype}"
    assert message(TypeError, nn.check_mask, np.ones((2, 3), dtype), (2, 3)) == expected


def test_a_mask_has_the_shape_of_the_batch_or_is_none():
    for shape in ((3, 2), (2,), (2, 3, 1)):
        expected = f"mask has shape {shape}, expected (2, 3)"
        assert message(ValueError, nn.check_mask, np.ones(shape, bool), (2, 3)) == expected
    mask = np.ones((2, 3), bool)
    assert nn.check_mask(mask, (2, 3)) is mask and nn.check_mask(None, (2, 3)) is None


def test_unless_skipped_keeps_what_was_where_the_mask_is_false_at_that_step(rng):
    new, old = rng.normal(size=(2, 3, 4))
    mask = np.array([[False, True], [True, False], [True, True]])
    assert (nn.unless_skipped(mask, 1, new, old) == [new[0], old[1], new[2]]).all()
    assert (nn.unless_skipped(mask, 0, new, old) == [old[0], new[1], new[2]]).all()
    assert nn.unless_skipped(None, 0, new, old) is new


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_by_hand_and_without_a_warning_however_large(dtype):
    z = np.log(np.array([[1, 3, 1 / 3], [9, 1 / 9, 999]], dtype))
    p = np.array([[0.5, 0.75, 0.25], [0.9, 0.1, 0.999]])
    np.testing.assert_allclose(nn.sigmoid(z), p, rtol=10 * np.finfo(dtype).eps)
    assert nn.sigmoid(z).dtype == dtype
    with np.errstate(all="raise", under="ignore"):
        far = nn.sigmoid(np.array([-1e4, 1e4, -np.inf, np.inf], dtype))
    assert far.tolist() == [0, 1, 0, 1]


def test_sigmoid_writes_where_it_is_told_and_nowhere_else(rng):
    z = rng.normal(size=(3, 4))
    before, out, expected = z.copy(), np.empty_like(z), 1 / (1 + np.exp(-z))
    assert nn.sigmoid(z, out=out) is out and (z == before).all()
    np.testing.assert_allclose(out, expected, rtol=1e-14)
    assert nn.sigmoid(z) is not z and (z == before).all()
    assert nn.sigmoid(z, out=z) is z
    np.testing.assert_allclose(z, expected, rtol=1e-14)
    part = rng.normal(size=(3, 6))
    right, left = part[:, 4:].copy(), part[:, :4]  # a view that is not contiguous
    left[...] = before
    nn.sigmoid(left, out=left)
    np.testing.assert_allclose(part, np.hstack([expected, right]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_hot_rows_hold_a_single_one_at_the_token(dtype):
    tokens = np.array([[2, 0, 1], [1, 1, 4]])
    rows = nn.one_hot(tokens, 5, dtype)
    assert rows.shape == (2, 3, 5) and rows.dtype == dtype
    assert (rows.argmax(-1) == tokens).all() and (rows.sum(-1) == 1).all()
    assert nn.one_hot(tokens, 5).dtype == np.float32


def test_softmax_by_hand_over_the_last_axis_and_without_overflow():
    logits = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]])
    p = np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]) / 8
    np.testing.assert_allclose(nn.softmax(logits), p, rtol=1e-14)
    with np.errstate(over="raise", invalid="raise"):  # each row has a range of its own
        np.testing.assert_allclose(nn.softmax(logits + [[1e6], [-1e6]]), p, rtol=1e-9)


def test_cross_entropy_by_hand_and_without_overflow():
    logits, targets = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]), [2, 0]
    expected = -(np.log(5 / 8) + np.log(3 / 8)) / 2
    np.testing.assert_allclose(nn.cross_entropy(logits, targets), expected, rtol=1e-14)
    np.testing.assert_allclose(nn.cross_entropy(logits[None], [targets]), expected, rtol=1e-14)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(nn.cross_entropy(logits + [[700], [-700]], targets), expected)
        # A hopeless bet costs what it is off by, where log(softmax) would be infinite.
        assert nn.cross_entropy(np.array([0.0, 600.0]), 0) == 600


def test_cross_entropy_names_both_shapes_when_they_do_not_fit():
    expected = "targets have shape (3,), logits ask for (2, 3)"
    assert message(ValueError, nn.cross_entropy, np.zeros((2, 3, 4)), np.zeros(3, int)) == expected


@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 1, 2), (4, 7), (6,)])
def test_cross_entropy_gradient(rng, shape):
    params = {"logits": rng.normal(size=shape)}
    targets = rng.integers(shape[-1], size=shape[:-1])
    analytic = {"logits": nn.cross_entropy_backward(params["logits"], targets)}
    assert_gradients(analytic, lambda: nn.cross_entropy(params["logits"], targets), params)


def test_cross_entropy_takes_lists_and_its_gradient_keeps_the_dtype(rng):
    logits = rng.normal(size=(2, 3)).astype(np.float32)
    assert nn.cross_entropy_backward(logits, [0, 2]).dtype == np.float32
    assert nn.cross_entropy(logits, [0, 2]).dtype == np.float32
    assert nn.softmax(logits).dtype == np.float32


@pytest.mark.parametrize(("leading", "D", "M"), [((2, 3), 4, 5), ((1,), 3, 1), ((), 2, 3)])
def test_linear_gradients(rng, leading, D, M):
    layer = nn.Linear(D, M, rng=rng, dtype=np.float64)
    layer.b[:] = rng.normal(size=M)
    params = {"W": layer.W, "b": layer.b, "x": rng.normal(size=(*leading, D))}
    weights = rng.normal(size=(*leading, M))

    def loss():
        return (weights * np.sin(layer.forward(params["x"]))).sum()

    dx = layer.backward(weights * np.cos(layer.forward(params["x"])))
    assert_gradients({"W": layer.dW, "b": layer.db, "x": dx}, loss, params)


def test_linear_forward_is_the_formula_in_the_dtype_asked_for(rng):
    layer = nn.Linear(3, 2, rng=rng)
    layer.b[:] = rng.normal(size=2)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    expected = [[sum(row * layer.W[:, m]) + layer.b[m] for m in range(2)] for row in x]
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-5)
    assert layer.forward(x).dtype == layer.backward(layer.forward(x)).dtype == np.float32
    assert layer.dW.dtype == layer.db.dtype == np.float32
    assert nn.Linear(3, 2, rng=rng, dtype=np.float64).forward(x).dtype == np.float64


def test_linear_begins_with_outputs_as_large_as_its_inputs(rng):
    layer = nn.Linear(500, 400, rng=rng)
    assert layer.W.shape == (500, 400) and (layer.b == np.zeros(400)).all()
    assert abs(layer.W.mean()) < 1e-3 and abs(layer.W.std() * 500**0.5 - 1) < 0.01


def test_linear_says_what_it_was_built_for(rng):
    layer = nn.Linear(3, 2, rng=rng)
    expected = "x has 4 features, the layer was built for 3"
    for shape in ((4,), (2, 4), (2, 5, 4)):
        assert message(ValueError, layer.forward, np.zeros(shape)) == expected
    for sizes, name in (((0, 2), "input_size"), ((3, 0), "output_size")):
        expected = f"{name} must be a whole number of at least 1, got 0"
        assert message(ValueError, nn.Linear, *sizes, rng=rng) == expected


def test_embedding_looks_rows_up(rng):
    layer = nn.Embedding(5, 3, rng=rng)
    tokens = rng.integers(5, size=(2, 4))
    assert (layer.forward(tokens) == layer.E[tokens]).all()
    np.testing.assert_allclose(layer.forward(tokens), nn.one_hot(tokens, 5) @ layer.E, rtol=1e-6)
    assert layer.forward([1, 1]).shape == (2, 3) and layer.forward(tokens).dtype == np.float32


@pytest.mark.parametrize(("V", "D", "N", "T"), [(3, 4, 2, 5), (1, 2, 3, 1), (6, 1, 1, 2)])
def test_embedding_gradients_add_up_where_a_token_repeats(rng, V, D, N, T):
    layer = nn.Embedding(V, D, rng=rng, dtype=np.float64)
    tokens, weights = rng.integers(V, size=(N, T)), rng.normal(size=(N, T, D))

    def loss():
        return (weights * np.sin(layer.forward(tokens))).sum()

    layer.forward(tokens)
    for _ in range(2):  # a second call begins anew
        layer.backward(weights * np.cos(layer.E[tokens]))
    used = np.isin(np.arange(V), tokens)
    assert (layer.dE[~used] == 0).all() and (layer.dE[used] != 0).all()
    assert_gradients({"E": layer.dE}, loss, {"E": layer.E})


def test_embedding_begins_with_numbers_of_size_one(rng):
    layer = nn.Embedding(400, 500, rng=rng)
    assert layer.E.shape == (400, 500) and layer.E.dtype == np.float32
    assert abs(layer.E.mean()) < 0.01 and abs(layer.E.std() - 1) < 0.01
    assert nn.Embedding(4, 5, rng=rng, dtype=np.float64).E.dtype == np.float64
    for sizes, name in (((0, 2), "vocab_size"), ((3, 0), "embedding_size")):
        expected = f"{name} must be a whole number of at least 1, got 0"
        assert message(ValueError, nn.Embedding, *sizes, rng=rng) == expected


def test_numeric_gradient_of_a_known_function_and_parameters_come_back(rng):
    params = {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=4)}
    before = {name: value.copy() for name, value in params.items()}
    grads = nn.numeric_gradient(lambda: (params["a"] ** 2).sum() + 3 * params["b"].sum(), params)
    np.testing.assert_allclose(grads["a"], 2 * before["a"], atol=1e-8)
    np.testing.assert_allclose(grads["b"], 3, atol=1e-8)
    for name, value in params.items():
        assert (value == before[name]).all()


def test_numeric_gradient_takes_the_step_it_is_given():
    params = {"a": np.zeros(1)}  # (s³ - (-s)³) / 2s = s²
    for step, expected in (({}, 1e-10), ({"step": 0.5}, 0.25)):
        grads = nn.numeric_gradient(lambda: params["a"][0] ** 3, params, **step)
        np.testing.assert_allclose(grads["a"], expected, rtol=1e-12)


def test_numeric_gradient_runs_the_network_twice_a_parameter():
    calls = []
    nn.numeric_gradient(lambda: calls.append(1) or 0.0, {"a": np.zeros((2, 3)), "b": np.zeros(4)})
    assert len(calls) == 2 * (6 + 4)


def test_an_ignored_target_changes_neither_loss_nor_gradient():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(3, 5, 4)), rng.integers(4, size=(3, 5))
    assert nn.masked_cross_entropy(logits, targets) == pytest.approx(
        nn.cross_entropy(logits, targets), rel=1e-15
    )
    scored = rng.random((3, 5)) < 0.6
    ignored = np.where(scored, targets, nn.IGNORED)
    alone = nn.cross_entropy(logits[scored], targets[scored])
    assert nn.masked_cross_entropy(logits, ignored) == pytest.approx(alone, rel=1e-15)
    grads = nn.masked_cross_entropy_backward(logits, ignored)
    assert not grads[~scored].any()
    expected = nn.cross_entropy_backward(logits[scored], targets[scored])
    np.testing.assert_allclose(grads[scored], expected, rtol=1e-14)
    numeric = nn.numeric_gradient(
        lambda: nn.masked_cross_entropy(logits, ignored), {"logits": logits}
    )
    np.testing.assert_allclose(grads, numeric["logits"], atol=1e-10)


def test_a_masked_loss_wants_something_to_score_and_known_classes():
    logits = np.zeros((2, 3))
    with pytest.raises(ValueError, match="no target is to be scored"):
        nn.masked_cross_entropy(logits, np.array([nn.IGNORED, nn.IGNORED]))
    for loss in (nn.masked_cross_entropy, nn.masked_cross_entropy_backward):
        with pytest.raises(ValueError, match="target 3 is none of the 3 classes"):
            loss(logits, np.array([0, 3]))
        with pytest.raises(ValueError, match="target -2 is none of"):
            loss(logits, np.array([0, -2]))
        with pytest.raises(ValueError, match="targets has shape"):
            loss(logits, np.array([[0, 1]]))
        with pytest.raises(TypeError, match="targets must be integers, got dtype float64"):
            loss(logits, np.array([0.0, 1.0]))
