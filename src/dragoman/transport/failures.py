"""
Why no connection could be made, in words that say what to do.

Both faces report through here, so that the same failure has the same text.  A text names host and port, never a
credential.
"""

from __future__ import annotations

import socket
import ssl

from dragoman.errors import ConnectError
from dragoman.transport.address import Origin
from dragoman.transport.proxy import Proxy

_CERTIFICATE_HINT = "to trust another authority set SSL_CERT_FILE, or pass ca_file or ssl_context"


def connect_error(origin: Origin, proxy: Proxy | None, cause: BaseException) -> ConnectError:
    """The error for a connection to `origin` that failed before anything was sent."""
    why, retryable = explain(cause)
    way = f" through the proxy {proxy.netloc}" if proxy is not None else ""
    return ConnectError(f"cannot connect to {origin.netloc}{way}: {why}", retryable=retryable)


def explain(cause: BaseException) -> tuple[str, bool]:
    """Return what happened, and whether it may go away by itself."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not accepted ({cause.verify_message}); {_CERTIFICATE_HINT}", False
    if isinstance(cause, ssl.SSLError):
        hint = "; is it plain http?" if cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE") else ""
        return f"the TLS handshake failed ({cause.reason or cause}){hint}", False
    if isinstance(cause, socket.gaierror):
        return f"the name does not resolve ({cause.strerror or cause})", True
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused; is the server running?", True
    if isinstance(cause, OSError):
        return cause.strerror or str(cause) or type(cause).__name__, True
    return str(cause) or type(cause).__name__, True
