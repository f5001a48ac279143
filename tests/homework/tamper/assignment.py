# The assignment that the cases attack, written as the book's own are: a name, a kind, the points.
# {{secret}} stands for what nobody outside the grader may see.
# ruff: noqa: E402, F821

# %% step answer
def step(x_t, h_prev, W_xh, W_hh, b_h):
    """Return the next state (N, H) of a cell whose activation is a / (1 + |a|)."""
    a = x_t @ W_xh + h_prev @ W_hh + b_h
    return a / (1 + np.abs(a))


# %% step-visible check 0
# A step of ones
h = step(np.ones((2, 3)), np.zeros((2, 4)), np.full((3, 4), 0.5), np.eye(4), np.zeros(4))
same(h, np.full((2, 4), 0.6), "the state")

# %% step-hidden check 3
# Steps of other shapes
### BEGIN HIDDEN TESTS
# {{secret}}
import torch

for N, D, H in [(3, 5, 4), (1, 1, 1), (2, 7, 3)]:
    sizes = (N, D), (N, H), (D, H), (H, H), (H,)
    arrays = [rng.normal(size=size) for size in sizes]
    x_t, h_prev, W_xh, W_hh, b_h = map(torch.as_tensor, arrays)
    a = x_t @ W_xh + h_prev @ W_hh + b_h
    same(step(*arrays), a / (1 + abs(a)), "the state")
### END HIDDEN TESTS


# %% backward answer
def step_backward(dh_t, x_t, h_prev, W_xh, W_hh, b_h):
    """Return dx_t, dh_prev, dW_xh, dW_hh, db_h."""
    a = x_t @ W_xh + h_prev @ W_hh + b_h
    da = dh_t / (1 + np.abs(a)) ** 2
    return da @ W_xh.T, da @ W_hh.T, x_t.T @ da, h_prev.T @ da, da.sum(axis=0)


# %% backward-visible check 0
# The gradient of your own step
x_t, h_prev, W_xh, W_hh, b_h = [rng.normal(size=s) for s in ((1, 2), (1, 2), (2, 2), (2, 2), (2,))]
ones = np.ones((1, 2))
gradients = step_backward(ones, x_t, h_prev, W_xh, W_hh, b_h)
numeric = central_differences(lambda: step(x_t, h_prev, W_xh, W_hh, b_h).sum(), W_xh)
same(gradients[2], numeric, "dW_xh", rtol=1e-4, atol=1e-6)

# %% backward-hidden check 3
# Gradients of other shapes
### BEGIN HIDDEN TESTS
# {{secret}}
import torch

for N, D, H in [(3, 5, 4), (1, 1, 1), (2, 7, 3)]:
    sizes = (N, D), (N, H), (D, H), (H, H), (H,)
    arrays = [rng.normal(size=size) for size in sizes]
    dh_t = rng.normal(size=(N, H))
    x_t, h_prev, W_xh, W_hh, b_h = tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    a = x_t @ W_xh + h_prev @ W_hh + b_h
    (a / (1 + abs(a))).backward(torch.as_tensor(dh_t))
    dx_t, dh_prev, dW_xh, dW_hh, db_h = step_backward(dh_t, *arrays)
    for gradient, tensor in zip((dx_t, dh_prev, dW_xh, dW_hh, db_h), tensors, strict=True):
        same(gradient, tensor.grad, "a gradient")
### END HIDDEN TESTS

# %% prediction answer
prediction = 37 * 53 + 53 * 53 + 53

# %% prediction-visible check 0
# The prediction is a number
assert isinstance(prediction, int | float)

# %% prediction-hidden check 1
# The prediction is right
### BEGIN HIDDEN TESTS
# {{secret}}
same(prediction, sum(size for size in (37 * 53, 53 * 53, 53)), "the prediction")
### END HIDDEN TESTS
