"""Do the tests notice? Change the NumPy code in a thousand small ways; each must fail a test.

mutmut makes the changed copies (mutants) and runs the tests on each, as [tool.mutmut] in
pyproject.toml says. It wants the code in a folder called src, so it runs in _build/mutants,
where that is a link. What survives is printed: a test is missing, or the change changes nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

WANTED = 0.9  # the share of mutants that must be killed


def run(root):
    """Test all mutants afresh. Returns: {"killed": ..., "total": ...}, diffs of the survivors."""
    folder = root / "_build" / "mutants"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for link, target in (("src", "code"), ("tests", "tests"), ("pyproject.toml",) * 2):
        (folder / link).symlink_to(root / target)
    with open(folder / "run.log", "w", encoding="utf-8") as log:
        if _mutmut(folder, "run", stdout=log, stderr=subprocess.STDOUT).returncode:
            raise RuntimeError((folder / "run.log").read_text(encoding="utf-8")[-3000:])
    _mutmut(folder, "export-cicd-stats", capture_output=True, check=True)
    stats = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
    results = _mutmut(folder, "results", capture_output=True, check=True, text=True).stdout
    names = [line.partition(":")[0].strip() for line in results.splitlines() if line.strip()]
    diffs = [_mutmut(folder, "show", name, capture_output=True, text=True).stdout for name in names]
    return stats, diffs


def report(stats, diffs):
    """Print the survivors and the share that was killed. Returns: whether it is enough."""
    for diff in diffs:
        print("\n".join(line for line in diff.splitlines() if line.startswith(("# ", "- ", "+ "))))
    killed, total = stats["killed"], stats["total"]
    share = killed / total if total else 0.0
    print(f"{killed} of {total} mutants killed: {share:.1%}, at least {WANTED:.0%} wanted")
    return share >= WANTED


def _mutmut(folder, *arguments, **options):
    # A worker for each core, so a thread for each worker.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | threads, **options)


def main():
    """Say what survives, and exit with 1 if that is too much."""
    print(
        "Changing the NumPy code and running its tests, a thousand times; a few minutes", flush=True
    )
    try:
        enough = report(*run(Path.cwd()))
    except RuntimeError as error:
        sys.exit(f"mutants: mutmut did not finish\n{error}")
    sys.exit(not enough)


if __name__ == "__main__":
    main()
