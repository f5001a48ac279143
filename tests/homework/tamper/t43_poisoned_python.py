# Code is left where the next student's Python, or the grader's, would load it.
# ruff: noqa: E402

# %% step
import os
import site
import sys

folders = [*site.getsitepackages(), site.getusersitepackages(), *sys.path, sys.prefix, "/grader"]
folders += [os.path.dirname(os.__file__), "/usr/lib/python3/dist-packages", os.path.expanduser("~")]
folders += [os.path.join(os.path.dirname(sys.modules["numpy"].__file__), "__pycache__")]
names = "sitecustomize.py", "usercustomize.py", "leak.pth", "numpy.py", "msgspec.py"
names += "__pycache__/worker.cpython-311.pyc", "__init__.cpython-311.pyc"
for folder in filter(None, folders):
    for name in names:
        path = os.path.join(folder, name)
        if path.startswith("/tmp/"):
            continue
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "a").write("")
            print("EVIDENCE:", path)
        except OSError:
            continue
for folder in ("/tmp", "/tmp/.local/lib/python3.11/site-packages"):
    os.makedirs(folder, exist_ok=True)
    for name in ("sitecustomize.py", "usercustomize.py", "numpy.py", "messages.py", "msgspec.py"):
        open(f"{folder}/{name}", "w").write("print('EVIDENCE: loaded'); poisoned = True")
print("tried")
# %% next
import sys

for name in ("sitecustomize", "usercustomize", "numpy", "messages", "msgspec"):
    if hasattr(sys.modules.get(name), "poisoned"):
        print("EVIDENCE:", name)
