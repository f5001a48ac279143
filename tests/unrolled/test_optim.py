"""The optimizers by hand and against their papers' formulas; clipping; bad input."""

import numpy as np
import pytest

from unrolled.optim import SGD, Adagrad, Adam, clip_by_norm, clip_by_value

SHAPES = {"W": (3, 4), "b": (4,), "one": (1, 1)}


def draw(rng, dtype=np.float64):
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def message(call, *args, **kwargs):
    with pytest.raises(ValueError) as raised:
        call(*args, **kwargs)
    return str(raised.value)


def by_sgd(gradients, rate):
    """The change that a sequence of gradients makes, from the formula alone."""
    return -rate * sum(gradients)


def by_adagrad(gradients, rate, epsilon=1e-8):
    """Duchi et al. 2011: each step divided by the norm of all gradients so far."""
    return -rate * sum(
        g / (np.sqrt(sum(past**2 for past in gradients[: t + 1])) + epsilon)
        for t, g in enumerate(gradients)
    )


def by_adam(gradients, rate, betas=(0.9, 0.999), epsilon=1e-8):
    """Kingma & Ba 2015: the running means written out as weighted sums, then unbiased."""

    def mean(values, beta):
        weights = [beta ** (len(values) - 1 - i) for i in range(len(values))]
        return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)

    squares = [g**2 for g in gradients]
    return -rate * sum(
        mean(gradients[:t], betas[0]) / (np.sqrt(mean(squares[:t], betas[1])) + epsilon)
        for t in range(1, len(gradients) + 1)
    )


@pytest.mark.parametrize(
    ("optimizer", "formula", "options"),
    [
        (SGD, by_sgd, {}),
        (Adagrad, by_adagrad, {}),
        (Adagrad, by_adagrad, {"epsilon": 0.5}),
        (Adam, by_adam, {}),
        (Adam, by_adam, {"betas": (0.5, 0.7)}),
        (Adam, by_adam, {"betas": (0.0, 0.0), "epsilon": 0.5}),
    ],
)
def test_twenty_steps_are_those_of_the_formula(rng, optimizer, formula, options):
    params, gradients = draw(rng), [draw(rng) for _ in range(20)]
    before, arrays = copies(params), dict(params)
    updates = optimizer(params, 0.3, **options)
    for grads in gradients:
        given = copies(grads)
        updates.step(grads)
        assert all((grads[name] == given[name]).all() for name in grads)
    for name, start in before.items():
        assert params[name] is arrays[name]  # in place
        expected = start + formula([grads[name] for grads in gradients], 0.3, **options)
        np.testing.assert_allclose(params[name], expected, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("optimizer", [SGD, Adagrad, Adam])
def test_float32_stays_float32(rng, optimizer):
    params = draw(rng, np.float32)
    updates = optimizer(params, 0.3)
    updates.step(draw(rng, np.float32))
    held = [params]
    if optimizer is Adagrad:
        held.append(updates.sums)
    if optimizer is Adam:
        held += [updates.means, updates.squares]
    for arrays in held:
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def first_steps(optimizer, gradients):
    params = {"w": np.array([1.0])}
    updates, values = optimizer(params), []
    for g in gradients:
        updates.step({"w": np.array([g])})
        values.append(params["w"][0])
    return values


def test_first_steps_by_hand():
    assert first_steps(lambda p: SGD(p, 0.5), [2, -1]) == [0, 0.5]
    # √9 = 3, then √(9 + 16) = 5.
    steps = first_steps(lambda p: Adagrad(p, 1.5, epsilon=1e-30), [3, -4])
    np.testing.assert_allclose(steps, [-0.5, 0.7], rtol=1e-14)
    # Betas of a half: m̂ = 4, v̂ = 16; then m̂ = (4·1/2 + 1) / (3/2) = 2, v̂ = (16·1/2 + 1) / (3/2).
    steps = first_steps(lambda p: Adam(p, 0.1, betas=(0.5, 0.5), epsilon=1e-30), [4, 1])
    np.testing.assert_allclose(steps, [0.9, 0.9 - 0.1 * 2 / 6**0.5], rtol=1e-14)


def test_adagrad_and_adam_begin_with_steps_of_one_length_whatever_the_gradient():
    for optimizer in (Adagrad, Adam):
        for g in (1e-6, 1, 1e6):
            [w] = first_steps(lambda p, rule=optimizer: rule(p, 0.25, epsilon=1e-30), [g])
            np.testing.assert_allclose(w, 0.75, rtol=1e-12)


def test_epsilon_shortens_the_steps_of_tiny_gradients():
    for optimizer in (Adagrad, Adam):
        [w] = first_steps(lambda p, rule=optimizer: rule(p, 0.5), [1e-8])  # as large as epsilon
        np.testing.assert_allclose(w, 0.75, rtol=1e-6)


def test_no_gradient_no_step(rng):
    for optimizer in (SGD, Adagrad, Adam):
        params = draw(rng)
        before = copies(params)
        optimizer(params, 0.5).step({name: np.zeros(shape) for name, shape in SHAPES.items()})
        assert all((params[name] == before[name]).all() for name in params)


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_rates_limits_and_epsilons_must_be_positive(value):
    for optimizer in (SGD, Adagrad, Adam):
        expected = f"learning_rate must be positive, got {value!r}"
        assert message(optimizer, {}, value) == expected
    for optimizer in (Adagrad, Adam):
        expected = f"epsilon must be positive, got {value!r}"
        assert message(optimizer, {}, 0.1, epsilon=value) == expected
    for clip in (clip_by_value, clip_by_norm):
        assert message(clip, {}, value) == f"limit must be positive, got {value!r}"


@pytest.mark.parametrize("betas", [(1.0, 0.5), (0.9, 1), (-0.1, 0.5), (0.5, float("nan"))])
def test_betas_must_be_below_one(betas):
    assert message(Adam, {}, 0.1, betas=betas) == f"betas must be in [0, 1), got {betas!r}"


def test_clip_by_value_cuts_number_by_number_in_place():
    grads = {"a": np.array([[3.0, -0.5], [-2.0, 1.5]]), "b": np.array([1.6])}
    arrays = dict(grads)
    assert clip_by_value(grads, 1.5) is None
    assert grads["a"].tolist() == [[1.5, -0.5], [-1.5, 1.5]] and grads["b"].tolist() == [1.5]
    assert all(grads[name] is arrays[name] for name in grads)


def test_clip_by_norm_shortens_all_arrays_as_one_vector_in_place():
    grads = {"a": np.array([[1.0, -2.0], [2.0, 0.0]]), "b": np.array([4.0])}  # √(9 + 16) = 5
    arrays = dict(grads)
    norm = clip_by_norm(grads, 2.5)
    assert norm == 5 and type(norm) is float
    assert grads["a"].tolist() == [[0.5, -1.0], [1.0, 0.0]] and grads["b"].tolist() == [2.0]
    assert all(grads[name] is arrays[name] for name in grads)


@pytest.mark.parametrize("limit", [5, 5.1, 1e300])
def test_clip_by_norm_leaves_alone_what_is_short_enough(limit):
    grads = {"a": np.array([3.0]), "b": np.array([4.0])}
    assert clip_by_norm(grads, limit) == 5
    assert grads["a"].tolist() == [3.0] and grads["b"].tolist() == [4.0]


def test_clipping_keeps_the_dtype(rng):
    grads = draw(rng, np.float32)
    clip_by_norm(grads, 0.5)
    clip_by_value(grads, 0.1)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
