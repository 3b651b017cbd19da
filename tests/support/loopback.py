"""A port of ours at both loopback addresses. An agent dials ::1 before 127.0.0.1, and a port that is free at the one may be
somebody else's at the other."""

import errno
import socket


def _hold_at_ipv6(port):
    """None: it is somebody else's. Where there is no IPv6 nobody can be there, and nothing is held."""
    try:
        holder = socket.socket(socket.AF_INET6)
    except OSError:
        return socket.socket()
    try:
        holder.bind(("::1", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            holder.close()
            return None
    return holder


def bind_loopback():
    """Two sockets, at 127.0.0.1 and at ::1, bound to one port: while they do not listen they refuse connections and keep it."""
    while True:
        ipv4 = socket.socket()
        ipv4.bind(("127.0.0.1", 0))
        ipv6 = _hold_at_ipv6(ipv4.getsockname()[1])
        if ipv6 is not None:
            return ipv4, ipv6
        ipv4.close()
