"""Models in this process: llama.cpp itself, with a model so small that it answers in a millisecond."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema_rs
import pytest

from dragoman import (
    AsyncClient,
    Client,
    Message,
    TextDelta,
    Tool,
)
from dragoman.wire.openai_chat import parse_messages
from tests.llamacpp.model import ANSWER, TEXT
from tests.transport.local.conftest import Face

WEATHER = Tool(
    name="weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


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
