"""
What a caller wants of TLS: whom to trust, who to be, how new it must be.

Rule: there is no switch to trust everybody.  Who must reach a server whose certificate is not signed by a public
authority names the one that signed it; that takes one line, and is safe.

Nothing is read here: files are looked at when the first https connection is opened, see `tls`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.secrets.reference import Reference, parse_reference
from dragoman.secrets.secret import Secret

if TYPE_CHECKING:
    import ssl

Path = str | os.PathLike[str]
Trust = Literal["system", "certifi", "os"]
Version = Literal["1.2", "1.3"]

TRUSTS: Final = ("system", "certifi", "os")
VERSIONS: Final = ("1.2", "1.3")
PEM: Final = "-----BEGIN "


class TLS(msgspec.Struct, frozen=True, kw_only=True):
    """
    How TLS connections are made, to servers and to `https://` proxies alike.

    Attributes:
        ca: The authorities to trust: a PEM file, a folder of them, or PEM itself as bytes or text.  They stand *instead
            of* the system's, as with `SSL_CERT_FILE`, curl and requests; with `trust="system"` beside it, both count.
        trust: A public store: `system` (what OpenSSL finds on this machine, `SSL_CERT_FILE` and its like first),
            `certifi` (Mozilla's list, from the extra `certifi`), `os` (what the operating system itself decides, by its
            own verifier on macOS and Windows; from the extra `truststore`).  By default `system`, or nothing beside
            `ca`.
        cert: PEM file of the certificate that this client shows, with what leads to its authority.
        key: PEM file of its private key; by default it is in `cert`, too.
        password: What `key` is encrypted with: a text, a `Secret`, or a reference (`"file:/run/secrets/tls"`).
        minimum: Oldest version that is accepted.
        context: A ready `ssl.SSLContext`, used as it is; nothing else can be given beside it.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.  What is wrong with a file is said by the first call.

    >>> TLS(ca="/etc/corp/ca.pem", cert="me.pem", key="me.key", password="xyzzy").password
    Secret([redacted])

    .. versionadded:: 0.1
    """

    ca: Path | bytes | None = None
    trust: Trust | None = None
    cert: Path | None = None
    key: Path | None = None
    password: str | Secret | Reference | None = None
    minimum: Version = "1.2"
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        # First of all, so that a traceback which shows variables does not show it either.
        given = self.password
        msgspec.structs.force_setattr(self, "password", _hidden(given))
        kind = type(given).__name__
        del given
        if kind != "NoneType" and self.password is None:
            raise _wrong("password", f"is {kind}: give a text that is not empty, or a Secret")
        _path("ca", self.ca, bytes)
        _path("cert", self.cert)
        _path("key", self.key)
        _one_of("trust", self.trust, (None, *TRUSTS))
        _one_of("minimum", self.minimum, VERSIONS)
        if self.key is not None and self.cert is None:
            raise _wrong("key", "is given without cert: give the certificate that it belongs to")
        if self.password is not None and self.cert is None:
            raise _wrong("password", "is given without cert: it opens the key of a certificate")
        if self.context is not None:
            self._check_context(self.context)

    def __repr__(self) -> str:
        return f"TLS({', '.join(f'{name}={_shown(getattr(self, name))}' for name in self._given())})"

    def _given(self) -> list[str]:
        """The fields that are not as they are by default."""
        defaults = zip(self.__struct_fields__, self.__struct_defaults__, strict=True)
        return [name for name, default in defaults if getattr(self, name) != default]

    def _check_context(self, context: object) -> None:
        beside = [name for name in self._given() if name != "context"]
        if beside:
            raise _wrong("context", f"is used as it is: leave {' and '.join(beside)} out, or set it on the context")
        # Duck-typed: importing `ssl` is the first https call's to pay.  A real one is needed there in any case.
        if not hasattr(context, "wrap_socket") or not hasattr(context, "verify_mode"):
            raise _wrong("context", f"is {type(context).__name__}: give an ssl.SSLContext")


def check_tls(tls: object) -> TLS | None:
    """Return what a caller passed; raise ConfigError if it is no `TLS`."""
    if tls is None or isinstance(tls, TLS):
        return tls
    raise ConfigError(f"tls is {type(tls).__name__}: give dragoman.TLS(ca=...)", field="tls")


def _shown(value: object) -> str:
    if isinstance(value, bytes) or (isinstance(value, str) and PEM in value):
        return f"<{len(value)} of PEM>"
    return repr(value)


def _path(name: str, value: object, *more: type) -> None:
    if value is None or isinstance(value, (str, os.PathLike, *more)):
        if value in ("", b""):
            raise _wrong(name, "is empty: give a path, or leave it out")
        return
    kinds = "a path, or PEM as bytes" if more else "the path of a PEM file"
    raise _wrong(name, f"is {type(value).__name__}: give {kinds}")


def _one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        names = ", ".join(repr(one) for one in known if one is not None)
        raise _wrong(name, f"is {value!r}: known are {names}")


def _hidden(password: object) -> Secret | Reference | None:
    """What holds a password without showing it; None for what cannot be one."""
    if isinstance(password, Secret | Reference):
        return password
    if not isinstance(password, str) or not password:
        return None
    return parse_reference(password, "tls.password") or Secret(password)


def _wrong(name: str, what: str) -> ConfigError:
    return ConfigError(f"tls.{name} {what}", field=f"tls.{name}")
