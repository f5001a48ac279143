"""The classic: right gradients, the 2015 algorithm to the letter, and text that improves."""

import numpy as np
import pytest

from unrolled import agreement
from unrolled.bptt.numpy import NumpyRNNModel
from unrolled.charlm.classic import ClassicCharRNN, classic_train
from unrolled.nn import cross_entropy, cross_entropy_backward, numeric_gradient


def random_model(rng, V, H):
    model = ClassicCharRNN(V, H, rng=rng)
    for param in model.params.values():
        param[...] = rng.normal(0, 0.5, param.shape)
    return model


@pytest.mark.parametrize(("V", "H", "T"), [(5, 3, 7), (4, 6, 1), (3, 1, 4)])
def test_gradients_are_those_of_central_differences(rng, V, H, T):
    model = random_model(rng, V, H)
    x, y, h = rng.integers(V, size=T), rng.integers(V, size=T), rng.normal(size=(1, H))
    loss, grads, _ = model.loss(x, y, h)
    numeric = numeric_gradient(lambda: model.loss(x, y, h)[0], model.params)
    errors = agreement.gradient_error(grads, numeric)
    assert max(errors.values()) <= 1e-7, errors


def test_loss_state_and_gradients_are_those_of_chapter_2(rng):
    V, H, T = 5, 4, 9
    model, twin = random_model(rng, V, H), NumpyRNNModel(V, H, rng=rng, dtype=np.float64)
    for name, param in twin.params.items():
        param[...] = model.params[name].reshape(param.shape)
    x, y, h = rng.integers(V, size=T), rng.integers(V, size=T), rng.normal(size=(1, H))
    loss, grads, last = model.loss(x, y, h)
    logits, state = twin.forward(x[None], h)
    twin.backward(cross_entropy_backward(logits, y[None]))
    assert loss == pytest.approx(T * cross_entropy(logits, y[None]), abs=1e-12)
    np.testing.assert_allclose(last, state, atol=1e-13)
    for name, grad in twin.grads.items():
        np.testing.assert_allclose(grads[name].reshape(grad.shape) / T, grad, atol=1e-13)


def test_training_is_the_algorithm_of_2015(rng):
    """Three windows of 25, the third from the text's start again with no state."""
    V, H = 6, 4
    tokens = rng.integers(V, size=70)
    model, twin = ClassicCharRNN(V, H, rng=rng), ClassicCharRNN(V, H, rng=rng)
    for name, param in twin.params.items():
        param[...] = model.params[name]
    *_, (updates, smooth_loss, _) = classic_train(model, tokens, updates=3, every=9, rng=rng)

    squares = {name: 0.0 for name in twin.params}
    expected, state = 25 * np.log(V), np.zeros((1, H))
    for start in (0, 25, 0):
        state = state if start else np.zeros((1, H))
        window = tokens[start : start + 26]
        loss, grads, state = twin.loss(window[:-1], window[1:], state)
        expected = 0.999 * expected + 0.001 * loss
        for name, grad in grads.items():
            grad = np.minimum(np.maximum(grad, -5), 5)
            squares[name] = squares[name] + grad**2
            twin.params[name] -= 0.1 * grad / (squares[name] + 1e-8) ** 0.5
    assert updates == 3
    assert smooth_loss == pytest.approx(expected / 25, abs=1e-12)
    for name, param in model.params.items():
        np.testing.assert_allclose(param, twin.params[name], atol=1e-12, err_msg=name)


def test_gradients_are_cut_at_five(rng):
    """A text of one letter pulls all in one direction, 25 times as hard as a letter alone."""
    model = ClassicCharRNN(2, 3, rng=rng)
    model.params["b_y"][0] = [0.0, 9.0]
    list(classic_train(model, np.zeros(27, int), updates=1, rng=rng))
    # Cut or not, Adagrad's first step is one learning rate long; the second one tells.
    model.params["b_y"][0] = [0.0, 9.0]
    before = model.params["b_y"].copy()
    *_, _ = classic_train(model, np.zeros(27, int), updates=1, rng=rng)
    np.testing.assert_allclose(before - model.params["b_y"], [[-0.1, 0.1]], rtol=1e-6)


def test_it_learns_and_shows_samples_on_the_way(rng):
    tokens = np.tile([0, 1, 2, 3], 50)
    model = ClassicCharRNN(4, 10, rng=rng)
    shown = list(classic_train(model, tokens, updates=300, every=100, length=20, rng=rng))
    assert [updates for updates, _, _ in shown] == [0, 100, 200, 300]
    assert shown[0][1] == pytest.approx(np.log(4))
    losses = [smooth_loss for _, smooth_loss, _ in shown]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1.2
    assert all(len(sample) == 20 and set(sample) <= {0, 1, 2, 3} for _, _, sample in shown)

    def counted(sample):
        return sum((b - a) % 4 == 1 for a, b in zip(sample, sample[1:], strict=False))

    assert counted(shown[0][2]) < 15 and counted(shown[-1][2]) == 19


def test_a_sample_depends_on_the_seed_the_state_and_the_weights(rng):
    model = random_model(rng, 5, 4)

    def sample(seed, h):
        return model.sample(h, 1, 30, np.random.default_rng(seed))

    zero, one = np.zeros((1, 4)), np.ones((1, 4))
    assert sample(0, zero) == sample(0, zero)
    assert sample(0, zero) != sample(1, zero)
    firsts = [[sample(seed, h)[0] for seed in range(40)] for h in (zero, one)]
    assert firsts[0] != firsts[1]


def test_a_sample_follows_the_probabilities_of_loss(rng):
    model, h = random_model(rng, 3, 4), rng.normal(size=(1, 4))
    p = [np.exp(-model.loss([2], [c], h)[0]) for c in range(3)]
    firsts = [model.sample(h, 2, 1, np.random.default_rng(seed))[0] for seed in range(3000)]
    np.testing.assert_allclose(np.bincount(firsts, minlength=3) / 3000, p, atol=0.03)


def test_weights_begin_small_and_biases_at_zero(rng):
    model = ClassicCharRNN(50, 60, rng=rng)
    for name in ("W_xh", "W_hh", "W_hy"):
        assert model.params[name].std() == pytest.approx(0.01, rel=0.1)
    assert not model.params["b_h"].any() and not model.params["b_y"].any()
    assert {param.dtype for param in model.params.values()} == {np.dtype(np.float64)}


def test_bad_input_is_refused(rng):
    with pytest.raises(ValueError, match="vocab_size must be a whole number of at least 1, got 0"):
        ClassicCharRNN(0, rng=rng)
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got 0"):
        ClassicCharRNN(3, 0, rng=rng)
    model = ClassicCharRNN(3, rng=rng)
    with pytest.raises(ValueError, match="the text has 26 characters, expected at least 27"):
        next(classic_train(model, np.zeros(26, int), updates=1, rng=rng))
    with pytest.raises(ValueError, match="token 3 is outside the vocabulary of 3 symbols"):
        next(classic_train(model, np.full(30, 3), updates=1, rng=rng))
