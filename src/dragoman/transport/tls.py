"""
The trust store: built once, on the first https call, and shared by all connections of a transport.

Certificates are always verified.  Who must trust another authority gives it (`ca_file`, `SSL_CERT_FILE`, a whole
`ssl_context`); there is no switch to trust everybody.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Mapping

from dragoman.errors import ConfigError

# The first that is set wins.  `SSL_CERT_FILE` is OpenSSL's own; the other two are what corporate machines have set for
# requests and curl.
_FILE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DIR_VARIABLE = "SSL_CERT_DIR"


class TrustStore:
    """Makes the one `ssl.SSLContext` of a transport, when it is first needed."""

    def __init__(
        self, environ: Mapping[str, str], *, ssl_context: ssl.SSLContext | None = None, ca_file: str | None = None
    ) -> None:
        """
        Args:
            environ: Where `SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` are looked up.
            ssl_context: Used as it is; nothing else is then looked at.
            ca_file: PEM file of the authorities to trust, instead of the system's.
        """
        self._environ = environ
        self._ca_file = ca_file
        self._context = ssl_context
        self._lock = threading.Lock()

    @property
    def ready(self) -> ssl.SSLContext | None:
        """The context if it was built already: building reads files, which an event loop should not wait for."""
        return self._context

    def context(self) -> ssl.SSLContext:
        """
        Return the context.

        Raises:
            ConfigError: A file that was named cannot be read; `.field` says where it was named.
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
        field, path, directory = self._sources()
        for name in (path, directory):
            if name is not None and not os.path.exists(name):
                raise ConfigError(f"{field} names {name!r}, which does not exist", field=field)
        try:
            context = ssl.create_default_context(cafile=path, capath=directory)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{field} names {path!r}, which holds no certificates: {error}", field=field) from None
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _sources(self) -> tuple[str, str | None, str | None]:
        if self._ca_file:
            return "ca_file", self._ca_file, None
        directory = self._environ.get(_DIR_VARIABLE) or None
        for name in _FILE_VARIABLES:
            if path := self._environ.get(name):
                # curl and requests let it be a directory.
                return (name, None, path) if os.path.isdir(path) else (name, path, directory)
        return _DIR_VARIABLE, None, directory
