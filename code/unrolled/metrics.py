"""How good is it? Metrics, and the scoreboard that closes a chapter."""

import html
import math

import numpy as np
from rapidfuzz.distance import Levenshtein

MIME = "application/vnd.unrolled.scoreboard+json"
FRAMEWORKS = {"numpy": "NumPy", "keras": "Keras", "pytorch": "PyTorch"}


def accuracy(logits, targets):
    """The share of positions where the highest logit is the target's.

    Args: logits (..., V); targets (...) integers. Returns: a fraction in [0, 1].
    Raises: ValueError if targets do not have the shape of logits without its last axis.
    """
    logits, targets = np.asarray(logits), np.asarray(targets)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets have shape {targets.shape}, logits ask for {logits.shape[:-1]}")
    return float((logits.argmax(axis=-1) == targets).mean())


def context_limit(words, context):
    """The best that any model can do which sees at most ``context`` letters before the next.

    It knows the frequency of every continuation. Each letter but the first of a word counts.

    Args: words, a list of strings; context, a number of letters (None: the whole word so far).
    Returns: (lowest mean loss in nats per letter, highest accuracy).
    """
    counts = {}
    for word in words:
        for t in range(1, len(word)):
            seen = word[:t] if context is None else word[max(0, t - context) : t]
            following = counts.setdefault(seen, {})
            following[word[t]] = following.get(word[t], 0) + 1
    letters = right = loss = 0
    for following in counts.values():
        total = sum(following.values())
        letters += total
        right += max(following.values())
        loss -= sum(n * math.log(n / total) for n in following.values())
    if not letters:
        raise ValueError("expected at least one word of two letters or more, got none")
    return loss / letters, right / letters


def bits(nats):
    """A loss in bits: nats / ln 2. A loss of 1 bit is a choice between two equal chances."""
    return nats / math.log(2)


def perplexity(nats):
    """Between how many equal chances does a model waver, with this loss in nats? e ** nats."""
    return np.exp(nats)


def edit_distance(said, wanted):
    """The fewest insertions, deletions and substitutions that turn one sequence into the other.

    Args: said, wanted, sequences of symbols: strings, or lists of phonemes or tokens.
    Source: Levenshtein 1966, Binary codes capable of correcting deletions, insertions, reversals.
    """
    return Levenshtein.distance(list(said), list(wanted))


def exact_match(said, wanted):
    """The share of sequences that are right from end to end.

    Args: said, wanted, N sequences each. Raises: ValueError if the numbers differ, or are 0.
    """
    pairs = _side_by_side(said, wanted)
    return sum(list(one) == list(other) for one, other in pairs) / len(pairs)


def error_rate(said, references):
    """Edits for each symbol wanted: all edit distances by all lengths. In phonemes, the PER.

    Where a word has variants, the nearest to what was said is wanted: its distance counts, and
    its length. Of variants that are equally near, the first.
    Args: said, N sequences; references, N lists of variants. Returns: a fraction, 0 is the best.
    Raises: ValueError if the numbers differ, or nothing is wanted; TypeError for no variants.
    """
    edits = length = 0
    for one, variants in _with_variants(said, references):
        distances = [edit_distance(one, variant) for variant in variants]
        nearest = distances.index(min(distances))
        edits += distances[nearest]
        length += len(variants[nearest])
    if not length:
        raise ValueError("every reference is empty, expected at least one symbol")
    return edits / length


def word_error_rate(said, references):
    """The share of sequences that equal none of their variants. Of words, this is the WER.

    Args: said, N sequences; references, N lists of variants. Raises: as ``error_rate``.
    """
    pairs = _with_variants(said, references)
    wrong = sum(list(one) not in map(list, variants) for one, variants in pairs)
    return wrong / len(pairs)


def bleu(said, wanted):
    """How many short runs of words are as wanted, over a whole test set, as sacreBLEU counts.

    Args: said, wanted, N sentences each, as people write them: sacreBLEU parts words and marks.
    Returns: the score, from 0 to 100; the signature, which says how it was counted.
    Raises: ValueError if the numbers differ, or are 0.
    Source: Papineni et al. 2002, BLEU; Post 2018, A call for clarity in reporting BLEU scores.
    """
    from sacrebleu.metrics import BLEU  # here, as it takes a tenth of a second

    return _corpus_score(BLEU(), said, wanted)


def chrf(said, wanted):
    """How many short runs of letters are as wanted, over a whole test set, as sacreBLEU counts.

    Args, Returns, Raises: as ``bleu``.
    Source: Popović 2015, chrF: character n-gram F-score for automatic MT evaluation.
    """
    from sacrebleu.metrics import CHRF  # here, as it takes a tenth of a second

    return _corpus_score(CHRF(), said, wanted)


def _corpus_score(metric, said, wanted):
    said, wanted = zip(*_side_by_side(said, wanted), strict=True)
    return metric.corpus_score(said, [wanted]).score, str(metric.get_signature())


def _side_by_side(said, wanted):
    said, wanted = list(said), list(wanted)
    if len(said) != len(wanted):
        raise ValueError(f"{len(said)} sequences were said, but {len(wanted)} were wanted")
    if not said:
        raise ValueError("expected at least one sequence, got none")
    return list(zip(said, wanted, strict=True))


def _with_variants(said, references):
    """Pairs of a sequence and its variants; the slip of a sequence instead of variants is seen."""
    pairs = _side_by_side(said, references)
    for n, (one, variants) in enumerate(pairs):
        if not len(variants):
            raise ValueError(f"sequence {n} has no reference, expected at least one variant")
        for variant in variants:
            if isinstance(variants, str) or isinstance(variant, str) != isinstance(one, str):
                raise TypeError(
                    f"the references of sequence {n} are a list of variants, each of the kind of "
                    f"what was said, {one!r}; got {variants!r}"
                )
    return pairs


class Scoreboard:
    """One metric, three frameworks, and the baseline they must beat; recorded as data.

    Args: metric, its name; unit; baseline, what the model must beat; better, "higher" or
    "lower"; low, high, the range that a run must stay in, without the baseline if it is beaten.
    """

    def __init__(self, metric, *, unit, baseline, better, low, high):
        if better not in ("higher", "lower"):
            raise ValueError(f"better is 'higher' or 'lower', got {better!r}")
        if not low <= high:
            raise ValueError(f"the range runs from low to high, got {low} to {high}")
        self.metric, self.unit, self.baseline, self.better = metric, unit, baseline, better
        self.low, self.high = low, high
        self.rows = []

    def add(self, framework, value, *, parameters, seconds):
        """Add one framework's result. Args: parameters, a count; seconds of training."""
        if framework not in FRAMEWORKS:
            raise ValueError(f"framework is one of {', '.join(FRAMEWORKS)}, got {framework!r}")
        value = float(value)
        beaten = value > self.baseline if self.better == "higher" else value < self.baseline
        self.rows.append(
            {
                "framework": framework,
                "metric": self.metric,
                "unit": self.unit,
                "value": value,
                "baseline": float(self.baseline),
                "better": self.better,
                "low": float(self.low),
                "high": float(self.high),
                "beaten": beaten,
                "parameters": int(parameters),
                "seconds": round(float(seconds), 3),
            }
        )

    def _cells(self, row):
        inside = self.low <= row["value"] <= self.high
        return (
            FRAMEWORKS[row["framework"]],
            f"{row['value']:.4g}" + ("" if inside else f" (outside {self.low:g} to {self.high:g})"),
            f"{row['baseline']:.4g}",
            "yes" if row["beaten"] else "no",
            f"{row['parameters']:,}",
            f"{row['seconds']:.2g}",
        )

    def _head(self):
        return (
            "framework",
            f"{self.metric} ({self.unit}, {self.better} is better)",
            "to beat",
            "beaten",
            "parameters",
            "seconds of training",
        )

    def __repr__(self):
        return "\n".join(
            " | ".join(cells) for cells in [self._head(), *map(self._cells, self.rows)]
        )

    def _repr_html_(self):
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self._head())
        body = ""
        for row in self.rows:
            first, *rest = self._cells(row)
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
            body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: self.rows}
