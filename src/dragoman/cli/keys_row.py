"""What the commands of `dragoman keys` share: which provider is meant, and how a key is shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from dragoman import catalog
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import Reference, Secret
from dragoman.types.providers import Provider

_SHOWN: Final = 4
_LONG: Final = 20


class Subject(msgspec.Struct, frozen=True):
    """A provider, and what the command line knows."""

    setup: Setup
    row: Provider


def subject(name: str) -> Subject:
    """
    Find the provider of that name or alias.

    Raises:
        UnknownProviderError: There is none.
        ConfigError: It takes no key.
    """
    setup = load(os.environ, Path()).knowing(f"{name}/")
    row = setup.providers[catalog.parse_provider(name, setup.providers)]
    if row.auth == "none":
        raise ConfigError(f"{row.name} takes no key", provider=row.name, field="provider")
    return Subject(setup, row)


def masked(secret: Secret) -> str:
    """The end of a key, by which people know theirs; nothing of a short one."""
    text = secret.reveal()
    return "…" + (text[-_SHOWN:] if len(text) >= _LONG else "")


def place(reference: Reference) -> str:
    """Where a stored key is, in words."""
    named = {"keyring": t("keys.in_keyring"), "age": t("keys.in_file", name=reference.name)}
    return named.get(reference.scheme, t("keys.as_reference", reference=reference.shown))
