# Sockets of services in the file system: agents, Docker, D-Bus, X, and any other that is found.

# %% *
import glob
import os
import socket

paths = ["{{course}}/socket", "/run/docker.sock", "/run/dbus/system_bus_socket"]
paths += ["/tmp/.X11-unix/X0", "\0{{abstract}}", "\0/tmp/.X11-unix/X0"]
paths += [os.environ.get("SSH_AUTH_SOCK", ""), "/var/run/docker.sock"]
paths += [line.split()[-1].replace("@", "\0") for line in open("/proc/net/unix")][1:]
paths += glob.glob("/run/**/*.sock", recursive=True)
for path in paths:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            print("EVIDENCE:", repr(path))
    except OSError:
        continue
print("tried")
