"""
Keys in a file encrypted with age: `age:PATH#NAME`; `age:PATH` is the whole of it.

With `#NAME` the file holds a JSON object or the text of a `.env` file.  It is opened by the first of these that is
there: an identity file that the reference names (`?identity=PATH`), `DRAGOMAN_AGE_IDENTITY` (`AGE-SECRET-KEY-1…`),
`DRAGOMAN_AGE_IDENTITY_FILE`, and `age-identity.txt` in Dragoman's configuration folder.  An identity file is what
`age-keygen` writes, or an SSH key.  A file that is encrypted with a passphrase needs `DRAGOMAN_AGE_PASSPHRASE`.

The format is age's own (age-encryption.org/v1, C2SP), binary or armored, so that the program `age` reads and writes the
same files.  The library is `pyrage`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.redact import register
from dragoman.secrets.backends.files import path_of, read_bytes
from dragoman.secrets.dotenv import parse_dotenv
from dragoman.secrets.lookup import decoded, failed, missing, names
from dragoman.secrets.places import config_folder
from dragoman.secrets.reference import Reference

IDENTITY: Final = "DRAGOMAN_AGE_IDENTITY"
IDENTITY_FILE: Final = "DRAGOMAN_AGE_IDENTITY_FILE"
PASSPHRASE: Final = "DRAGOMAN_AGE_PASSPHRASE"
OWN_IDENTITY: Final = "age-identity.txt"

_ARMOR: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_SCRYPT: Final = re.compile(rb"age-encryption\.org/v1\n-> scrypt ")


def from_age(reference: Reference, environ: Mapping[str, str]) -> str:
    """`age:PATH#NAME`."""
    sealed = read_bytes(path_of(reference, environ), reference)
    text = decoded(opened(sealed, reference, environ), reference)
    if not reference.field:
        return text
    values = read_values(text, reference)
    found = values.get(reference.field)
    if not found:
        raise failed(reference, "has no such name", f"there are {names(values)}")
    return found


def read_values(text: str, reference: Reference) -> dict[str, str]:
    """
    Return the names and values of an opened file.

    Raises:
        ConfigError: It holds neither a JSON object of texts nor `NAME=value` lines.
    """
    if not text.lstrip().startswith("{"):
        return parse_dotenv(text, reference.shown)
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        problem = failed(reference, "holds no JSON object of texts", "write it anew")
    raise problem


def opened(sealed: bytes, reference: Reference, environ: Mapping[str, str]) -> bytes:
    """
    Decrypt a file.

    Raises:
        ConfigError: Nothing that opens it is known, or it is damaged.
    """
    age = library(reference)
    problem: ConfigError
    try:
        if _SCRYPT.match(_header(sealed)):
            return bytes(age.passphrase.decrypt(sealed, _passphrase(reference, environ)))
        return bytes(age.decrypt(sealed, identities(reference, environ)))
    except age.DecryptError as error:
        problem = failed(reference, f"cannot be opened ({error})", f"is it the right one in {IDENTITY_FILE}?")
    raise problem


def library(reference: Reference) -> Any:
    """
    The library.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return import_module("pyrage")  # it has no types
    except ImportError:
        problem = missing(reference, "pyrage", "age")
    raise problem


def identities(reference: Reference, environ: Mapping[str, str]) -> Sequence[Any]:
    """
    What opens files on this machine.

    Raises:
        ConfigError: Nothing is there, or it is no identity.
    """
    age, text = library(reference), identity_text(reference, environ)
    problem: ConfigError
    try:
        if text.startswith("-----BEGIN"):
            return [age.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        found = [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except age.IdentityError:
        problem = failed(reference, "is to be opened by something that is no identity", "make one with age-keygen")
    else:
        if found:
            return found
        problem = failed(reference, "is to be opened by an empty identity file", "make one with age-keygen")
    raise problem


def identity_text(reference: Reference, environ: Mapping[str, str]) -> str:
    """The text of the identity file that is in force."""
    given = environ.get(IDENTITY)
    if given and "identity" not in reference.options:
        register(given)
        return given
    path = identity_path(reference, environ)
    try:
        return decoded(read_bytes(path, reference), reference)
    except ConfigError:
        problem = failed(
            reference,
            f"is opened by {path}, which cannot be read",
            f"dragoman keys set makes one; or set {IDENTITY_FILE} or {IDENTITY}",
        )
    raise problem


def identity_path(reference: Reference, environ: Mapping[str, str]) -> Path:
    """Where the identity file is, whether it is there or not."""
    named = reference.options.get("identity") or environ.get(IDENTITY_FILE)
    if not named:
        return config_folder(environ) / OWN_IDENTITY
    return path_of(msgspec.structs.replace(reference, name=named), environ)


def _passphrase(reference: Reference, environ: Mapping[str, str]) -> str:
    given = environ.get(PASSPHRASE)
    if not given:
        raise failed(reference, "is encrypted with a passphrase", f"export {PASSPHRASE}=…")
    register(given)
    return given


def _header(sealed: bytes) -> bytes:
    """How an age file begins, armored or not."""
    if not sealed.startswith(_ARMOR):
        return sealed[:64]
    first = sealed.removeprefix(_ARMOR).strip()[:64]
    try:
        return base64.b64decode(first)
    except binascii.Error:
        return b""
