"""Each chapter as the reader runs it: within its time, and failing when a reader breaks a cell."""

import ast
import json
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
# On two CPU cores, all three frameworks, imports included.
SECONDS = {
    "01-hello": 60,
    "02-bptt": 150,
    "03-charlm": 150,
    "04-lstm": 150,
    "05-gru": 150,
    "06-shapes": 150,
    "07-bidirectional": 150,
    "08-stacked": 150,
    "09-seq2seq": 300,
    "10-attention": 300,
}

# Besides the quotations: cells that an agreement table needs; and those called make-something.
ALWAYS = "imports", "imports-book", "imports-parts", "agree-order", "agree-names"
ALWAYS += "tagger-numpy-run", "tagger-keras", "tagger-torch-run"


@pytest.fixture(autouse=True)
def registered_classes():
    """A chapter registers its own classes with Keras under the package's names; take that back."""
    import keras

    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    yield
    registered.clear()
    registered.update(before)


def code_cells(chapter):
    notebook = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.parametrize("chapter", SECONDS)
def test_a_figure_is_the_last_thing_in_its_cell_or_nobody_would_see_it(chapter):
    for cell_id, cell in code_cells(chapter).items():
        if not cell.metadata.get("setup"):
            for statement in ast.parse(cell.source).body[:-1]:
                assert not ast.unparse(statement).startswith("plots."), cell_id


@pytest.mark.parametrize("chapter", SECONDS)
@pytest.mark.site
def test_a_chapter_keeps_to_its_time(chapter):
    results = json.loads((ROOT / "_build" / "results.json").read_text())["chapters"][chapter]
    assert results["device"] != "cpu" or results["seconds"] <= SECONDS[chapter]


def run(cells, *, until, changes=()):
    """Run the definitions of a chapter, and the cells its agreement table needs.

    Args: until, the id of the last cell; changes, (cell id, old text, new text) made before.
    """
    for cell_id, old, new in changes:
        assert cells[cell_id].source.count(old) == 1
        cells[cell_id].source = cells[cell_id].source.replace(old, new)
    # Where chapter 1's readouts keep their weights: it says so in a cell that is not run here.
    names = {"readout.kernel": "W_hy", "readout.weight": "W_hy.T", "readout.bias": "b_y"}
    # The sizes of chapter 3's table, from the cell before it.
    namespace = {"__name__": "__main__", "names": names} | dict(V=7, D=3, H=4, N=2, T=5)
    for cell_id, cell in cells.items():
        made = cell_id in ALWAYS or cell_id.startswith("make-")
        needed = made or "quote" in cell.metadata or cell_id == until
        if needed:
            exec(compile(cell.source, cell_id, "exec"), namespace)
        if cell_id == until:
            return namespace


@pytest.mark.parametrize(
    ("chapter", "cell_id", "old", "new", "blamed"),
    [
        (1, "cell-torch", "h_prev @ self.W_hh", "h_prev @ self.W_hh.T", "TorchSpeller"),
        (1, "cell-keras", "h_prev @ self.W_hh", "inputs @ self.W_xh", "KerasSpeller"),
        (1, "speller-torch", "hs.append(h)", "hs.insert(0, h)", "TorchSpeller"),
        (1, "layer-keras", 'name="rnn"', 'name="rnn", go_backwards=True', "keras SimpleRNN"),
        (2, "rnn-numpy", "dz[t] @ W_hh.T", "dz[t] @ W_hh", "TorchRNNModel: dW_hh"),
        (2, "rnn-torch", "self.cell(x_t, h)", "self.cell(x_t, h.detach())", "TorchRNNModel: dW"),
        (2, "layer-torch", "self.rnn(x, state)", "self.rnn(-x, state)", "torch nn.RNN"),
        (3, "token-rnn", "dz[t] += dh_next", "dz[t] -= dh_next", "KerasCharModel: dE"),
        (3, "dense-embedding", "return rows", "return -rows", "KerasCharModel"),
        (3, "model-torch", "self.embedding(tokens),", "-self.embedding(tokens),", "TorchCharModel"),
        (4, "gates-numpy", "df *= dc * c_prev", "df *= dc", "KerasLSTMCell: dW"),
        (
            4,
            "lstm-numpy",
            "i, f, g, o = lstm_gates(self.gates",
            "f, i, g, o = lstm_gates(self.gates",
            "KerasLSTMCell",
        ),
        (4, "lstm-keras", "i, f, g, o = keras", "i, f, o, g = keras", "KerasLSTMCell"),
        (4, "lstm-torch", "sigmoid(f) * c_prev", "sigmoid(f) * h_prev", "TorchLSTM"),
        (5, "gru-numpy", "dn * self.h_n[t]", "dn * self.hs[t]", "KerasGRUCell: dW"),
        (5, "gru-keras", "(1 - z) * keras", "z * keras", "KerasGRUCell"),
        (5, "gru-torch", "r, z = torch", "z, r = torch", "TorchGRU"),
        (6, "classifier-numpy", "dhs[:, -1] =", "dhs[:, 0] =", "keras, our cell: d"),
        (6, "classifier-torch", "(inputs, mask=mask)", "(inputs)", "TorchClassifier"),
        (6, "packed", "self.layer(pack(x,", "self.layer(pack(-x,", "packed nn.GRU"),
        (7, "layer-numpy", "dhf, dhb = np", "dhb, dhf = np", "TorchBidirectional: d"),
        (7, "layer-keras", "both = hf, keras_reverse(hb, mask)", "both = hf, hb", "KerasBidirec"),
        (7, "layer-torch", "torch_reverse(x, mask)", "x.flip(1)", "TorchBidirectional"),
        (7, "reverse-torch", ".gather(1, mirrored.clamp(min=0))", "", "TorchBidirectional"),
        (8, "stack-numpy", "dy = du + dy if", "dy = du if", "keras_stack: d"),
        (8, "stack-keras", "keras.layers.Add()", "keras.layers.Subtract()", "keras_stack"),
        (8, "stack-torch", "y = y + hs if", "y = y * hs if", "TorchStack"),
        (9, "encoder-keras", "(source), mask=mask", "(source)", "KerasSeq2Seq"),
        (9, "encoder-torch", "mask=source != PAD", "mask=None", "TorchSeq2Seq, our loop"),
        (9, "decoder-numpy", "return dstate", "return dstate[::-1]", "TorchSeq2Seq, nn.LSTM: d"),
        (9, "decoder-torch", "(inputs), state)", "(inputs))", "TorchSeq2Seq, nn.LSTM"),
        (10, "attention-numpy", "(a * da).sum", "da.sum", "Keras: d"),
        (10, "decoder-numpy", "backward(dhs + dqueries)", "backward(dhs)", "Keras: d"),
        (10, "attention-keras", "mask[:, None], scores", "mask[:, None], -scores", "Keras"),
        (10, "feeding-cell-keras", "[*state, output,", "[*state, 0 * output,", "Keras"),
        (10, "score-torch", "self.W_k)[:, None]", "self.W_q)[:, None]", "PyTorch"),
        (10, "decoder-torch", "([contexts, hs]", "([hs, contexts]", "PyTorch"),
    ],
)
def test_a_reader_who_breaks_a_cell_sees_it_in_the_agreement_table(
    chapter, cell_id, old, new, blamed
):
    cells = code_cells(next(name for name in SECONDS if int(name[:2]) == chapter))
    with pytest.raises(AssertionError, match=rf"{blamed}.* differs by .* in float64") as raised:
        run(cells, until="agree-run", changes=[(cell_id, old, new)])
    assert type(raised.value).__name__ == "Disagreement"


@pytest.mark.parametrize("chapter", SECONDS)
def test_the_unbroken_chapter_agrees(chapter):
    table = run(code_cells(chapter), until="agree-run")["table"]
    assert table.largest("float64") <= 1e-10
    assert table.largest("float64", trajectory=True) <= 1e-9
