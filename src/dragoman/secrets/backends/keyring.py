"""
Keys in the system's keyring: `keyring:SERVICE/NAME`; `keyring:NAME` is `keyring:dragoman/NAME`.

macOS Keychain, Windows Credential Locker, Secret Service (GNOME, KWallet), through the library `keyring`, which also
decides which of them (`PYTHON_KEYRING_BACKEND`, its `keyringrc.cfg`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.secrets.lookup import failed, missing
from dragoman.secrets.reference import Reference

SERVICE: Final = "dragoman"


def place_of(reference: Reference) -> tuple[str, str]:
    """Service and name."""
    service, _, name = reference.name.removeprefix("//").rpartition("/")
    return service or SERVICE, name


def from_keyring(reference: Reference, environ: Mapping[str, str]) -> str:
    """`keyring:SERVICE/NAME`."""
    service, name = place_of(reference)
    found = _asked(reference, "get_password", service, name)
    if found is None:
        raise failed(reference, "is not in the keyring", f"keyring set {service} {name}")
    return str(found)


def put(reference: Reference, text: str) -> None:
    """
    Keep a text under a reference, instead of what is there.

    Raises:
        ConfigError: There is no keyring, or it refuses.
    """
    _asked(reference, "set_password", *place_of(reference), text)


def remove(reference: Reference) -> None:
    """
    Take a text out; nothing happens if it is not there.

    Raises:
        ConfigError: There is no keyring, or it refuses.
    """
    service, name = place_of(reference)
    if _asked(reference, "get_password", service, name) is not None:
        _asked(reference, "delete_password", service, name)


def is_there() -> bool:
    """
    Whether this machine has a keyring that keeps secrets: one that the library recommends, or one that was configured.

    A file in which everybody can read is none, unless someone chose it.
    """
    try:
        import keyring.core
        from keyring.backends.fail import Keyring as Nothing
        from keyring.backends.null import Keyring as Forgets
    except ImportError:
        return False
    found: Any = keyring.get_keyring()
    if isinstance(found, Nothing | Forgets):
        return False
    chosen = keyring.core.load_env() or keyring.core.load_config()
    return chosen is not None or float(found.priority) >= 1


def _asked(reference: Reference, verb: str, *arguments: str) -> object:
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        raise missing(reference, "keyring", "keyring") from None
    problem: ConfigError
    try:
        return getattr(keyring, verb)(*arguments)
    except NoKeyringError:
        problem = failed(
            reference, "has no keyring to be in on this machine", "use age: or file: where nobody is logged in"
        )
    except KeyringError as error:
        problem = failed(reference, f"was refused by the keyring ({type(error).__name__})", "unlock it, and try again")
    except (OSError, RuntimeError) as error:
        problem = failed(reference, f"was not answered by the keyring ({type(error).__name__})", "is it running?")
    raise problem
