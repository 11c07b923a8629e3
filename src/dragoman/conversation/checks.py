"""
What a caller may say to a conversation.

Rule: what cannot be is refused before the store is asked, by a `ConfigError` that names the field.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.conversation.nodes import encoded
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import Runtime
from dragoman.types.messages import Message
from dragoman.types.timeouts import check_seconds
from dragoman.verbs.talking import Options

_BUSY: Final = ("wait", "reject", "fork", "interrupt")


def check(options: Options) -> None:
    """What a conversation is made with."""
    for field in ("conversation", "tenant", "branch"):
        check_text(getattr(options, field), field)
    if options.owner != "":
        check_text(options.owner, "owner")
    _check_ttl(options.ttl)
    if options.on_busy not in _BUSY:
        raise ConfigError(f"on_busy is {options.on_busy!r}: give one of {', '.join(_BUSY)}", field="on_busy")
    if isinstance(options.lease, bool) or not isinstance(options.lease, int | float) or not 0 < options.lease < 1e9:
        raise ConfigError(f"lease is {options.lease!r}: give a number of seconds", field="lease")
    if not callable(getattr(options.store, "begin", None)):
        raise ConfigError(f"store is {options.store!r}: give a URL, such as sqlite:///talk.db", field="store")
    if options.system is not None and not isinstance(options.system, str | Message):
        raise ConfigError(f"system is {type(options.system).__name__}: give a text or a Message", field="system")
    if options.system is not None:
        input_of((instructions(options.system),), "system")


def _check_ttl(ttl: object) -> None:
    if ttl is None:
        return
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl < 1e11:
        raise ConfigError(f"ttl is {ttl!r}: give a number of seconds, or 0 to keep for ever", field="ttl")


def instructions(system: str | Message) -> Message:
    """The message of `system=`."""
    return Message.system(system) if isinstance(system, str) else system


def check_text(value: object, field: str) -> str:
    """A name that every store can hold."""
    if not isinstance(value, str) or not value or "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ConfigError(f"{field} is {value!r}: give a text that is not empty", field=field)
    return value


def locked(conversation: str) -> StoreError:
    """What is raised for a conversation that was sealed with another key."""
    return StoreError(
        f"the conversation {conversation!r} is encrypted with a key that was not given: give encryption=, "
        "or the one that it was begun with"
    )


def check_wait(within: float | None, runtime: Runtime) -> float | None:
    """When a wait of so many seconds is over, on the runtime's clock; 0 only looks."""
    if within is None:
        return None
    if within != 0 or isinstance(within, bool):
        check_seconds(within, "timeout")
    return runtime.now() + within


def input_of(messages: tuple[Message, ...], field: str = "messages") -> bytes:
    """What is said, as it is kept."""
    try:
        return encoded(messages)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise ConfigError(f"what is said cannot be kept: {error}", field=field) from error


class _Edit(msgspec.Struct, frozen=True):
    """What is said in the place of a turn."""

    edits: str
    messages: tuple[Message, ...]


def instead_of(edits: str, said: bytes) -> bytes:
    """What is said in the place of a turn, as it is kept."""
    return msgspec.json.encode({"edits": edits, "messages": msgspec.Raw(said)})


def read_input(data: bytes) -> tuple[str | None, tuple[Message, ...]]:
    """The turn in whose place it was said, or None; and what was said.  Nothing, where nothing is kept any more."""
    if not data:
        return None, ()
    read = msgspec.json.decode(data, type=tuple[Message, ...] | _Edit)
    return (read.edits, read.messages) if isinstance(read, _Edit) else (None, read)
