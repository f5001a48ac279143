"""Answers to 05-gru in Keras."""

# %% norm
from keras import ops

EPSILON = 1e-5


def norm(a):
    """Put each row on one scale. Args: a (N, H). Returns: (N, H)."""
    c, s, _ = scale(ops.convert_to_tensor(a))
    return c / s


def norm_backward(dy, a):
    """Gradient through norm. Args: dy (N, H), in norm(a); a (N, H). Returns: da (N, H)."""
    dy, (c, s, power) = ops.convert_to_tensor(dy), scale(ops.convert_to_tensor(a))
    ds = -ops.sum(dy * c, axis=1, keepdims=True) / s**2
    dc = dy / s + ds * ops.sign(c) * ops.abs(c) ** (power - 1) / s ** (power - 1) / c.shape[1]
    return dc if "{{norm}}" == "rms" else dc - ops.mean(dc, axis=1, keepdims=True)


def scale(a):
    """What is divided, by what, and which power measures it."""
    power = {"absolute": 1, "rms": 2, "cubic": 3, "quartic": 4}["{{norm}}"]
    c = a if "{{norm}}" == "rms" else a - ops.mean(a, axis=1, keepdims=True)
    s = (ops.mean(ops.abs(c) ** power, axis=1, keepdims=True) + EPSILON) ** (1 / power)
    return c, s, power


# %% step
def step(x_t, h_prev, W_xh, W_hh, b_h, gain):
    """One step of your cell. Returns: (N, H)."""
    arrays = (x_t, h_prev, W_xh, W_hh, b_h, gain)
    x_t, h_prev, W_xh, W_hh, b_h, gain = (ops.convert_to_tensor(array) for array in arrays)
    u, W = ops.split(ops.matmul(x_t, W_xh), 3, axis=1), ops.split(W_hh, 3, axis=1)
    b, g = ops.split(b_h, 3), ops.split(gain, 3)

    def inside(k, v, q=1.0):
        if "{{place}}" == "sum":
            return g[k] * norm(u[k] + q * v) + b[k]
        return (norm(u[k]) if "{{place}}" == "both" else u[k]) + q * g[k] * norm(v) + b[k]

    r, z = (ops.sigmoid(inside(k, ops.matmul(h_prev, W[k]))) for k in (0, 1))
    read = r * h_prev if "{{reset}}" == "before" else h_prev
    a = inside(2, ops.matmul(read, W[2]), r if "{{reset}}" == "after" else 1.0)
    kept, written, n = {
        "keep": (z, 1 - z, a / (1 + ops.abs(a))),
        "renew": (1 - z, z, 0.6366197723675814 * ops.arctan(a)),
        "plus": (z, 1 - z**2, ops.tanh(a)),
        "square": (z**2, 1 - z**2, a / ops.sqrt(1 + a**2)),
    }["{{update}}"]
    return kept * h_prev + written * (r * n if "{{reset}}" == "outside" else n)


# %% back
def step_backward(dh, x_t, h_prev, W_xh, W_hh, b_h, gain):
    """The gradient of one step: dx, dh_prev, dW_xh, dW_hh, db_h, dgain."""
    place, reset, product, turned = "{{place}}", "{{reset}}", ops.matmul, ops.transpose
    arrays = (dh, x_t, h_prev, W_xh, W_hh, b_h, gain)
    dh, x_t, h_prev, W_xh, W_hh, b_h, gain = (ops.convert_to_tensor(array) for array in arrays)
    u, W = ops.split(product(x_t, W_xh), 3, axis=1), ops.split(W_hh, 3, axis=1)
    b, g = ops.split(b_h, 3), ops.split(gain, 3)

    def inside(k, v, q=1.0):
        if place == "sum":
            return g[k] * norm(u[k] + q * v) + b[k]
        return (norm(u[k]) if place == "both" else u[k]) + q * g[k] * norm(v) + b[k]

    def inside_backward(da, k, v, q=1.0):  # in u, v, g and q
        if place == "sum":
            both = u[k] + q * v
            dboth = norm_backward(da * g[k], both)
            return dboth, dboth * q, ops.sum(da * norm(both), axis=0), dboth * v
        du, y = norm_backward(da, u[k]) if place == "both" else da, norm(v)
        dv = norm_backward(da * q * g[k], v)
        return du, dv, ops.sum(da * q * y, axis=0), da * g[k] * y

    r, z = (ops.sigmoid(inside(k, product(h_prev, W[k]))) for k in (0, 1))
    read, q = (r * h_prev if reset == "before" else h_prev), (r if reset == "after" else 1.0)
    v = product(read, W[2])
    a = inside(2, v, q)
    one, root, size, tau = ops.ones_like(z), ops.sqrt(1 + a**2), 1 + ops.abs(a), 0.6366197723675814
    n, dn_da, keep, write, dkeep, dwrite = {
        "keep": (a / size, 1 / size**2, z, 1 - z, one, -one),
        "renew": (tau * ops.arctan(a), tau / (1 + a**2), 1 - z, z, -one, one),
        "plus": (ops.tanh(a), 1 - ops.tanh(a) ** 2, z, 1 - z**2, one, -2 * z),
        "square": (a / root, 1 / root**3, z**2, 1 - z**2, 2 * z, -2 * z),
    }["{{update}}"]
    shown = r if reset == "outside" else 1.0

    da = dh * write * shown * dn_da
    du_n, dv_n, dg_n, dq = inside_backward(da, 2, v, q)
    dread = product(dv_n, turned(W[2]))
    dr = {"before": dread * h_prev, "after": dq, "outside": dh * write * n}[reset]
    dz = dh * (dkeep * h_prev + dwrite * shown * n)
    da_r, da_z = dr * r * (1 - r), dz * z * (1 - z)
    du_r, dv_r, dg_r, _ = inside_backward(da_r, 0, product(h_prev, W[0]))
    du_z, dv_z, dg_z, _ = inside_backward(da_z, 1, product(h_prev, W[1]))

    du = ops.concatenate([du_r, du_z, du_n], axis=1)
    dh_prev = dh * keep + (dread * r if reset == "before" else dread)
    dh_prev = dh_prev + product(dv_r, turned(W[0])) + product(dv_z, turned(W[1]))
    dW_hh = ops.concatenate(
        [product(turned(h_prev), dv_r), product(turned(h_prev), dv_z), product(turned(read), dv_n)],
        axis=1,
    )
    db_h = ops.sum(ops.concatenate([da_r, da_z, da], axis=1), axis=0)
    dx, dW_xh = product(du, turned(W_xh)), product(turned(x_t), du)
    return dx, dh_prev, dW_xh, dW_hh, db_h, ops.concatenate([dg_r, dg_z, dg_n])


# %% repair
def to_torch(kernel, bias):
    """Weights of torch.nn.GRUCell: weight_ih, weight_hh, bias_ih, bias_hh."""
    kernel, bias = ops.convert_to_tensor(kernel), ops.convert_to_tensor(bias)
    H, stand = bias.shape[1] // 3, "{{order}}".split(", ")
    D = kernel.shape[0] - H
    x_side, h_side = (
        (kernel[:D], kernel[D:]) if "{{first}}" == "input" else (kernel[H:], kernel[:H])
    )

    def blocks(a):
        parts = dict(zip(stand, ops.split(a, 3, axis=-1), strict=True))
        return ops.concatenate([parts["r"], -parts["z"], parts["n"]], axis=-1)

    x_side, h_side = ops.transpose(blocks(x_side)), ops.transpose(blocks(h_side))
    return x_side, h_side, blocks(bias[0]), blocks(bias[1])
