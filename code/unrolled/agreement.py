"""Do several implementations compute the same thing? One set of weights, one answer.

``compare`` gives the models of a chapter, in whatever framework, the same random weights and
the same random batches, and reports the largest absolute difference of the outputs, the loss,
every gradient, and the loss after K steps of one or more optimizers. Weights carry the book's
names (W_xh, W_hh, b_h, ...); a ``names`` table says where a library keeps them under its own.
A model returns logits, or logits and a state. Targets that are ``nn.IGNORED`` are not scored.

The libraries' optimizers differ in three habits, which are set aside here: where epsilon stands
(it is 1e-30, too small to matter), where Adagrad's sums begin (at 0), and that Keras rounds
Adam's betas to float32 even in float64 (every side gets the rounded ones).

Frameworks are imported inside functions, only those whose models are passed in.
"""

import contextlib
import html

import numpy as np

from unrolled import nn, optim

MIME = "application/vnd.unrolled.agreement+json"
BOUNDS = {"float64": 1e-10, "float32": 1e-5}
HELD = "0"  # in a table of names: a redundant bias, kept at zero


def keras_gru_order(weight):
    """From the book's and PyTorch's r, z, n to Keras's z, r, n. Args: (..., 3H)."""
    r, z, n = np.split(weight, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)


def keras_gru_bias(weights):
    """Keras's two biases of a GRU, (2, 3H): the second acts in n alone, the rest is held at 0."""
    bias = keras_gru_order(weights["b_h"])
    return np.stack([bias, torch_second_bias(weights)])


def torch_second_bias(weights):
    """PyTorch's second bias, as long as b_h: held at 0, but for n in a GRU."""
    bias = np.zeros_like(weights["b_h"])
    if "b_hn" in weights:
        bias[-len(weights["b_hn"]) :] = weights["b_hn"]
    return bias


# Where the libraries' own layers keep the book's weights; chapters show the rows that they use.
LIBRARY_NAMES = {
    "embedding.embeddings": "E",  # keras.layers.Embedding
    "embedding.weight": "E",  # torch.nn.Embedding
    "simple_rnn_cell.kernel": "W_xh",  # keras.layers.SimpleRNN
    "simple_rnn_cell.recurrent_kernel": "W_hh",
    "simple_rnn_cell.bias": "b_h",
    "lstm_cell.kernel": "W_xh",  # keras.layers.LSTM
    "lstm_cell.recurrent_kernel": "W_hh",
    "lstm_cell.bias": "b_h",
    "gru_cell.kernel": lambda weights: keras_gru_order(weights["W_xh"]),  # keras.layers.GRU
    "gru_cell.recurrent_kernel": lambda weights: keras_gru_order(weights["W_hh"]),
    "gru_cell.bias": keras_gru_bias,
    "weight_ih_l0": "W_xh.T",  # torch.nn.RNN, LSTM, GRU
    "weight_hh_l0": "W_hh.T",
    "bias_ih_l0": "b_h",
    "bias_hh_l0": torch_second_bias,
    "readout.kernel": "W_hy",  # keras.layers.Dense
    "readout.weight": "W_hy.T",  # torch.nn.Linear
    "readout.bias": "b_y",  # both
}


def backward_layer(place):
    """Where the backward one of two layers has a weight. Args: place, of the forward one's."""
    if callable(place):
        end = "_reverse"
        return lambda weights: place(
            {name.removesuffix(end): weights[name] for name in weights if name.endswith(end)}
        )
    name, transposed, _ = place.partition(".T")
    return f"{name}_reverse{transposed}"


LIBRARY_NAMES |= {  # keras.layers.Bidirectional, around a layer whose name is lstm, gru, ...
    f"backward_{path.partition('_cell.')[0]}.{path}": backward_layer(place)
    for path, place in LIBRARY_NAMES.items()
    if "_cell." in path
} | {  # torch.nn.RNN, LSTM, GRU with bidirectional=True
    f"{path}_reverse": backward_layer(place)
    for path, place in LIBRARY_NAMES.items()
    if path.endswith("_l0")
}


def layer_of_stack(place, k):
    """Where layer k of a stack has a weight. Args: place, of the same weight in a single layer."""
    if callable(place):
        end = f"_l{k}"
        return lambda weights: place(
            {name.removesuffix(end): weights[name] for name in weights if name.endswith(end)}
        )
    name, transposed, _ = place.partition(".T")
    return place if place == HELD else f"{name}_l{k}{transposed}"


def stack_names(layers):
    """Where a stack of so many layers keeps its weights, which the book calls W_xh_l0 and so on.

    For Keras's layers named l0, l1 and so on, or cells with these names in one ``RNN``; a norm is
    norm_l1. For PyTorch's num_layers, and for a ModuleList ``layers`` with ``norms`` beside it.
    """
    names = dict(LIBRARY_NAMES)
    for k in range(layers):
        for path, place in LIBRARY_NAMES.items():
            if "_cell." in path and not path.startswith("backward_"):
                names[f"l{k}.{path}"] = layer_of_stack(place, k)
                kind, _, weight = path.partition("_cell.")
                names[f"l{k}_{kind}.{weight}"] = layer_of_stack(place, k)
            elif path.endswith("_l0"):
                names[f"{path[:-1]}{k}"] = names[f"layers.{k}.layer.{path}"] = layer_of_stack(
                    place, k
                )
        for name in ("W_xh", "W_hh", "b_h", "b_hn"):  # the book's own
            names[f"l{k}.cell.{name}"] = names[f"layers.{k}.{name}"] = f"{name}_l{k}"
        names |= {f"norm_l{k}.gamma": f"gain_l{k}", f"norm_l{k}.beta": f"shift_l{k}"}
        names |= {f"norms.{k}.weight": f"gain_l{k}", f"norms.{k}.bias": f"shift_l{k}"}
    return names


def of_part(place, part):
    """Where one part of a model has a weight. Args: place, of the same weight in a layer alone."""
    if callable(place):
        end = f"_{part}"
        return lambda weights: place(
            {name.removesuffix(end): weights[name] for name in weights if name.endswith(end)}
        )
    name, transposed, _ = place.partition(".T")
    return place if place == HELD else f"{name}_{part}{transposed}"


def seq2seq_names():
    """Where an encoder-decoder keeps its weights, which the book calls W_xh_encoder and so on.

    For recurrent layers of the book and of both libraries, in one direction or both: in PyTorch
    perhaps inside a ``TorchPacked``, in Keras perhaps as a cell in an ``RNN``.
    """
    one = {name: name for name in ("W_xh", "W_hh", "b_h")}
    one |= {path: LIBRARY_NAMES[path] for path in LIBRARY_NAMES if path.startswith("lstm_cell.")}
    one |= {path: LIBRARY_NAMES[path] for path in LIBRARY_NAMES if path.endswith("_l0")}
    names = {"encoder.embedding.weight": "E_source", "decoder.embedding.weight": "E_target"}
    names |= {"encoder.embedding.embeddings": "E_source"}
    names |= {"decoder.embedding.embeddings": "E_target"}
    names |= {"encoder.embedding.0.weight": "E_source"}  # with an nn.Dropout around it
    names |= {"decoder.embedding.0.weight": "E_target"}
    names |= {"readout.1.weight": "W_hy.T", "readout.1.bias": "b_y"}
    names |= {"combine.weight": "W_c.T", "combine.kernel": "W_c", "combine.bias": "b_c"}
    names |= {path: place for path, place in LIBRARY_NAMES.items() if path.startswith("readout.")}
    within = ("", "layer.", "cell.", "step.", "step.cell.")  # a layer in a layer in a part
    for path, place in one.items():
        back = backward_layer(place)
        for inner in within:
            for part in ("encoder", "decoder"):
                names[f"{part}.layer.{inner}{path}"] = of_part(place, part)
            for kind in ("layer", "lstm", "rnn"):  # the second is how Keras names it by itself
                ahead = f"encoder.layer.forward_{kind}.{inner}{path}"
                names[ahead] = of_part(place, "encoder")
                names[ahead.replace("forward", "backward")] = of_part(back, "encoder")
    return names


TRAJECTORY = "loss after "  # how the name of such a row begins
TRAJECTORY_BOUND = 1e-9  # float64; in float32 rounding accumulates, so it is reported only

EPSILON = 1e-30
BETAS = float(np.float32(0.9)), float(np.float32(0.999))
GRADIENT_DESCENT = {"SGD": 0.5}
OPTIMIZERS = {  # optimizer: what each framework needs to be told so that all do the same
    "SGD": {"numpy": {}, "keras": {}, "torch": {}},
    "Adagrad": {
        "numpy": {"epsilon": EPSILON},
        "keras": {"epsilon": EPSILON, "initial_accumulator_value": 0.0},
        "torch": {"eps": EPSILON},
    },
    "Adam": {
        "numpy": {"epsilon": EPSILON, "betas": BETAS},
        "keras": {"epsilon": EPSILON, "beta_1": BETAS[0], "beta_2": BETAS[1]},
        "torch": {"eps": EPSILON, "betas": BETAS},
    },
}


class Disagreement(AssertionError):
    """Two implementations that should be equal are not."""


def set_weights(model, weights, names=None):
    """Copy weights into a model of any of the three frameworks.

    Args: weights {book's name: array}; names {model's name: book's name}, where "W.T" means
    transposed and "0" a redundant bias that stays at zero and is not trained. In place of a name,
    a function: it arranges the numbers of ``weights``, and zeros to be held, as the model has them.
    Raises: ValueError for a weight of the model that neither table knows, or a wrong shape.
    """
    _wrap(model, names).set_weights(weights)


def get_weights(model, names, like):
    """The weights of a model of any of the three frameworks, under the book's names.

    Args: names as in ``set_weights``; like {book's name: array}, whose shapes are those wanted.
    Returns: {book's name: array}, those held at zero left out.
    """
    adapter = _wrap(model, names)
    adapter.number(like)
    return adapter.by_book_name(
        {path: np.array(adapter.value(weight)) for path, weight in adapter.weights.items()}
    )


def compare(models, *, batch, names=None, rng, steps=50, optimizers=GRADIENT_DESCENT):
    """Run every model from the same weights on the same batches, in float64 and in float32.

    Args: models {label: dtype -> model}, the first is the reference and written in NumPy;
    batch() -> (tokens (N, T), targets), a fresh random batch each time; in place of tokens a
    tuple, if the models read more than one array; targets (N, T), or (N,) if they give one answer
    a sequence; names as in
    ``set_weights``, one table for all; rng, draws the weights, the biases too; optimizers
    {"SGD", "Adagrad" or "Adam": learning rate}, each starts from the same weights.
    Returns: Agreement, to look at and to ``check()``.
    """
    if not optimizers or not optimizers.keys() <= OPTIMIZERS.keys():
        raise ValueError(f"optimizers must be some of {list(OPTIMIZERS)}, got {list(optimizers)}")
    batches = [batch() for _ in range(steps + 1)]
    reference = next(iter(models.values()))("float64")
    weights = {
        name: rng.normal(0, param.shape[0] ** -0.5, param.shape)
        for name, param in reference.params.items()
    }
    measured = {}
    for dtype in BOUNDS:
        measured[dtype] = {}
        with precision(dtype):
            for label, build in models.items():
                model = build(dtype)
                can = not _is_keras(model) or _keras_computes(dtype)
                measured[dtype][label] = (
                    _measure(_wrap(model, names), weights, batches, optimizers) if can else {}
                )
    return Agreement(measured, steps)


def gradient_error(gradients, numeric):
    """Relative error of gradients against central differences, parameter by parameter.

    Args: gradients, numeric {name: array}.
    Returns: {name: |g - n| / (|g| + |n|)} with the Euclidean norm; 1e-7 is good in float64.
    """
    if gradients.keys() != numeric.keys():
        raise ValueError(f"got gradients of {list(gradients)}, numeric of {list(numeric)}")
    norm = np.linalg.norm
    return {
        name: float(norm(g - numeric[name]) / (norm(g) + norm(numeric[name])))
        for name, g in gradients.items()
    }


def gradients(model, tokens, targets, names=None, weights=None):
    """Gradient of the mean cross-entropy in every weight, under the book's names.

    Args: tokens (N, T), targets (N, T) or (N,); names as in ``set_weights``; weights {book's name:
    array}, whose shapes are needed where ``names`` holds functions. Returns: {name: array}.
    Raises: ValueError if they are needed and missing.
    """
    adapter = _wrap(model, names)
    if weights is not None:
        adapter.number(weights)
    return adapter.loss_and_gradients(tokens, targets)[1]


class Agreement:
    """The table that ``compare`` returns: differences from the first model, row by row."""

    def __init__(self, measured, steps):
        self.steps = steps
        self.labels = list(next(iter(measured.values())))
        self.rows = []  # (dtype, quantity, bound, {label: difference, or None if not computed})
        for dtype, sides in measured.items():
            quantities = dict.fromkeys(q for side in sides.values() for q in side)
            for quantity in quantities:
                values = {label: side.get(quantity) for label, side in sides.items()}
                differences = _differences(quantity, values)
                bound = BOUNDS[dtype]
                if quantity.startswith(TRAJECTORY):
                    bound = TRAJECTORY_BOUND if dtype == "float64" else None
                self.rows.append((dtype, quantity, bound, differences))

    def largest(self, dtype, *, trajectory=False):
        """The largest difference of any model, in one precision."""
        return max(
            difference
            for row_dtype, quantity, _, differences in self.rows
            for difference in differences.values()
            if row_dtype == dtype
            and quantity.startswith(TRAJECTORY) == trajectory
            and difference is not None
        )

    def check(self):
        """Raise Disagreement, naming model and quantity, if any difference exceeds its bound."""
        wrong = [
            f"{label}: {quantity} differs by {difference:.1e} in {dtype}, bound {bound:.0e}"
            for dtype, quantity, bound, differences in self.rows
            for label, difference in differences.items()
            # "not <=" rather than ">" so that NaN is a disagreement too
            if bound is not None and difference is not None and not difference <= bound
        ]
        if wrong:
            raise Disagreement("\n".join(wrong))

    def __repr__(self):
        lines = []
        for dtype, quantity, _, differences in self.rows:
            cells = "  ".join(
                f"{label} {_number(difference)}" for label, difference in differences.items()
            )
            lines.append(f"{dtype}  {quantity:32}{cells}")
        return "\n".join(lines)

    def _repr_html_(self):
        heads = "".join(f'<th scope="col">{html.escape(label)}</th>' for label in self.labels)
        out = []
        for dtype, bound in BOUNDS.items():
            body = ""
            for row_dtype, quantity, row_bound, differences in self.rows:
                if row_dtype != dtype:
                    continue
                cells = ""
                for difference in differences.values():
                    text = _number(difference)
                    if None not in (difference, row_bound) and not difference <= row_bound:
                        text = f"<strong>{text} ✗</strong>"
                    cells += f"<td>{text}</td>"
                title = html.escape(quantity)
                body += f'<tr><th scope="row">{title}</th>{cells}</tr>'
            caption = f"Largest absolute difference in {dtype}, at most {bound:.0e} allowed"
            out.append(
                f"<table><caption>{caption}</caption>"
                f'<thead><tr><th scope="col">quantity</th>{heads}</tr></thead>'
                f"<tbody>{body}</tbody></table>"
            )
        return "".join(out)

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {dtype: self.largest(dtype) for dtype in BOUNDS}
        data["trajectory"] = {dtype: self.largest(dtype, trajectory=True) for dtype in BOUNDS}
        data["steps"] = self.steps
        data["rows"] = [
            {"dtype": dtype, "quantity": quantity, "differences": differences}
            for dtype, quantity, _, differences in self.rows
        ]
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: data}


def _number(difference):
    """How the table writes a difference; a dash where there was nothing to compare."""
    return "–" if difference is None else f"{difference:.0e}" if difference else "0"


def _differences(quantity, values):
    """Largest absolute difference of each value from the first one that was computed."""
    reference = next(value for value in values.values() if value is not None)
    differences = dict.fromkeys(values)
    for label, value in values.items():
        if value is not None:
            if np.shape(value) != np.shape(reference):
                raise Disagreement(
                    f"{label}: {quantity} has shape {np.shape(value)}, not {np.shape(reference)}"
                )
            differences[label] = float(np.abs(value - reference).max())
    return differences


@contextlib.contextmanager
def precision(dtype):
    """Everything built inside is ``dtype``, model and optimizer; what was set before comes back.

    TF32, which rounds float32 matrix products on recent GPUs, is off inside.
    """
    import keras
    import torch

    keras_before = keras.config.floatx(), keras.config.dtype_policy()
    torch_before = torch.get_default_dtype()
    cuda = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    keras.config.set_floatx(dtype)
    # floatx alone leaves layers at the policy that an earlier float32 model fixed.
    keras.config.set_dtype_policy(dtype)
    torch.set_default_dtype(getattr(torch, dtype))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with _keras_without_tf32(keras.config.backend()):
            yield
    finally:
        keras.config.set_floatx(keras_before[0])
        keras.config.set_dtype_policy(keras_before[1])
        torch.set_default_dtype(torch_before)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = cuda


@contextlib.contextmanager
def _keras_without_tf32(backend):
    if backend == "tensorflow":
        from tensorflow.config import experimental as tf

        before = tf.tensor_float_32_execution_enabled()
        tf.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            tf.enable_tensor_float_32_execution(before)
    elif backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    else:
        yield


def _is_keras(model):
    return any(cls.__module__.partition(".")[0] == "keras" for cls in type(model).__mro__)


def _keras_computes(dtype):
    """On PyTorch and JAX, Keras 3 promotes float64 operands to float32, and says so here."""
    import keras

    return keras.backend.result_type(dtype, dtype) == dtype


def _weighted(targets):
    """For Keras: targets that it can score, and a weight for each, 0 where it is ignored."""
    targets = np.asarray(targets)
    scored = targets != nn.IGNORED
    return np.where(scored, targets, 0), scored.astype(float)


def _inputs(tokens):
    """What a model reads, as a tuple."""
    return tokens if isinstance(tokens, tuple) else (tokens,)


def _logits(returned):
    """What a model is compared by, where it returns its state too."""
    return returned[0] if isinstance(returned, tuple) else returned


def _measure(model, weights, batches, optimizers):
    """Everything that the table compares, for one model: {quantity: array or number}."""
    model.set_weights(weights)
    tokens, targets = batches[0]
    loss, grads = model.loss_and_gradients(tokens, targets)
    measured = {"outputs": model.outputs(tokens), "loss": loss}
    measured |= {f"d{name}": grad for name, grad in grads.items()}
    for optimizer, learning_rate in optimizers.items() if grads else ():
        model.set_weights(weights)
        model.train(optimizer, learning_rate, batches[:-1])
        quantity = f"{TRAJECTORY}{len(batches) - 1} steps of {optimizer}"
        measured[quantity] = model.loss_and_gradients(*batches[-1])[0]
    return measured


def _wrap(model, names):
    """The adapter for the framework that ``model`` is written in."""
    if _is_keras(model):  # asked first: on the torch backend a Keras model is a torch module too
        return _Keras(model, names)
    return _Torch(model, names) if hasattr(model, "named_parameters") else _NumPy(model, names)


class _Adapter:
    """A model whose weights and gradients are spoken of by the book's names.

    ``weights`` is {path in the model: the framework's own array}, ``places`` {path: the book's
    name, or a function that arranges the book's weights as the model has them}.
    """

    def __init__(self, model, names):
        self.model = model
        self.weights = self.find_weights()
        self.places = {path: _place(path, names or {}) for path in self.weights}

    def arrange(self, path, weights):
        """The weight at ``path``, made of the book's. Args: weights {book's name: array}."""
        place, shape = self.places[path], tuple(self.weights[path].shape)
        if place == HELD:
            return np.zeros(shape)
        if callable(place):
            value = place(weights)
        elif place.removesuffix(".T") in weights:
            value = np.asarray(weights[place.removesuffix(".T")])
            value = value.T if place.endswith(".T") else value
        else:
            raise ValueError(f"{path} is none of {', '.join(weights)}: name it in `names`")
        if value.shape != shape:
            raise ValueError(f"{path} has shape {shape}, got {value.shape}")
        return value

    def set_weights(self, weights):
        for path, weight in self.weights.items():
            self.assign(weight, self.arrange(path, weights))
        self.number(weights)

    def number(self, weights):
        """Find where each number of the model stands in the book's weights.

        They are numbered from 1 and arranged as weights would be: then ``index`` {path: array}
        tells which is which, and is 0 where the model holds a zero.
        """
        ends = np.cumsum([np.size(array) for array in weights.values()]).tolist()
        self.numbered = {
            name: np.arange(end - np.size(array) + 1, end + 1).reshape(np.shape(array))
            for (name, array), end in zip(weights.items(), ends, strict=True)
        }
        self.index = {path: self.arrange(path, self.numbered).astype(int) for path in self.weights}

    def by_book_name(self, grads):
        """Args: grads {path: array, or None where the loss does not depend on the weight}.

        Returns: {book's name: array}, those held at zero left out.
        """
        if not hasattr(self, "index"):  # the weights are the model's own
            shapes = {}
            for path, place in self.places.items():
                if callable(place):
                    raise ValueError(f"{path} is arranged by a function, which needs `weights`")
                if place != HELD:
                    shape = tuple(self.weights[path].shape)
                    name = place.removesuffix(".T")
                    shapes[name] = shape[::-1] if place.endswith(".T") else shape
            self.number({name: np.empty(shape) for name, shape in shapes.items()})
        dtype = next((grad.dtype for grad in grads.values() if grad is not None), float)
        flat = np.zeros(1 + max(array.max() for array in self.numbered.values()), dtype)
        for path, grad in grads.items():
            if grad is not None:
                flat[self.index[path]] = grad
        known = set(np.concatenate([index.ravel() for index in self.index.values()]))
        return {
            name: flat[numbers]
            for name, numbers in self.numbered.items()
            if numbers.flat[0] in known
        }

    def hold(self):
        """Set what is held back to 0: as good as no gradient, as optimizers do number by number."""
        for path, weight in self.weights.items():
            if not self.index[path].all():
                self.assign(weight, np.where(self.index[path] == 0, 0, self.value(weight)))


class _NumPy(_Adapter):
    def find_weights(self):
        return self.model.params

    def assign(self, weight, value):
        weight[...] = value

    def value(self, weight):
        return weight

    def outputs(self, tokens):
        return _logits(self.model.forward(*_inputs(tokens)))

    def loss_and_gradients(self, tokens, targets):
        logits = _logits(self.model.forward(*_inputs(tokens)))
        loss = nn.masked_cross_entropy(logits, targets)
        if not hasattr(self.model, "backward"):  # chapter 1 differentiates numerically, apart
            return loss, {}
        self.model.backward(nn.masked_cross_entropy_backward(logits, targets))
        return loss, self.by_book_name(self.model.grads)

    def train(self, optimizer, learning_rate, batches):
        options = OPTIMIZERS[optimizer]["numpy"]
        updates = getattr(optim, optimizer)(self.model.params, learning_rate, **options)
        for tokens, targets in batches:
            updates.step(self.loss_and_gradients(tokens, targets)[1])


class _Torch(_Adapter):
    def find_weights(self):
        return dict(self.model.named_parameters())

    def assign(self, weight, value):
        import torch

        with torch.no_grad():
            weight.copy_(torch.as_tensor(value))

    def value(self, weight):
        return weight.detach().cpu().numpy()

    def tensor(self, array):
        import torch

        tensor = torch.as_tensor(array, device=next(self.model.parameters()).device)
        return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor

    def logits(self, tokens):
        return _logits(self.model(*map(self.tensor, _inputs(tokens))))

    def outputs(self, tokens):
        return self.logits(tokens).detach().cpu().numpy()

    def backward(self, tokens, targets):
        from torch.nn import functional as F

        logits = self.logits(tokens)
        loss = F.cross_entropy(
            logits.flatten(0, -2), self.tensor(targets).flatten(), ignore_index=nn.IGNORED
        )
        self.model.zero_grad()
        loss.backward()
        return loss.item()

    def loss_and_gradients(self, tokens, targets):
        loss = self.backward(tokens, targets)
        grads = {
            path: None if weight.grad is None else weight.grad.cpu().numpy()
            for path, weight in self.weights.items()
        }
        return loss, self.by_book_name(grads)

    def train(self, optimizer, learning_rate, batches):
        import torch

        options = OPTIMIZERS[optimizer]["torch"]
        updates = getattr(torch.optim, optimizer)(
            self.weights.values(), lr=learning_rate, **options
        )
        for tokens, targets in batches:
            self.backward(tokens, targets)
            updates.step()
            self.hold()


class _Keras(_Adapter):
    def find_weights(self):
        import keras

        # The mean over what has weight: ignored targets get none.
        self.loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        if not self.model.built:
            self.model(np.zeros((1, 1), "int64"))  # Keras makes weights on the first call
        return {v.path.replace("/", "."): v for v in self.model.trainable_variables}

    def assign(self, weight, value):
        weight.assign(np.array(value))  # a copy: JAX would go on reading the array itself

    def value(self, weight):
        import keras

        return keras.ops.convert_to_numpy(weight)

    def outputs(self, tokens):
        import keras

        return keras.ops.convert_to_numpy(_logits(self.model(tokens)))

    def loss_and_gradients(self, tokens, targets):
        import keras

        how = getattr(self, f"gradients_{keras.config.backend()}")
        loss, grads = how(tokens, targets)
        grads = [None if grad is None else keras.ops.convert_to_numpy(grad) for grad in grads]
        return float(keras.ops.convert_to_numpy(loss)), self.by_book_name(
            dict(zip(self.weights, grads, strict=True))
        )

    def score(self, targets, returned):
        targets, weights = _weighted(targets)
        return self.loss(targets, _logits(returned), weights)

    def gradients_tensorflow(self, tokens, targets):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.score(targets, self.model(tokens))
        return loss, tape.gradient(loss, self.model.trainable_variables)

    def gradients_torch(self, tokens, targets):
        loss = self.score(targets, self.model(tokens))
        self.model.zero_grad()
        loss.backward()
        return loss, [v.value.grad for v in self.model.trainable_variables]

    def gradients_jax(self, tokens, targets):
        import jax

        def loss(weights):
            returned, _ = self.model.stateless_call(weights, fixed, tokens)
            return self.score(targets, returned)

        fixed = [v.value for v in self.model.non_trainable_variables]
        return jax.value_and_grad(loss)([v.value for v in self.model.trainable_variables])

    def train(self, optimizer, learning_rate, batches):
        import keras

        options = OPTIMIZERS[optimizer]["keras"]
        updates = getattr(keras.optimizers, optimizer)(learning_rate, **options)
        # Keras wants a loss and a target for all that a model returns: none for a state.
        states = [None] * isinstance(self.model(batches[0][0]), tuple)
        self.model.compile(updates, loss=[self.loss, *states] if states else self.loss)
        for tokens, targets in batches:
            targets, weights = _weighted(targets)
            if states:
                targets, weights = [targets, *states], [weights, *states]
            self.model.train_on_batch(tokens, targets, sample_weight=weights)
            self.hold()


def _place(path, names):
    """Where the book keeps the weight at ``path`` ("rnn.weight_ih_l0"), by the longest match."""
    matches = [key for key in names if f".{path}".endswith(f".{key}")]
    return names[max(matches, key=len)] if matches else path.rpartition(".")[2]
