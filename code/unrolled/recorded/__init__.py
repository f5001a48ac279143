"""What the scripts in ``benchmarks/`` measured, for chapters to show: too long to run on a page.

Each file says when, on what device, with which versions and by which recipe it was made.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def load(name):
    """The record of one benchmark. Args: name, as in benchmarks/<name>.py. Returns: a dict.

    Raises: ValueError for a name that has no record.
    """
    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in names:
        raise ValueError(f"nothing is recorded as {name!r}; there are: {', '.join(names)}")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
