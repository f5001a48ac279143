"""What a network that says words has to beat: each letter said as it mostly is among its neighbors.

    k n i g h t      which letter makes which sounds? Nobody wrote it down: EM finds out
    - N AY - - T     a letter makes 0, 1 or 2 sounds, and the order stays

Then a look-up: how was this letter said in the widest piece of text around it that was seen?

Sources: Dempster, Laird, Rubin 1977 (EM); Daelemans, van den Bosch 1997 (wide to narrow).
"""

from collections import Counter

import numpy as np

from unrolled.nn import check_size

MOST = 2  # sounds that one letter makes
WINDOWS = (
    (3, 5),
    (2, 4),
    (2, 3),
    (1, 3),
    (1, 2),
    (1, 1),
    (0, 0),
)  # letters to the left, to the right
EDGE, REACH = "#", 8  # what stands around a word, and how far a window reaches at most


def forward_ways(q):
    """How likely do the first i letters make the first j sounds, in all ways together?

    Args: q (N, L, 3, P + 1), P(letter i makes the k sounds from j on).
    Returns: (N, L + 1, P + 1).
    """
    N, L, _, J = q.shape
    ways = np.zeros((N, L + 1, J))
    ways[:, 0, 0] = 1
    for i in range(L):
        for k in range(MOST + 1):
            ways[:, i + 1, k:] += ways[:, i, : J - k] * q[:, i, k, : J - k]
    return ways


def backward_ways(q):
    """The same for the letters from i on and the sounds from j on. Returns: (N, L + 1, P + 1)."""
    N, L, _, J = q.shape
    ways = np.zeros((N, L + 1, J))
    ways[:, L, J - 1] = 1
    for i in reversed(range(L)):
        for k in range(MOST + 1):
            ways[:, i, : J - k] += q[:, i, k, : J - k] * ways[:, i + 1, k:]
    return ways


def likeliest_cut(q):
    """How many sounds does each letter make, in the likeliest way? Returns: (N, L) integers."""
    N, L, _, J = q.shape
    best = np.zeros((N, L + 1, J))
    best[:, 0, 0] = 1
    for i in range(L):
        for k in range(MOST + 1):
            longer = best[:, i, : J - k] * q[:, i, k, : J - k]
            np.maximum(best[:, i + 1, k:], longer, out=best[:, i + 1, k:])
    made, n, j = np.zeros((N, L), int), np.arange(N), np.full(N, J - 1)
    for i in reversed(range(L)):
        options = [
            np.where(j >= k, best[n, i, j - k] * q[n, i, k, j - k], 0) for k in range(MOST + 1)
        ]
        made[:, i] = np.argmax(options, axis=0)
        j = j - made[:, i]
    return made


class Alignment:
    """Which letter makes which sounds: P(sounds | letter), by EM from knowing nothing.

    Args: pairs, a list of (word, sounds); rounds of EM. A word with more than twice as many
    sounds as letters is left out. ``surprise``: the mean of -log P(sounds | word) by round.
    Source: Dempster, Laird, Rubin 1977.
    """

    def __init__(self, pairs, rounds=5):
        self.letters = sorted({letter for word, _ in pairs for letter in word})
        self.sounds = sorted({sound for _, sounds in pairs for sound in sounds})
        K = len(self.sounds)
        self.impossible = 1 + K + K * K  # none, one, two sounds; and what cannot be
        self.table = np.full((len(self.letters), self.impossible + 1), 1 / self.impossible)
        self.table[:, self.impossible] = 0
        groups, self.surprise = self.groups(pairs), []
        for _ in range(check_size("rounds", rounds)):
            counts, surprise = np.zeros(self.table.size), 0.0
            for _, x, made in groups:
                surprise -= self.count(x, made, counts).sum()
            self.surprise.append(surprise / sum(len(rows) for rows, _, _ in groups))
            counts = counts.reshape(self.table.shape)
            self.table = counts / counts.sum(axis=1, keepdims=True)
        self.cuts = [None] * len(pairs)  # for each pair, how many sounds each letter makes
        for rows, x, made in groups:
            for n, cut in zip(rows, likeliest_cut(self.chances(x, made)), strict=True):
                self.cuts[n] = cut.tolist()

    def groups(self, pairs):
        """Words of one length and pronunciations of one length together.

        Returns: a list of (places in pairs, letters (N, L), what sounds there are (N, 3, P + 1)).
        """
        letter, sound = ({s: i for i, s in enumerate(x)} for x in (self.letters, self.sounds))
        alike, K = {}, len(sound)
        for n, (word, sounds) in enumerate(pairs):
            if len(sounds) <= MOST * len(word):
                alike.setdefault((len(word), len(sounds)), []).append(n)
        found = []
        for (_, P), rows in alike.items():
            y = np.array([[sound[s] for s in pairs[n][1]] for n in rows])  # (N, P)
            made = np.full((len(rows), MOST + 1, P + 1), self.impossible)
            made[:, 0], made[:, 1, :P] = 0, 1 + y
            made[:, 2, : P - 1] = 1 + K + K * y[:, :-1] + y[:, 1:]
            found.append((rows, np.array([[letter[s] for s in pairs[n][0]] for n in rows]), made))
        return found

    def chances(self, x, made):
        """P(the k sounds from j on | letter i). Returns: q (N, L, 3, P + 1)."""
        return self.table[x[:, :, None, None], made[:, None]]

    def count(self, x, made, counts):
        """Add how often each letter makes what, weighted by how likely. Returns: log P (N,)."""
        q = self.chances(x, made)
        ahead, back, J = forward_ways(q), backward_ways(q), q.shape[-1]
        total = ahead[:, -1, -1]
        for k in range(MOST + 1):
            share = ahead[:, :-1, : J - k] * q[:, :, k, : J - k] * back[:, 1:, k:]
            share /= total[:, None, None]
            place = x[:, :, None] * self.table.shape[1] + made[:, None, k, : J - k]
            counts += np.bincount(place.ravel(), share.ravel(), len(counts))
        return np.log(total)


class LetterLookup:
    """Say each letter as it was said most often in the widest window that was seen.

    Where a window was said in two ways equally often, a narrower one decides.
    Args: pairs, a list of (word, sounds); cuts, as ``Alignment`` finds them; windows, how many
    letters are seen to the left and to the right, each within the one before.
    Source: Daelemans, van den Bosch 1997.
    """

    def __init__(self, pairs, cuts, windows=WINDOWS):
        self.windows, self.said = check_windows(windows), {}
        places = []  # (text around, place, sounds) of each letter
        for (word, sounds), cut in zip(pairs, cuts, strict=True):
            for i, end in enumerate(np.cumsum(cut).tolist() if cut else ()):
                places.append((marked(word), i + REACH, sounds[end - cut[i] : end]))
        for left, right in reversed(self.windows):
            seen = [(text[i - left : i + right + 1], sounds) for text, i, sounds in places]
            ways = {}
            for (text, sounds), times in Counter(seen).items():
                ways.setdefault(text, []).append((times, sounds))
            self.said[left, right] = {
                text: max(counted)[1]
                for text, counted in ways.items()
                if [times for times, _ in counted].count(max(counted)[0]) == 1
            }
            # Where a window leaves no doubt, a wider one would say the same.
            unsure = {text for text, counted in ways.items() if len(counted) > 1}
            places = [at for at, (text, _) in zip(places, seen, strict=True) if text in unsure]

    def say(self, word, windows=None):
        """Args: word; windows, some of those that were counted. Returns: a tuple of sounds."""
        text, said = marked(word), []
        for i in range(REACH, REACH + len(word)):
            for left, right in self.windows if windows is None else windows:
                around = text[i - left : i + right + 1]
                if around in self.said[left, right]:
                    said += self.said[left, right][around]
                    break
        return tuple(said)


def check_windows(windows):
    """Return ``windows`` as a list if each lies within the one before, else raise ValueError."""
    windows = list(windows)
    sizes = np.array([(REACH, REACH), *windows, (0, 0)])  # left, right
    if not windows or (np.diff(sizes, axis=0) > 0).any():
        raise ValueError(
            f"expected at least one window, each within the one before and none beyond {REACH} "
            f"letters, got {windows}"
        )
    return windows


def marked(word):
    """A word with signs around it that say where it ends."""
    return EDGE * REACH + word + EDGE * REACH
