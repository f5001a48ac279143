"""Chapter 7 in Keras: two layers that read a sequence from both ends.

    R(x)_t   = x_{L+1-t} for t <= L,  x_t behind it                    (7.1)
    hf       = layer forward (x)                                       (7.2)
    hb       = R(layer backward (R(x)))                                (7.3)
    h_t      = [hf_t, hb_t],  or hf_t + hb_t;  0 at padding            (7.4)

Symbols and shapes as in ``unrolled.bidirectional.numpy``. ``keras.layers.Bidirectional`` turns the
whole row around, mask and all, which amounts to the same; it can also average or multiply. A
tagger (7.5) is no class: ``Sequential([Embedding(..., mask_zero=True), Bidirectional(...),
Dense(C)])``. The mask travels from layer to layer by itself.

Source: Schuster & Paliwal 1997; as two LSTMs, Graves & Schmidhuber 2005.
"""

import keras

from unrolled.bidirectional import check_merge, check_steps, check_twins


def keras_reverse(x, mask=None):
    """R of (7.1): the real steps of each row in reverse order; the others stay where they are.

    Args: x (N, T, D); mask (N, T), True where a step is real; None if all are.
    """
    if mask is None:
        return keras.ops.flip(x, axis=1)
    real = keras.ops.cast(mask, "int32")
    T = keras.ops.shape(x)[1]
    places = keras.ops.arange(T, dtype="int32")
    real_first = keras.ops.argsort((1 - real) * T + places, axis=1)  # (N, T)
    rank = keras.ops.cumsum(real, axis=1) - 1  # of a real step, among the real ones of its row
    mirrored = keras.ops.maximum(keras.ops.sum(real, axis=1, keepdims=True) - 1 - rank, 0)
    source = keras.ops.where(mask, keras.ops.take_along_axis(real_first, mirrored, axis=1), places)
    return keras.ops.take_along_axis(x, source[..., None], axis=1)


@keras.saving.register_keras_serializable("unrolled")
class KerasBidirectional(keras.layers.Layer):
    """Two layers read from both ends, (7.1) to (7.4), and each step gets what both know.

    Args: forward_layer, backward_layer, two of one kind and size with return_sequences=True;
    merge, "concat" or "sum". Source: Schuster & Paliwal 1997.
    """

    def __init__(self, forward_layer, backward_layer, merge="concat", **kwargs):
        super().__init__(**kwargs)
        if not (forward_layer.return_sequences and backward_layer.return_sequences):
            raise ValueError("both layers must have return_sequences=True")
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        self.merge = check_merge(merge)
        self.supports_masking = True  # the mask is handed on to what comes next

    def build(self, inputs_shape, initial_state_shape=None):
        """Make the weights of both. Args: inputs_shape (N, T, D)."""
        self.forward_layer.build(inputs_shape)
        self.backward_layer.build(inputs_shape)
        check_twins(self.forward_layer, self.backward_layer)

    def call(self, inputs, initial_state=None, mask=None):
        """All steps. Args: inputs x (N, T, D); initial_state, that of both; mask (N, T).

        Returns: hs (N, T, 2H) or (N, T, H); if the layers return their states, those follow.
        """
        check_steps(inputs)
        start = end = None
        if initial_state is not None:
            half = len(initial_state) // 2
            start, end = initial_state[:half], initial_state[half:]
        ahead = self.forward_layer(inputs, initial_state=start, mask=mask)
        back = self.backward_layer(keras_reverse(inputs, mask), initial_state=end, mask=mask)
        (hf, *last), (hb, *first) = keras.tree.flatten(ahead), keras.tree.flatten(back)
        both = hf, keras_reverse(hb, mask)
        hs = keras.ops.concatenate(both, axis=-1) if self.merge == "concat" else sum(both)
        if mask is not None:
            hs *= keras.ops.cast(mask[..., None], hs.dtype)
        return (hs, *last, *first) if last else hs

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        layers = {"forward_layer": self.forward_layer, "backward_layer": self.backward_layer}
        layers = {name: keras.saving.serialize_keras_object(x) for name, x in layers.items()}
        return super().get_config() | layers | {"merge": self.merge}

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        layers = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("forward_layer", "backward_layer")
        }
        return cls(**config | layers)
