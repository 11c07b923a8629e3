"""
Keys of encrypted conversations.

Each conversation has a key of its own, made when it begins; the store keeps it sealed with the user's key.  To change
the user's key, only these are sealed anew.  Whoever deletes a conversation deletes its key with it.

AES-256 in GCM by `cryptography`, with a nonce by chance for each text.  What a text belongs to is authenticated with
it, so that rows cannot be exchanged.  With 2^32 texts for each key, NIST's bound for nonces by chance is not in sight.

Source: NIST SP 800-38D, section 8.3.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

from dragoman.errors import ConfigError, StoreError
from dragoman.secrets.env import read_key
from dragoman.secrets.secret import Secret
from dragoman.secrets.source import KeySource

_BYTES: Final = 32
_NONCE: Final = 12
_NAME: Final = 8
_FIRST: Final = b"D1"
_HOW: Final = "give the base64 of 32 random bytes (openssl rand -base64 32), or a reference to it"

Given = str | Secret | Sequence[str | Secret]
"""A key, or several: the first seals, the others open what was sealed before."""


class Box:
    """
    Encrypts with one key.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher: Any = _aes()(key)

    def close(self, text: bytes, belongs: bytes) -> bytes:
        """Encrypt."""
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._cipher.encrypt(nonce, text, belongs)
        return nonce + sealed

    def open(self, sealed: bytes, belongs: bytes) -> bytes:
        """
        Decrypt.

        Raises:
            StoreError: It was sealed with another key, or is not what was written there.
        """
        from cryptography.exceptions import InvalidTag  # it is there: `_aes` found it

        try:
            text: bytes = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], belongs)
        except (InvalidTag, ValueError):
            raise StoreError(
                "what the store gave is not what was written: it was changed, exchanged, or sealed with another key"
            ) from None
        return text

    def digest(self, data: bytes) -> bytes:
        """A name for data that tells nothing of it without the key."""
        return hmac.digest(self._key, data, "sha256")


class Lock(Box):
    """
    The key of one conversation.

    Attributes:
        sealed: As the store keeps it.
    """

    def __init__(self, key: bytes, sealed: bytes) -> None:
        super().__init__(key)
        self.sealed = sealed


class Keys:
    """
    The user's keys; looked up when they are first needed.

    Args:
        given: One or more.
    """

    def __init__(self, given: Given) -> None:
        """
        Raises:
            ConfigError: None is given, or one that cannot be a key.
        """
        several: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
        if not several:
            raise ConfigError(f"encryption is empty: {_HOW}", field="encryption")
        keys = [read_key(key, "", "encryption") for key in several]
        for key in keys:
            if isinstance(key, Secret):
                _decoded(key)
        self._sources = [KeySource([key], "", "encryption", os.environ) for key in keys]

    def make(self, belongs: bytes) -> Lock:
        """Make the key of a new conversation.  May wait: keys are looked up."""
        return self._sealed(os.urandom(_BYTES), belongs)

    def open(self, sealed: bytes, belongs: bytes) -> Lock:
        """
        Open the key of a conversation.  May wait.

        Raises:
            StoreError: It was sealed with a key that was not given.
        """
        key = self._opened(sealed, belongs)
        return Lock(key, sealed)

    def renew(self, sealed: bytes, belongs: bytes) -> Lock:
        """Seal the key of a conversation with the first of the user's keys; the same if it is already.  May wait."""
        key = self._opened(sealed, belongs)
        current = sealed[len(_FIRST) : len(_FIRST) + _NAME] == _name(self._key(0))
        return Lock(key, sealed) if current else self._sealed(key, belongs)

    def _sealed(self, key: bytes, belongs: bytes) -> Lock:
        users = self._key(0)
        return Lock(key, _FIRST + _name(users) + Box(users).close(key, belongs))

    def _opened(self, sealed: bytes, belongs: bytes) -> bytes:
        start = len(_FIRST) + _NAME
        for number in range(len(self._sources)):
            users = self._key(number)
            if sealed[:start] == _FIRST + _name(users):
                return Box(users).open(sealed[start:], belongs)
        raise StoreError("the conversation is encrypted with a key that was not given: add it to encryption=")

    def _key(self, number: int) -> bytes:
        return _decoded(self._sources[number].take())


def belongs(*names: str) -> bytes:
    """
    What a text belongs to: names that cannot be taken for others.

    >>> belongs("a", "bc") == belongs("ab", "c")
    False
    """
    return b"".join(b"%d:%b" % (len(data), data) for data in _encoded(names))


def _encoded(names: Iterable[str]) -> list[bytes]:
    return [name.encode() for name in names]


def _name(key: bytes) -> bytes:
    """Tells which key it was, and nothing of it."""
    return sha256(b"dragoman/conversations/" + key).digest()[:_NAME]


def _decoded(key: Secret) -> bytes:
    try:
        data = base64.b64decode(key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != _BYTES:
        raise ConfigError(f"encryption is no key of 32 bytes: {_HOW}", field="encryption")
    return data


def _aes() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigError(
            'encryption needs cryptography: pip install "dragoman[encryption]"', field="encryption"
        ) from error
    return AESGCM
