"""Answers to 05-gru in PyTorch."""

# %% norm
import torch

EPSILON = 1e-5


def norm(a):
    """Put each row on one scale. Args: a (N, H). Returns: (N, H)."""
    c, s, _ = scale(torch.as_tensor(a))
    return c / s


def norm_backward(dy, a):
    """Gradient through norm. Args: dy (N, H), in norm(a); a (N, H). Returns: da (N, H)."""
    dy, (c, s, power) = torch.as_tensor(dy), scale(torch.as_tensor(a))
    ds = -(dy * c).sum(dim=1, keepdim=True) / s**2
    dc = dy / s + ds * c.sign() * c.abs() ** (power - 1) / s ** (power - 1) / c.shape[1]
    return dc if "{{norm}}" == "rms" else dc - dc.mean(dim=1, keepdim=True)


def scale(a):
    """What is divided, by what, and which power measures it."""
    power = {"absolute": 1, "rms": 2, "cubic": 3, "quartic": 4}["{{norm}}"]
    c = a if "{{norm}}" == "rms" else a - a.mean(dim=1, keepdim=True)
    s = ((c.abs() ** power).mean(dim=1, keepdim=True) + EPSILON) ** (1 / power)
    return c, s, power


# %% step
def step(x_t, h_prev, W_xh, W_hh, b_h, gain):
    """One step of your cell. Returns: (N, H)."""
    arrays = (x_t, h_prev, W_xh, W_hh, b_h, gain)
    x_t, h_prev, W_xh, W_hh, b_h, gain = (torch.as_tensor(array) for array in arrays)
    u, W = (x_t @ W_xh).chunk(3, dim=1), W_hh.chunk(3, dim=1)
    b, g = b_h.chunk(3), gain.chunk(3)

    def inside(k, v, q=1.0):
        if "{{place}}" == "sum":
            return g[k] * norm(u[k] + q * v) + b[k]
        return (norm(u[k]) if "{{place}}" == "both" else u[k]) + q * g[k] * norm(v) + b[k]

    r, z = (torch.sigmoid(inside(k, h_prev @ W[k])) for k in (0, 1))
    read = r * h_prev if "{{reset}}" == "before" else h_prev
    a = inside(2, read @ W[2], r if "{{reset}}" == "after" else 1.0)
    kept, written, n = {
        "keep": (z, 1 - z, a / (1 + a.abs())),
        "renew": (1 - z, z, 2 / torch.pi * torch.arctan(a)),
        "plus": (z, 1 - z**2, torch.tanh(a)),
        "square": (z**2, 1 - z**2, a / torch.sqrt(1 + a**2)),
    }["{{update}}"]
    return kept * h_prev + written * (r * n if "{{reset}}" == "outside" else n)


# %% back
def step_backward(dh, x_t, h_prev, W_xh, W_hh, b_h, gain):
    """The gradient of one step: dx, dh_prev, dW_xh, dW_hh, db_h, dgain."""
    place, reset = "{{place}}", "{{reset}}"
    arrays = (dh, x_t, h_prev, W_xh, W_hh, b_h, gain)
    dh, x_t, h_prev, W_xh, W_hh, b_h, gain = (torch.as_tensor(array) for array in arrays)
    u, W = (x_t @ W_xh).chunk(3, dim=1), W_hh.chunk(3, dim=1)
    b, g = b_h.chunk(3), gain.chunk(3)

    def inside(k, v, q=1.0):
        if place == "sum":
            return g[k] * norm(u[k] + q * v) + b[k]
        return (norm(u[k]) if place == "both" else u[k]) + q * g[k] * norm(v) + b[k]

    def inside_backward(da, k, v, q=1.0):  # in u, v, g and q
        if place == "sum":
            both = u[k] + q * v
            dboth = norm_backward(da * g[k], both)
            return dboth, dboth * q, (da * norm(both)).sum(dim=0), dboth * v
        du, y = norm_backward(da, u[k]) if place == "both" else da, norm(v)
        dv = norm_backward(da * q * g[k], v)
        return du, dv, (da * q * y).sum(dim=0), da * g[k] * y

    r, z = (torch.sigmoid(inside(k, h_prev @ W[k])) for k in (0, 1))
    read, q = (r * h_prev if reset == "before" else h_prev), (r if reset == "after" else 1.0)
    v = read @ W[2]
    a = inside(2, v, q)
    one, root = torch.ones_like(z), torch.sqrt(1 + a**2)
    n, dn_da, keep, write, dkeep, dwrite = {
        "keep": (a / (1 + a.abs()), 1 / (1 + a.abs()) ** 2, z, 1 - z, one, -one),
        "renew": (2 / torch.pi * a.arctan(), 2 / torch.pi / (1 + a**2), 1 - z, z, -one, one),
        "plus": (a.tanh(), 1 - a.tanh() ** 2, z, 1 - z**2, one, -2 * z),
        "square": (a / root, 1 / root**3, z**2, 1 - z**2, 2 * z, -2 * z),
    }["{{update}}"]
    shown = r if reset == "outside" else 1.0

    da = dh * write * shown * dn_da
    du_n, dv_n, dg_n, dq = inside_backward(da, 2, v, q)
    dread = dv_n @ W[2].T
    dr = {"before": dread * h_prev, "after": dq, "outside": dh * write * n}[reset]
    dz = dh * (dkeep * h_prev + dwrite * shown * n)
    da_r, da_z = dr * r * (1 - r), dz * z * (1 - z)
    du_r, dv_r, dg_r, _ = inside_backward(da_r, 0, h_prev @ W[0])
    du_z, dv_z, dg_z, _ = inside_backward(da_z, 1, h_prev @ W[1])

    du = torch.cat([du_r, du_z, du_n], dim=1)
    dh_prev = dh * keep + (dread * r if reset == "before" else dread)
    dh_prev = dh_prev + dv_r @ W[0].T + dv_z @ W[1].T
    dW_hh = torch.cat([h_prev.T @ dv_r, h_prev.T @ dv_z, read.T @ dv_n], dim=1)
    db_h = torch.cat([da_r, da_z, da], dim=1).sum(dim=0)
    return du @ W_xh.T, dh_prev, x_t.T @ du, dW_hh, db_h, torch.cat([dg_r, dg_z, dg_n])


# %% repair
def to_torch(kernel, bias):
    """Weights of torch.nn.GRUCell: weight_ih, weight_hh, bias_ih, bias_hh."""
    kernel, bias = torch.as_tensor(kernel), torch.as_tensor(bias)
    H, stand = bias.shape[1] // 3, "{{order}}".split(", ")
    first, second = ("x", "h") if "{{first}}" == "input" else ("h", "x")
    D = len(kernel) - H
    rows = dict(zip((first, second), kernel.split([D, H] if first == "x" else [H, D]), strict=True))

    def blocks(a):
        parts = dict(zip(stand, a.chunk(3, dim=-1), strict=True))
        return torch.cat([parts["r"], -parts["z"], parts["n"]], dim=-1)

    return blocks(rows["x"]).T, blocks(rows["h"]).T, blocks(bias[0]), blocks(bias[1])
