"""A server that stops while somebody connects."""

from __future__ import annotations

import gc
import socket
import threading
import warnings
from contextlib import suppress

from dragoman.testing import Server, says


def test_who_connects_while_it_stops_is_not_left_hanging() -> None:
    """No socket is left open, however late it was accepted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(8):
            server = Server(default=says("ok")).start()
            stopping = threading.Event()

            def connect(port: int = server.port, stopping: threading.Event = stopping) -> None:
                with suppress(OSError):
                    while not stopping.is_set():
                        socket.create_connection(("127.0.0.1", port), timeout=5).close()

            thread = threading.Thread(target=connect)
            thread.start()
            server.stop()
            stopping.set()
            thread.join()
        gc.collect()
    assert [] == [str(warning.message) for warning in caught if "laddr" in str(warning.message)]
