"""
The exchanges that are not chat: vectors, counts of tokens, lists of models.

Each recorded answer is decoded and compared with what its JSON says, read the slow and plain way; a recorded request
for a count is made again from the chat request that it holds.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dragoman import wire as wires
from dragoman.errors import DragomanError
from dragoman.types.http import RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.counting import decode_count, encode_count
from dragoman.wire.embeddings import CODECS
from dragoman.wire.listing import decode_listing
from tests.corpus.recording import Recording
from tests.corpus.refusals import right_class, said

VECTORS = {
    "azure-embeddings": "openai",
    "openai-embeddings": "openai",
    "mistral-embeddings": "mistral",
    "voyage-embeddings": "voyage",
    "gemini-embed": "gemini",
    "cohere-v2-embed": "cohere",
    "ollama-native-embeddings": "ollama",
}
COUNTS = {
    "anthropic-count_tokens": "anthropic-messages",
    "gemini-count_tokens": "gemini-generate",
    "vertex-count_tokens": "gemini-generate",
    "bedrock-count-tokens": "bedrock-converse",
}
LISTS = {"openai-models": "openai-chat", "cerebras-models": "openai-chat", "gemini-models": "gemini-generate"}


def recordings(root: Path) -> Iterator[Recording]:
    """All exchanges below `root` that this module can check."""
    for folder in (*VECTORS, *COUNTS, *LISTS):
        for recording in map(Recording, sorted((root / folder).glob("*.json"))):
            # The address of one model is no list, and is reachable raw.
            if folder not in LISTS or recording.asked_path.endswith("/models"):
                yield recording


def check_beside(recording: Recording) -> list[str]:
    """One line for each mismatch."""
    table: tuple[tuple[dict[str, str], Callable[[Recording, str], list[str]]], ...] = (
        (VECTORS, _check_vectors),
        (COUNTS, _check_count),
        (LISTS, _check_list),
    )
    for folders, check in table:
        if recording.folder in folders:
            try:
                return check(recording, folders[recording.folder])
            except DragomanError as error:
                return _check_error(recording, error)
    return ["no check knows this folder"]


def _check_error(recording: Recording, error: DragomanError) -> list[str]:
    if not recording.failed:
        return [f"raised {error!r}"]
    right = right_class(said(recording.expected, recording.body))
    lines = [] if isinstance(error, right) else [f"error: {right.__name__} expected, {type(error).__name__} came"]
    if recording.status != error.status:
        lines.append(f"status: {recording.status} expected, {error.status} came")
    return lines


def _raw(recording: Recording) -> RawResponse:
    return RawResponse(status=recording.status, headers=recording.headers, body=recording.body)


def _provider(recording: Recording, wire: str) -> Provider:
    parts = urlsplit(str(recording.data["request"]["url"]))
    return Provider(name=recording.folder, base_url=f"https://{parts.netloc}", wire=wire)


def _differs(what: str, expected: Any, came: Any) -> list[str]:
    return [] if expected == came else [f"{what}: {str(expected)[:80]} expected, {str(came)[:80]} came"]


# --- vectors ----------------------------------------------------------------------------------------------------------


def plain_vectors(body: Any) -> list[list[float]]:
    """The vectors of an answer of any dialect."""
    if "data" in body:
        rows = sorted(body["data"], key=lambda row: row["index"])
        return [_unpacked(row["embedding"]) for row in rows]
    if "embedding" in body:
        return [body["embedding"]]
    found = body["embeddings"]
    if isinstance(found, dict):
        return list(found["float"])
    return [row["values"] if isinstance(row, dict) else row for row in found]


def _unpacked(sent: str | list[float]) -> list[float]:
    if isinstance(sent, list):
        return sent
    data = base64.b64decode(sent)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _check_vectors(recording: Recording, codec: str) -> list[str]:
    answer = CODECS[codec].decode_response(recording.status, recording.headers, recording.body)
    if recording.failed:
        return ["an error was recorded, and vectors came"]
    expected = recording.expected
    lines = _differs("vectors", plain_vectors(json.loads(recording.body)), list(answer.vectors))
    if "dims" in expected:
        lines += _differs("dims", expected["dims"], [len(vector) for vector in answer])
        lines += _differs("count", expected["count"], len(answer))
    usage = expected.get("usage") or {}
    tokens = usage.get("prompt_tokens", usage.get("total_tokens"))
    return lines + (_differs("usage", tokens, answer.usage.input_tokens) if tokens is not None else [])


# --- counts -----------------------------------------------------------------------------------------------------------


def _check_count(recording: Recording, wire: str) -> list[str]:
    provider = _provider(recording, wire)
    lines = _check_question(recording, wire, provider)
    tokens = decode_count(wire, _raw(recording), provider)
    if recording.failed:
        return [*lines, "an error was recorded, and a count came"]
    return lines + _differs("value", recording.expected["value"], tokens)


def _check_question(recording: Recording, wire: str, provider: Provider) -> list[str]:
    """Read the chat request out of the recorded question, write it as a chat request, and ask again."""
    asked = recording.asked or {}
    chat = asked.get("input", {}).get("converse") if wire == "bedrock-converse" else asked
    if chat is None:
        return []  # a body of another dialect inside
    path = recording.asked_path
    for question, chat_path in (
        ("/count_tokens", ""),
        (":countTokens", ":generateContent"),
        ("/count-tokens", "/converse"),
    ):
        path = path.removesuffix(question) + chat_path if path.endswith(question) else path
    request = wires.get(wire).decode_request(json.dumps(chat).encode(), path=path)
    written = wires.get(wire).encode_request(request, provider)
    question = encode_count(wire, msgspec.structs.replace(written, url=f"https://x.example{path}"))
    if question is None:
        return _differs("question", recording.asked_path, None)
    sent = json.loads(question.body)
    inner = sent.get("generateContentRequest") or sent.get("input", {}).get("converse") or sent
    return [
        line for field, value in chat.items() if value for line in _differs(f"asked.{field}", value, inner.get(field))
    ]


# --- lists ------------------------------------------------------------------------------------------------------------


def _check_list(recording: Recording, wire: str) -> list[str]:
    page = decode_listing(_raw(recording), _provider(recording, wire))
    body = json.loads(recording.body)
    rows = body.get("data") or body["models"]
    names = [(row.get("id") or row["name"]).removeprefix("models/") for row in rows]
    sizes = [row.get("inputTokenLimit") or None for row in rows]
    return [
        *_differs("names", names, [card.id for card in page.cards]),
        *_differs("next page", body.get("nextPageToken", ""), page.following),
        *_differs("context", sizes, [card.context for card in page.cards]),
    ]
