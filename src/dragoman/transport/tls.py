"""
The TLS context: built once, on the first https call, and shared by all connections of a transport.

Certificates are always verified.  Who must trust another authority gives it (`TLS(ca=...)`, `SSL_CERT_FILE`); there is
no switch to trust everybody.

The context is OpenSSL's with Python's own defaults, but for `trust="os"`.  What that adds, by system: on macOS OpenSSL
knows nothing of the keychain, and Windows fetches some authorities only when its own verifier asks for them; there it
is the difference between working and not in many companies.  On Linux it is the same store as ours.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from dragoman.errors import ConfigError
from dragoman.secrets.lookup import look_up
from dragoman.secrets.reference import Reference
from dragoman.secrets.secret import Secret
from dragoman.transport.authorities import add_authorities, add_certifi, add_system
from dragoman.transport.tls_value import TLS, Path

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# No certificate is longer; some files never end.
_MOST: Final = 1 << 20


class TrustStore:
    """Makes the one `ssl.SSLContext` of a transport, when it is first needed."""

    def __init__(self, environ: Mapping[str, str], tls: TLS | None = None) -> None:
        """
        Args:
            environ: Where `SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` are looked up, and
                what the password of a key refers to.
            tls: What the caller wants; None for the defaults.
        """
        self._environ = environ
        self._tls = tls or TLS()
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    @property
    def ready(self) -> ssl.SSLContext | None:
        """The context if it was built already: building reads files, which an event loop should not wait for."""
        return self._context

    def context(self) -> ssl.SSLContext:
        """
        Return the context.

        Raises:
            ConfigError: A file that was named cannot be used; `.field` says where it was named.
        """
        if self._context is None:
            with self._lock:
                if self._context is None:
                    self._context = self._build()
        return self._context

    def reset_lock(self) -> None:
        """For a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def _build(self) -> ssl.SSLContext:
        tls = self._tls
        if tls.context is not None:
            return _checked(tls.context)
        context = _os_context() if tls.trust == "os" else _context()
        context.minimum_version = _VERSIONS[tls.minimum]
        context.set_alpn_protocols(["http/1.1"])
        if tls.ca is not None:
            add_authorities(context, tls.ca, "tls.ca")
        if tls.trust == "system" or (tls.trust is None and tls.ca is None):
            add_system(context, self._environ)
        if tls.trust == "certifi":
            add_certifi(context)
        if tls.cert is not None:
            self._identify(context, tls.cert, tls.key)
        return context

    def _identify(self, context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
        """Show servers that ask for one the certificate that the caller has."""
        _check_pem("tls.cert", cert, b"CERTIFICATE", "certificate")
        add_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert, "tls.cert")  # only to see that it can be parsed
        of_key, where = ("tls.cert", cert) if key is None else ("tls.key", key)
        _check_pem(of_key, where, b"PRIVATE KEY", "private key" + (": give key=" if key is None else ""))
        password = self._password()
        try:
            context.load_cert_chain(cert, key, password=password or _ask)
        except _Asked:
            raise ConfigError(f"{of_key} is encrypted: give its password, tls.password", field="tls.password") from None
        except (ssl.SSLError, ValueError) as error:
            raise _unusable(error, of_key, password is not None) from None

    def _password(self) -> Callable[[], str] | None:
        password = self._tls.password
        if isinstance(password, Reference):
            return look_up(password, self._environ, source="tls.password").reveal
        return password.reveal if isinstance(password, Secret) else None  # a text was made a Secret by `TLS`


def _context() -> ssl.SSLContext:
    """What `ssl.create_default_context` makes, without any authority yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    return context


def _os_context() -> ssl.SSLContext:
    try:
        import truststore
    except ImportError:
        raise ConfigError("trust='os' needs an extra: pip install dragoman[truststore]", field="tls.trust") from None
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _checked(context: ssl.SSLContext) -> ssl.SSLContext:
    """
    Return a caller's context, if it is one for clients that verify whom they talk to.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(context, ssl.SSLContext):
        raise ConfigError(f"tls.context is {type(context).__name__}: give an ssl.SSLContext", field="tls.context")
    if context.protocol == ssl.PROTOCOL_TLS_SERVER:
        raise ConfigError("tls.context is for servers: make it by ssl.create_default_context()", field="tls.context")
    if context.verify_mode == ssl.CERT_NONE:
        raise ConfigError(
            "tls.context verifies no certificate, so anybody could read the key: trust the authority with TLS(ca=...)",
            field="tls.context",
        )
    return context


def _check_pem(field: str, path: Path, marker: bytes, what: str) -> None:
    """
    Look for a kind of PEM block in a file.  OpenSSL's own errors say neither which file nor what is missing.

    Raises:
        ConfigError: The file cannot be read, or has no such block.
    """
    name = os.fspath(path)
    try:
        found = _has_block(name, marker)
    except OSError as error:
        raise ConfigError(f"{field} names {name!r}, which cannot be read ({error.strerror})", field=field) from None
    if not found:
        raise ConfigError(f"{field} names {name!r}, which holds no {what}", field=field)


def _has_block(path: str, marker: bytes) -> bool:
    with open(path, "rb") as file:  # the text of a key leaves this function with no error: it is never parsed here
        return any(b"-----BEGIN " in line and marker + b"-----" in line for line in file.read(_MOST).splitlines())


def _unusable(error: ssl.SSLError | ValueError, field: str, opened: bool) -> ConfigError:
    """Why a private key was not taken."""
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return ConfigError(f"{field} holds the key of another certificate than tls.cert", field=field)
    if opened:
        return ConfigError(f"{field} cannot be opened with tls.password", field="tls.password")
    return ConfigError(f"{field} holds a private key that is cut or damaged", field=field)


class _Asked(Exception):
    """OpenSSL wants to know a password; left alone, it would ask for it on the terminal."""


def _ask() -> NoReturn:
    raise _Asked
