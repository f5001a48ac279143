"""How fast are the book's NumPy layers? ``python benchmarks/layers.py`` on a quiet machine.

Forward and backward, the gradient in x included, on the CPU: the NumPy layer against PyTorch's own,
against a loop over PyTorch's cell, and against its own matrix products alone. Every measurement
runs in a process of its own, in turns, because the libraries' thread pools disturb each other; a
row is the median over the rounds. For the plain RNN also time and memory against the sequence
length and the hidden size, with the exponents. Writes ``code/unrolled/recorded/layers.json``, layer
by layer; half an hour on two cores.
"""

import argparse
import importlib
import json
import os
import platform
import statistics
import sys
import tracemalloc
from collections import namedtuple
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from timing import fresh, typical_time
from tqdm import tqdm

from unrolled import agreement, recorded

RESULTS = recorded.FOLDER / "layers.json"

# numpy: "module:class"; torch: the layer's name there, if it has one, and "...Cell" its cell;
# gates: G, for the products of (D, G·H) and (H, G·H).
Layer = namedtuple("Layer", "numpy torch gates")
LAYERS = {
    "rnn": Layer("unrolled.bptt.numpy:NumpyRNN", "RNN", 1),
    "lstm": Layer("unrolled.lstm.numpy:NumpyLSTM", "LSTM", 4),
    "gru": Layer("unrolled.gru.numpy:NumpyGRU", "GRU", 3),
    "mgu": Layer("unrolled.mgu.numpy:NumpyMGU", None, 2),
}
Bound = namedtuple("Bound", "layer column hidden threads least")
BOUNDS = [
    Bound("rnn", "numpy_over_torch", (128, 256, 512), (1, 2), 1.0),
    Bound("lstm", "numpy_over_torch", (256, 512), (1,), 0.9),
    Bound("lstm", "numpy_over_torch", (256, 512), (2,), 0.85),
    Bound("lstm", "numpy_over_cell", (256, 512), (1, 2), 1.25),
    Bound("lstm", "share_of_products", (256,), (1, 2), 0.65),
    Bound("gru", "numpy_over_torch", (256, 512), (1, 2), 0.9),
    Bound("gru", "numpy_over_cell", (256, 512), (1, 2), 1.25),
]
Plan = namedtuple("Plan", "hidden threads rounds seconds batch steps along_T along_H fit_T fit_H")
FULL = Plan(
    hidden=[128, 256, 512],
    threads=[1, 2],
    rounds=5,
    seconds=0.6,
    batch=64,
    steps=64,
    along_T=[16, 32, 64, 128, 256, 512, 1024],
    along_H=[32, 64, 128, 256, 512, 1024],
    fit_T=128,
    fit_H=256,
)
QUICK = Plan([24, 40], [1, 2], 2, 0.05, 8, 12, [16, 32, 64], [16, 32, 64], 32, 32)


def build(name, H):
    """The book's layer, from H inputs to H states, and its weights."""
    module, _, cls = LAYERS[name].numpy.partition(":")
    layer = getattr(importlib.import_module(module), cls)(H, H, rng=np.random.default_rng(0))
    return layer, layer.params


def batch(N, T, H):
    """The same for every library: x and the gradient in the states, both (N, T, H) float32."""
    rng = np.random.default_rng(1)
    return tuple(rng.normal(size=(N, T, H)).astype(np.float32) for _ in range(2))


def numpy_pass(name, N, T, H):
    """One forward and backward of the book's layer. Returns: a function of no arguments."""
    layer, _ = build(name, H)
    x, dhs = batch(N, T, H)

    def work():
        hs, _ = layer.forward(x)
        dx, _ = layer.backward(dhs)
        return hs, dx

    return work


def torch_pass(name, N, T, H, *, cell=False):
    """The same by PyTorch's layer, or by a loop over its cell, from the same weights.

    PyTorch gets x time first, (T, N, H), the layout in which it is faster.
    """
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    layer = getattr(torch.nn, LAYERS[name].torch + "Cell" * cell)(H, H)
    names = agreement.LIBRARY_NAMES
    if cell:  # which numbers no layers
        names = {theirs.removesuffix("_l0"): ours for theirs, ours in names.items()}
    agreement.set_weights(layer, build(name, H)[1], names)
    x, dhs = (torch.tensor(array).transpose(0, 1).contiguous() for array in batch(N, T, H))
    x.requires_grad_()

    def run_cell():
        state, hs = None, []
        for x_t in x:
            state = layer(x_t, state)
            hs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(hs)

    def work():
        layer.zero_grad()
        x.grad = None
        hs = run_cell() if cell else layer(x)[0]
        hs.backward(dhs)
        return hs.detach().numpy(), x.grad.numpy()

    return work


def cell_pass(name, N, T, H):
    """The same by a loop over PyTorch's cell."""
    return torch_pass(name, N, T, H, cell=True)


def products_pass(name, N, T, H):
    """The layer's matrix products, and nothing else: the time that no rewriting can save."""
    G = LAYERS[name].gates * H
    rng = np.random.default_rng(1)
    W_x, W_h, rows, drows, h, dz = (
        rng.normal(size=shape).astype(np.float32)
        for shape in [(H, G), (H, G), (T * N, H), (T * N, G), (N, H), (N, G)]
    )

    def work():
        rows @ W_x
        for _ in range(T):
            h @ W_h
        for _ in range(T):
            dz @ W_h.T
        rows.T @ drows, rows.T @ drows
        drows @ W_x.T

    return work


PASSES = {"numpy": numpy_pass, "torch": torch_pass, "cell": cell_pass, "products": products_pass}


def measure(who, name, sizes, seconds):
    """Time passes of each size (N, T, H) for so many seconds.

    Returns: [(median seconds of a pass, norms of what it computed)], one for each size.
    """
    measured = []
    for size in sizes:
        work = PASSES[who](name, *size)
        results = work() or ()
        norms = [float(np.linalg.norm(result)) for result in results]
        measured.append((typical_time(work, seconds), norms))
    return measured


def memory(name, sizes):
    """What the book's layer allocates for each size (N, T, H), as tracemalloc sees it.

    Returns: [{"kept": bytes held between forward and backward, "peak": at most, "gradients": of
    these for the weights' gradients}].
    """
    measured = []
    for N, T, H in sizes:
        layer, params = build(name, H)
        x, dhs = batch(N, T, H)
        tracemalloc.start()
        hs, _ = layer.forward(x)
        kept, _ = tracemalloc.get_traced_memory()
        layer.backward(dhs)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        gradients = sum(param.nbytes for param in params.values())
        measured.append({"kept": kept, "peak": peak, "gradients": gradients})
    return measured


def in_turns(name, who, threads, sizes, plan):
    """Measure each of ``who`` in turn, round after round.

    Returns: {who: [seconds of a pass by round, for each size]}.
    Raises: RuntimeError if two libraries' results differ: then they did not do the same work.
    """
    times = {each: [[] for _ in sizes] for each in who}
    norms = {}
    label = f"{name}, {threads} thread{'s' * (threads > 1)}"
    for _ in tqdm(range(plan.rounds), desc=label, unit="round", disable=None):
        for each in who:
            measured = fresh(threads, measure, each, name, sizes, plan.seconds)
            for i, (seconds, found) in enumerate(measured):
                times[each][i].append(seconds)
                if found and not np.allclose(found, norms.setdefault(i, found), rtol=1e-3):
                    raise RuntimeError(f"{each} computed {found}, others {norms[i]}: {sizes[i]}")
    return times


def speed(name, plan):
    """Tokens per second at each size and number of threads. Returns: rows of the table."""
    rows = []
    sizes = [(plan.batch, plan.steps, H) for H in plan.hidden]
    known = LAYERS[name].torch is not None  # to PyTorch
    who = list(PASSES) if known else ["numpy", "products"]
    for threads in plan.threads:
        times = in_turns(name, who, threads, sizes, plan)
        for i, (N, T, H) in enumerate(sizes):
            typical = {each: statistics.median(rounds[i]) for each, rounds in times.items()}
            flops = 3 * 2 * N * T * LAYERS[name].gates * H * (H + H)  # forward, and twice back
            row = {"layer": name, "threads": threads, "N": N, "T": T, "D": H, "H": H}
            for each in who[:-1]:
                row[f"{each}_tokens_per_second"] = round(N * T / typical[each])
            if known:
                pairs = zip(times["numpy"][i], times["torch"][i], strict=True)
                ratios = [torch / numpy for numpy, torch in pairs]
                row["numpy_over_torch"] = round(statistics.median(ratios), 3)
                row["lowest_round"] = round(min(ratios), 3)
                row["highest_round"] = round(max(ratios), 3)
                row["numpy_over_cell"] = round(typical["cell"] / typical["numpy"], 3)
            row["share_of_products"] = round(typical["products"] / typical["numpy"], 3)
            row["products_gflops"] = round(flops / typical["products"] / 1e9, 1)
            rows.append(row)
    return rows


def missed(name, rows):
    """The bounds that a layer's rows miss. Returns: a line each."""
    return [
        f"{name}, H = {row['H']}, on {row['threads']} threads: {bound.column} is "
        f"{row[bound.column]}, expected at least {bound.least}"
        for bound in BOUNDS
        for row in rows
        if bound.layer == name and row["H"] in bound.hidden and row["threads"] in bound.threads
        if row[bound.column] < bound.least
    ]


def exponent(sizes, values, least):
    """Slope on log-log axes, by least squares, of the sizes from ``least`` up."""
    pairs = [(s, v) for s, v in zip(sizes, values, strict=True) if s >= least]
    return round(float(np.polyfit(*np.log(pairs).T, 1)[0]), 3) + 0.0  # no "-0.0"


def growth(name, plan):
    """Time and memory, on one thread, along T and along H. Returns: {"T": ..., "H": ...}."""
    along = {
        "T": [(plan.batch, T, plan.hidden[0]) for T in plan.along_T],
        "H": [(plan.batch, plan.steps, H) for H in plan.along_H],
    }
    grown = {}
    for axis, sizes in along.items():
        lengths = [size[1 if axis == "T" else 2] for size in sizes]
        times = in_turns(name, ["numpy", "torch"], 1, sizes, plan)
        held = fresh(1, memory, name, sizes)
        rows = [
            {
                **dict(zip("NTH", size, strict=True)),
                "numpy_seconds": statistics.median(times["numpy"][i]),
                "torch_seconds": statistics.median(times["torch"][i]),
                **{f"{what}_bytes": count for what, count in held[i].items()},
            }
            for i, size in enumerate(sizes)
        ]
        least = plan.fit_T if axis == "T" else plan.fit_H
        fits = {
            what: exponent(lengths, [row[what] for row in rows], least)
            for what in ("numpy_seconds", "torch_seconds", "kept_bytes", "gradients_bytes")
        }
        below = exponent(lengths[:2], [row["numpy_seconds"] for row in rows[:2]], 0)
        grown[axis] = {"fitted_from": least, "exponents": fits, "at_first": below, "rows": rows}
    return grown


def explain(grown):
    """What the exponents of the plain RNN say. Returns: a line each."""
    T, H = (grown[axis]["exponents"] for axis in "TH")
    least, small = grown["H"]["fitted_from"], grown["H"]["at_first"]
    return [
        f"time ~ T^{T['numpy_seconds']:.2f}: each step costs the same, forward and back.",
        f"time ~ H^{H['numpy_seconds']:.2f} from H = {least}: the products with the H² numbers of "
        f"W_hh and of W_xh prevail, the tanh (~ H) and the loop (~ 1) fade.",
        f"time ~ H^{small:.2f} at the smallest H: there the loop and the tanh prevail.",
        f"memory kept for the way back ~ T^{T['kept_bytes']:.2f}, ~ H^{H['kept_bytes']:.2f}: the "
        f"inputs and states of all steps, N·T·(D + H) numbers.",
        f"memory of the weights' gradients ~ T^{T['gradients_bytes']:.2f}, "
        f"~ H^{H['gradients_bytes']:.2f}: one sum for all steps, (D + H + 1)·H numbers.",
    ]


def table(rows):
    """Print rows of equal keys under each other, the keys broken at their underscores."""
    columns = []
    for key in rows[0]:
        values = [row[key] for row in rows]
        shown = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in values]
        columns.append((key.split("_"), shown))
    depth = max(len(head) for head, _ in columns)
    columns = [[""] * (depth - len(head)) + head + shown for head, shown in columns]
    for line in zip(*columns, strict=True):
        widths = [max(map(len, column)) for column in columns]
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def main():
    """Measure, print, write the record, and fail where the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, and nothing is written")
    args = parser.parse_args()
    plan = QUICK if args.quick else FULL
    wrong = []
    for name in args.layers:
        rows = speed(name, plan)
        table(rows)
        wrong += missed(name, rows)
        measured = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": f"{os.cpu_count()} CPU cores, {platform.machine()}",
            "versions": {package: version(package) for package in ("numpy", "torch")},
            "recipe": "float32, forward and backward with dx; fresh processes in turns, "
            f"{plan.rounds} rounds; medians of {plan.seconds} s of passes, then of rounds; "
            "NumPy reads x batch first, PyTorch time first, where it is faster",
            "speed": rows,
        }
        if name == "rnn":
            measured["growth"] = growth(name, plan)
            measured["explanation"] = explain(measured["growth"])
            for axis in measured["growth"].values():
                table(axis["rows"])
            print(*measured["explanation"], sep="\n")
        if not args.quick:
            kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
            text = json.dumps(kept | {name: measured}, indent=1)
            RESULTS.write_text(text + "\n", encoding="utf-8")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
