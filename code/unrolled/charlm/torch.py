"""Chapter 3 in PyTorch: the character model of library layers, its training, its score, its file.

    e_t = E[token at t]                                (3.1)
    h_t = tanh(e_t W_xh + h_{t-1} W_hh + b_h)          (1.1)
    y_t = h_t W_hy + b_y                               (1.2)

Symbols and shapes as in ``unrolled.charlm.numpy``. PyTorch keeps W_xh, W_hh and W_hy transposed,
and a state for each layer: (1, N, H).
"""

import math
import os
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from unrolled.nn import check_size, check_tokens


class TorchCharModel(nn.Module):
    """Read tokens, keep a state, score the next token at every step: (3.1), (1.1), (1.2).

    Args: vocab_size V; embedding_size D; hidden_size H.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__()
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        D = check_size("embedding_size", embedding_size)
        self.embedding = nn.Embedding(V, D)
        self.rnn = nn.RNN(D, H, batch_first=True)
        self.readout = nn.Linear(H, V)
        # nn.RNN adds two biases, and trained together they take every step twice: one is enough.
        nn.init.zeros_(self.rnn.bias_hh_l0).requires_grad_(False)

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state (1, N, H). Returns: logits (N, T, V), state (1, N, H)."""
        hs, state = self.rnn(self.embedding(tokens), state)
        return self.readout(hs), state


class TorchLanguageModel(nn.Module):
    """The model around any recurrent layer: embedding, layer, readout.

    Args: vocab_size V; layer, batch first, from D inputs to H states, whose sizes are given too:
    embedding_size D; hidden_size H.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size, layer):
        super().__init__()
        V = check_size("vocab_size", vocab_size)
        self.embedding = nn.Embedding(V, embedding_size)
        self.rnn = layer
        self.readout = nn.Linear(hidden_size, V)

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state, as the layer has it. Returns: logits (N, T, V), state."""
        hs, state = self.rnn(self.embedding(tokens), state)
        return self.readout(hs), state


def detach(state):
    """Cut the gradient: the same numbers, and how they were made is forgotten."""
    return tuple(map(detach, state)) if isinstance(state, tuple) else state.detach()


def torch_train(model, batches, optimizer, *, clip):
    """Go once through the batches: the state is handed on, ``detach`` cuts the gradient.

    Args: batches of (inputs, targets), each (N, T); clip, the largest norm of a gradient.
    Returns: the loss of each batch before its update, in nats per character.
    """
    device = model.readout.weight.device
    losses, state = [], None
    for inputs, targets in batches:
        inputs, targets = torch.as_tensor(inputs).to(device), torch.as_tensor(targets).to(device)
        logits, state = model(inputs, state)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        state = detach(state)
        losses.append(loss.item())
    return losses


@torch.no_grad()
def torch_bits(model, tokens, *, chunk=1000):
    """Read a held-out text once, as one row, and be surprised: bits per character.

    Args: tokens (M,); chunk, how many are read at a time, which changes nothing but memory.
    Returns: the mean of -log2 p(next token) over the M - 1 tokens after the first.
    Raises: ValueError for fewer than two tokens, or one outside the vocabulary.
    """
    if len(tokens) < 2:
        raise ValueError(f"there is nothing to predict in a text of {len(tokens)} tokens")
    weight = model.readout.weight
    tokens = torch.as_tensor(check_tokens(tokens, len(weight)), device=weight.device)
    nats, state = 0.0, None
    for start in range(0, len(tokens) - 1, chunk):
        targets = tokens[start + 1 : start + chunk + 1]
        logits, state = model(tokens[None, start : start + len(targets)], state)
        nats += F.cross_entropy(logits[0], targets, reduction="sum").item()
    return nats / (len(tokens) - 1) / math.log(2)


def torch_step(model):
    """The model one token at a time, to write with. Returns: step(token, state).

    step takes a token and the state (1, 1, H), None at first; it returns logits (V,), a NumPy
    array, and the state.
    """

    @torch.no_grad()
    def step(token, state):
        logits, state = model(torch.tensor([[token]], device=model.readout.weight.device), state)
        return logits[0, 0].cpu().numpy(), state

    return step


def torch_save(model, path):
    """Write the weights to a file, whole or not at all. Args: path, by custom ending in .pt."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        torch.save(model.state_dict(), unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def torch_load(path):
    """Build the model whose weights ``torch_save`` wrote. Args: path. Returns: TorchCharModel.

    Raises: ValueError if the file holds something else.
    """
    weights = torch.load(path, weights_only=True)  # a whole pickle could run its writer's code
    if "embedding.weight" not in weights or "rnn.weight_hh_l0" not in weights:
        raise ValueError(f"{path} holds {', '.join(weights)}, not a TorchCharModel's weights")
    V, D = weights["embedding.weight"].shape
    model = TorchCharModel(V, D, len(weights["rnn.weight_hh_l0"])).to(
        weights["embedding.weight"].dtype
    )
    model.load_state_dict(weights)
    return model
