"""
Recordings that may differ, each with its reason.  A row names one file, what may differ and why; nothing else may.
"""

from __future__ import annotations

from typing import NamedTuple


class Exempt(NamedTuple):
    """One allowed difference: mismatch lines that begin with `line` are dropped."""

    line: str
    reason: str


# Calls that are streamed in pieces.  What the SDK lists as a call each, nameless and empty, are pieces of one.
_PIECES = Exempt("tool_calls", "expected counts the pieces of a streamed call as calls")

# Bedrock's `totalTokens` is the sum of input, output and cached tokens: `inputTokens` alone is not all that was read.
_CACHED = Exempt("usage.input_tokens", "expected leaves cached tokens out, which the model read too")
# The same answers as streams are expected whole.
_CITED = Exempt("text", "expected leaves out the text of `citationsContent`, which is what the model said")

REPLIES: dict[str, Exempt] = {
    "bedrock-converse/test_bedrock_cache_messages_with_document_as_last_content.0.91e62f95ef03.json": _CACHED,
    "bedrock-converse/test_bedrock_cache_write_and_read.1.26d05e85edf4.json": _CACHED,
    "bedrock-converse-stream/bedrock_converse_stream_prompt_caching.1.014fc2f2b735.json": _CACHED,
    "bedrock-converse/test_citations_document1_.1.0821e5fe8def.json": _CITED,
    "bedrock-converse/test_citations_v1_v0_.1.710757c5625c.json": _CITED,
} | {
    f"gemini-stream-generate/google-{name}.json": _PIECES
    for name in (
        "stream-no-args-tool-call.chunks.0.858ca3fa12ab",
        "stream-tool-call-arguments.chunks.0.73aba66518c1",
        "stream-tool-call-array-arguments-missing-terminal-function-call.0.f04170c3e0f0",
        "vertex-stream-tool-call-arguments-nested.1.chunks.0.8d54c31be26c",
    )
}
REQUESTS: dict[str, Exempt] = {
    "bedrock-invoke/meta_invoke_error.0.8b1206d0bf8e.json": Exempt(
        "raised ConfigError", "the request is in the dialect of another model's maker; the error is Bedrock's"
    ),
    "azure-chat/azure_openai_openai_deployments_gpt-4.1-mini_chat_completions_api-vers.0.6f1bc895b67f.json": Exempt(
        "$.model", "the deployment in the path names the model; the body may name it too, and then does"
    ),
}


def drop(name: str, lines: list[str], table: dict[str, Exempt]) -> list[str]:
    """The lines that are not allowed for this file."""
    exempt = table.get(name)
    return lines if exempt is None else [line for line in lines if not line.startswith(exempt.line)]


def idle(name: str, lines: list[str], table: dict[str, Exempt]) -> bool:
    """Whether the table has a row for this file that no longer excuses anything, and should go."""
    exempt = table.get(name)
    return exempt is not None and not any(line.startswith(exempt.line) for line in lines)
