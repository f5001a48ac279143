# Programs that run as root, and capabilities and users that are asked for.
# seconds: 8

# %% step
import ctypes
import os
import subprocess

for command in (
    ["su", "-c", "id -u"],
    ["sudo", "-n", "id", "-u"],
    ["pkexec", "id", "-u"],
    ["mount", "-t", "tmpfs", "none", "/usr"],
    ["mount", "-o", "remount,rw", "/usr"],
    ["umount", "-l", "/usr"],
    ["ping", "-c1", "-W1", "127.0.0.1"],
    ["nsenter", "-t", "1", "-a", "id", "-u"],
    ["chroot", "/proc/1/root", "id"],
    ["newuidmap", str(os.getpid()), "0", "0", "1"],
):
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=1)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        continue
    print(command, done)
    if done.returncode == 0:
        print("EVIDENCE:", command)
for change in (os.setuid, os.setgid, os.seteuid, os.chroot):
    try:
        change("/tmp" if change is os.chroot else 0)
        print("EVIDENCE:", change)
    except OSError as error:
        print(error)
# Not a process without rights only: nothing that it starts may get any.
print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1 or "EVIDENCE: rights can be gained")
print("tried")
