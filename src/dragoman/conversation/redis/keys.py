"""
What the keys of conversations are called in Redis.

    PREFIX:{tenant/user/name}:head       one of ten, all in one slot of a cluster; `rows` says what they hold
    PREFIX:{tenant}:names                a tenant's conversations, in their order
    PREFIX:{tenant}:fresh                which of them were put there lately, and when
    PREFIX:tenants   PREFIX:swept        whose there are, and how far the last sweep came

Names may hold any text, so each is percent-encoded: no brace or slash of theirs moves a key into another slot, or gives
it the name of another's.

Rule: a name is put on the list before its conversation is made, so the list may hold too much and never too little.
Whoever reads it looks whether each is there.
"""

from __future__ import annotations

import binascii
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dragoman.conversation.model import Ref
from dragoman.errors import ConfigError

PREFIX: Final = "dragoman:talk"
# The order is that of KEYS in every script.
PARTS: Final = ("head", "branches", "nodes", "open", "done", "pieces", "told", "line", "asked", "gone")
# Slots of a cluster.  Source: the cluster specification of Redis, "Key distribution model".
_SLOTS: Final = 16384


class Wish(NamedTuple):
    """What a store's URL asks for: the server, the prefix of all keys, and how many replicas must have a write."""

    url: str
    prefix: str
    wait: int


def parse_wish(url: str) -> Wish:
    """
    Take our options out of a URL: `prefix` (`dragoman:talk`) and `wait` (0).

    Raises:
        ConfigError: They cannot be.
    """
    base, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    prefix, wait = options.pop("prefix", PREFIX), options.pop("wait", "0")
    if not prefix or "{" in prefix or "}" in prefix:
        raise ConfigError("prefix= in the store's URL is a text without braces, such as dragoman:talk", field="store")
    if not (wait.isascii() and wait.isdigit()):
        raise ConfigError("wait= in the store's URL is how many replicas must have a turn: 0 or more", field="store")
    return Wish(f"{base}?{urlencode(options)}" if options else base, prefix, int(wait))


class Keys:
    """The names of keys under one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.tenants = f"{prefix}:tenants"
        self.swept = f"{prefix}:swept"

    def of(self, ref: Ref) -> list[str]:
        """All keys of a conversation."""
        tag = "/".join(quote(name, safe="") for name in (ref.tenant, ref.user, ref.conversation))
        return [f"{self._prefix}:{{{tag}}}:{part}" for part in PARTS]

    def index(self, tenant: str) -> list[str]:
        """The list of a tenant's names, and of those put there lately."""
        return [f"{self._prefix}:{{{quote(tenant, safe='')}}}:{part}" for part in ("names", "fresh")]


def member_of(user: str, name: str) -> bytes:
    """A name on the list; the bytes sort as (user, name) does."""
    return _escaped(user) + b"\0" + _escaped(name)


def parse_member(member: bytes) -> tuple[str, str]:
    """Give back what `member_of` was given."""
    user, _, name = member.partition(b"\0")
    return _plain(user), _plain(name)


def _escaped(text: str) -> bytes:
    # In this order, and with signs above the separator, the escaped sort as the plain do.
    return text.encode().replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")


def _plain(data: bytes) -> str:
    return data.replace(b"\1\1", b"\0").replace(b"\1\2", b"\1").decode()


def slot_of(key: str) -> int:
    """The slot of a key: of what stands between its first braces, if anything does."""
    begin = key.find("{")
    end = key.find("}", begin + 1)
    hashed = key[begin + 1 : end] if begin >= 0 and end > begin + 1 else key
    return binascii.crc_hqx(hashed.encode(), 0) % _SLOTS


def origin_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    split = urlsplit(url)
    return split.hostname or "localhost", split.port or 6379


def url_at(url: str, host: str, port: int) -> str:
    """The same URL of another server: its user, password and options hold there, too."""
    split = urlsplit(url)
    user = split.netloc.rpartition("@")[0]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return split._replace(netloc=f"{user}@{place}" if user else place).geturl()
