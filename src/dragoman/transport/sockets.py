"""
What every TCP socket of both faces is set to.

Reasoning models are silent for minutes, and what translates addresses on the way forgets a silent connection after
five or six.  So the system asks the peer now and then whether it is there; a peer that is gone is an error and not a
wait.
"""

from __future__ import annotations

import socket
from typing import Final

# Seconds of silence before the first question and between questions; questions without an answer before it is over.
_PROBES: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}


def tune(sock: socket.socket) -> None:
    """Send small pieces at once, and keep the connection known on its way."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        option = getattr(socket, name, None)  # not every system has all of them
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
