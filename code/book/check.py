"""The quick checks of ``make check``: all of them run, each says in one line how it went."""

import subprocess
import sysconfig
from pathlib import Path

from book import links, quote
from book.sources import BookError


def check(root):
    """Run every check on the checkout at ``root``; return whether all of them passed.

    Each prints one line, and below it what it found.
    """
    notebooks = [*_files(root, "chapters", "*.ipynb"), *_files(root, "homework", "*.ipynb")]
    workflows = _files(root, ".github/workflows", "*.yml")
    schema = ["check-jsonschema", "--quiet", "--builtin-schema", "vendor.github-workflows"]
    checks = {
        "lint": lambda: _run(root, ["ruff", "check", "--quiet"], ["."]),
        "format": lambda: _run(root, ["ruff", "format", "--check", "--quiet"], ["."]),
        "no outputs": lambda: _run(root, ["nbstripout", "--verify", "--keep-id"], notebooks),
        "quotations": lambda: "\n".join(quote.check(root)),
        "links": lambda: "\n".join(links.check(root)),
        "spelling": lambda: _run(root, ["codespell"], ["."]),
        "workflow schema": lambda: _run(root, schema, workflows),
        "workflow security": lambda: _run(root, ["zizmor", "--offline", "--quiet"], workflows),
    }
    passed = True
    for name, find_problems in checks.items():
        try:
            problems = find_problems().strip()
        except BookError as error:
            problems = str(error)
        passed &= not problems
        print(f"{'FAIL' if problems else 'ok  '}  {name}", flush=True)
        if problems:
            print("".join(f"      {line}\n" for line in problems.splitlines()), flush=True)
    return passed


def _run(root, command, files):
    """Run an installed tool on files; return what it said if it failed, else nothing."""
    if not files:
        return f"found no files for {command[0]}"
    tool = Path(sysconfig.get_path("scripts"), command[0])
    if not tool.exists():
        return f"{tool} is not installed; `make check` installs requirements-test.txt"
    process = subprocess.run([tool, *command[1:], *files], cwd=root, capture_output=True, text=True)
    if process.returncode == 0:
        return ""
    return process.stdout + process.stderr or f"exit status {process.returncode}"


def _files(root, folder, pattern):
    """Return the files below a folder of the checkout, hidden ones left out."""
    found = (path.relative_to(root) for path in (root / folder).rglob(pattern))
    return sorted(str(path) for path in found if not any(part[0] == "." for part in path.parts[1:]))
