"""
From words, files and standard input to the message that is asked.

Order within the message: fragments, the prompt, then standard input, with an empty line between; attachments follow.
Pictures, sounds and documents are attached as such; text files are written into the message under their names, since no
provider takes them otherwise.
"""

from __future__ import annotations

import mimetypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.cli.asking.fragments import folder_texts, is_folder
from dragoman.errors import ConfigError
from dragoman.types.media import file_type
from dragoman.types.messages import Audio, File, Image, Message, Part, Text

STDIN: Final = "-"
# Files whose bytes are text although their type does not begin with `text/`.
_TEXTS: Final = ("application/json", "application/xml", "application/toml", "application/yaml", "application/x-sh")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was given.

    Attributes:
        prompt: The words on the command line; `-` alone is standard input.
        system: Instructions.
        fragments: Text files, folders of them, or `-`.
        attachments: Files, http(s) addresses, or `-`.
        piped: Whether standard input is no terminal.
    """

    prompt: str
    system: str | None
    fragments: Sequence[str]
    attachments: Sequence[str]
    piped: bool


def read_question(sources: Sources) -> list[Message]:
    """
    Read everything and make the messages; an empty list if there is nothing to ask.

    Raises:
        ConfigError: A file cannot be read or is of no known type, or text is not UTF-8.
    """
    taken = STDIN in sources.attachments or STDIN in sources.fragments
    if sum((STDIN in sources.attachments, STDIN in sources.fragments, sources.prompt == STDIN)) > 1:
        raise ConfigError("standard input is named twice: give one of them another way", field="attach")
    texts = [text for path in sources.fragments for text in _fragment(path)]
    if sources.prompt and sources.prompt != STDIN:
        texts.append(sources.prompt)
    if (sources.piped or sources.prompt == STDIN) and not taken:
        texts.append(_text(_stdin(), "standard input").rstrip("\n"))
    body = "\n\n".join(text for text in texts if text.strip())
    parts: list[Part] = [Text(body)] if body else []
    parts += [_attachment(source) for source in sources.attachments]
    if not parts:
        return []
    system = [Message.system(sources.system)] if sources.system else []
    return [*system, Message("user", tuple(parts))]


def _fragment(source: str) -> list[str]:
    if source == STDIN:
        return [_text(_stdin(), "standard input").rstrip("\n")]
    return folder_texts(source) if is_folder(source) else [_text(_file(source), source)]


def _attachment(source: str) -> Part:
    if source.startswith(("http://", "https://")):
        return _linked(source)
    name = "standard input" if source == STDIN else Path(source).name
    data = _stdin() if source == STDIN else _file(source)
    media = file_type(data, None if source == STDIN else name)
    if media in (None, "application/octet-stream"):
        raise ConfigError(f"{source}: unknown kind of file; pictures, sounds, PDF and text are known", field="attach")
    kind = media.partition("/")[0]
    if kind == "text" or media in _TEXTS:
        return Text(f"{name}:\n\n{_text(data, source)}")
    if kind == "image":
        return Image(data=data)
    if kind == "audio":
        return Audio(data=data)
    return File(data=data, media_type=media, name=name)


def _linked(url: str) -> Part:
    """A link: the provider fetches it, so its kind can only be told from its name."""
    media = mimetypes.guess_type(urlsplit(url).path)[0] or ""
    kind = media.partition("/")[0]
    if kind == "image":
        return Image(url=url)
    return Audio(url=url) if kind == "audio" else File(url=url)


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", field="file") from error


def _stdin() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{source} is not UTF-8 text (byte {error.start}); attach what is no text with -a", field="file"
        ) from error
