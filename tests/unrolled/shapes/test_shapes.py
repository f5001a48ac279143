"""Chapter 6: gradients, agreement, and that padding changes nothing."""

import keras
import numpy as np
import pytest
import torch

from unrolled import agreement, nn
from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import PAD, length_mask, pad
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.optim import SGD
from unrolled.shapes.keras import KerasNamer, keras_epoch, keras_names
from unrolled.shapes.numpy import NumpyClassifier, NumpyNamer, numpy_epoch, numpy_names
from unrolled.shapes.torch import (
    TorchClassifier,
    TorchNamer,
    TorchPacked,
    torch_epoch,
    torch_names,
)

V, D, H, C, G = 7, 3, 5, 4, 2
CELLS = {
    "gru": (NumpyGRU, KerasGRUCell, keras.layers.GRU, TorchGRU, torch.nn.GRU),
    "lstm": (NumpyLSTM, KerasLSTMCell, keras.layers.LSTM, TorchLSTM, torch.nn.LSTM),
}
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"


def numpy_classifier(layer, rng, dtype=np.float64):
    return NumpyClassifier(
        nn.Embedding(V, D, rng=rng, dtype=dtype),
        layer(D, H, rng=rng, dtype=dtype),
        nn.Linear(H, C, rng=rng, dtype=dtype),
    )


def keras_classifier(layer):
    return keras.Sequential(
        [
            KerasDenseEmbedding(V, D, mask_zero=True, name="embedding"),
            layer,
            keras.layers.Dense(C, name="readout"),
        ]
    )


def torch_classifier(kind, layer):
    embedding = torch.nn.Embedding(V, D, padding_idx=PAD)
    return kind(embedding, layer, torch.nn.Linear(H, C))


def five_classifiers(cell, rng):
    numpy_layer, keras_cell, keras_layer, torch_layer, library = CELLS[cell]
    return {
        "numpy": lambda dtype: numpy_classifier(numpy_layer, rng, dtype),
        "keras cell": lambda dtype: keras_classifier(keras.layers.RNN(keras_cell(H))),
        "keras layer": lambda dtype: keras_classifier(keras_layer(H)),
        "torch": lambda dtype: torch_classifier(TorchClassifier, torch_layer(D, H)),
        "torch library": lambda dtype: torch_classifier(
            TorchClassifier, TorchPacked(library(D, H, batch_first=True))
        ),
    }


def ragged_batch(rng, N=6, T=8):
    lengths = rng.integers(1, T + 1, size=N)
    tokens = rng.integers(1, V, size=(N, T)) * length_mask(lengths, T)
    return tokens, rng.integers(C, size=N)


@pytest.mark.parametrize("cell", CELLS)
def test_classifiers_agree_on_padded_batches(cell, rng):
    table = agreement.compare(
        five_classifiers(cell, rng),
        batch=lambda: ragged_batch(rng),
        names=agreement.LIBRARY_NAMES,
        rng=rng,
        steps=50,
        optimizers={"SGD": 0.5, "Adam": 0.01},
    )
    table.check()


@pytest.mark.parametrize("layer", [NumpyGRU, NumpyLSTM])
def test_the_gradient_of_a_classifier(layer, rng):
    model = numpy_classifier(layer, rng)
    tokens, targets = ragged_batch(rng)
    tokens[0, 1:] = PAD  # a sequence of one step

    def loss():
        return nn.masked_cross_entropy(model.forward(tokens), targets)

    loss()
    model.backward(nn.masked_cross_entropy_backward(model.forward(tokens), targets))
    errors = agreement.gradient_error(model.grads, nn.numeric_gradient(loss, model.params))
    assert max(errors.values()) <= 1e-7, errors
    assert not model.grads["E"][PAD].any()


@pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="elsewhere Keras computes in float32")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("more", [3, 30])
def test_padding_changes_nothing(cell, more, rng):
    tokens, targets = ragged_batch(rng)
    longer = np.pad(tokens, ((0, 0), (0, more)))
    reference = numpy_classifier(CELLS[cell][0], rng)
    weights = {name: rng.normal(size=param.shape) for name, param in reference.params.items()}
    with agreement.precision("float64"):
        for label, build in five_classifiers(cell, rng).items():
            model = build("float64")
            model(tokens[:1]) if label.startswith("keras") else None
            agreement.set_weights(model, weights, agreement.LIBRARY_NAMES)
            found = []
            for inputs in (tokens, longer):
                grads = agreement.gradients(
                    model, inputs, targets, agreement.LIBRARY_NAMES, weights
                )
                if label == "numpy":
                    logits = model.forward(inputs)
                elif label.startswith("keras"):
                    logits = keras.ops.convert_to_numpy(model(inputs))
                else:
                    logits = model(torch.tensor(inputs)).detach().numpy()
                found.append(grads | {"logits": logits})
            for name in found[0]:
                apart = np.abs(found[0][name] - found[1][name]).max()
                assert apart <= 1e-12, f"{label}: {name} differs by {apart:.1e}"


def test_a_batch_mate_changes_nothing(rng):
    model = numpy_classifier(NumpyGRU, rng)
    sequences = [rng.integers(1, V, size=length) for length in (4, 9, 1)]
    together = model.forward(pad(sequences)[0])
    alone = np.concatenate([model.forward(sequence[None]) for sequence in sequences])
    np.testing.assert_allclose(together, alone, atol=1e-14)


def test_vectors_come_with_their_mask(rng):
    x, lengths = pad([rng.normal(size=(length, D)) for length in (2, 6, 5)])
    mask = length_mask(lengths, 6)
    model = NumpyClassifier(
        None, NumpyGRU(D, H, rng=rng, dtype=float), nn.Linear(H, C, rng=rng, dtype=float)
    )
    with agreement.precision("float64"):
        packed = TorchClassifier(
            None, TorchPacked(torch.nn.GRU(D, H, batch_first=True)), torch.nn.Linear(H, C)
        )
        own = TorchClassifier(None, TorchGRU(D, H), torch.nn.Linear(H, C))
        for twin in (packed, own):
            agreement.set_weights(twin, model.params, agreement.LIBRARY_NAMES)
            logits = twin(torch.tensor(x), torch.tensor(mask)).detach().numpy()
            np.testing.assert_allclose(logits, model.forward(x, mask), atol=1e-14)
    assert set(model.params) == {"W_xh", "W_hh", "b_h", "b_hn", "W_hy", "b_y"}
    model.backward(np.ones((3, C)))
    assert model.grads.keys() == model.params.keys()


@pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="elsewhere Keras computes in float32")
def test_a_sequence_without_a_real_step_is_answered_from_the_start_or_refused(rng):
    tokens = np.array([[0, 0, 0], [1, 2, 0]])
    model = numpy_classifier(NumpyGRU, rng)
    np.testing.assert_array_equal(model.forward(tokens)[0], model.params["b_y"])
    with agreement.precision("float64"):
        for kind in ("keras layer", "torch"):
            twin = five_classifiers("gru", rng)[kind]("float64")
            twin(tokens) if kind.startswith("keras") else None
            agreement.set_weights(twin, model.params, agreement.LIBRARY_NAMES)
            logits = twin(tokens if kind.startswith("keras") else torch.tensor(tokens))
            if kind == "torch":
                logits = logits.detach().numpy()
            np.testing.assert_allclose(np.asarray(logits), model.forward(tokens), atol=1e-14)
        packed = five_classifiers("gru", rng)["torch library"]("float64")
        with pytest.raises(ValueError, match="sequence 0 is empty"):
            packed(torch.tensor(tokens))


def test_padding_in_front_is_skipped_by_a_mask_and_refused_by_packing(rng):
    tokens, front = np.array([[1, 2, 3]]), np.array([[0, 0, 1, 2, 3]])
    model = numpy_classifier(NumpyGRU, rng)
    np.testing.assert_array_equal(model.forward(front), model.forward(tokens))
    packed = five_classifiers("gru", rng)["torch library"]("float32")
    with pytest.raises(ValueError, match="padding comes last"):
        packed(torch.tensor(front))


def namers(rng):
    return {
        "numpy": lambda dtype: NumpyNamer(
            nn.Embedding(V, D, rng=rng, dtype=dtype),
            NumpyGRU(G + D, H, rng=rng, dtype=dtype),
            nn.Linear(H, V, rng=rng, dtype=dtype),
        ),
        "keras": lambda dtype: keras_namer(),
        "torch": lambda dtype: TorchNamer(
            torch.nn.Embedding(V, D),
            torch.nn.GRU(G + D, H, batch_first=True),
            torch.nn.Linear(H, V),
        ),
    }


def keras_namer():
    model = KerasNamer(
        KerasDenseEmbedding(V, D, name="embedding"),
        keras.layers.GRU(H, return_sequences=True),
        keras.layers.Dense(V, name="readout"),
    )
    model([np.zeros((1, G)), np.zeros((1, 1), int)])
    return model


def test_namers_agree_where_some_targets_are_padding(rng):
    N, T = 4, 6

    def batch():
        given, tokens = rng.normal(size=(N, G)), rng.integers(V, size=(N, T))
        real = length_mask(rng.integers(1, T + 1, size=N), T)
        return (given, tokens), np.where(real, rng.integers(V, size=(N, T)), nn.IGNORED)

    table = agreement.compare(
        namers(rng),
        batch=batch,
        names=agreement.LIBRARY_NAMES,
        rng=rng,
        steps=50,
        optimizers={"SGD": 0.5, "Adam": 0.01},
    )
    table.check()


def test_the_gradient_of_a_namer(rng):
    model = namers(rng)["numpy"](np.float64)
    given, tokens = rng.normal(size=(3, G)), rng.integers(V, size=(3, 4))
    targets = np.where(rng.random((3, 4)) < 0.7, rng.integers(V, size=(3, 4)), nn.IGNORED)

    def loss():
        return nn.masked_cross_entropy(model.forward(given, tokens), targets)

    model.backward(nn.masked_cross_entropy_backward(model.forward(given, tokens), targets))
    errors = agreement.gradient_error(model.grads, nn.numeric_gradient(loss, model.params))
    assert max(errors.values()) <= 1e-7, errors


def test_names_are_told_one_likeliest_letter_after_the_other(rng):
    model = namers(rng)["numpy"](np.float32)
    given = rng.normal(size=(3, G)).astype("float32")
    told = numpy_names(model, given, start=1, steps=5)
    assert told.shape == (3, 5)
    read = np.concatenate([np.ones((3, 1), int), told[:, :-1]], axis=1)
    np.testing.assert_array_equal(model.forward(given, read).argmax(axis=2), told)
    twin, third = keras_namer(), namers(rng)["torch"](np.float32)
    for other in (twin, third):
        agreement.set_weights(other, model.params, agreement.LIBRARY_NAMES)
    np.testing.assert_array_equal(keras_names(twin, given, start=1, steps=5), told)
    np.testing.assert_array_equal(torch_names(third, torch.tensor(given), start=1, steps=5), told)


def test_a_keras_namer_is_saved_and_loaded(tmp_path, rng):
    model = keras_namer()
    model.save(tmp_path / "namer.keras")
    inputs = [rng.normal(size=(2, G)), rng.integers(V, size=(2, 3))]
    loaded = keras.saving.load_model(tmp_path / "namer.keras")
    np.testing.assert_allclose(loaded(inputs), model(inputs), atol=1e-7)


def test_a_round_of_training_is_the_same_in_all_three(rng):
    batches = [ragged_batch(rng, N=N) for N in (6, 4, 5)]
    model = numpy_classifier(NumpyGRU, rng, np.float32)
    builders = five_classifiers("gru", rng)
    twin, third = builders["keras cell"]("float32"), builders["torch"]("float32")
    twin(batches[0][0])
    for other in (twin, third):
        agreement.set_weights(other, model.params, agreement.LIBRARY_NAMES)
    twin.compile(
        keras.optimizers.SGD(0.5, global_clipnorm=0.3),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
    )
    losses = numpy_epoch(model, batches, SGD(model.params, 0.5), clip=0.3)
    assert len(losses) == 3
    np.testing.assert_allclose(keras_epoch(twin, batches), losses, rtol=1e-4)
    optimizer = torch.optim.SGD(third.parameters(), 0.5)
    np.testing.assert_allclose(torch_epoch(third, batches, optimizer, clip=0.3), losses, rtol=1e-4)


def test_a_token_outside_the_vocabulary_and_a_class_outside_the_classes_are_named(rng):
    model = numpy_classifier(NumpyGRU, rng)
    with pytest.raises(ValueError, match="token 7 is outside the vocabulary of 7"):
        model.forward(np.array([[1, V]]))
    batches = [(np.array([[1, 2]]), np.array([C]))]
    with pytest.raises(ValueError, match="target 4 is none of the 4 classes"):
        numpy_epoch(model, batches, SGD(model.params, 0.5), clip=1.0)
    twin = keras_classifier(keras.layers.GRU(H))
    twin.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    twin(batches[0][0])
    with pytest.raises(ValueError, match="target 4 is none of the 4 classes"):
        keras_epoch(twin, batches)
    third = five_classifiers("gru", rng)["torch"]("float32")
    with pytest.raises(IndexError, match="Target 4 is out of bounds"):
        torch_epoch(third, batches, torch.optim.SGD(third.parameters(), 0.5), clip=1.0)


@pytest.mark.parametrize("library", [torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_packed_layer_goes_on_from_the_state_it_returned(library, layers, rng):
    with agreement.precision("float64"):
        packed = TorchPacked(library(D, H, num_layers=layers, batch_first=True))
    x = torch.tensor(rng.normal(size=(3, 6, D)))
    hs, last = packed(x)
    first, state = packed(x[:, :4])
    second, again = packed(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), hs)
    for one, other in zip(last, again, strict=True):
        torch.testing.assert_close(one, other)
    masked, _ = packed(x, mask=torch.tensor([[True] * 4 + [False] * 2] * 3))
    torch.testing.assert_close(masked[:, 3:], first[:, 3:].expand(-1, 3, -1))


@pytest.mark.parametrize("options", [{}, {"batch_first": True, "bidirectional": True}])
def test_what_cannot_be_packed_like_a_loop_is_refused(options):
    with pytest.raises(ValueError, match="one direction, with batch_first=True"):
        TorchPacked(torch.nn.GRU(D, H, **options))
