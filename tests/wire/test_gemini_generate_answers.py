"""Plain answers of the `gemini-generate` wire, read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.errors import RateLimitError, WireError
from dragoman.types.messages import Audio, Citation, File, Image, Opaque, Reasoning, Text, TokenLogprob, ToolCall
from dragoman.types.responses import FinishReason
from dragoman.wire.gemini_generate import WIRE
from tests.strategies import PNG
from tests.wire.gemini_generate_bytes import ROW, array, call, chunk, plain, streamed, text

USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 25,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}, {"modality": "AUDIO", "tokenCount": 2}],
}


def test_a_plain_answer() -> None:
    """Text, finish reason, usage, names and ids are read, and the body is kept."""
    body = chunk(text("Hello"), finish="STOP") | {"usageMetadata": USAGE}
    answer = plain(body)

    assert ("Hello", "stop", "STOP") == (answer.text, answer.finish_reason, answer.finish_reason_raw)
    assert ("r1", "gemini-3-flash", "gemini") == (answer.id, answer.model, answer.provider)
    usage = answer.usage
    assert (15, 10, 4, 3, 2) == (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.reasoning_tokens,
        usage.input_audio_tokens,
    )
    assert USAGE == usage.details
    assert body == answer.raw


def test_counts_of_zero_are_left_out_by_protocol_buffers() -> None:
    """Where usage is given, an absent input or output count is 0; where none is given, it is not known."""
    counted = plain(chunk(finish="SAFETY") | {"usageMetadata": {"promptTokenCount": 14, "totalTokenCount": 14}})
    silent = plain(chunk(text("a"), finish="STOP"))

    assert (14, 0) == (counted.usage.input_tokens, counted.usage.output_tokens)
    assert (None, None) == (silent.usage.input_tokens, silent.usage.output_tokens)


def test_thoughts_are_reasoning() -> None:
    """Parts marked as thought are reasoning and not text; they are this dialect's own, signed or not."""
    answer = plain(chunk(text("Hm.", thought=True), text("Hi", thoughtSignature="c2ln"), finish="STOP"))

    assert ("Hm.", "Hi") == (answer.reasoning, answer.text)
    assert (
        Reasoning("Hm.", native={"gemini-generate": {}}),
        Text("Hi", native={"gemini-generate": {"thoughtSignature": "c2ln"}}),
    ) == answer.message.parts


@pytest.mark.parametrize("arguments", ['{\n "b": 1.0,\n "a": 123456789012345678901234567890\n}', "{}"])
def test_arguments_stay_as_sent(arguments: str) -> None:
    """Arguments keep their order and the writing of their numbers; only line breaks go."""
    body = '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":%s}}]},"finishReason":"STOP"}]}'
    answer = WIRE.decode_response(200, {}, (body % arguments).encode(), ROW)

    assert [arguments.replace("\n", "").replace(" ", "")] == [c.arguments_json for c in answer.tool_calls]


def test_calls_with_and_without_ids() -> None:
    """An id is kept as sent and none is made; STOP with calls is `tool_calls`."""
    named = {"functionCall": {"name": "g", "id": "c1"}, "thoughtSignature": "c2ln"}
    answer = plain(chunk(call("f", a=1), named, finish="STOP"))

    assert (
        ToolCall("", "f", '{"a":1}'),
        ToolCall("c1", "g", "{}", native={"gemini-generate": {"thoughtSignature": "c2ln"}}),
    ) == answer.tool_calls
    assert ("tool_calls", "STOP") == (answer.finish_reason, answer.finish_reason_raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("CONTINUATION", "pause"),
        ("OTHER", "unknown"),
        ("NEVER_HEARD", "unknown"),
    ],
)
def test_finish_reasons(raw: str, reason: FinishReason) -> None:
    """Each reason has one neutral word; a new one is `unknown` and kept as sent."""
    answer = plain(chunk(finish=raw))

    assert (reason, raw) == (answer.finish_reason, answer.finish_reason_raw)


def test_a_reason_that_is_no_good_end_stays_so_with_calls() -> None:
    """Calls make `tool_calls` of STOP only."""
    assert "error" == plain(chunk(call("f"), finish="UNEXPECTED_TOOL_CALL")).finish_reason


def test_a_long_answer_that_goes_on() -> None:
    """CONTINUATION pauses; its token stands in the details of the end."""
    answer = plain(chunk(text("one"), finish="CONTINUATION", continuationToken="dG9r"))

    assert ("pause", {"continuationToken": "dG9r"}) == (answer.finish_reason, answer.finish_details)


def test_a_prompt_that_was_refused() -> None:
    """No candidate but a block reason is an answer without parts, filtered, with no raw reason made up."""
    feedback = {"blockReason": "SAFETY", "blockReasonMessage": "no"}
    answer = plain({"promptFeedback": feedback, "responseId": "r1"})

    assert ((), "content_filter", None) == (
        answer.message.parts,
        answer.finish_reason,
        answer.finish_reason_raw,
    )
    assert {"promptFeedback": feedback} == answer.finish_details


def test_media() -> None:
    """The media type says whether bytes are a picture, sound or a file; addresses that Google keeps are ids."""
    png, other = base64.b64encode(PNG).decode(), base64.urlsafe_b64encode(b"\xfb\xff").decode()
    answer = plain(
        chunk(
            {"inlineData": {"mimeType": "image/png", "data": png}},
            {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": other}},
            {"inlineData": {"mimeType": "application/pdf", "data": other}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"}},
            finish="STOP",
        )
    )

    assert (
        Image(data=PNG, media_type="image/png"),
        Audio(data=b"\xfb\xff", media_type="audio/L16;rate=24000"),
        File(data=b"\xfb\xff", media_type="application/pdf"),
        File(file_id="gs://b/v.mp4", media_type="video/mp4"),
    ) == answer.message.parts


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "x"}},
        {"inlineData": {"mimeType": "image/png", "data": "???"}},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thought": True},
    ],
)
def test_other_parts_are_carried_as_they_are(part: dict[str, Any]) -> None:
    """What has no neutral form goes on whole, and is no text."""
    answer = plain(chunk(part, text("a"), finish="STOP"))

    assert (Opaque("gemini-generate", part), Text("a")) == answer.message.parts


def test_grounding_is_citations() -> None:
    """Supports become citations at the text, their offsets in bytes given in characters."""
    words = "Grüße. Paris."
    supports = [
        {"segment": {"startIndex": 9, "endIndex": 15, "text": "Paris."}, "groundingChunkIndices": [0, 7]},
        {"segment": {"startIndex": 1, "endIndex": 3, "text": "elsewhere"}, "groundingChunkIndices": [1]},
    ]
    sources = [{"web": {"uri": "https://a", "title": "A"}}, {"retrievedContext": {"text": "said"}}]
    metadata = {"groundingChunks": sources, "groundingSupports": supports}
    answer = plain(chunk(text(words), finish="STOP", groundingMetadata=metadata))

    [part] = answer.message.parts
    assert isinstance(part, Text)
    assert (Citation(url="https://a", title="A", start=7, end=13), Citation(text="said")) == part.citations
    assert {"groundingMetadata": metadata} == answer.finish_details


def test_offsets_in_long_text_are_found() -> None:
    """Far into a text of several bytes for each letter the offsets still count letters."""
    words = "é" * 3000 + "Paris" + "é" * 10
    support = {"segment": {"startIndex": 6000, "endIndex": 6005, "text": "Paris"}, "groundingChunkIndices": [0]}
    metadata = {"groundingChunks": [{"web": {"uri": "u"}}], "groundingSupports": [support]}
    [part] = plain(chunk(text(words), finish="STOP", groundingMetadata=metadata)).message.parts

    assert isinstance(part, Text)
    assert [(3000, 3005)] == [(citation.start, citation.end) for citation in part.citations]


def test_probabilities() -> None:
    """Chosen tokens and their alternatives stand at the text."""
    result = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.5}, {"token": "!"}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -2}]}],
    }
    [part] = plain(chunk(text("Hi!"), finish="STOP", logprobsResult=result)).message.parts

    assert isinstance(part, Text)
    assert (TokenLogprob("Hi", -0.5, top=(TokenLogprob("Ho", -2.0),)), TokenLogprob("!", 0.0)) == part.logprobs


def test_several_candidates() -> None:
    """The first is the answer, the others its alternatives, in their order."""
    body = chunk(text("a"), finish="STOP")
    body["candidates"].insert(0, chunk(text("b"), finish="MAX_TOKENS")["candidates"][0] | {"index": 1})
    answer = plain(body)

    assert ("a", ["b"], ["length"]) == (
        answer.text,
        [other.message.text for other in answer.alternatives],
        [other.finish_reason for other in answer.alternatives],
    )


def test_plain_and_streamed_answers_are_the_same_value() -> None:
    """The same candidate gives the same parts, whole or in one chunk."""
    body = chunk(text("hm", thought=True, thoughtSignature="c2ln"), text("hi"), call("f", a=1), finish="STOP")

    assert plain(body).message == streamed(body).message


def test_an_array_read_whole_is_one_answer() -> None:
    """A stream without `alt=sse` that was read as a plain body gives the same answer."""
    answer = WIRE.decode_response(200, {}, array(chunk(text("a")), chunk(text("b"), finish="STOP")), ROW)

    assert ("ab", "stop", "r1") == (answer.text, answer.finish_reason, answer.id)


_ARGS = "$.candidates[].content.parts[].functionCall.args"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", None),
        (b"<html>", None),
        (b"{}", "$.candidates"),
        (b'{"candidates": []}', "$.candidates"),
        (b'{"candidates": [{"content": {"parts": [{"text": 5}]}}]}', "$.candidates[].content.parts[].text"),
        (b'{"candidates": [{"content": {"parts": 5}}]}', "$.candidates[0].content.parts"),
        (b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": [1]}}]}}]}', _ARGS),
        (b'{"candidates": [{"content": {"parts": [{"text": "\xff"}]}}]}', "$.candidates[].content.parts[]"),
    ],
)
def test_what_is_not_the_protocol(body: bytes, path: str | None) -> None:
    """A body that is no answer is a WireError that names the first wrong field, where it is JSON at all."""
    with pytest.raises(WireError) as caught:
        WIRE.decode_response(200, {}, body, ROW)

    assert path == caught.value.path


def test_an_error_under_status_200() -> None:
    """An error body is an error whatever its status, alone or as the one element of an array."""
    error = {"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}
    for body in (error, [error]):
        with pytest.raises(RateLimitError, match="slow") as caught:
            plain(body)
        assert (429, "RESOURCE_EXHAUSTED", "gemini") == (
            caught.value.status,
            caught.value.code,
            caught.value.provider,
        )


def test_what_has_no_field_is_reachable() -> None:
    """Fields that nobody reads stand in `raw`."""
    assert 5 == plain(chunk(finish="STOP") | {"newField": 5}).raw["newField"]
    assert json.loads(json.dumps(USAGE)) == USAGE
