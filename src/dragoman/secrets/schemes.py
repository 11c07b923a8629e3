"""
What kinds of references there are, as one table: the scheme, who resolves it, and what may stand in it.

    [project.entry-points."dragoman.secrets"]
    acme = "dragoman_acme:look_up"             # (reference, environ) -> str

Rule: a backend is imported when a reference of its scheme is looked up, and the library it needs when it is called.  A
scheme of this table is never replaced by what happens to be installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.plugged import described, entries, load

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from dragoman.secrets.reference import Reference

GROUP: Final = "dragoman.secrets"

LookUp = Callable[["Reference", Mapping[str, str]], str]
"""What a backend is: it returns the text that a reference stands for, or raises `ConfigError`."""


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """
    One kind of references.

    Attributes:
        place: Where its function is: `module:name`; None for one that an installed package brings.
        options: Names that may stand after `?`, besides `ttl`; one that ends in `.` stands for all that begin so.
        field: Whether something may stand after `#`.
        local: Finds its text in memory, so that looking it up never waits.
        sealed: The text itself is a ciphertext, which errors do not repeat.
        verbatim: The text is a command line, in which `?` and `#` may stand for themselves.
    """

    place: str | None
    options: tuple[str, ...] = ()
    field: bool = False
    local: bool = False
    sealed: bool = False
    verbatim: bool = False

    def knows(self, option: str) -> bool:
        """Whether that may stand after `?`."""
        return any(option == name or (name[-1] == "." and option.startswith(name)) for name in ("ttl", *self.options))


_HERE: Final = "dragoman.secrets.backends"

_SCHEMES: Final[dict[str, Scheme]] = {
    "env": Scheme(place=f"{_HERE}.files:from_environment", local=True),
    "file": Scheme(place=f"{_HERE}.files:from_file"),
    "dotenv": Scheme(place=f"{_HERE}.files:from_dotenv", field=True),
    "keyring": Scheme(place=f"{_HERE}.keyring:from_keyring"),
    "age": Scheme(place=f"{_HERE}.age:from_age", field=True, options=("identity",)),
    "awskms": Scheme(
        place=f"{_HERE}.aws:from_kms", options=("region", "profile", "key", "algorithm", "context."), sealed=True
    ),
    "awssm": Scheme(
        place=f"{_HERE}.aws:from_secrets_manager", field=True, options=("region", "profile", "version", "stage")
    ),
    "awsssm": Scheme(place=f"{_HERE}.aws:from_parameter_store", field=True, options=("region", "profile")),
    "gcpkms": Scheme(place=f"{_HERE}.gcp:from_kms", field=True, options=("aad",)),
    "gcpsm": Scheme(place=f"{_HERE}.gcp:from_secret_manager", field=True, options=("project", "version")),
    "azurekv": Scheme(place=f"{_HERE}.azure:from_key_vault", field=True, options=("version",)),
    "vault": Scheme(place=f"{_HERE}.vault:from_vault", field=True, options=("kv", "version", "namespace", "context")),
    "cmd": Scheme(place=f"{_HERE}.command:from_command", options=("timeout", "line"), verbatim=True),
}
_PLUGIN: Final = Scheme(place=None, field=True)  # its package knows which options there are


def schemes() -> tuple[str, ...]:
    """The names of this table, in its order."""
    return tuple(_SCHEMES)


def find_scheme(name: str) -> Scheme | None:
    """Return the kind of that name, or None if there is none."""
    found = _SCHEMES.get(name)
    if found is None and name in entries(GROUP):
        return _PLUGIN
    return found


def look_up_of(name: str) -> LookUp:
    """
    Return the function that resolves references of a scheme.

    Raises:
        ConfigError: An installed package brings it, and cannot be loaded.
    """
    scheme = _SCHEMES.get(name)
    if scheme is None or scheme.place is None:
        return _plugged(entries(GROUP)[name])
    module, _, function = scheme.place.partition(":")
    return cast("LookUp", getattr(import_module(module), function))


def _plugged(point: EntryPoint) -> LookUp:
    function = load(point, "api_key")
    if not callable(function):
        raise ConfigError(
            f"{described(point)} is {type(function).__name__}: it must be a function of a reference and the variables",
            field="api_key",
        )
    return cast("LookUp", function)
