"""Chapter 3's models: right gradients, one curve in three frameworks, files that come back."""

import os

import keras
import numpy as np
import pytest
import torch

from unrolled import agreement, nn
from unrolled.charlm.keras import (
    KerasCharModel,
    KerasDenseEmbedding,
    KerasLanguageModel,
    keras_bits,
    keras_step,
    keras_train,
)
from unrolled.charlm.numpy import (
    NumpyCharModel,
    NumpyLanguageModel,
    NumpyTokenRNN,
    numpy_bits,
    numpy_load,
    numpy_save,
    numpy_step,
    numpy_train,
)
from unrolled.charlm.torch import (
    TorchCharModel,
    TorchLanguageModel,
    torch_bits,
    torch_load,
    torch_save,
    torch_step,
    torch_train,
)
from unrolled.data.corpora import stream_batches
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.optim import SGD, Adagrad, Adam
from unrolled.sampling import generate, greedy

NAMES = agreement.LIBRARY_NAMES
SIZES = [(7, 2, 5, 3, 6), (4, 6, 3, 1, 5), (5, 3, 2, 4, 1), (3, 1, 1, 2, 7)]  # V, D, H, N, T
# Keras rounds Adam's betas to float32; on PyTorch and JAX it computes in float32 whatever is asked.
BETAS = float(np.float32(0.9)), float(np.float32(0.999))
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"


def loss_in_keras():
    """Made where it is used, since it keeps the precision of that moment."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def keras_precision(dtype):
    """The precision asked for where Keras can compute in it, and float32 elsewhere."""
    return agreement.precision(dtype if KERAS_HAS_FLOAT64 else "float32")


def random_model(rng, V, D, H, dtype=np.float64):
    """A NumPy model whose weights, the biases too, are random."""
    model = NumpyCharModel(V, D, H, rng=rng, dtype=dtype)
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return model


def random_batch(rng, V, N, T):
    return rng.integers(V, size=(N, T)), rng.integers(V, size=(N, T))


def trio(rng, V, D, H, N, dtype="float64"):
    """The same weights in all three, ready to be trained on batches of N."""
    model = random_model(rng, V, D, H, dtype)
    with agreement.precision(dtype):
        torch_model = TorchCharModel(V, D, H)
    with keras_precision(dtype):
        keras_model = KerasCharModel(V, D, H, stateful=True)
        keras_model.build((N, 1))
    # Copies, as Keras on JAX would share the memory of what it is given.
    weights = {name: param.copy() for name, param in model.params.items()}
    for twin in (keras_model, torch_model):
        agreement.set_weights(twin, weights, NAMES)
    return model, keras_model, torch_model


# What the NumPy model carries


def test_two_halves_equal_the_whole_forward_and_backward(rng):
    V, D, H, N, T = 6, 4, 5, 3, 7
    model = random_model(rng, V, D, H)
    x, y = random_batch(rng, V, N, T)
    whole, last = model.forward(x)
    dlogits = nn.cross_entropy_backward(whole, y)
    model.backward(dlogits.copy())
    expected = model.grads

    first, middle = model.forward(x[:, :3])
    second, state = model.forward(x[:, 3:], middle)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-13)
    np.testing.assert_allclose(state, last, atol=1e-13)

    dmiddle = model.backward(dlogits[:, 3:])
    late = model.grads
    model.forward(x[:, :3])
    model.backward(dlogits[:, :3], dmiddle)
    for name, grad in expected.items():
        np.testing.assert_allclose(model.grads[name] + late[name], grad, atol=1e-13, err_msg=name)


def test_what_forward_returned_stays_as_it_was(rng):
    model = random_model(rng, 6, 4, 5)
    logits, state = model.forward(rng.integers(6, size=(3, 7)))
    copies = logits.copy(), state.copy()
    for shape in [(3, 7), (2, 7), (3, 4), (3, 7)]:
        model.forward(rng.integers(6, size=shape))
    np.testing.assert_array_equal(logits, copies[0])
    np.testing.assert_array_equal(state, copies[1])


# All three


@pytest.mark.parametrize(("V", "D", "H", "N", "T"), [(7, 2, 5, 3, 6), (4, 6, 3, 1, 2)])
def test_all_three_agree(rng, V, D, H, N, T):
    models = {
        "numpy": lambda dtype: NumpyCharModel(V, D, H, rng=rng, dtype=dtype),
        "keras": lambda dtype: KerasCharModel(V, D, H),
        "torch": lambda dtype: TorchCharModel(V, D, H),
    }
    table = agreement.compare(
        models, batch=lambda: random_batch(rng, V, N, T), names=NAMES, rng=rng, steps=100
    )
    table.check()
    gradients = {quantity for _, quantity, _, _ in table.rows if quantity.startswith("d")}
    assert gradients == {"dE", "dW_xh", "dW_hh", "db_h", "dW_hy", "db_y"}


OPTIMIZERS = {
    "sgd": (
        lambda params: SGD(params, 0.3),
        lambda clip: keras.optimizers.SGD(0.3, global_clipnorm=clip),
        lambda params: torch.optim.SGD(params, 0.3),
    ),
    "adagrad": (
        lambda params: Adagrad(params, 0.05, epsilon=1e-30),
        lambda clip: keras.optimizers.Adagrad(
            0.05, initial_accumulator_value=0, epsilon=1e-30, global_clipnorm=clip
        ),
        lambda params: torch.optim.Adagrad(params, 0.05, eps=1e-30),
    ),
    "adam": (
        lambda params: Adam(params, 0.01, betas=BETAS, epsilon=1e-30),
        lambda clip: keras.optimizers.Adam(
            0.01, beta_1=BETAS[0], beta_2=BETAS[1], epsilon=1e-30, global_clipnorm=clip
        ),
        lambda params: torch.optim.Adam(params, 0.01, betas=BETAS, eps=1e-30),
    ),
}


def curves(rng, name, batches, clip, dtype="float64"):
    """The losses of one pass over the batches, in all three."""
    model, keras_model, torch_model = trio(rng, 9, 4, 6, 3, dtype)
    for_numpy, for_keras, for_torch = OPTIMIZERS[name]
    with keras_precision(dtype):
        keras_model.compile(for_keras(clip), loss_in_keras())
        return [
            np.array(numpy_train(model, batches, for_numpy(model.params), clip=clip)),
            np.array(keras_train(keras_model, batches)),
            np.array(
                torch_train(torch_model, batches, for_torch(torch_model.parameters()), clip=clip)
            ),
        ]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_three_curves_coincide_over_a_hundred_steps(rng, optimizer):
    batches = [random_batch(rng, 9, 3, 5) for _ in range(101)]
    ours, by_keras, by_torch = curves(rng, optimizer, batches, clip=100.0)
    assert ours.shape == (101,) and np.ptp(ours) > 0.1
    np.testing.assert_allclose(by_torch, ours, atol=1e-9)
    np.testing.assert_allclose(by_keras, ours, atol=1e-9 if KERAS_HAS_FLOAT64 else 1e-4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_three_curves_coincide_where_gradients_are_clipped(rng, dtype):
    batches = [random_batch(rng, 9, 3, 5) for _ in range(60)]
    ours, by_keras, by_torch = curves(rng, "sgd", batches, clip=0.1, dtype=dtype)
    # PyTorch adds 1e-6 to the norm before it divides by it; Keras logs means in float32.
    np.testing.assert_allclose(by_torch, ours, atol=1e-5)
    exact = dtype == "float64" and KERAS_HAS_FLOAT64
    np.testing.assert_allclose(by_keras, ours, atol=1e-9 if exact else 1e-4)


def weights_of(model):
    """Copies of all weights that are trained, in whatever framework."""
    if isinstance(model, keras.Model):
        return [keras.ops.convert_to_numpy(w).copy() for w in model.trainable_variables]
    if isinstance(model, torch.nn.Module):
        return [p.detach().numpy().copy() for p in model.parameters() if p.requires_grad]
    return [p.copy() for p in model.params.values()]


def train(model, batches, learning_rate, clip=100.0):
    """One pass of gradient descent, in whatever framework."""
    if isinstance(model, keras.Model):
        with agreement.precision(model.variable_dtype):
            model.compile(
                keras.optimizers.SGD(learning_rate, global_clipnorm=clip), loss_in_keras()
            )
            return keras_train(model, batches)
    if isinstance(model, torch.nn.Module):
        optimizer = torch.optim.SGD(model.parameters(), learning_rate)
        return torch_train(model, batches, optimizer, clip=clip)
    return numpy_train(model, batches, SGD(model.params, learning_rate), clip=clip)


def test_the_gradient_is_clipped_before_each_step(rng):
    batches = [random_batch(rng, 9, 3, 5)]
    for model in trio(rng, 9, 4, 6, 3):
        before = weights_of(model)
        train(model, batches, learning_rate=1.0, clip=1e-2)
        steps = [a - b for a, b in zip(before, weights_of(model), strict=True)]
        assert sum((step**2).sum() for step in steps) ** 0.5 == pytest.approx(1e-2, rel=1e-3)


def test_the_state_goes_from_batch_to_batch_and_is_forgotten_between_passes(rng):
    batches = list(stream_batches(rng.integers(9, size=100), 3, 4))
    x, y = (np.concatenate(arrays, axis=1) for arrays in zip(*batches, strict=True))  # (N, 32)
    models = trio(rng, 9, 4, 6, 3)
    logits, _ = models[0].forward(x)
    starts = range(0, x.shape[1], 4)
    expected = [nn.cross_entropy(logits[:, t : t + 4], y[:, t : t + 4]) for t in starts]
    for model in models:
        for _ in range(2):  # steps so short that nothing is learned
            np.testing.assert_allclose(train(model, batches, 1e-30), expected, atol=1e-5)


def test_all_three_learn_to_count(rng):
    tokens = np.tile(np.arange(5), 80)
    for model in trio(rng, 5, 3, 8, 2, "float32"):
        losses = [np.mean(train(model, stream_batches(tokens, 2, 6), 0.5)) for _ in range(8)]
        assert losses[0] > 0.3 and losses[-1] < 0.05, type(model)
    np.testing.assert_array_equal(model.rnn.bias_hh_l0.detach().numpy(), np.zeros(8))


# The score, and a step


def test_bits_are_the_surprise_at_the_whole_text_read_as_one_row(rng):
    model, keras_model, torch_model = trio(rng, 9, 4, 6, 3)
    tokens = rng.integers(9, size=53)
    logits, _ = model.forward(tokens[None, :-1])
    expected = nn.cross_entropy(logits[0], tokens[1:]) / np.log(2)
    for chunk in (1000, 52, 51, 10, 1):
        assert numpy_bits(model, tokens, chunk=chunk) == pytest.approx(expected, abs=1e-12)
        assert torch_bits(torch_model, tokens, chunk=chunk) == pytest.approx(expected, abs=1e-12)
    for chunk in (1000, 20):
        assert keras_bits(keras_model, tokens, chunk=chunk) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_bits_want_something_to_predict(rng, index):
    score = (numpy_bits, keras_bits, torch_bits)[index]
    model = trio(rng, 9, 4, 6, 3, "float32")[index]
    with pytest.raises(ValueError, match="nothing to predict in a text of 1 tokens"):
        score(model, np.array([3]))
    with pytest.raises(ValueError, match="token 9 is outside the vocabulary of 9 symbols"):
        score(model, np.array([3, 9, 4]))


def test_scoring_and_writing_leave_the_training_alone(rng):
    batches = list(stream_batches(rng.integers(9, size=100), 3, 4))
    losses = []
    for between in (lambda model: None, lambda model: keras_bits(model, np.arange(9))):
        model = trio(np.random.default_rng(1), 9, 4, 6, 3, "float32")[1]
        first = train(model, batches, 0.1)
        between(model)
        losses.append(first + train(model, batches, 0.1))
    np.testing.assert_array_equal(*losses)


def test_a_step_is_a_column_of_forward_and_all_three_write_the_same(rng):
    models = trio(rng, 9, 4, 6, 3)
    steps = [make(m) for make, m in zip((numpy_step, keras_step, torch_step), models, strict=True)]
    tokens = rng.integers(9, size=7)
    expected, _ = models[0].forward(tokens[None])
    for step in steps:
        state = None
        for t, token in enumerate(tokens):
            logits, state = step(int(token), state)
            assert isinstance(logits, np.ndarray)
            np.testing.assert_allclose(logits, expected[0, t], atol=1e-5)
    texts = [generate(step, tokens, 20, greedy) for step in steps]
    assert texts[0] == texts[1] == texts[2]
    assert generate(steps[0], tokens[:3], 20, greedy) != texts[0]


# Files


def test_a_saved_model_comes_back_whole(rng, tmp_path):
    tokens = rng.integers(9, size=40)
    for dtype in ("float32", "float64"):
        model, _, torch_model = trio(rng, 9, 4, 6, 3, dtype)
        numpy_save(model, tmp_path / "model.npz")
        again = numpy_load(tmp_path / "model.npz")
        assert again.params.keys() == model.params.keys()
        for name, param in model.params.items():
            np.testing.assert_array_equal(again.params[name], param)
            assert again.params[name].dtype == dtype
        assert numpy_bits(again, tokens) == numpy_bits(model, tokens)
        torch_save(torch_model, tmp_path / "model.pt")
        again = torch_load(tmp_path / "model.pt")
        assert torch_bits(again, tokens) == torch_bits(torch_model, tokens)
        assert not again.rnn.bias_hh_l0.requires_grad
    assert sorted(os.listdir(tmp_path)) == ["model.npz", "model.pt"]


def test_a_saved_keras_model_comes_back_with_its_optimizer(rng, tmp_path):
    tokens = rng.integers(9, size=100)
    batches = list(stream_batches(tokens, 3, 4))
    _, model, _ = trio(rng, 9, 4, 6, 3, "float32")
    model.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), loss_in_keras())
    keras_train(model, batches)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert keras_bits(again, tokens) == keras_bits(model, tokens)
    assert isinstance(again.embedding, KerasDenseEmbedding)
    np.testing.assert_array_equal(keras_train(again, batches), keras_train(model, batches))


def test_an_interrupted_save_leaves_the_file_as_it_was(rng, tmp_path, monkeypatch):
    model, _, torch_model = trio(rng, 9, 4, 6, 3)
    numpy_save(model, tmp_path / "model.npz")
    torch_save(torch_model, tmp_path / "model.pt")
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    def fail(*args, **kwargs):
        (args[0] if hasattr(args[0], "write") else open(args[1], "wb")).write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        numpy_save(model, tmp_path / "model.npz")
    with pytest.raises(KeyboardInterrupt):
        torch_save(torch_model, tmp_path / "model.pt")
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_other_files_are_refused(rng, tmp_path):
    np.savez(tmp_path / "other.npz", E=np.ones((2, 2)), W=np.ones(3))
    with pytest.raises(ValueError, match=r"other\.npz holds E, W, expected E, W_xh, W_hh, b_h"):
        numpy_load(tmp_path / "other.npz")
    np.savez(tmp_path / "pickle.npz", E=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        numpy_load(tmp_path / "pickle.npz")
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other.pt holds weight, not a TorchCharModel's weights"):
        torch_load(tmp_path / "other.pt")
    torch.save(TorchCharModel(3, 2, 2), tmp_path / "whole.pt")
    with pytest.raises(Exception, match="weights_only"):
        torch_load(tmp_path / "whole.pt")


# What each refuses, and the lookup's gradient in Keras


@pytest.mark.parametrize("name", ["vocab_size", "embedding_size", "hidden_size"])
@pytest.mark.parametrize(
    "build",
    [
        lambda **sizes: NumpyTokenRNN(**sizes, rng=np.random.default_rng(0)),
        lambda **sizes: NumpyCharModel(**sizes, rng=np.random.default_rng(0)),
        KerasCharModel,
        TorchCharModel,
    ],
)
def test_sizes_are_at_least_one(build, name):
    sizes = {"vocab_size": 3, "embedding_size": 2, "hidden_size": 4} | {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        build(**sizes)


def test_the_dense_embedding_steps_as_if_each_token_stood_once(rng):
    """Adam's first step is one learning rate long, however often a token occurs."""
    tokens = np.array([[0, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
    lookup, dense = keras.layers.Embedding(3, 2), KerasDenseEmbedding(3, 2)
    for layer in (lookup, dense):
        layer.build()
    numpy = keras.ops.convert_to_numpy
    dense.embeddings.assign(numpy(lookup.embeddings).copy())
    np.testing.assert_array_equal(numpy(dense(tokens)), numpy(lookup(tokens)))
    lengths = {}
    for name, layer in {"lookup": lookup, "dense": dense}.items():
        model = keras.Sequential([layer])
        before = numpy(layer.embeddings).copy()
        model.compile(keras.optimizers.Adam(0.01, epsilon=1e-30), "mse")
        model.train_on_batch(tokens, np.ones((1, 10, 2)))
        step = np.abs(numpy(layer.embeddings) - before)
        lengths[name] = step.mean(axis=1) / 0.01
    np.testing.assert_allclose(lengths["dense"], [1, 1, 0], atol=1e-3)
    if keras.config.backend() == "tensorflow":  # where this changes, the book may drop its cure
        np.testing.assert_allclose(lengths["lookup"], [3, 1, 0], atol=0.2)


# The model around any layer: our own of each framework, and the library's

RETURN = {"return_sequences": True, "return_state": True}
KINDS = {
    "lstm": (
        NumpyLSTM,
        lambda H: keras.layers.RNN(KerasLSTMCell(H), **RETURN),
        TorchLSTM,
    ),
    "library's lstm": (
        NumpyLSTM,
        lambda H: keras.layers.LSTM(H, **RETURN),
        lambda D, H: torch.nn.LSTM(D, H, batch_first=True),
    ),
    "gru": (
        NumpyGRU,
        lambda H: keras.layers.RNN(KerasGRUCell(H), **RETURN),
        TorchGRU,
    ),
    "library's gru": (
        NumpyGRU,
        lambda H: keras.layers.GRU(H, **RETURN),
        lambda D, H: torch.nn.GRU(D, H, batch_first=True),
    ),
}


def language_trio(rng, kind, V=9, D=4, H=6, N=3):
    """The same random weights in all three, in float32, ready to be trained on batches of N."""
    for_numpy, for_keras, for_torch = KINDS[kind]
    model = NumpyLanguageModel(V, for_numpy(D, H, rng=rng), rng=rng)
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    twins = [KerasLanguageModel(V, D, for_keras(H), stateful=True)]
    twins.append(TorchLanguageModel(V, D, H, for_torch(D, H)))
    twins[0].build((N, 1))
    weights = {name: param.copy() for name, param in model.params.items()}
    for twin in twins:
        agreement.set_weights(twin, weights, NAMES)
    return model, *twins


@pytest.mark.parametrize("kind", KINDS)
def test_all_three_carry_the_state_of_any_layer(rng, kind):
    """Through training from batch to batch, through scoring in chunks, and from step to step."""
    models = language_trio(rng, kind)
    tokens = rng.integers(9, size=100)
    batches = list(stream_batches(tokens, 3, 4))
    x, y = (np.concatenate(arrays, axis=1) for arrays in zip(*batches, strict=True))  # (N, 32)
    logits, _ = models[0].forward(x)
    starts = range(0, x.shape[1], 4)
    expected = [nn.cross_entropy(logits[:, t : t + 4], y[:, t : t + 4]) for t in starts]
    for model in models:
        for _ in range(2):  # steps so short that nothing is learned
            np.testing.assert_allclose(train(model, batches, 1e-30), expected, atol=1e-5)

    logits, _ = models[0].forward(tokens[None, :-1])
    bits = nn.cross_entropy(logits[0], tokens[1:]) / np.log(2)
    for score, model in zip((numpy_bits, keras_bits, torch_bits), models, strict=True):
        for chunk in (1000, 30):
            assert score(model, tokens, chunk=chunk) == pytest.approx(bits, abs=1e-5)

    steps = [make(m) for make, m in zip((numpy_step, keras_step, torch_step), models, strict=True)]
    for step in steps:
        state = None
        for t in range(5):
            scores, state = step(int(tokens[t]), state)
            np.testing.assert_allclose(scores, logits[0, t], atol=1e-5)
    texts = [generate(step, tokens[:7], 20, greedy) for step in steps]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_training_takes_the_same_steps_around_any_layer(rng, kind):
    batches = [random_batch(rng, 9, 3, 5) for _ in range(10)]
    ours, *theirs = (train(model, batches, 0.3) for model in language_trio(rng, kind))
    assert np.ptp(ours) > 0.1
    for losses in theirs:
        np.testing.assert_allclose(losses, ours, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stateful_keras_model_goes_on_until_it_is_reset(rng, kind):
    model, stateful, _ = language_trio(rng, kind)
    plain = KerasLanguageModel(9, 4, KINDS[kind][1](6))
    plain.build((3, 1))
    agreement.set_weights(plain, {k: v.copy() for k, v in model.params.items()}, NAMES)
    tokens = rng.integers(9, size=(3, 8))
    whole, _ = model.forward(tokens)
    anew, _ = model.forward(tokens[:, 4:])
    assert abs(anew - whole[:, 4:]).max() > 0.01  # the state makes a difference

    def read(twin, part):
        return keras.ops.convert_to_numpy(twin(part))

    for _ in range(2):
        for part in (slice(4), slice(4, 8)):
            np.testing.assert_allclose(read(stateful, tokens[:, part]), whole[:, part], atol=1e-5)
        stateful.reset_state()
    for part, expected in ((slice(4), whole[:, :4]), (slice(4, 8), anew)):
        np.testing.assert_allclose(read(plain, tokens[:, part]), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stateful", [False, True], ids=["plain", "stateful"])
def test_a_saved_keras_language_model_comes_back(rng, tmp_path, kind, stateful):
    model = KerasLanguageModel(9, 4, KINDS[kind][1](6), stateful=stateful, name="mine")
    tokens = rng.integers(9, size=(3, 8))
    before = keras.ops.convert_to_numpy(model(tokens))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again, KerasLanguageModel) and again.name == "mine"
    assert type(again.rnn) is type(model.rnn) and again.stateful is stateful
    for size in ("vocab_size", "embedding_size"):
        assert again.get_config()[size] == model.get_config()[size]
    after = [keras.ops.convert_to_numpy(twin(tokens)) for twin in (model, again)]
    np.testing.assert_allclose(after[1], after[0], atol=1e-6)
    # Of a stateful model the file holds the state too: it goes on where the first one was.
    assert (abs(after[0] - before).max() > 1e-3) == stateful
    assert keras_bits(again, tokens[0]) == pytest.approx(keras_bits(model, tokens[0]), abs=1e-6)


@pytest.mark.parametrize("missing", RETURN)
def test_a_keras_layer_that_hides_its_states_is_refused(missing):
    layer = keras.layers.GRU(4, **RETURN | {missing: False})
    with pytest.raises(ValueError, match="return_sequences=True and return_state=True"):
        KerasLanguageModel(5, 3, layer)


def test_sizes_of_the_model_around_a_layer_are_at_least_one(rng):
    for build in (
        lambda: NumpyLanguageModel(0, NumpyGRU(3, 4, rng=rng), rng=rng),
        lambda: KerasLanguageModel(0, 3, keras.layers.GRU(4, **RETURN)),
        lambda: TorchLanguageModel(0, 3, 4, TorchGRU(3, 4)),
    ):
        with pytest.raises(ValueError, match="vocab_size must be a whole number of at least 1"):
            build()
    with pytest.raises(ValueError, match="embedding_size must be a whole number of at least 1"):
        KerasLanguageModel(5, 0, keras.layers.GRU(4, **RETURN))
