"""What the tests of the package share."""

import re
import sys

import numpy as np
import pytest

from unrolled.agreement import gradient_error
from unrolled.nn import numeric_gradient
from unrolled.plots.show import MOST_BYTES


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread():
    """On arrays this small a second thread only waits, on a busy machine ten times as long."""
    torch = sys.modules.get("torch")  # not imported here: the tests of NumPy do without
    threads = torch and torch.get_num_threads()
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(threads)


@pytest.fixture
def assert_gradients():
    """A check of a layer's backward pass, in every weight, every input and every given state."""

    def check(layer, x, pull, state, last_pull, mask, *, parts, forward=None):
        """Args: pull, the gradient in hs; last_pull, that in the last state, None without one.

        parts(state) -> its arrays; forward, by default the layer's own.
        """
        forward = forward or layer.forward

        def loss():
            hs, last = forward(x, state, mask)
            pairs = zip(parts(last_pull), parts(last), strict=True) if state is not None else ()
            return np.vdot(pull, hs) + sum(np.vdot(*pair) for pair in pairs)

        loss()
        dx, dstate = layer.backward(pull, last_pull)
        params, grads = layer.params | {"x": x}, layer.grads | {"x": dx}
        if state is not None:
            for i, pair in enumerate(zip(parts(state), parts(dstate), strict=True)):
                params[f"state {i}"], grads[f"state {i}"] = pair
        assert layer.grads.keys() == layer.params.keys()
        numeric = numeric_gradient(loss, params)
        for name in [name for name in numeric if not numeric[name].any()]:
            # it met a state of zeros alone
            assert (name.removesuffix("_reverse"), x.shape[1]) == ("W_hh", 1) and state is None
            assert not grads.pop(name).any() and not numeric.pop(name).any()
        errors = gradient_error(grads, numeric)
        assert max(errors.values()) <= 1e-7, errors

    return check


@pytest.fixture
def own_colors():
    """own_colors(picture, texts) -> the colors that it does not leave to the page's theme.

    Checks on the way what every figure has: caption, alt text, a small size, a still.
    """

    def check(picture, texts):
        markup = picture._repr_html_()
        assert texts["caption"] in markup and texts["alt"] in markup
        assert repr(picture) == texts["alt"] and picture._repr_png_()[:4] == b"\x89PNG"
        assert len(markup.encode()) <= MOST_BYTES
        drawn = re.sub(r"<style>.*?</style>", "", markup, flags=re.DOTALL)
        return set(re.findall(r"(?:fill|stroke):\s*(#[0-9a-f]{6})", drawn))

    return check
