"""The model that the package ships: spelling to sound, trained by ``benchmarks/g2p.py``.

One file of weights, by the book's names, in float16 as safetensors: numbers and names, and nothing
that could be run. ``recorded/g2p.json`` says how it was trained, and its sha256.
"""

import hashlib
import json
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

from unrolled import recorded
from unrolled.data.text import Vocabulary

PATH = recorded.FOLDER / "g2p.safetensors"


class Released(NamedTuple):
    """Weights {book's name: float32 array}, and the vocabularies of letters and of phonemes."""

    weights: dict
    letters: Vocabulary
    phonemes: Vocabulary

    @property
    def sizes(self):
        """V of letters, V of phonemes, embedding size D, hidden size H: to build a model with."""
        return *(len(side) for side in self[1:]), self.weights["E_source"].shape[1], self.hidden

    @property
    def hidden(self):
        """H, of the decoder."""
        return len(self.weights["W_hh_decoder"])


def load_released(path=PATH, sha256=None):
    """Read the file. Args: sha256, by default the recorded one.

    Raises: FileNotFoundError if there is none; ValueError if it is another file than recorded, or
    its weights do not fit each other.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: benchmarks/g2p.py writes it")
    wanted = sha256 or recorded.load("g2p")["full"]["runs"]["full"]["sha256"]
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise ValueError(f"{path} has sha256 {found}, expected {wanted}: it is another file")
    with safe_open(path, "numpy") as file:
        weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}
        letters, phonemes = (
            Vocabulary(json.loads(file.metadata()[side])) for side in ("letters", "phonemes")
        )
    released = Released(weights, letters, phonemes)
    check_released(released)
    return released


def check_released(released):
    """Raise ValueError unless the shapes of the weights fit the vocabularies and each other."""
    V, M, D, H = released.sizes
    half = H // 2
    shapes = {"E_source": (V, D), "E_target": (M, D), "W_hy": (H, M), "b_y": (M,)}
    shapes |= {"W_c": (2 * H, H), "b_c": (H,), "W_a": (H, H)}
    layers = (("_encoder", half), ("_reverse_encoder", half), ("_decoder", H))
    for end, size in layers:
        shapes |= {f"W_xh{end}": (D, 4 * size), f"W_hh{end}": (size, 4 * size)}
        shapes[f"b_h{end}"] = (4 * size,)
    found = {name: weight.shape for name, weight in released.weights.items()}
    wrong = {name for name in shapes.keys() | found if shapes.get(name) != found.get(name)}
    for name in sorted(wrong):
        raise ValueError(
            f"{name} has shape {found.get(name)}, expected {shapes.get(name)}: these are not the "
            "weights of the model"
        )
