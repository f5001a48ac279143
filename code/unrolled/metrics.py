"""How good is it? Metrics, and the scoreboard that closes a chapter."""

import html
import math

import numpy as np

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
