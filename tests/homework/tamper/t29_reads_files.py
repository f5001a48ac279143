# The course is read: by its path, by .., by the folders of the grader, by what is mounted.

# %% *
import glob
import os

paths = ["{{canary}}", "{{course}}/gradebook.db", "../" * 9 + "{{canary}}"[1:]]
paths += glob.glob("{{course}}/**", recursive=True) + glob.glob("../../../source/*/*.ipynb")
paths += ["/etc/passwd", "/etc/shadow", "/etc/hostname", "/.dockerenv", "/proc/1/maps"]
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    paths += [fields[3] + "/canary.txt", fields[3]]
for path in paths:
    try:
        with open(path) as file:
            print("EVIDENCE:", path, file.read(200))
    except (OSError, UnicodeDecodeError):
        continue
for folder in ("{{course}}", "/home", "/var", "/run", "/mnt", "/srv", "/opt"):
    if os.path.isdir(folder):
        print("EVIDENCE:", folder, os.listdir(folder))
print("tried")
