import numpy as np
import pytest

from unrolled.bptt.numpy import NumpyRNN
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.recall import numpy_recall


@pytest.mark.parametrize("Layer", [NumpyRNN, NumpyGRU, NumpyLSTM])
def test_a_short_lag_is_learned_and_training_stops_then(Layer):
    rng = np.random.default_rng(0)
    update, right = numpy_recall(Layer(9, 16, rng=rng), 2, learning_rate=0.02, updates=400, rng=rng)
    assert right >= 0.95 and update % 50 == 0 and update < 400


def test_what_is_not_learned_is_a_guess_and_the_layer_has_read_the_500_last():
    rng = np.random.default_rng(0)
    layer = NumpyLSTM(9, 8, rng=rng)
    update, right = numpy_recall(layer, 7, learning_rate=1e-6, updates=3, rng=rng)
    assert update == 3 and right < 0.5
    assert layer.x.shape == (9, 500, 9)  # the letter, seven steps, the question
