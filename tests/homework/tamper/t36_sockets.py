# Sockets: TCP and UDP to the grader's machine and out, names, netlink, raw packets.

# %% *
import socket

for host in ("127.0.0.1", "::1", "localhost", "192.0.2.1"):
    try:
        socket.create_connection((host, int("{{port}}")), timeout=0.2).sendall(b"hello")
        print("EVIDENCE: connected to", host)
    except OSError as error:
        print(host, error)
for host in ("example.org", "metadata.google.internal"):
    try:
        print("EVIDENCE:", socket.getaddrinfo(host, 80))
    except OSError as error:
        print(host, error)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("192.0.2.1", 53))
    print("EVIDENCE: a datagram left")
except OSError as error:
    print(error)
for family, kind, protocol in ((2, 3, 1), (17, 3, 3), (2, 2, 1)):  # raw, packets, ICMP
    try:
        socket.socket(family, kind, protocol).sendto(b"hello", ("127.0.0.1", 0))
        print("EVIDENCE: a raw socket", family, kind)
    except (OSError, TypeError, OverflowError) as error:
        print(error)
try:
    print([name for _, name in socket.if_nameindex()])
    assert {name for _, name in socket.if_nameindex()} <= {"lo", "tunl0", "sit0", "ip6tnl0"}
except OSError as error:
    print(error)
print("tried")
