"""
Asking a provider how many tokens a chat request is.

The request is the chat request itself, sent to an address beside its own, without what has no say in the count.  One
row for each dialect that has such an address; where a host moved the chat path to a place that is not known, there is
none.

Sources: the OpenAPI files of Anthropic (`CountMessageTokensParams`, `BetaCountMessageTokensParams`) and OpenAI
(`TokenCountsBody`); google-genai SDK 3.4.0 (`count_tokens`) and Vertex AI's reference; AWS's reference of
`CountTokens`; the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from dragoman.errors import WireError
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.base import decode_json
from dragoman.wire.lenient import object_of, whole
from dragoman.wire.refusal import check_status

Json = dict[str, Any]


class Counting(NamedTuple):
    """
    How one dialect counts.

    Attributes:
        chat: How the path of its chat requests ends.
        question: How the path of its counts ends instead.
        fields: What of the body has a say in the count, as names between spaces.
        answer: Field of the answer that has the number.
        wrap: Puts the body into the form that the address takes; the path is its second argument.
    """

    chat: str
    question: str
    fields: str
    answer: str
    wrap: Callable[[Json, str], Json] | None = None


def _gemini(body: Json, path: str) -> Json:
    """Google's own address takes the whole request inside another, Vertex takes it as it is."""
    if "/publishers/" in path:
        return {name: value for name, value in body.items() if name != "toolConfig"}
    model = "models/" + path.rpartition("/")[2].partition(":")[0]
    return {"generateContentRequest": {"model": model, **body}}


def _bedrock(body: Json, path: str) -> Json:
    return {"input": {"converse": body}}


_ANTHROPIC: Final = """
    model messages system tools tool_choice thinking cache_control output_config output_format context_management
    mcp_servers speed
"""
_OPENAI: Final = """
    model input previous_response_id tools text reasoning truncation instructions personality conversation tool_choice
    parallel_tool_calls
"""
_GEMINI: Final = "contents systemInstruction system_instruction tools toolConfig generationConfig"
_BEDROCK: Final = "messages system toolConfig additionalModelRequestFields"

COUNTINGS: Final = {
    "anthropic-messages": Counting("/v1/messages", "/v1/messages/count_tokens", _ANTHROPIC, "input_tokens"),
    "openai-responses": Counting("/responses", "/responses/input_tokens", _OPENAI, "input_tokens"),
    "gemini-generate": Counting(":generateContent", ":countTokens", _GEMINI, "totalTokens", _gemini),
    "bedrock-converse": Counting("/converse", "/count-tokens", _BEDROCK, "inputTokens", _bedrock),
}


def encode_count(wire: str, chat: HttpRequest) -> HttpRequest | None:
    """
    Make the question of a chat request, or None if there is no address to ask.

    Args:
        wire: Name of the dialect in which `chat` is written.
        chat: The request that would be sent, not as a stream.
    """
    counting, parts = COUNTINGS.get(wire), urlsplit(chat.url)
    if counting is None or not parts.path.endswith(counting.chat):
        return None
    path = parts.path.removesuffix(counting.chat) + counting.question
    wanted = counting.fields.split()
    body = {name: value for name, value in msgspec.json.decode(chat.body).items() if name in wanted}
    return msgspec.structs.replace(
        chat,
        url=urlunsplit(parts._replace(path=path)),
        body=msgspec.json.encode(counting.wrap(body, path) if counting.wrap else body),
    )


def decode_count(wire: str, raw: RawResponse, provider: Provider) -> int:
    """
    Read the answer.

    Raises:
        StatusError: The provider said no.
        WireError: Not the protocol.
    """
    field = COUNTINGS[wire].answer
    answer = object_of(decode_json(check_status(raw, provider).body, Any, "the count"))
    tokens = whole(answer.get(field))
    if tokens is None:
        raise WireError(f"the answer has no number {field}", path=f"$.{field}", status=raw.status, body=raw.text)
    return tokens
