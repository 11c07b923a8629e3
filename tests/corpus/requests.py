"""
The request side: read a recorded request as a server, write it as a client, and it must say the same.

`same_request` is strict: two bodies are equal but for fields that are null in one and absent in the other, which every
dialect reads alike.

The provider row is made from the recording where a row, not the dialect, decides how a thing is written: which of two
names the output cap has, which role instructions get, in which field earlier reasoning goes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from dragoman.errors import ConfigError, DragomanError
from dragoman.types.providers import Provider, Quirks
from dragoman.wire.base import Wire
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording

Valid = Callable[[dict[str, Any]], str | None]
"""Gives None for a body that its specification allows, else what is wrong with it."""


def row_for(recording: Recording, dialect: Dialect) -> Provider:
    """The provider row that this request was written for."""
    body = recording.asked or {}
    messages = [turn for turn in body.get("messages") or [] if isinstance(turn, dict)]
    roles = {turn.get("role") for turn in messages}
    fields = [name for name in ("reasoning_content", "reasoning") if any(name in turn for turn in messages)]
    return Provider(
        name="recorded",
        base_url=f"https://provider.example{dialect.base_path}",
        wire=dialect.wire,
        quirks=Quirks(
            max_tokens_field=next((name for name in ("max_tokens", "max_completion_tokens") if name in body), None),
            stream_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            reasoning_field=fields[0] if fields else None,
            system_role="developer" if "developer" in roles else "system" if "system" in roles else None,
        ),
    )


def check_request(recording: Recording, dialect: Dialect, wire: Wire, valid: Valid | None = None) -> list[str]:
    """Everything that reading and writing the request changed."""
    asked = recording.asked
    if asked is None:
        return []
    body = json.dumps(asked, ensure_ascii=False).encode()
    try:
        request = wire.decode_request(body, path=recording.asked_path)
        written = wire.encode_request(request, row_for(recording, dialect))
    except DragomanError as error:
        # What the provider refused as malformed, a server may refuse too.
        if isinstance(error, ConfigError) and recording.failed and recording.status == 400:
            return []
        return [f"raised {type(error).__name__}: {error} (field {error.field})"]
    sent = json.loads(written.body)
    problems = list(differences(asked, sent))
    problems += [f"notice: {notice}" for notice in written.notices]
    if valid is not None and valid(asked) is None and (wrong := valid(sent)) is not None:
        problems.append(f"specification: {wrong}")
    return problems


def differences(wanted: Any, got: Any, at: str = "$") -> Iterator[str]:
    """Where two JSON values differ; a field that is null is the same as one that is absent."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name in dict.fromkeys((*wanted, *got)):
            yield from differences(wanted.get(name), got.get(name), f"{at}.{name}")
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for i, pair in enumerate(zip(wanted, got, strict=True)):
            yield from differences(*pair, f"{at}[{i}]")
    elif wanted != got or isinstance(wanted, bool) != isinstance(got, bool):
        yield f"{at}: sent {_short(wanted)}, written {_short(got)}"


def _short(value: Any, limit: int = 200) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"
