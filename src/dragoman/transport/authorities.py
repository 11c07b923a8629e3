"""
Which authorities vouch for servers: a file, a folder or bytes that were named, or a public store.

Rule: what was named and cannot be used is an error that says where it was named.  It is never replaced by something
else, because then nobody would notice whom a program really trusts.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Final

from dragoman.errors import ConfigError
from dragoman.transport.tls_value import PEM, Path

# The first that is set wins.  `SSL_CERT_FILE` is OpenSSL's own; the other two are what corporate machines have set for
# requests and curl.
_FILE_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DIR_VARIABLE: Final = "SSL_CERT_DIR"
CA_VARIABLES: Final = (*_FILE_VARIABLES, _DIR_VARIABLE)
"""All variables that name authorities."""
# Where Linux distributions keep their authorities, for a Python whose OpenSSL was built elsewhere and looks elsewhere.
# (Go's crypto/x509 and truststore look at the same places.)
_PLACES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora 44, RHEL 11
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)
# A folder as OpenSSL reads it: each file has the hash of its subject for a name.
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d+").fullmatch
_SUFFIXES: Final = (".pem", ".crt", ".cer")


def add_authorities(context: ssl.SSLContext, ca: Path | bytes, field: str) -> None:
    """
    Trust what a PEM file, a folder or PEM itself holds.

    Raises:
        ConfigError: It holds no authority, or cannot be read.
    """
    if isinstance(ca, bytes) or (isinstance(ca, str) and PEM in ca):
        _add_text(context, ca, field)
        return
    path = os.fspath(ca)
    if not os.path.exists(path):
        raise ConfigError(f"{field} names {path!r}, which does not exist", field=field)
    if os.path.isdir(path):
        _add_folder(context, path, field)
    else:
        _add_file(context, path, field)


def add_system(context: ssl.SSLContext, environ: Mapping[str, str]) -> None:
    """
    Trust what this machine trusts: what a variable names, else OpenSSL's own places, else those of the distributions.

    Raises:
        ConfigError: What a variable names cannot be used, or nothing is trusted here at all.
    """
    if _add_named(context, environ):
        return
    context.load_default_certs()
    if context.cert_store_stats()["x509_ca"] or _reads_folder():
        return
    place = next((place for place in _PLACES if os.path.isfile(place)), None)
    if place is None:
        raise ConfigError(
            "this Python finds no authority to trust: install ca-certificates, or pass tls=TLS(trust='certifi'), "
            "TLS(trust='os') or TLS(ca=...)",
            field="tls",
        )
    _add_file(context, place, "tls")


def add_certifi(context: ssl.SSLContext) -> None:
    """
    Trust Mozilla's list.

    Raises:
        ConfigError: The extra is not installed.
    """
    try:
        import certifi
    except ImportError:
        raise ConfigError("trust='certifi' needs an extra: pip install dragoman[certifi]", field="tls.trust") from None
    _add_file(context, certifi.where(), "tls.trust")


def _add_named(context: ssl.SSLContext, environ: Mapping[str, str]) -> bool:
    """Trust what the variables name, if they name something."""
    named = next((name for name in _FILE_VARIABLES if environ.get(name)), None)
    if named is not None:
        add_authorities(context, environ[named], named)  # curl and requests let it be a folder
    folders = [folder for folder in environ.get(_DIR_VARIABLE, "").split(os.pathsep) if folder]
    present = [folder for folder in folders if os.path.isdir(folder)]
    if folders and not present:
        raise ConfigError(f"{_DIR_VARIABLE} names {folders[0]!r}, which does not exist", field=_DIR_VARIABLE)
    for folder in present:
        context.load_verify_locations(capath=folder)
    return bool(named or present)


def _reads_folder() -> bool:
    """Whether OpenSSL has a folder of its own with authorities in it, which it reads when it needs one."""
    capath = ssl.get_default_verify_paths().capath
    return capath is not None and any(_HASHED(name) for name in os.listdir(capath))


def _add_file(context: ssl.SSLContext, path: str, field: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:  # also `ssl.SSLError`
        why = "holds no certificate" if isinstance(error, ssl.SSLError) else f"cannot be read ({error.strerror})"
        raise ConfigError(f"{field} names {path!r}, which {why}: give a PEM file", field=field) from None


def _add_text(context: ssl.SSLContext, pem: bytes | str, field: str) -> None:
    try:
        context.load_verify_locations(cadata=pem if isinstance(pem, str) else pem.decode("ascii"))
    except (OSError, ValueError):
        raise ConfigError(f"{field} holds no certificate: give PEM, or a path", field=field) from None


def _add_folder(context: ssl.SSLContext, path: str, field: str) -> None:
    """A folder that `openssl rehash` has seen is read when needed; of any other, every PEM file is."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise ConfigError(f"{field} names {path!r}, which cannot be read ({error.strerror})", field=field) from None
    if any(map(_HASHED, names)):
        context.load_verify_locations(capath=path)
        return
    files = [name for name in names if name.lower().endswith(_SUFFIXES)]
    if not files:
        raise ConfigError(f"{field} names {path!r}, a folder without a .pem or .crt file", field=field)
    for name in files:
        _add_file(context, os.path.join(path, name), field)
