"""The check of the port that the server listens on."""

import errno
import socket


def find_port_problem(host: str, port: int) -> str | None:
    """Return the reason why a server cannot listen on a port, or None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        is_used = error.errno == errno.EADDRINUSE
        reason = "another process uses it" if is_used else error.strerror
        return (
            f"The server cannot listen on {host}, port {port}: {reason};"
            " pass another --host or --port"
        )
    return None
