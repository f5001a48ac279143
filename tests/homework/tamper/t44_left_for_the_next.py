# A solution is left for the next student: files, shared memory, queues, sockets, keys.
# ruff: noqa: E402

# %% step
import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
for folder in ("/tmp", "/dev/shm", "/var/tmp", "/dev", "/", "/dev/mqueue", "/run", "/work"):
    try:
        open(f"{folder}/left", "w").write("EVIDENCE: from the student before")
        os.chmod(f"{folder}/left", 0o666)
    except OSError:
        continue
libc.shmget(4823, 100, 0o1666)
libc.msgget(4823, 0o1666)
libc.mq_open(b"/left", 0o102, 0o666, None)
open_socket = socket.socket(socket.AF_UNIX)
open_socket.bind("\0left")
open_socket.listen()
if os.uname().machine == "x86_64":
    for ring in (-2, -3, -4, -5):
        libc.syscall(248, b"user", b"left", b"from before", 11, ring)
print("tried")
# %% next
import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
for folder in ("/tmp", "/dev/shm", "/var/tmp", "/dev", "/", "/dev/mqueue", "/run", "/work"):
    try:
        print(open(f"{folder}/left").read())
    except OSError:
        continue
for found in (libc.shmget(4823, 0, 0), libc.msgget(4823, 0), libc.mq_open(b"/left", 2)):
    if found >= 0:
        print("EVIDENCE: shared memory or a queue")
try:
    socket.socket(socket.AF_UNIX).connect("\0left")
    print("EVIDENCE: a socket")
except OSError:
    pass
if os.uname().machine == "x86_64":
    for ring in (-2, -3, -4, -5):
        if libc.syscall(250, 10, ring, b"user", b"left", 0) >= 0:
            print("EVIDENCE: a key")
