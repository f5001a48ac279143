"""Equations that differ from student to student, by text.

The cells of an assignment may hold ``{{key}}``. Its ``assignment.json`` names, for each axis of the
variants, the options, and for each option the texts that its keys stand for. A release holds the
texts of one choice and no list of the others.
"""

import hashlib
import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Spec:
    """What an ``assignment.json`` says.

    Attributes:
        name: of the assignment, which is its folder's.
        title, chapter, minutes, seconds: for the student, the link, and the teacher's plan.
        variants: axis -> options, each a dictionary of texts.
    """

    name: str
    title: str
    chapter: str
    minutes: int
    seconds: float
    variants: dict

    def count(self):
        """Return how many different choices there are."""
        product = 1
        for options in self.variants.values():
            product *= len(options)
        return product

    def choose(self, student=None):
        """Return the texts of a student's choice; without a student, of the first options.

        The choice is that of a hash: the same in every year, on every machine, and nobody has to
        keep it.
        """
        texts = {}
        for axis, options in self.variants.items():
            place = 0
            if student is not None:
                seed = f"{self.name}/{axis}/{student}".encode()
                place = int.from_bytes(hashlib.sha256(seed).digest()[:8]) % len(options)
            texts |= options[place]
        return texts


def read(folder):
    """Return the `Spec` of an assignment's source folder.

    Raises:
        ValueError: if a field is missing or unknown, or two axes use the same key.
    """
    path = folder / "assignment.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    known = {"title", "chapter", "minutes", "seconds", "variants"}
    if set(fields) != known:
        wrong = ", ".join(sorted(known ^ set(fields)))
        raise ValueError(f"{path} must have the fields {', '.join(sorted(known))}; see: {wrong}")
    keys = []
    for axis, options in fields["variants"].items():
        if len({frozenset(option) for option in options}) != 1:
            raise ValueError(f"{path}: the options of {axis!r} must all have the same keys")
        keys += options[0]
    if len(keys) != len(set(keys)):
        raise ValueError(f"{path}: two axes of the variants use the same key")
    return Spec(folder.name, **fields)


def render(source, texts):
    """Return a cell's source with each ``{{key}}`` replaced by its text.

    Raises:
        KeyError: for a key that has no text.
    """
    return _TOKEN.sub(lambda match: str(texts[match[1]]), source)


def keys(source):
    """Return the keys that a source holds."""
    return set(_TOKEN.findall(source))
