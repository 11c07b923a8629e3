"""
What an SDK sends again after the client has given it up.

The SDKs of openai and anthropic repeat a request whose connection failed, and no header can tell them not to.  They do
say how often they have sent it.  Such a request is not sent: it fails as it did before.

Rule: there is one owner of retries.  What the client has decided holds for whoever asks again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from copy import copy
from hashlib import blake2b

from dragoman.bridge.asked import Asked
from dragoman.errors import DragomanError

# An SDK comes back within seconds.
_MOST = 256


class Failures:
    """The last failures of one bridge.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: OrderedDict[bytes, DragomanError] = OrderedDict()

    def of(self, asked: Asked) -> DragomanError | None:
        """How the request has failed, if this is an SDK's second try; else None."""
        if not asked.retried:
            return None
        with self._lock:
            error = self._errors.get(_name(asked))
        return copy(error) if error is not None else None

    def keep(self, asked: Asked, error: DragomanError) -> None:
        """A request has failed."""
        with self._lock:
            self._errors[_name(asked)] = copy(error)
            while len(self._errors) > _MOST:
                self._errors.popitem(last=False)


def _name(asked: Asked) -> bytes:
    head = f"{asked.method} {asked.url}\n".encode("utf-8", "surrogatepass")
    return blake2b(head + asked.body, digest_size=16).digest()
