"""Chapter 6 in Keras: one sequence an answer, and sequences of unequal length.

    mask          m_t = 1: h_t as ever;   m_t = 0: h_t = h_{t-1}                      (6.1)
    many to one   h_1 ... h_T read x_1 ... x_T;   y = h_T W_hy + b_y                  (6.2)
    one to many   h_t reads [x, e_{t-1}]: the one thing, and what was said last       (6.5)

Many to one is no class in Keras: ``Sequential([Embedding(..., mask_zero=True), GRU, Dense])``, or
with ``Masking`` where the inputs are vectors. The mask travels from layer to layer by itself.
"""

import keras
import numpy as np

from unrolled.nn import check_targets


@keras.saving.register_keras_serializable("unrolled")
class KerasNamer(keras.Model):
    """One to many, (6.5): one vector is given, and its name is told letter by letter.

    Args: embedding, layer, readout: a keras.layers.Embedding, a recurrent layer that returns
    sequences, a keras.layers.Dense.
    """

    def __init__(self, embedding, layer, readout, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def call(self, inputs):
        """Args: inputs, [given (N, G), tokens (N, T)], as in ``NumpyNamer``.

        Returns: logits (N, T, V).
        """
        given, tokens = inputs
        given = keras.ops.repeat(given[:, None], keras.ops.shape(tokens)[1], axis=1)
        return self.readout(self.layer(keras.ops.concatenate([given, self.embedding(tokens)], 2)))

    def get_config(self):
        """What Keras needs to save the model and load it again."""
        parts = {"embedding": self.embedding, "layer": self.layer, "readout": self.readout}
        saved = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return super().get_config() | saved

    @classmethod
    def from_config(cls, config):
        """Build the model that ``get_config`` describes."""
        parts = {name: config.pop(name) for name in ("embedding", "layer", "readout")}
        made = {name: keras.saving.deserialize_keras_object(part) for name, part in parts.items()}
        return cls(**made, **config)


def keras_names(model, given, *, start, steps):
    """Tell names, always the likeliest letter next. Args: given (N, G); start, the first token.

    Returns: tokens (N, steps).
    """
    told = np.full((len(given), 1), start)
    for _ in range(steps):
        logits = model.predict_on_batch([given, told])[:, -1]  # of the next letter
        told = np.append(told, logits.argmax(axis=1)[:, None], axis=1)
    return told[:, 1:]


def keras_epoch(model, batches):
    """Go once through the batches, whatever their lengths.

    Args: model, with a Dense last or as its ``readout``, compiled with an optimizer and
    ``SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")``;
    batches as in ``numpy_epoch``.
    Returns: the loss of each batch before its update, in nats.
    """
    losses, classes = [], getattr(model, "readout", model.layers[-1]).units
    for *inputs, targets in batches:
        targets, scored = check_targets(targets, classes)
        model.reset_metrics()  # what is returned is the mean since then
        losses.append(
            model.train_on_batch(
                inputs if len(inputs) > 1 else inputs[0],
                np.where(scored, targets, 0),  # Keras wants a class for each, and a weight
                sample_weight=scored.astype("float32"),
            )
        )
    return [float(loss) for loss in losses]
