"""The dialects of vectors, by bytes alone."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError, NotFoundError, RateLimitError, WireError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse
from dragoman.types.providers import Provider, Quirks
from dragoman.types.usage import Usage
from dragoman.verbs.embed import spans_of
from dragoman.wire.embeddings import CODECS, Codec, codec_for, codec_of_path

ALL = list(CODECS.values())
# Those that a server can tell by the path alone.
SERVED = [codec for codec in ALL if codec.name not in ("mistral", "voyage")]


def provider(base_url: str = "https://api.example", **facts: Any) -> Provider:
    return Provider(name="acme", base_url=base_url, **facts)


def decode(codec: Codec, body: Any) -> EmbedResponse:
    return codec.decode_response(200, {}, json.dumps(body).encode())


requests = st.builds(
    EmbedRequest,
    model=st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True),
    inputs=st.lists(st.text(min_size=1).filter(lambda text: text.isprintable()), min_size=1, max_size=4).map(tuple),
    dimensions=st.none() | st.integers(1, 4096),
    encoding=st.sampled_from(["float", "base64"]),
)


@pytest.mark.parametrize("codec", SERVED, ids=lambda codec: codec.name)
@given(asked=requests)
def test_a_request_is_read_as_it_was_written(codec: Codec, asked: EmbedRequest) -> None:
    """Texts, model, dimensions and encoding survive the way to the server."""
    sent = codec.encode_request(asked, provider())

    got = codec.decode_request(sent.body, path=sent.url.removeprefix("https://api.example"))

    assert (asked.model, asked.inputs, asked.dimensions) == (got.model, got.inputs, got.dimensions)
    assert got.encoding == (asked.encoding if codec.has_base64 else "float")


@pytest.mark.parametrize("codec", ALL, ids=lambda codec: codec.name)
@given(
    vectors=st.lists(
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    ),
    tokens=st.integers(0, 10**6),
    encoding=st.sampled_from(["float", "base64"]),
)
def test_vectors_are_read_as_they_were_written(codec: Codec, vectors: Any, tokens: int, encoding: Any) -> None:
    """Every number survives, in either encoding, and so does the usage."""
    asked = EmbedRequest(model="m", inputs=("x",) * len(vectors), encoding=encoding)
    said = EmbedResponse(vectors=tuple(vectors), usage=Usage(input_tokens=tokens))

    got = codec.decode_response(200, {}, codec.encode_response(said, asked))

    assert tuple(vectors) == got.vectors
    assert tokens == got.usage.input_tokens


@pytest.mark.parametrize(
    ("name", "kind", "field", "word"),
    [
        ("voyage", "query", "input_type", "query"),
        ("cohere", "document", "input_type", "search_document"),
        ("cohere", "clustering", "input_type", "clustering"),
        ("cohere", None, "input_type", "search_document"),
        ("cohere", "similarity", "input_type", "search_document"),
        ("openai", "query", "input_type", None),
    ],
)
def test_kinds_in_the_words_of_the_dialect(name: str, kind: Any, field: str, word: str | None) -> None:
    """A kind is translated; one that is missing or has no word is noticed where something else is sent."""
    sent = CODECS[name].encode_request(EmbedRequest(model="m", inputs=("a",), kind=kind), provider())

    assert word == json.loads(sent.body).get(field)
    assert (kind in CODECS[name].kinds) == (sent.notices == ())


def test_gemini_says_it_for_each_text() -> None:
    """Kind, size and extra fields stand in each of the small requests."""
    asked = EmbedRequest(model="m", inputs=("a", "b"), dimensions=7, kind="query", extra={"title": "T"})

    body = json.loads(CODECS["gemini"].encode_request(asked, provider()).body)

    assert ["T", "T"] == [item["title"] for item in body["requests"]]
    assert {"RETRIEVAL_QUERY", 7, "models/m"} == {
        value for item in body["requests"] for name, value in item.items() if name not in ("title", "content")
    }


def test_extra_lies_over_the_rest() -> None:
    """A field that was asked for by name wins over what the encoder wrote."""
    asked = EmbedRequest(model="m", inputs=("a",), extra={"embedding_types": ["int8"], "truncate": "NONE"})

    body = json.loads(CODECS["cohere"].encode_request(asked, provider()).body)

    assert (["int8"], "NONE") == (body["embedding_types"], body["truncate"])


def test_a_deployment_has_its_vectors_beside_its_chat() -> None:
    """Where the chat path is the provider's own, vectors lie under the same part of it, with the same query."""
    quirks = Quirks(path="deployments/{model}/chat/completions", query="api-version=1")
    azure = provider("https://x.openai.azure.com/openai", quirks=quirks)

    sent = CODECS["openai"].encode_request(EmbedRequest(model="my deployment", inputs=("a",)), azure)

    assert "https://x.openai.azure.com/openai/deployments/my%20deployment/embeddings?api-version=1" == sent.url


# --- what comes in other forms ----------------------------------------------------------------------------------------


def test_index_decides_the_order() -> None:
    """Vectors that come out of order are put into that of the texts."""
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]

    assert ([1.0], [2.0]) == decode(CODECS["openai"], {"data": rows}).vectors


@pytest.mark.parametrize("indexes", [(0, 0), (1, 2), (None, 0)])
def test_indexes_that_fit_no_text_are_an_error(indexes: tuple[int | None, int | None]) -> None:
    """A vector too few or twice is no answer."""
    rows = [{"index": index, "embedding": [1.0]} for index in indexes]

    with pytest.raises(WireError, match="one text each"):
        decode(CODECS["openai"], {"data": rows})


def test_servers_that_number_nothing_mean_their_order() -> None:
    """Without any index the order of the list holds."""
    assert 2 == len(decode(CODECS["openai"], {"data": [{"embedding": [1]}, {"embedding": [2]}]}))


def test_base64_is_little_endian() -> None:
    """The bytes are 32-bit floats, least significant byte first, whatever this machine is."""
    packed = base64.b64encode(struct.pack("<2f", 1.5, -2.0)).decode()

    assert [1.5, -2.0] == decode(CODECS["openai"], {"data": [{"embedding": packed}]})[0]


@pytest.mark.parametrize("packed", ["AAA=", "not base64!", "AAAAAAA="])
def test_damaged_base64_is_an_error(packed: str) -> None:
    """What is no whole number of floats is a WireError with its place."""
    with pytest.raises(WireError) as caught:
        decode(CODECS["openai"], {"data": [{"embedding": packed}]})

    assert "$.data[0].embedding" == caught.value.path


@pytest.mark.parametrize(
    ("name", "body", "vectors"),
    [
        ("ollama", {"embedding": [1, 2]}, ([1, 2],)),
        ("cohere", {"embeddings": [[1, 2]]}, ([1, 2],)),
        ("cohere", {"embeddings": {"float": None, "int8": [[1, -2]]}}, ([1, -2],)),
        ("gemini", {"embeddings": [{"values": [1, 2]}]}, ([1, 2],)),
    ],
)
def test_older_forms_are_read(name: str, body: Any, vectors: Any) -> None:
    """What earlier versions sent, and other types of vectors, come out the same."""
    assert vectors == decode(CODECS[name], body).vectors


def test_usage_of_one_total_is_input() -> None:
    """Voyage tells the total only; a prompt and a total give what was generated."""
    rows = [{"embedding": [1]}]

    assert 9 == decode(CODECS["voyage"], {"data": rows, "usage": {"total_tokens": 9}}).usage.input_tokens
    both = decode(CODECS["openai"], {"data": rows, "usage": {"total_tokens": 9, "prompt_tokens": 9}}).usage
    assert (9, 0) == (both.input_tokens, both.output_tokens)
    assert decode(CODECS["openai"], {"data": rows}).usage.input_tokens is None


@pytest.mark.parametrize("codec", ALL, ids=lambda codec: codec.name)
@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[]", b"{}", b'{"data": 3}', b'{"embeddings": "x"}'])
def test_what_is_no_answer_is_an_error(codec: Codec, body: bytes) -> None:
    """Nothing, cut JSON, a page or another object is a WireError, never an empty answer."""
    with pytest.raises(WireError):
        codec.decode_response(200, {}, body)


@pytest.mark.parametrize("codec", ALL, ids=lambda codec: codec.name)
def test_errors_are_typed(codec: Codec) -> None:
    """An error is typed by its status, or by its words where the status says that all is well."""
    with pytest.raises(RateLimitError):
        codec.decode_response(429, {}, b'{"message": "slow down"}')
    with pytest.raises(NotFoundError):
        codec.decode_response(404, {}, b'{"error": {"message": "no such model", "status": "NOT_FOUND"}}')
    with pytest.raises(RateLimitError):
        codec.decode_response(200, {}, b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}')


# --- which dialect ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "openai"),
        ({"wire": "gemini-generate"}, "gemini"),
        ({"wire": "cohere-chat"}, "cohere"),
        ({"wire": "ollama-chat"}, "ollama"),
        ({"embeddings": "voyage"}, "voyage"),
    ],
)
def test_the_dialect_of_a_provider(facts: dict[str, Any], name: str) -> None:
    """The row says it, or the chat dialect does."""
    assert name == codec_for(provider(**facts)).name


def test_a_provider_without_vectors() -> None:
    """A chat dialect with no vectors beside it is an error that says what to do."""
    with pytest.raises(ConfigError, match="set embeddings"):
        codec_for(provider(wire="anthropic-messages"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/embeddings", "openai"),
        ("/openai/deployments/d/embeddings", "openai"),
        ("/v1beta/models/m:batchEmbedContents", "gemini"),
        ("/v2/embed", "cohere"),
        ("/api/embed", "ollama"),
        ("/v1/chat/completions", None),
    ],
)
def test_the_dialect_of_a_path(path: str, name: str | None) -> None:
    """A server knows by the path which dialect is spoken."""
    codec = codec_of_path(path)

    assert name == (codec.name if codec else None)


@pytest.mark.parametrize("codec", SERVED, ids=lambda codec: codec.name)
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"model": "m", "input": [1], "texts": 3, "requests": [{}]}'])
def test_a_server_refuses_what_is_no_request(codec: Codec, body: bytes) -> None:
    """A body without model or texts is a ConfigError with the place."""
    with pytest.raises(ConfigError) as caught:
        codec.decode_request(body)

    assert caught.value.field


# --- how many in one request ------------------------------------------------------------------------------------------


@given(sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=40), limit=st.integers(1, 9))
def test_spans_cover_all_texts_once(sizes: list[int], limit: int) -> None:
    """Spans follow each other without gap; none holds more texts, or, unless it is one text, more tokens."""
    texts = ["word " * size for size in sizes]

    spans = list(spans_of(texts, limit, 3000))

    assert list(range(len(texts))) == [at for span in spans for at in range(span.start, span.stop)]
    assert all(1 <= span.stop - span.start <= limit for span in spans)
    assert all(span.stop - span.start == 1 or sum(sizes[span]) <= 3000 for span in spans)
