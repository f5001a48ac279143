"""The NumPy building blocks against central differences, PyTorch, and bad input."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled import nn
from unrolled.agreement import gradient_error
from unrolled.optim import SGD


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_one_hot_rows_hold_a_single_one_at_the_token():
    tokens = np.array([[2, 0, 1], [1, 1, 4]])
    rows = nn.one_hot(tokens, 5)
    assert rows.shape == (2, 3, 5) and rows.dtype == np.float32
    assert (rows.argmax(-1) == tokens).all() and (rows.sum(-1) == 1).all()


@pytest.mark.parametrize("token", [-1, 5])
def test_one_hot_names_a_token_outside_the_vocabulary(token):
    with pytest.raises(ValueError, match=f"token {token} is outside the vocabulary of 5 symbols"):
        nn.one_hot(np.array([[0, token]]), 5)


def test_one_hot_wants_integers():
    with pytest.raises(TypeError, match="tokens must be integers, got dtype float64"):
        nn.one_hot(np.array([0.5]), 5)


def test_softmax_and_cross_entropy_equal_pytorch_even_for_huge_logits(rng):
    logits = rng.normal(size=(3, 4, 6)) * np.array([1, 10, 1000])[:, None, None]
    targets = rng.integers(6, size=(3, 4))
    theirs = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(theirs.flatten(0, 1), torch.tensor(targets).flatten())
    loss.backward()
    np.testing.assert_allclose(nn.softmax(logits), F.softmax(theirs, -1).detach(), atol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy(logits, targets), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy_backward(logits, targets), theirs.grad, atol=1e-12)


def test_cross_entropy_gradient_against_central_differences(rng):
    params = {"logits": rng.normal(size=(2, 3, 5))}
    targets = rng.integers(5, size=(2, 3))
    numeric = nn.numeric_gradient(lambda: nn.cross_entropy(params["logits"], targets), params)
    analytic = {"logits": nn.cross_entropy_backward(params["logits"], targets)}
    assert gradient_error(analytic, numeric)["logits"] <= 1e-7


def test_cross_entropy_names_both_shapes_when_they_do_not_fit():
    with pytest.raises(ValueError, match=r"targets have shape \(3,\), logits ask for \(2,\)"):
        nn.cross_entropy(np.zeros((2, 4)), np.zeros(3, int))


def test_numeric_gradient_of_a_known_function_and_parameters_come_back(rng):
    params = {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=4)}
    before = {name: value.copy() for name, value in params.items()}
    grads = nn.numeric_gradient(lambda: (params["a"] ** 2).sum() + 3 * params["b"].sum(), params)
    np.testing.assert_allclose(grads["a"], 2 * before["a"], atol=1e-8)
    np.testing.assert_allclose(grads["b"], 3, atol=1e-8)
    for name, value in params.items():
        assert (value == before[name]).all()


def test_numeric_gradient_runs_the_network_twice_a_parameter():
    calls = []
    nn.numeric_gradient(lambda: calls.append(1) or 0.0, {"a": np.zeros((2, 3)), "b": np.zeros(4)})
    assert len(calls) == 2 * (6 + 4)


@pytest.mark.parametrize("size", [0, -3, 2.5, "4", None])
def test_check_size_says_what_came(size):
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got"):
        nn.check_size("hidden_size", size)


def test_sgd_changes_the_very_arrays_it_was_given(rng):
    params = {"a": rng.normal(size=3), "b": rng.normal(size=(2, 2))}
    mine = params["b"]
    before = {name: value.copy() for name, value in params.items()}
    SGD(params, 0.1).step({"a": np.ones(3), "b": np.full((2, 2), -2.0)})
    np.testing.assert_allclose(params["a"], before["a"] - 0.1)
    np.testing.assert_allclose(mine, before["b"] + 0.2)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_sgd_wants_a_positive_learning_rate(rate):
    with pytest.raises(ValueError, match="learning_rate must be positive, got"):
        SGD({}, rate)
