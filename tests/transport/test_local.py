"""Models in this process: llama.cpp itself, with a model so small that it answers in a millisecond."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from dragoman import (
    AsyncClient,
    ChatResponse,
    Client,
    ConfigError,
    ContextLengthError,
    Event,
    Message,
    TextDelta,
    Timeouts,
    Tool,
    local,
)
from dragoman.errors import BadRequestError, NotFoundError, TimeoutError
from dragoman.wire.openai_chat import parse_messages
from tests.llamacpp.model import ANSWER, CALL, TEXT, write_model

ENDLESS: Any = {"max_tokens": 50_000, "extra": {"ignore_eos": True}}
WEATHER = Tool(
    name="weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with models; their memory is freed in the end."""
    path = tmp_path_factory.mktemp("models")
    write_model(path / "tiny.gguf")
    write_model(path / "long.gguf", context=60_000)
    write_model(path / "caller.gguf", answer=CALL)
    yield path
    local.unload()


@pytest.fixture
def tiny(folder: Path) -> str:
    return f"local/{folder}/tiny.gguf?threads=1"


@pytest.fixture
def long(folder: Path) -> str:
    """A model that can go on for half a minute."""
    return f"local/{folder}/long.gguf?threads=1&ctx=60000"


class Face:
    """One of the two clients, behind blocking verbs."""

    def __init__(self, asynchronous: bool, **options: Any) -> None:
        self.runner = asyncio.Runner() if asynchronous else None
        self.client: Any = AsyncClient(**options) if asynchronous else Client(**options)

    def chat(self, model: str, messages: Any = "why?", **settings: Any) -> ChatResponse:
        called = self.client.chat(model, messages, temperature=settings.pop("temperature", 0), **settings)
        return self.runner.run(called) if self.runner else called

    def read(self, model: str, *, most: int = 10**9, **settings: Any) -> tuple[list[Event], ChatResponse | None]:
        """The first events of a stream, and its answer if that was all."""
        opened = self.client.stream(model, "why?", temperature=0, **settings)
        if self.runner:
            return self.runner.run(_read(opened, most))
        seen: list[Event] = []
        with opened as stream:
            for event in stream:
                seen.append(event)
                if len(seen) == most:
                    return seen, None
        return seen, stream.response

    def close(self) -> None:
        if self.runner:
            self.runner.run(self.client.aclose())
            self.runner.close()
        else:
            self.client.close()


async def _read(opened: Any, most: int) -> tuple[list[Event], ChatResponse | None]:
    seen: list[Event] = []
    async with opened as stream:
        async for event in stream:
            seen.append(event)
            if len(seen) == most:
                return seen, None
    return seen, stream.response


@pytest.fixture(params=[False, True], ids=["blocking", "async"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """Each face in turn."""
    made = Face(request.param)
    yield made
    made.close()


def is_free(model: str) -> bool:
    """Whether the model answers soon: it has one slot, so it does not while it goes on for someone else."""
    began = time.monotonic()
    with Client() as client:
        assert " The sky is" == client.chat(model, "why?", temperature=0, max_tokens=3, timeout=20).text
    return time.monotonic() - began < 2


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_plain_answer(face: Face, tiny: str) -> None:
    """The known text, ended by the model itself, with real usage; nothing of it is simulated, nothing was adapted."""
    answer = face.chat(tiny, max_tokens=50)

    assert (TEXT, "stop", len(ANSWER) + 1) == (answer.text, answer.finish_reason, answer.usage.output_tokens)
    assert (8, False, ()) == (answer.usage.input_tokens, answer.simulated, answer.notices)
    assert ("local", tiny.partition("/")[2].partition("?")[0]) == (answer.provider, answer.model)


def test_a_streamed_answer(face: Face, tiny: str) -> None:
    """The same in pieces, none of which cuts a character."""
    events, answer = face.read(tiny, max_tokens=50)

    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert [" The", " sky", " is", " blue", ",", " 世界", "🙂", "."] == texts
    assert answer is not None
    assert (TEXT, "stop", len(ANSWER) + 1) == (answer.text, answer.finish_reason, answer.usage.output_tokens)


def test_an_answer_that_hits_the_limit(face: Face, tiny: str) -> None:
    """Three tokens and `length`; what was computed before is told as read from the cache."""
    face.chat(tiny)
    answer = face.chat(tiny, max_tokens=3)

    assert (" The sky is", "length", 3) == (answer.text, answer.finish_reason, answer.usage.output_tokens)
    assert 7 == answer.usage.cache_read_tokens


def test_a_stop_text(face: Face, tiny: str) -> None:
    """A stop text ends the answer before it, as `stop`."""
    answer = face.chat(tiny, stop=[" blue"])

    assert (" The sky is", "stop") == (answer.text, answer.finish_reason)


def test_an_answer_that_fills_the_context(face: Face, tiny: str) -> None:
    """Where there is no room left the answer ends, as `length`."""
    answer = face.chat(f"{tiny}&ctx=256", extra={"ignore_eos": True})

    assert ("length", 256 - 8) == (answer.finish_reason, answer.usage.output_tokens)


def test_output_follows_the_schema(face: Face, tiny: str) -> None:
    """Twenty answers at full temperature, from a model that knows nothing of JSON: each is valid."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8},
            "count": {"type": "integer"},
            "sizes": {"type": "array", "items": {"enum": ["S", "M"]}, "maxItems": 3},
            "ok": {"type": "boolean"},
        },
        "required": ["name", "count", "sizes", "ok"],
        "additionalProperties": False,
    }
    valid = jsonschema_rs.validator_for(schema)
    for _ in range(20):
        answer = face.chat(tiny, temperature=1, max_tokens=400, output=schema)

        assert "stop" == answer.finish_reason
        valid.validate(json.loads(answer.text))


@pytest.mark.parametrize("choice", [None, "required"])
def test_a_tool_call(face: Face, folder: Path, choice: str | None) -> None:
    """The model's own way to write a call is read as a call, free or forced, and its result goes back."""
    settings = {} if choice is None else {"tool_choice": choice}
    model = f"local/{folder}/caller.gguf?threads=1"

    answer = face.chat(model, tools=[WEATHER], **settings)

    (call,) = answer.tool_calls
    assert ("weather", {"city": "Paris"}, "tool_calls") == (call.name, call.arguments, answer.finish_reason)
    result = parse_messages([{"role": "tool", "tool_call_id": call.id, "content": "sunny"}])
    talk = [Message.user("weather?"), answer.message, *result]
    assert TEXT.strip() == face.chat(f"local/{folder}/tiny.gguf?threads=1", talk, tools=[WEATHER]).text


def test_a_streamed_tool_call(face: Face, folder: Path) -> None:
    """The same in pieces."""
    _, answer = face.read(f"local/{folder}/caller.gguf?threads=1", tools=[WEATHER])

    assert answer is not None
    assert [("weather", '{"city": "Paris"}')] == [(call.name, call.arguments_json) for call in answer.tool_calls]


def test_progress_is_shown_to_who_asks_for_it(tiny: str) -> None:
    """How far the prompt is read is asked for by the transport, and passed on only if the caller asked, too."""
    with Client() as client:
        client.chat(tiny, "why?", max_tokens=1)
        with client.stream(tiny, "why?", extra={"return_progress": True}) as stream:
            asked = "".join(map(repr, stream))
        with client.stream(tiny, "why?") as stream:
            not_asked = "".join(map(repr, stream))

    assert "prompt_progress" not in not_asked
    assert asked.count("TextDelta") >= 8


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_leaving_a_stream_stops_the_model(face: Face, long: str) -> None:
    """After `break` the model is free for the next call."""
    events, answer = face.read(long, most=4, **ENDLESS)

    assert (4, None) == (len(events), answer)
    assert is_free(long)


def test_a_clock_stops_the_model(face: Face, long: str) -> None:
    """A call that takes too long is an error that says which clock, has what came, and frees the model."""
    with pytest.raises(TimeoutError) as caught:
        face.chat(long, timeout=0.3, **ENDLESS)

    assert "total" == caught.value.clock
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith(TEXT)
    assert is_free(long)


def test_a_clock_stops_the_reading_of_a_prompt(face: Face, long: str) -> None:
    """A prompt that takes too long to read is left in its midst."""
    with pytest.raises(TimeoutError):
        face.chat(long, "why? " * 7000, timeout=0.3)

    assert is_free(long)


def test_the_clock_of_the_first_event_counts_the_wait_for_a_slot(long: str) -> None:
    """A call that waits behind another one fails in time, and costs nothing when its turn comes."""
    hurried = Client(timeouts=Timeouts(first_event=0.2))
    with Client().stream(long, "a", **ENDLESS) as busy:
        next(busy)
        with pytest.raises(TimeoutError) as caught:
            hurried.chat(long, "why?")

    assert "first_event" == caught.value.clock
    assert is_free(long)


def test_cancelling_stops_the_model(long: str) -> None:
    """A cancelled task leaves its answer at once."""

    async def main() -> None:
        async with AsyncClient() as client:
            task = asyncio.create_task(client.chat(long, "why?", temperature=0, **ENDLESS))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert is_free(long)


def test_dropping_a_stream_stops_the_model(long: str) -> None:
    """A stream that nobody holds any more is left."""
    client = Client()
    next(client.stream(long, "why?", temperature=0, **ENDLESS))

    assert is_free(long)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_closing_a_client_leaves_others_their_model(asynchronous: bool, tiny: str) -> None:
    """Models belong to the process: a stream of another client goes on, and the model stays in memory."""
    with Client() as other:
        stream = other.stream(tiny, "why?", temperature=0)
        next(stream)
        face = Face(asynchronous)
        face.chat(tiny)
        face.close()

        assert TEXT == stream.drain().text
    assert tiny.partition("/")[2].partition("?")[0] in local.loaded()


# --- many -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 3])
def test_many_threads(folder: Path, slots: int) -> None:
    """Forty calls from twenty threads share one model and each gets its own answer."""
    model = f"local/{folder}/tiny.gguf?threads=1&slots={slots}"
    with Client() as client, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda most: client.chat(model, "a", temperature=0, max_tokens=most), range(1, 41)))

    assert [min(most, len(ANSWER) + 1) for most in range(1, 41)] == [answer.usage.output_tokens for answer in answers]


def test_many_tasks_need_no_threads(tiny: str) -> None:
    """Two hundred calls that wait take no thread each: the model has one for each slot."""

    async def main() -> tuple[set[str], int]:
        async with AsyncClient() as client:
            calls = [asyncio.create_task(client.chat(tiny, f"a {i}", temperature=0)) for i in range(200)]
            await asyncio.sleep(0.01)
            during = threading.active_count()
            return {answer.text for answer in await asyncio.gather(*calls)}, during

    before = threading.active_count()
    texts, during = asyncio.run(main())

    assert {TEXT} == texts
    assert during <= before + 1


# --- what cannot be ---------------------------------------------------------------------------------------------------


def whole(path: Path) -> bytes:
    write_model(path)
    return path.read_bytes()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "directory": (lambda path: path.mkdir(), "is a directory"),
    "other file": (lambda path: path.write_bytes(b"hello"), "is no GGUF file"),
    "cut": (lambda path: path.write_bytes(whole(path)[:-100]), "is cut off"),
    "architecture": (lambda path: path.write_bytes(whole(path).replace(b"llama", b"lambo")), "lambo"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_cannot_be_used(face: Face, wrong: str, tmp_path: Path) -> None:
    """What is wrong with a file is an error in words that names it; nothing is kept of it."""
    make, words = WRONG[wrong]
    make(tmp_path / "a.gguf")

    with pytest.raises(ConfigError, match=words) as caught:
        face.chat(f"local/{tmp_path}/a.gguf")

    assert ("model", "local") == (caught.value.field, caught.value.provider)
    assert str(tmp_path / "a.gguf") in caught.value.message
    assert f"{tmp_path}/a.gguf" not in local.loaded()


def test_an_unreadable_file(face: Face) -> None:
    """A file that may not be opened is an error of ours; what is no file is never opened."""
    for path, words in (("/dev/zero", "is no regular file"), ("a\0b.gguf", "null byte")):
        with pytest.raises(ConfigError, match=words):
            face.chat(f"local/{path}")


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("contxt=5", "model.contxt", "no option 'contxt'"),
        ("treads=5", "model.treads", "did you mean threads"),
        ("threads=two", "model.threads", "from 1 to 512"),
        ("threads=", "model.threads", "from 1 to 512"),
        ("threads=-1", "model.threads", "from 1 to 512"),
        ("slots=0", "model.slots", "from 1 to 64"),
        ("ctx=3", "model.ctx", "too little"),
        ("ctx=513", "model.ctx", "made for 512 tokens"),
    ],
)
def test_a_wrong_option(face: Face, folder: Path, query: str, field: str, words: str) -> None:
    """An option that cannot be is named, with what it may be."""
    with pytest.raises(ConfigError, match=words) as caught:
        face.chat(f"local/{folder}/tiny.gguf?{query}")

    assert field == caught.value.field


def test_a_prompt_that_is_too_long(face: Face, tiny: str) -> None:
    """The error is the one that other providers' models give, and says how to get more room."""
    with pytest.raises(ContextLengthError, match=r"512 tokens.*\?ctx="):
        face.chat(tiny, "why? " * 500)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"extra": {"grammar": "root ::= missing"}}, "grammar"),
        ({"extra": {"temperature": "warm"}}, "temperature"),
        ({"output": {"type": "objekt"}}, "objekt"),
        ({"extra": {"messages": 5}}, "messages"),
    ],
)
def test_a_request_that_llama_cpp_refuses(face: Face, tiny: str, settings: Any, words: str) -> None:
    """What it reports, and what it throws, is a typed error with its words; the model goes on."""
    with pytest.raises(BadRequestError, match=words):
        face.chat(tiny, **settings)

    assert TEXT == face.chat(tiny).text


def test_other_addresses(tiny: str) -> None:
    """There are the models in memory, chat, and nothing else."""
    with Client() as client:
        client.chat(tiny, "why?", max_tokens=1)
        names = [card.id for card in client.models("local")]
        with pytest.raises(NotFoundError, match="/props"):
            client.raw("local").get("/props")
        with pytest.raises(BadRequestError, match="no model"):
            client.raw("local").post("/chat/completions", json={"messages": []})

    assert local.loaded() == names
    assert tiny.partition("/")[2].partition("?")[0] in names


def test_a_wrong_scheme_is_still_refused() -> None:
    """A base URL is one that a transport knows."""
    with pytest.raises(ConfigError, match="base_url"):
        Client(providers={"mine": {"base_url": "file:///models"}})


def test_what_would_be_sent(tiny: str) -> None:
    """A dry run shows the request and loads nothing."""
    local.unload()
    with Client() as client:
        request = client.prepare(tiny, "hi", max_tokens=5)

    assert "local://models/chat/completions" == request.url
    assert {"max_tokens": 5, "model": tiny.partition("/")[2]}.items() <= msgspec.json.decode(request.body).items()
    assert [] == local.loaded()
