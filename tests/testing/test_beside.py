"""The test server's endpoints beside chat, asked by the vendors' own SDKs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import anthropic
import cohere
import ollama
import openai
import pytest
import urllib3

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own dependencies deprecate is not ours
    from google import genai
    from google.genai import types

from dragoman.errors import ConfigError
from dragoman.testing import Server, counts, embeds, says, status
from dragoman.types.usage import Usage

TEXTS = ["one", "two three"]


def post(server: Server, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    """Send a request that no SDK would send."""
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", f"{server.url}{path}", json=body)
        return answer.status, answer.data


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_openai_embeddings(server: Server, encoding: Any) -> None:
    """Vectors, order, model and usage are what the SDK makes of them, in either encoding and in its own default."""
    answers = embeds(6)
    server.script(answers)
    asked = {"encoding_format": encoding} if encoding else {}

    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat"), max_retries=0) as client:
        answer = client.embeddings.create(model="m", input=TEXTS, **asked)

    vectors = [row.embedding for row in answer.data]
    if encoding == "base64":  # whoever asks for it by name gets it as it is
        assert all(isinstance(vector, str) for vector in vectors)
    else:
        assert [answers.vector(text) for text in TEXTS] == [pytest.approx(vector) for vector in vectors]
    assert ([0, 1], "m", 3) == ([row.index for row in answer.data], answer.model, answer.usage.prompt_tokens)
    assert server.requests[0].embed is not None
    assert tuple(TEXTS) == server.requests[0].embed.inputs


def test_dimensions_are_obeyed(server: Server) -> None:
    """A request that says how long its vectors shall be gets them so."""
    server.script(embeds(6))

    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat")) as client:
        answer = client.embeddings.create(model="m", input="one", dimensions=3)

    assert 3 == len(answer.data[0].embedding)


def test_openai_embedding_errors(server: Server) -> None:
    """A scripted error has OpenAI's form at this address, too."""
    server.script(status(401, "bad key", code="invalid_api_key"))

    with (
        openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat"), max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="bad key"),
    ):
        client.embeddings.create(model="m", input="one")


def test_anthropic_counts(server: Server) -> None:
    """The number is what the SDK reads."""
    server.script(counts(42))

    with anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client:
        counted = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "Hi"}])

    assert 42 == counted.input_tokens


def test_openai_counts(server: Server) -> None:
    """The Responses API's count is what the SDK reads."""
    server.script(counts(42))

    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat"), max_retries=0) as client:
        counted = client.responses.input_tokens.count(model="m", input="Hi")

    assert 42 == counted.input_tokens


@pytest.fixture
def gemini(server: Server) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=server.base_url("gemini-generate"), api_version="v1beta")
    with genai.Client(api_key="k", http_options=options) as running:
        yield running


def test_gemini_vectors_and_counts(server: Server, gemini: genai.Client) -> None:
    """Google's SDK reads both."""
    answers = embeds(6)
    server.script(answers, counts(42))

    vectors = gemini.models.embed_content(
        model="gemini-embedding-001", contents=TEXTS, config=types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
    )
    counted = gemini.models.count_tokens(model="m", contents="Hi")

    assert [answers.vector(text) for text in TEXTS] == [pytest.approx(row.values) for row in vectors.embeddings or ()]
    assert server.requests[0].embed is not None
    assert "query" == server.requests[0].embed.kind
    assert 42 == counted.total_tokens


def test_cohere_vectors(server: Server) -> None:
    """Cohere's SDK reads the floats and what was billed."""
    answers = embeds(6)
    server.script(answers)

    with cohere.ClientV2(api_key="k", base_url=server.base_url("cohere-chat")) as client:
        answer = client.embed(model="m", texts=TEXTS, input_type="search_document", embedding_types=["float"])

    assert [answers.vector(text) for text in TEXTS] == [
        pytest.approx(vector) for vector in answer.embeddings.float_ or ()
    ]
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    assert 3 == answer.meta.billed_units.input_tokens


def test_ollama_vectors(server: Server) -> None:
    """Ollama's SDK reads vectors and count."""
    answers = embeds(6)
    server.script(answers)

    with ollama.Client(host=server.base_url("ollama-chat")) as client:
        answer = client.embed(model="m", input=TEXTS)

    assert [answers.vector(text) for text in TEXTS] == [pytest.approx(vector) for vector in answer.embeddings]
    assert 3 == answer.prompt_eval_count


def test_vectors_depend_on_nothing_but_the_text() -> None:
    """The same text has the same vector, of length one; others have others."""
    step = embeds(5)

    assert step.vector("a") == embeds(5).vector("a") != step.vector("b")
    assert 1 == pytest.approx(sum(number * number for number in step.vector("a")))


def test_usage_is_what_the_script_says(server: Server) -> None:
    """Words are counted unless the step says otherwise."""
    server.script(embeds(2), embeds(2, usage=Usage(input_tokens=99)))
    body = {"model": "m", "input": TEXTS}

    told = [json.loads(post(server, "/v1/embeddings", body)[1])["usage"] for _ in range(2)]

    assert [3, 99] == [usage["prompt_tokens"] for usage in told]


@pytest.mark.parametrize(
    ("step", "path"),
    [(embeds(2), "/v1/chat/completions"), (counts(1), "/v1/chat/completions"), (counts(1), "/v1/embeddings")],
)
def test_a_step_at_the_wrong_address_says_so(server: Server, step: Any, path: str) -> None:
    """Vectors are not given to who asked for a chat, nor a count to who asked for vectors."""
    server.script(step)
    body = {"model": "m", "input": "x", "messages": [{"role": "user", "content": "Hi"}]}

    code, answer = post(server, path, body)

    assert 400 == code
    assert "is none" in answer.decode()


def test_a_request_that_cannot_be_read_is_refused(server: Server) -> None:
    """A body without texts is a 400, and no step is played for it."""
    server.script(embeds(2))

    assert 400 == post(server, "/v1/embeddings", {"model": "m"})[0]
    assert 1 == server.left


@pytest.mark.parametrize("dimensions", [0, -1])
def test_vectors_without_length_are_refused(dimensions: int) -> None:
    """The words of the script are checked when they are said."""
    with pytest.raises(ConfigError, match="1 or more"):
        embeds(dimensions)


def test_chat_and_vectors_share_the_script(server: Server) -> None:
    """Steps are played in order, whichever address is asked."""
    server.script(embeds(2), says("hello"))

    with openai.OpenAI(api_key="k", base_url=server.base_url("openai-chat")) as client:
        client.embeddings.create(model="m", input="one")
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])

    assert "hello" == answer.choices[0].message.content
    assert 2 == server.calls
