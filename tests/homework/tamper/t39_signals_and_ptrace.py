# Signals to all other processes, and the system calls of debuggers to read and to write them.

# %% *
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
for number in {os.getppid(), 1, *range(3, 300)} - {os.getpid(), 0}:
    for kill in (signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(number, kill)
        except OSError:
            continue
    for request in (16, 0x4206):  # attach, seize
        if libc.ptrace(request, number, 0, 0) == 0:
            print("EVIDENCE: traced", number)
buffer = ctypes.create_string_buffer(1000)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 1000)
for number in (1, os.getppid()):
    if libc.process_vm_readv(number, vector, 1, vector, 1, 0) > 0:
        print("EVIDENCE: read", number)
try:
    os.setpriority(os.PRIO_USER, 0, -20)
    print("EVIDENCE: a higher priority")
except OSError:
    print("tried")
