"""A filter of system calls, for what no other limit of a sandbox reaches.

Memory that belongs to no process is not counted by any of them: anonymous files, shared segments,
rings of io_uring. And some calls open large parts of the kernel to who has no rights, and are of no
use in a homework: namespaces, mounts, tracing, keys, BPF. All of these fail as if forbidden.

The filter is a program for the kernel's classic BPF (``man 2 seccomp``; the numbers are those of
the kernel's ``unistd.h``).
"""

import errno
import platform
import struct

# name -> number on x86_64, on aarch64
_FORBIDDEN = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
_CLONE, _CLONE3, _SOCKET, _SETSOCKOPT = (56, 220), (435, 435), (41, 198), (54, 208)
_SO_SNDBUF, _SO_RCVBUF = 7, 8  # how much the kernel keeps for each socket
_AF_VSOCK = 40  # to the host of a virtual machine, around the network namespace
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# Of the flags of clone, those that make namespaces.
_NAMESPACES = 0x7E020000
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 32
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000


def program(machine=None):
    """Return the filter for a kind of processor (by default this one), or None if none is known."""
    column, architecture = _MACHINES.get(machine or platform.machine(), (None, None))
    if column is None:
        return None
    forbidden, absent = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),  # another processor's calls have other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, absent),
        # Its flags lie in memory, where no filter can look; without it clone is used.
        (_EQUAL, 0, 1, _CLONE3[column]),
        (_RETURN, 0, 0, absent),
    ]
    for numbers in _FORBIDDEN.values():
        steps += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, forbidden)]
    tests = [
        (_CLONE, _FIRST_ARGUMENT, [(_ANY_BIT, 0, 1, _NAMESPACES)]),
        (_SOCKET, _FIRST_ARGUMENT, [(_EQUAL, 0, 1, _AF_VSOCK)]),
        (_SETSOCKOPT, _THIRD_ARGUMENT, [(_EQUAL, 1, 0, _SO_SNDBUF), (_EQUAL, 0, 1, _SO_RCVBUF)]),
    ]
    for numbers, argument, test in tests:
        steps += [
            (_EQUAL, 0, 3 + len(test), numbers[column]),
            (_LOAD, 0, 0, argument),
            *test,
            (_RETURN, 0, 0, forbidden),
            (_RETURN, 0, 0, _ALLOW),
        ]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
