import numpy as np

from unrolled.data.vowels import SPEAKERS, load_vowels


def test_the_recordings_are_those_that_were_published():
    parts = load_vowels()
    assert [len(speakers) for _, speakers in parts.values()] == [216, 54, 370]
    lengths = [len(x) for frames, _ in parts.values() for x in frames]
    assert (min(lengths), max(lengths)) == (7, 29)
    for frames, speakers in parts.values():
        assert len(frames) == len(speakers) and set(speakers) == set(range(SPEAKERS))
        assert all(x.shape[1:] == (12,) and np.isfinite(x).all() for x in frames)
    assert np.bincount(parts["test"][1]).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
