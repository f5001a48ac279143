# The course is written: gradebook, master, release, other students' files, and deleted.

# %% *
import glob
import os
import shutil

folder = "{{course}}"
paths = [folder + "/gradebook.db", folder + "/source/ps1/ps1.ipynb", "{{canary}}"]
paths += glob.glob("/proc/*/root{{course}}/*") + glob.glob("/proc/*/cwd/*")
paths += ["/grader/worker.py", "/grader/new.py", "/usr/bin/new", "/etc/ld.so.preload", "/new"]
paths += ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"]
for path in paths:
    try:
        with open(path, "a") as file:
            file.write("written")
    except OSError:
        continue
    if not path.startswith("/proc/2/"):
        print("EVIDENCE:", path)
for path in paths:
    try:
        os.remove(path)
        print("EVIDENCE: removed", path)
    except OSError:
        continue
shutil.rmtree("{{course}}", ignore_errors=True)
print("tried")
