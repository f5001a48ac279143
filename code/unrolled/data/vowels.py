"""JapaneseVowels: nine speakers say two vowels in a row; which of them was it?

Each recording is a row of 7 to 29 frames, each frame 12 numbers that describe its sound (cepstral
coefficients of linear prediction). 270 recordings to train on, 370 to test.

Source: Kudo, Toyama, Shimbo 1999, Multidimensional curve classification using passing-through
regions; from the wheel of the package aeon (BSD-3-Clause), which is read as an archive.
"""

import zipfile

import numpy as np

from unrolled.data.wheels import fetch_wheel

WHEEL = "aeon==1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"
FOLDER = "aeon/datasets/data/JapaneseVowels"
SPEAKERS = 9
HELD_OUT = 5  # every fifth recording of the training set is for validation


def load_vowels():
    """The recordings. Returns: {part: (list of (T, 12) float32, speakers (count,) from 0 to 8)}.

    The parts are train, valid, test; valid is a fifth of what was published as the training set.
    Raises: ConnectionError if the data cannot be fetched.
    """
    with zipfile.ZipFile(fetch_wheel(*WHEEL)) as wheel:
        published = {
            part: _read(wheel.read(f"{FOLDER}/JapaneseVowels_{part}.ts").decode())
            for part in ("TRAIN", "TEST")
        }
    frames, speakers = published["TRAIN"]
    held_out = np.arange(len(frames)) % HELD_OUT == 0
    parts = {"train": np.flatnonzero(~held_out), "valid": np.flatnonzero(held_out)}
    split = {part: ([frames[k] for k in rows], speakers[rows]) for part, rows in parts.items()}
    return split | {"test": published["TEST"]}


def _read(text):
    """Rows of numbers, twelve a recording, divided by colons; the speaker stands last."""
    frames, speakers = [], []
    for line in text.splitlines():
        if line and line[0] not in "@#":
            *rows, speaker = line.split(":")
            frames.append(np.array([row.split(",") for row in rows], np.float32).T)  # (T, 12)
            speakers.append(int(speaker) - 1)
    return frames, np.array(speakers)
