# Devices: memory, disks, the teacher's terminal and what may be typed there, new nodes.

# %% *
import fcntl
import glob
import os
import stat
import termios

wanted = glob.glob("/dev/[svhn][dvm]*") + ["/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/port"]
for path in [*wanted, "/dev/fuse", "/dev/kvm", "/dev/vsock", "/dev/loop0", "/proc/kcore"]:
    try:
        print("EVIDENCE:", path, os.read(os.open(path, os.O_RDONLY), 10))
    except OSError:
        continue
try:
    print("EVIDENCE: a terminal", os.open("/dev/tty", os.O_RDWR))
except OSError as error:
    print(error)
for number in range(3):
    try:
        fcntl.ioctl(number, termios.TIOCSTI, b"x")
        print("EVIDENCE: typed")
    except OSError:
        continue
for kind, device in ((stat.S_IFBLK, os.makedev(254, 0)), (stat.S_IFCHR, os.makedev(1, 1))):
    try:
        os.mknod("/tmp/node", kind | 0o666, device)
        print("EVIDENCE: a node", os.read(os.open("/tmp/node", os.O_RDONLY), 10))
    except OSError as error:
        print(error)
print("tried")
