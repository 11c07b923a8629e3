"""
Storing keys for `dragoman keys`: in the system's keyring, else in an encrypted file.

The encrypted file is `keys.age` in the configuration folder, opened by `age-identity.txt` beside it, which is made when
it is needed; or by `DRAGOMAN_AGE_IDENTITY`, `DRAGOMAN_AGE_IDENTITY_FILE` or `DRAGOMAN_AGE_PASSPHRASE` where one is set,
so that what opens it can be kept elsewhere.

Rule: a file is replaced as a whole or not at all, is never readable by others, not even for a moment, and of two
processes that store at once neither undoes the other.  So a full disk or a kill leaves what was there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.secrets.backends import age, keyring
from dragoman.secrets.backends.files import read_bytes
from dragoman.secrets.lookup import decoded
from dragoman.secrets.places import config_folder
from dragoman.secrets.reference import Reference
from dragoman.secrets.secret import Secret
from dragoman.secrets.stored import index_path, stored_keys

Store = Literal["keyring", "age"]

AGE_FILE: Final = "keys.age"


def usual_store() -> Store:
    """The system's keyring where there is one, else the encrypted file."""
    return "keyring" if keyring.is_there() else "age"


def keep(provider: str, secret: Secret, store: Store, environ: Mapping[str, str]) -> Reference:
    """
    Store a key, instead of what is stored for that provider; return the reference to it.

    Raises:
        ConfigError: It cannot be stored there; what was stored before is still there.
    """
    with _locked(environ):
        reference = _STORES[store](provider, secret, environ)
        _point(provider, reference, environ)
    return reference


def point(provider: str, reference: Reference, environ: Mapping[str, str]) -> None:
    """
    Store a reference, instead of what is stored for that provider.

    Raises:
        ConfigError: It cannot be written.
    """
    with _locked(environ):
        before = stored_keys(environ).get(provider)
        _point(provider, reference, environ)
        if before is not None and before != reference:
            _drop(provider, before, environ)


def remove(provider: str, environ: Mapping[str, str]) -> Reference | None:
    """
    Remove what is stored for a provider, the key included if it was stored here; return the reference, or None.

    Raises:
        ConfigError: It cannot be removed.
    """
    if not index_path(environ).exists():
        return None
    with _locked(environ):
        before = stored_keys(environ).get(provider)
        if before is not None:
            _drop(provider, before, environ)
            _point(provider, None, environ)
    return before


def is_own(reference: Reference, provider: str, environ: Mapping[str, str]) -> bool:
    """Whether the key behind a reference was stored here, and not by somebody else."""
    return reference.name in (f"{keyring.SERVICE}/{provider}", str(config_folder(environ) / AGE_FILE))


# --- the two stores --------------------------------------------------------------------------------------------------


def _keep_in_keyring(provider: str, secret: Secret, environ: Mapping[str, str]) -> Reference:
    reference = Reference(scheme="keyring", name=f"{keyring.SERVICE}/{provider}")
    keyring.put(reference, secret.reveal())
    return reference


def _keep_in_file(provider: str, secret: Secret, environ: Mapping[str, str]) -> Reference:
    reference = Reference(scheme="age", name=str(config_folder(environ) / AGE_FILE), field=provider)
    _change_file(reference, environ, lambda values: values | {provider: secret.reveal()})
    return reference


_STORES: Final[dict[str, Callable[[str, Secret, Mapping[str, str]], Reference]]] = {
    "keyring": _keep_in_keyring,
    "age": _keep_in_file,
}


def _drop(provider: str, reference: Reference, environ: Mapping[str, str]) -> None:
    """Remove a key from where it was stored here."""
    if not is_own(reference, provider, environ):
        return
    if reference.scheme == "keyring":
        keyring.remove(reference)
    elif Path(reference.name).exists():
        _change_file(reference, environ, lambda values: {n: v for n, v in values.items() if n != reference.field})


def _change_file(
    reference: Reference, environ: Mapping[str, str], change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    path, before = Path(reference.name), dict[str, str]()
    if path.exists():
        text = decoded(age.opened(read_bytes(path, reference), reference, environ), reference)
        before = age.read_values(text, reference)
    replace_file(path, _sealed(msgspec.json.encode(change(before)), reference, environ))


def _sealed(data: bytes, reference: Reference, environ: Mapping[str, str]) -> bytes:
    """Encrypt for whoever opens files on this machine."""
    library, passphrase = age.library(reference), environ.get(age.PASSPHRASE)
    if passphrase:
        return bytes(library.passphrase.encrypt(data, passphrase))
    path = age.identity_path(reference, environ)
    if age.IDENTITY not in environ and not path.exists():
        made = library.x25519.Identity.generate()
        replace_file(path, f"# public key: {made.to_public()}\n{made}\n".encode())
    return bytes(library.encrypt(data, [one.to_public() for one in age.identities(reference, environ)]))


# --- files -----------------------------------------------------------------------------------------------------------


def _point(provider: str, reference: Reference | None, environ: Mapping[str, str]) -> None:
    """Write the index with one entry changed."""
    texts = {name: one.text for name, one in stored_keys(environ).items()}
    texts.pop(provider, None)
    if reference is not None:
        texts[provider] = reference.text
    replace_file(index_path(environ), msgspec.json.format(msgspec.json.encode(texts), indent=2) + b"\n")


def replace_file(path: Path, data: bytes) -> None:
    """
    Write a file that only its owner may read, as a whole.

    Raises:
        ConfigError: It cannot be written; what was there is still there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        problem = ConfigError(f"{path} cannot be written: {error.strerror}", field="keys")
    else:
        return
    try:
        draft.unlink(missing_ok=True)
    except OSError as error:
        problem.add_note(f"{draft} is left behind: {error.strerror}")
    raise problem


@contextmanager
def _locked(environ: Mapping[str, str]) -> Generator[None]:
    """Let one process at a time change what is stored."""
    folder = config_folder(environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / ".keys.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}", field="keys") from error
    try:
        if os.name == "posix":
            import fcntl  # not on Windows, where one person types one command

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
