"""Which letters moved the answer: against differences, in two frameworks, and by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from unrolled import agreement
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.nn import Embedding, Linear
from unrolled.shapes.numpy import NumpyClassifier
from unrolled.shapes.torch import TorchClassifier, TorchPacked
from unrolled.stacked.explain import numpy_gradient_input, occlusion
from unrolled.stacked.explain_torch import torch_gradient_input
from unrolled.stacked.numpy import NumpyStack
from unrolled.stacked.torch import TorchStack

V, D, H, C = 6, 3, 4, 3
TOKENS = np.array([[1, 2, 3, 4, 5], [5, 3, 1, 0, 0], [2, 2, 0, 0, 0]])


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    layers = [NumpyLSTM(D, H, rng=rng, dtype=np.float64), NumpyLSTM(H, H, rng=rng, dtype=float)]
    model = NumpyClassifier(
        Embedding(V, D, rng=rng, dtype=np.float64),
        NumpyStack(layers, residual=True),
        Linear(H, C, rng=rng, dtype=np.float64),
    )
    for param in model.params.values():
        param[...] = rng.normal(size=param.shape)
    return model


def lead(model, x, mask, answers):
    hs, _ = model.layer.forward(x, mask=mask)
    logits = model.readout.forward(hs[:, -1])
    return logits[np.arange(len(x)), answers] - logits.mean(axis=1)


def test_gradient_times_input_is_the_slope_when_one_letter_is_turned_down(model):
    moved, answers = numpy_gradient_input(model, TOKENS)
    x, mask = model.embedding.E[TOKENS], TOKENS != 0
    for t in range(TOKENS.shape[1]):
        up, down = x.copy(), x.copy()
        up[:, t] *= 1 + 1e-5
        down[:, t] *= 1 - 1e-5
        slope = lead(model, up, mask, answers) - lead(model, down, mask, answers)
        np.testing.assert_allclose(moved[:, t], slope / 2e-5, atol=1e-8)
    assert (moved[~mask] == 0).all() and moved[mask].all()


def test_pytorch_gives_the_same_numbers(model):
    with agreement.precision("float64"):
        layers = [TorchPacked(nn.LSTM(size, H, batch_first=True)) for size in (D, H)]
        stack = TorchStack(layers, residual=True)
        twin = TorchClassifier(nn.Embedding(V, D), stack, nn.Linear(H, C))
    agreement.set_weights(twin, model.params, agreement.stack_names(2))
    moved, answers = numpy_gradient_input(model, TOKENS)
    theirs, their_answers = torch_gradient_input(twin, torch.tensor(TOKENS))
    np.testing.assert_allclose(theirs, moved, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(their_answers, answers)
    ours, _ = occlusion(model.forward, TOKENS)
    with torch.no_grad():
        theirs, _ = occlusion(lambda tokens: twin(torch.tensor(tokens)).numpy(), TOKENS)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12)


def test_occlusion_reads_the_rest_without_the_letter(model):
    moved, answers = occlusion(model.forward, TOKENS)
    whole, rest = model.forward(TOKENS[[1], :3])[0], model.forward(np.array([[5, 1]]))[0]
    whole, rest = (logits[answers[1]] - logits.mean() for logits in (whole, rest))
    assert moved[1, 1] == pytest.approx(whole - rest, abs=1e-12)
    assert (moved[TOKENS == 0] == 0).all() and moved[TOKENS != 0].all()


def test_a_single_letter_cannot_be_taken_away(model):
    with pytest.raises(ValueError, match="one letter has nothing left without it: expected two"):
        occlusion(model.forward, np.array([[1, 2], [3, 0]]))
    with pytest.raises(ValueError, match="sequence 0 is empty"):
        occlusion(model.forward, np.array([[0, 0]]))
