"""
Which folder speaks which dialect, and how to tell from the bytes alone that a stream of it is complete.

Adding a wire is one row in `DIALECTS`.  Nothing here imports a wire: what proves one must not be made of it.

Source of the evidence rules: DESIGN.md section 6, rule 1.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

Evidence = Callable[[bytes], bool]


class Dialect(NamedTuple):
    """
    A wire as the corpus knows it.

    Attributes:
        wire: Its name.
        folders: Corpus folders that speak it.
        evidence: Whether these bytes of a stream prove a complete answer.
        borders: Offsets behind each whole event of a stream.
        arguments_as_text: Whether this body carries tools' arguments as text, so that they must come out as sent; else
            they are JSON values, whose text is nobody's.
        base_path: Path of the base URL.
        sample: Most bytes of the committed sample that this wire may take.
    """

    wire: str
    folders: tuple[str, ...]
    evidence: Evidence
    borders: Callable[[bytes], list[int]]
    arguments_as_text: Callable[[bytes], bool] = lambda body: True
    base_path: str = ""
    sample: int = 300_000


# --- server-sent events, read the slow and plain way ------------------------------------------------------------------

# A blank line is over at its CR, whether an LF follows or not.
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))[\r\n]")
_LINE = re.compile(r"\r\n|\n|\r")


def sse_borders(body: bytes) -> list[int]:
    """Offsets behind each blank line; the CR of a CRLF ends it already."""
    return [match.end() - match[0].endswith(b"\r\n") for match in _BLANK.finditer(body)]


def sse_events(body: bytes) -> list[tuple[str, str]]:
    """Type and data of each whole event; good for what providers send, not for every corner of the standard."""
    events: list[tuple[str, str]] = []
    kind, data = "", []  # type: str, list[str]
    lines = _LINE.split(body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace"))
    for line in lines[:-1]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((kind, "\n".join(data)))
            kind, data = "", []
        elif field == "data":
            data.append(value)
        elif field == "event":
            kind = value
    return events


def json_events(body: bytes) -> list[dict[str, Any]]:
    """The JSON objects among the events."""
    found: list[dict[str, Any]] = []
    for _, data in sse_events(body):
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _choices(event: dict[str, Any]) -> list[dict[str, Any]]:
    choices = event.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def chat_evidence(body: bytes) -> bool:
    """A finish reason, or `[DONE]` after content."""
    content = False
    for _, data in sse_events(body):
        if data.strip() == "[DONE]":
            return content
        for event in json_events(f"data: {data}\n\n".encode()) if "\n" not in data else []:
            for choice in _choices(event):
                if choice.get("finish_reason") is not None:
                    return True
                content = content or _has_content(choice)
    return False


def _has_content(choice: dict[str, Any]) -> bool:
    piece = choice.get("delta") or choice.get("message") or {}
    return isinstance(piece, dict) and any(value for name, value in piece.items() if name != "role")


def messages_evidence(body: bytes) -> bool:
    """A `stop_reason`, or `message_stop`, by the name of the event or its own."""
    if any(kind == "message_stop" for kind, _ in sse_events(body)):
        return True
    for event in json_events(body):
        if event.get("type") == "message_stop":
            return True
        for holder in (event.get("delta"), event.get("message")):
            if isinstance(holder, dict) and holder.get("stop_reason"):
                return True
    return False


def responses_evidence(body: bytes) -> bool:
    """An event that ends the response well, by its own name or the event's: `response.completed`, `.incomplete`."""
    ends = ("response.completed", "response.incomplete")
    own = any(event.get("type") in ends for event in json_events(body))
    return own or any(kind in ends and json_events(f"data: {data}\n\n".encode()) for kind, data in sse_events(body))


# --- arrays of JSON ---------------------------------------------------------------------------------------------------

_BETWEEN = re.compile(r"[\s,\[]*")


def array_items(body: bytes) -> list[tuple[dict[str, Any], int]]:
    """The whole objects of an array that may be cut, each with the offset behind it."""
    text = body.decode("utf-8", "ignore")
    items: list[tuple[dict[str, Any], int]] = []
    at = 0
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        try:
            value, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            return items
        items.append((value, len(text[:at].encode())))


def gemini_borders(body: bytes) -> list[int]:
    """Offsets behind each object of an array, or each event."""
    return [end for _, end in array_items(body)] if body.startswith(b"[") else sse_borders(body)


def gemini_evidence(body: bytes) -> bool:
    """A finish reason of the first candidate, or the reason why the prompt was refused."""
    chunks = [item for item, _ in array_items(body)] if body.startswith(b"[") else json_events(body)
    for chunk in chunks:
        if (chunk.get("promptFeedback") or {}).get("blockReason"):
            return True
        if any(one.get("finishReason") for one in chunk.get("candidates") or () if _is_first(one.get("index"))):
            return True
    return False


def _is_first(index: object) -> bool:
    """Whether a candidate is not said to be another than the first; what is no whole number says nothing."""
    return type(index) not in (int, float) or index == 0 or index % 1 != 0  # type: ignore[operator]


def cohere_evidence(body: bytes) -> bool:
    """The event that ends the message."""
    return any(event.get("type") == "message-end" for event in json_events(body))


# --- AWS event streams ------------------------------------------------------------------------------------------------

_EVENT_TYPE = re.compile(rb":event-type\x07..(\w+)")


def aws_messages(body: bytes) -> list[tuple[str, dict[str, Any], int]]:
    """Type, JSON and the offset behind each whole message; checksums are not looked at."""
    messages: list[tuple[str, dict[str, Any], int]] = []
    at = 0
    while len(body) - at >= 12:
        total, headers = int.from_bytes(body[at : at + 4], "big"), int.from_bytes(body[at + 4 : at + 8], "big")
        if len(body) - at < total or total < 16:
            break
        kind = _EVENT_TYPE.search(body[at + 12 : at + 12 + headers])
        payload = body[at + 12 + headers : at + total - 4]
        at += total
        messages.append((kind[1].decode() if kind else "", _object(payload), at))
    return messages


def _object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def aws_borders(body: bytes) -> list[int]:
    """Offsets behind each message."""
    return [end for _, _, end in aws_messages(body)]


def converse_evidence(body: bytes) -> bool:
    """The event `messageStop`."""
    return any(kind == "messageStop" for kind, _, _ in aws_messages(body))


def invoke_evidence(body: bytes) -> bool:
    """As Anthropic's own streams, whose events stand in the chunks."""
    texts = (str(value.get("bytes")) for kind, value, _ in aws_messages(body) if kind == "chunk")
    chunks = (base64.b64decode(text) for text in texts if len(text) % 4 == 0)
    return messages_evidence(b"".join(b"data: %b\n\n" % chunk for chunk in chunks))


# --- lines of JSON ----------------------------------------------------------------------------------------------------


def line_borders(body: bytes) -> list[int]:
    """Offsets behind the last character of each line: a JSON text is whole there, with or without its line's end."""
    ends = [match.start() for match in re.finditer(rb"\r?\n", body)]
    return ends if body.endswith(b"\n") else [*ends, len(body)]


def done_evidence(body: bytes) -> bool:
    """A line that says `done`."""
    for line in body.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("done") is True:
            return True
    return False


def interactions_evidence(body: bytes) -> bool:
    """`interaction.completed`, with a status that says that it is over."""
    ends = [event for event in json_events(body) if event.get("event_type") == "interaction.completed"]
    return any(event["interaction"]["status"] not in ("in_progress", "queued") for event in ends)


DIALECTS: dict[str, Dialect] = {
    row.wire: row
    for row in (
        Dialect(
            wire="openai-chat",
            folders=(
                "openai-chat",
                "azure-chat",
                "bedrock-chat",
                "cerebras-chat",
                "dashscope-chat",
                "deepseek-chat",
                "gemini-openai-chat",
                "groq-chat",
                "huggingface-chat",
                "mistral-chat",
                "moonshot-chat",
                "ollama-chat",
                "openai-compatible-chat",
                "openrouter-chat",
                "perplexity-chat",
                "snowflake-chat",
                "together-chat",
                "xai-chat",
                "zai-chat",
            ),
            evidence=chat_evidence,
            borders=sse_borders,
            base_path="/v1",
            sample=700_000,
        ),
        Dialect(
            wire="anthropic-messages",
            folders=("anthropic-messages",),
            evidence=messages_evidence,
            borders=sse_borders,
            arguments_as_text=lambda body: b'"input_json_delta"' in body,
            sample=450_000,
        ),
        Dialect(
            wire="openai-responses",
            folders=(
                "openai-responses",
                "azure-responses",
                "bedrock-responses",
                "deepseek-responses",
                "openai-compatible-responses",
                "openrouter-responses",
                "xai-responses",
            ),
            evidence=responses_evidence,
            borders=sse_borders,
            base_path="/v1",
            sample=450_000,
        ),
        Dialect(
            wire="ollama-chat",
            folders=("ollama-native-chat",),
            evidence=done_evidence,
            borders=line_borders,
            arguments_as_text=lambda body: False,
            sample=20_000,
        ),
        Dialect(
            wire="bedrock-converse",
            folders=("bedrock-converse", "bedrock-converse-stream"),
            evidence=converse_evidence,
            borders=aws_borders,
            arguments_as_text=lambda body: b":event-type" in body,
            sample=150_000,
        ),
        Dialect(
            wire="bedrock-anthropic",
            folders=("bedrock-invoke", "bedrock-invoke-with-response-stream"),
            evidence=invoke_evidence,
            borders=aws_borders,
            arguments_as_text=lambda body: b":event-type" in body,
            sample=30_000,
        ),
        Dialect(
            wire="cohere-chat",
            folders=("cohere-v2-chat",),
            evidence=cohere_evidence,
            borders=sse_borders,
            sample=150_000,
        ),
        Dialect(
            wire="gemini-generate",
            folders=("gemini-generate", "gemini-stream-generate", "vertex-generate", "vertex-stream-generate"),
            evidence=gemini_evidence,
            borders=gemini_borders,
            arguments_as_text=lambda body: False,
            sample=300_000,
        ),
        Dialect(
            wire="gemini-interactions",
            folders=("gemini-interactions",),
            evidence=interactions_evidence,
            borders=sse_borders,
            arguments_as_text=lambda body: b'"arguments_delta"' in body,
            sample=100_000,
        ),
    )
}
