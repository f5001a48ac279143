"""Chapter 8 in Keras: recurrent layers on top of each other.

    y^1_t = h^1_t,          layer 1 reads x_t                            (8.1)
    h^l_t = layer l (u^l_t, h^l_{t-1}),   u^l_t = y^{l-1}_t              (8.2)
    y^l_t = h^l_t           plain;   y^{l-1}_t + h^l_t   residual        (8.3)
    before:  u^l_t = LN(y^{l-1}_t);  after:  LN around y^l_t of (8.3)    (8.4)
    dropout: u^l_t = m * (what (8.2) or (8.4) say) / (1 - p)             (8.5)

Symbols and shapes as in ``unrolled.stacked.numpy``. A stack is no class in Keras: layers are
called one on the other, with ``Add``, ``LayerNormalization`` and ``Dropout`` between them. All
of them hand the mask on. ``StackedRNNCells`` makes one cell of several, and one loop over time.

Source: Graves 2013 (stacks); He et al. 2016 (residual); Zaremba et al. 2014 (dropout between).
"""

import keras

from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import PAD
from unrolled.stacked import check_layer_states, check_stack


def keras_stack(x, layers, *, residual=False, norm=None, dropout=0.0, state=None, mask=None):
    """Call layers one on the other, (8.1) to (8.5); in a functional model, or on arrays.

    Args: x (N, T, D); layers, recurrent ones that return sequences and state, the lowest first;
    residual, norm, dropout as in ``NumpyStack``; state, a list with one state a layer; mask
    (N, T), only needed with a state: a layer that is called with two arrays finds none by itself.
    Returns: y (N, T, H) of the top layer, the list of states, each a list of arrays.
    """
    layers, after = list(layers), []
    state = check_layer_states("state", state, len(layers))
    read = [x.shape[-1], *(layer_size(layer) for layer in layers)]
    check_stack(list(zip(read, read[1:], strict=False)), residual, norm)
    y = x
    for k, layer in enumerate(layers):
        u = y
        if k and norm == "before":
            u = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_l{k}")(u)
        if k and dropout:
            u = keras.layers.Dropout(dropout)(u)
        hs, *last = layer(u, initial_state=state[k], mask=mask)
        after.append(last)
        y = keras.layers.Add()([y, hs]) if k and residual else hs
        if k and norm == "after":
            y = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_l{k}")(y)
    return y, after


def layer_size(layer):
    """H of a recurrent layer: one of the library's, or ``RNN`` around a cell."""
    return layer.cell.output_size


def last_real(y, tokens):
    """What stands at each sequence's last real step. Args: y (N, T, H); tokens (N, T). (N, H)."""
    lengths = keras.ops.sum(keras.ops.cast(keras.ops.not_equal(tokens, PAD), "int32"), axis=1)
    return keras.ops.take_along_axis(y, (lengths - 1)[:, None, None], axis=1)[:, 0]


def keras_classifier(vocab_size, embedding_size, layers, classes, **options):
    """Many to one: an embedding, a stack, and an answer from the top's last real step.

    Args: layers and options as in ``keras_stack``. Returns: a model, tokens (N, T) to (N, C).
    """
    tokens = keras.Input((None,), dtype="int32")
    x = KerasDenseEmbedding(vocab_size, embedding_size, mask_zero=True, name="embedding")(tokens)
    y, _ = keras_stack(x, layers, **options)
    return keras.Model(tokens, keras.layers.Dense(classes, name="readout")(last_real(y, tokens)))
