"""
Why no connection could be made, in words that say what to do.

Both faces report through here, so that the same failure has the same text.  A text names host and port, never a
credential.
"""

from __future__ import annotations

import re
import socket
import ssl
from typing import Final

from dragoman.errors import ConnectError
from dragoman.transport.names import is_literal
from dragoman.transport.proxy import Proxy
from dragoman.transport.routes import Route

_CERTIFICATE_HINT: Final = "to trust another authority pass tls=TLS(ca=...), or set SSL_CERT_FILE"
_NAME_HINT: Final = "call it by a name that stands in its certificate"
_STRICT_HINT: Final = (
    "its authority is not made as RFC 5280 wants, which Python minds since 3.13: have it made anew, or pass "
    "TLS(context=...) without VERIFY_X509_STRICT"
)
# OpenSSL's codes (x509_vfy.h), where another authority would not help.
_CERTIFICATE: Final = {
    9: "is this machine's clock right?",
    10: "have it renewed, or is this machine's clock wrong?",
    62: _NAME_HINT,
    64: _NAME_HINT,
    **dict.fromkeys(range(80, 95), _STRICT_HINT),
}
_OWN_CERTIFICATE: Final = "it does not accept the certificate of this client: see TLS(cert=..., key=...)"
# What a server or OpenSSL says when the handshake fails.
_HANDSHAKE: Final = {
    "WRONG_VERSION_NUMBER": "is it plain http?",
    "RECORD_LAYER_FAILURE": "is it plain http?",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of this client: pass TLS(cert=..., key=...)",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "does it want a certificate of this client, TLS(cert=..., key=...)?",
    "SSLV3_ALERT_BAD_CERTIFICATE": _OWN_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _OWN_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _OWN_CERTIFICATE,
    "TLSV1_ALERT_UNKNOWN_CA": _OWN_CERTIFICATE,
    "TLSV1_ALERT_ACCESS_DENIED": _OWN_CERTIFICATE,
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no version that is accepted here: see TLS(minimum=...)",
    "UNSUPPORTED_PROTOCOL": "it speaks no version that is accepted here: see TLS(minimum=...)",
}
_LOGIN: Final = "give its user and password: http://user:password@host:port"
# What http.client makes of any answer to CONNECT but 200.
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)", re.DOTALL).fullmatch


class ProxyRefused(OSError):
    """
    A proxy said no.

    Attributes:
        retryable: Whether it may say yes later.
    """

    def __init__(self, what: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(f"the proxy refused: {what}")


def refusal(status: int, reason: str) -> ProxyRefused:
    """An HTTP proxy's answer, where it should have let a request through."""
    phrase = " ".join(reason.split())[:100]
    hint = f"; {_LOGIN}" if status in (401, 407) else ""
    return ProxyRefused(f"{status} {phrase}".rstrip() + hint, retryable=status >= 500 or status == 429)


def connect_error(route: Route, cause: BaseException, *, at_proxy: bool = False) -> ConnectError:
    """
    The error for a connection that failed before anything was sent.

    Args:
        at_proxy: Whether it failed on the way to the proxy, not behind it.
    """
    origin, proxy = route
    why, retryable = _proxied(cause, route, at_proxy) or explain(cause, "the proxy's" if at_proxy else "its")
    way = f" through the proxy {proxy.netloc}" if proxy is not None else ""
    return ConnectError(f"cannot connect to {origin.netloc}{way}: {why}", retryable=retryable)


def explain(cause: BaseException, whose: str = "its") -> tuple[str, bool]:
    """Return what happened, and whether it may go away by itself."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = _CERTIFICATE.get(cause.verify_code, _CERTIFICATE_HINT)
        return f"{whose} TLS certificate is not accepted ({cause.verify_message}); {hint}", False
    if isinstance(cause, ssl.SSLError):
        hint = _HANDSHAKE.get(cause.reason or "", "")
        return f"the TLS handshake failed ({cause.reason or cause})" + (f"; {hint}" if hint else ""), False
    for kind, text in _SYSTEM:
        if isinstance(cause, kind):
            return text, True
    if isinstance(cause, OSError):
        return cause.strerror or str(cause) or type(cause).__name__, True
    return str(cause) or type(cause).__name__, True


_SYSTEM: Final[tuple[tuple[type[OSError], str], ...]] = (
    (ConnectionRefusedError, "connection refused; is the server running?"),
    (FileNotFoundError, "there is no such socket; is the server running?"),
    (PermissionError, "permission denied"),
)


def _proxied(cause: BaseException, route: Route, at_proxy: bool) -> tuple[str, bool] | None:
    """The same for what has to do with names and proxies, or None."""
    if isinstance(cause, ProxyRefused):
        return str(cause), cause.retryable
    if isinstance(cause, socket.gaierror):
        return f"{_unresolved(route)} ({cause.strerror or cause})", True
    found = _TUNNEL(str(cause)) if isinstance(cause, OSError) else None
    if found is not None:
        refused = refusal(int(found[1]), found[2])
        return str(refused), refused.retryable
    if (at_proxy or (route.proxy is not None and route.proxy.socks)) and isinstance(cause, ConnectionRefusedError):
        return "the proxy refuses connections; is it running?", True
    return None


def _unresolved(route: Route) -> str:
    """Whose name it was: a proxy's is always resolved here, a server's only if the proxy takes none."""
    proxy: Proxy | None = route.proxy
    if proxy is None:
        return "the name does not resolve"
    if proxy.takes_names:
        return "the proxy's name does not resolve"
    whose = "the name" if is_literal(proxy.host) else "its name or the proxy's"
    return f"{whose} does not resolve here; with {_AT_PROXY[proxy.scheme]} the proxy resolves it"


_AT_PROXY: Final = {"socks5": "socks5h", "socks4": "socks4a"}


def wants_certificate(error: BaseException) -> bool:
    """
    Whether a server ended the handshake because of this client's certificate.

    In TLS 1.3 the client has sent its first bytes by then, so it looks like an answer; but no server reads them.
    (RFC 8446, section 4.4.2.4)
    """
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return reason in _CLIENTS


_CLIENTS: Final = frozenset(
    name for name, hint in _HANDSHAKE.items() if hint == _OWN_CERTIFICATE or name.endswith("CERTIFICATE_REQUIRED")
)
