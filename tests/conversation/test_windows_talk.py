"""Windows where they matter: in conversations, on both faces, over a socket."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import (
    CacheMark,
    ChatRequest,
    ChatResponse,
    Client,
    ConfigError,
    ConversationError,
    DropOldToolResults,
    LastTurns,
    Message,
    Pin,
    ProviderNative,
    Reasoning,
    Summarise,
    Text,
    TokenBudget,
)
from dragoman.conversation.windows.outline import SUMMED_UP
from dragoman.testing import Server, Step, calls, response, says, status
from tests.conversation.conftest import AsyncTalk, BlockingTalk

_WIRES = {"openai": "openai-chat", "anthropic": "anthropic-messages", "bedrock": "bedrock-converse"}
_LONG = "word " * 60


def _is_summary(chat: ChatRequest) -> bool:
    return chat.messages[0].text.startswith("You write the memory")


def answers(chat: ChatRequest) -> Step:
    """A short answer, or a summary where one is wanted."""
    if _is_summary(chat):
        return says(f"{chat.messages[-1].text.count('user:')} questions were asked.")
    return says(f"Answer to {chat.messages[-1].text.split()[0]}")


class Provider(Server):
    """A provider whose way to answer may be changed."""

    def __init__(self) -> None:
        self.answer: Callable[[ChatRequest], Any] = answers
        super().__init__(default=calls(lambda chat: self.answer(chat)))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


def rows_of(server: Server) -> dict[str, Any]:
    return {name: {"base_url": server.base_url(wire), "api_key": "test-key-0001"} for name, wire in _WIRES.items()}


@pytest.fixture(params=[BlockingTalk, AsyncTalk], ids=["blocking", "async"])
def make_talk(request: pytest.FixtureRequest, provider: Provider, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make a conversation of either face in one SQLite file."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        options = {"model": "openai/any", "store": f"sqlite:///{tmp_path}/talk.db", "system": "Be brief."} | options
        made.append(request.param(rows_of(provider), "ticket", options))
        return made[-1]

    yield make
    for talk in made:
        talk.close()


def sent(server: Server, number: int = -1) -> list[str]:
    """First words of the messages of a request."""
    chat = [request.chat for request in server.requests if request.chat and not _is_summary(request.chat)][number]
    return [" ".join(message.text.split()[:2]) for message in chat.messages]


# --- windows ----------------------------------------------------------------------------------------------------------


def test_windows_work_together_and_hold_for_everybody(make_talk: Callable[..., Any], provider: Provider) -> None:
    """Pinned turns, the window, and the question; another process without a window sends the same."""
    talk = make_talk(window=[Pin(first=1), LastTurns(2)])
    for number in range(4):
        talk.do("say", f"q{number}", f"turn-{number}")

    assert ["Be brief.", "q0", "Answer to", "q3"] == sent(provider)
    other = make_talk(window=None, system=None)
    other.do("say", "q4")
    assert ["Be brief.", "q0", "Answer to", "q3", "Answer to", "q4"] == sent(provider)
    assert 11 == len(other.history())


def test_the_caller_pins_and_unpins(make_talk: Callable[..., Any], provider: Provider) -> None:
    """A pin is part of the tree: it holds for others, too, until it is taken away."""
    talk = make_talk(window=LastTurns(1))
    talk.do("say", "keep", "rule")
    talk.do("pin", "rule")
    talk.do("pin", "rule")
    talk.do("say", "q1")
    other = make_talk(window=LastTurns(1))
    other.do("say", "q2")
    assert ["Be brief.", "keep", "Answer to", "q2"] == sent(provider)

    other.do("unpin", "rule")
    talk.do("say", "q3")
    assert ["Be brief.", "q3"] == sent(provider)
    with pytest.raises(ConversationError):
        talk.do("pin", "nothing")


def test_undo_takes_what_hangs_on_the_turn(make_talk: Callable[..., Any]) -> None:
    """A pin that was set behind the last turn does not keep it from being undone."""
    talk = make_talk()
    talk.do("say", "q0", "first")
    talk.do("say", "q1", "second")
    talk.do("pin", "first")
    talk.do("undo")

    assert ["Be brief.", "q0", "Answer to q0"] == talk.history()


def test_what_is_no_window_is_refused(make_talk: Callable[..., Any]) -> None:
    """Before anything is asked."""
    for field, options in (("window", {"window": "big"}), ("cache_marks", {"cache_marks": 5})):
        with pytest.raises(ConfigError) as caught:
            make_talk(**options)
        assert field == caught.value.field


# --- summaries --------------------------------------------------------------------------------------------------------


def _summing(**more: Any) -> Summarise:
    return Summarise(**{"high": 400, "keep": 1, "ceiling": 100_000} | more)


def _say_until_summed_up(talk: Any, server: Server, most: int = 12) -> int:
    """Say until a summary is asked for; how many turns that took."""
    for number in range(most):
        talk.do("say", f"q{number} {_LONG}", f"turn-{number}")
        assert talk.do("settle", 10)
        if any(request.chat and _is_summary(request.chat) for request in server.requests):
            return number + 1
    raise AssertionError("no summary was asked for")


def test_a_summary_is_written_behind_the_turn(make_talk: Callable[..., Any], provider: Provider) -> None:
    """When a turn is done and the mark is passed, a model sums up; the next turn of anybody sends that."""
    talk = make_talk(window=_summing())
    turns = _say_until_summed_up(talk, provider)

    other = make_talk(window=None)
    other.do("say", "next")
    first = [message.text for message in other.do("view")][1]

    assert f"{SUMMED_UP}{turns - 2} questions were asked." == first or first.startswith(SUMMED_UP)
    assert len(sent(provider)) < 2 * turns
    assert "q0 word" not in sent(provider)
    told = other.do("explain")
    (summed_up,) = told.left_out
    assert ("summary", "Summarise", False) == (summed_up.what, summed_up.by, summed_up.now)
    assert "turn-0" in summed_up.turns
    assert 2 * turns + 3 == len(other.history())


def test_the_next_summary_holds_the_one_before(make_talk: Callable[..., Any], provider: Provider) -> None:
    """There is one summary at a time, and who writes it is shown the one that it replaces."""
    talk = make_talk(window=_summing())
    for number in range(16):
        talk.do("say", f"q{number} {_LONG}")
        assert talk.do("settle", 10)
    asked = [request.chat for request in provider.requests if request.chat and _is_summary(request.chat)]

    assert 2 <= len(asked) <= 8
    assert "Memory so far:" not in asked[0].messages[-1].text
    assert "Memory so far:\n" in asked[1].messages[-1].text
    assert 1 == sum(text.startswith("[What was") for text in sent(provider))


def test_another_model_sums_up(make_talk: Callable[..., Any], provider: Provider) -> None:
    """Of whatever provider."""
    talk = make_talk(window=_summing(model="anthropic/cheap"))
    _say_until_summed_up(talk, provider)

    (summing,) = [request for request in provider.requests if request.chat and _is_summary(request.chat)]

    assert "anthropic-messages" == summing.wire


def test_a_summary_that_fails_is_logged_and_tried_again(
    make_talk: Callable[..., Any], provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """No turn fails for it; the next one has it written."""
    refused: list[int] = []

    def step(chat: ChatRequest) -> Step:
        if _is_summary(chat) and not refused:
            refused.append(1)
            return status(400, "no")
        return answers(chat)

    provider.answer = step
    talk = make_talk(window=_summing())
    with caplog.at_level(logging.WARNING, "dragoman.conversation"):
        turns = _say_until_summed_up(talk, provider)
    assert "could not be summed up" in caplog.text
    assert ["1 summaries could not be written: the log says why"] == list(talk.do("explain").notices)

    talk.do("say", f"q{turns} {_LONG}")
    assert talk.do("settle", 10)
    assert talk.do("view")[1].text.startswith(SUMMED_UP)


def test_a_summary_that_was_cut_off_is_not_taken(make_talk: Callable[..., Any], provider: Provider) -> None:
    """Half a summary would be taken for the whole."""

    def step(chat: ChatRequest) -> Step:
        return says("half of", finish="length") if _is_summary(chat) else answers(chat)

    provider.answer = step
    talk = make_talk(window=_summing())
    _say_until_summed_up(talk, provider)

    assert not any(message.text.startswith(SUMMED_UP) for message in talk.do("view"))


def test_a_summary_waits_for_the_turn_that_runs(provider: Provider) -> None:
    """It never disturbs a turn, and a turn never waits for it: it is hung when the branch is free."""
    free, summing = threading.Event(), threading.Event()

    async def slow(chat: ChatRequest) -> Step:
        if not _is_summary(chat):
            return says("one two three four", chunk=4, pace=0.1) if chat.stream else answers(chat)
        summing.set()
        while not free.is_set():
            await _tick()
        return says("All in short.")

    provider.answer = slow
    with Client(providers=rows_of(provider)) as client:
        talk = client.conversation("x", model="openai/any", window=_summing())
        number = 0
        while not summing.wait(0.05):
            talk.say(f"q{number} {_LONG}")
            number += 1
            assert number < 20
        assert not talk.settle(0.02)
        with talk.stream("while it is written") as stream:
            next(stream)
            free.set()
            assert not talk.settle(0.1)
            stream.drain()
        assert talk.settle(10)

        assert 2 * number + 2 == len(talk.history)
        assert SUMMED_UP + "All in short." == talk.view()[0].text


def test_a_summary_of_what_was_undone_is_thrown_away(provider: Provider) -> None:
    """What it sums up must be part of the branch."""
    free, summing = threading.Event(), threading.Event()

    async def slow(chat: ChatRequest) -> Step:
        if not _is_summary(chat):
            return answers(chat)
        summing.set()
        while not free.is_set():
            await _tick()
        return says("All in short.")

    provider.answer = slow
    with Client(providers=rows_of(provider)) as client:
        talk = client.conversation("x", model="openai/any", window=_summing())
        number = 0
        while not summing.wait(0.05):
            talk.say(f"q{number} {_LONG}", f"turn-{number}")
            number += 1
            assert number < 20
        talk.edit("turn-0", "something else", "other")
        free.set()
        assert talk.settle(10)

        assert ["something else", "Answer to something"] == [message.text for message in talk.view()]


async def _tick() -> None:
    import asyncio

    await asyncio.sleep(0.005)


def test_summaries_are_seen_by_observers(provider: Provider) -> None:
    """What they cost is counted like every call."""
    seen: list[str] = []

    class Looks:
        def begin(self, call: Any) -> Any:
            return lambda ended: seen.append(str(ended.response and ended.response.text))

    with Client(providers=rows_of(provider), observe=[Looks()]) as client:
        talk = client.conversation("x", model="openai/any", window=_summing())
        for number in range(8):
            talk.say(f"q{number} {_LONG}")
            talk.settle()

    assert any(text.endswith("questions were asked.") for text in seen)


# --- explain ----------------------------------------------------------------------------------------------------------


def test_explain_says_what_will_be_sent(make_talk: Callable[..., Any], provider: Provider) -> None:
    """And nothing is sent or written by it; then just that is sent."""
    talk = make_talk(window=[Pin(first=1), LastTurns(2)], model="openai/gpt-4o")
    new = talk.do("explain", "q0")
    assert ("new", 0) == (new.cache.prefix, new.cache.tokens)
    assert ["instructions", "asked"] == [message.why for message in new.messages]
    for number in range(3):
        talk.do("say", f"q{number}", f"turn-{number}")

    before = provider.calls
    same = talk.do("explain")
    told = talk.do("explain", "q3")

    assert ("unchanged", None) == (same.cache.prefix, same.cache.at)
    assert ("moved", 3) == (told.cache.prefix, told.cache.at)
    assert ["instructions", "pinned", "pinned", "asked"] == [message.why for message in told.messages]
    assert [("cut", ("turn-1", "turn-2"), "LastTurns", True)] == [
        (one.what, one.turns, one.by, one.now) for one in told.left_out if one.what == "cut"
    ]
    assert before == provider.calls
    assert 128_000 == told.context
    talk.do("say", "q3", "turn-3")
    assert len(told.messages) == len(sent(provider))
    assert [message.text.split()[0] for message in told.messages] == [text.split()[0] for text in sent(provider)]
    assert 9 == len(talk.history())


def test_explain_in_words(make_talk: Callable[..., Any]) -> None:
    """Every message, what was left out, and the cache."""
    talk = make_talk(window=[Pin(first=1), LastTurns(2)], model="openai/gpt-4o")
    for number in range(4):
        talk.do("say", f"q{number} {_LONG * 10}", f"turn-{number}")

    text = str(talk.do("explain", "last"))

    assert text.startswith("openai/gpt-4o: ")
    assert "pinned (turn-0): q0 word" in text
    assert "left out before by LastTurns" in text
    assert "prompt cache: prefix " in text
    assert "the prompt costs about $" in text


def test_explain_names_bound_thinking(make_talk: Callable[..., Any]) -> None:
    """Where a cut makes the provider's thoughts useless, that is said."""
    talk = make_talk(window=LastTurns(1), model="anthropic/claude-sonnet-5-5")
    talk.do("say", "q0")

    (notice,) = talk.do("explain", "q1").notices

    assert "bound" in notice


# --- the provider's own means -----------------------------------------------------------------------------------------


def _marks(body: Any) -> list[str]:
    """Paths of the marks in a body."""
    found: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            if "cache_control" in value or "cachePoint" in value:
                found.append(path)
            for name, inner in value.items():
                walk(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                walk(inner, f"{path}[{i}]")

    walk(body, "$")
    return found


def _bodies(server: Server) -> list[Any]:
    return [json.loads(request.body) for request in server.requests]


def test_marks_stand_where_the_cache_is_read_and_written(make_talk: Callable[..., Any], provider: Provider) -> None:
    """At the end of the instructions, of what was sent last, and of what is asked."""
    talk = make_talk(model="anthropic/claude-sonnet-5-5", system="Rule. " * 600)
    for number in range(3):
        talk.do("say", f"q{number}")

    bodies = _bodies(provider)

    assert ["$.system[0]", "$.messages[0].content[0]"] == _marks(bodies[0])
    assert ["$.system[0]", "$.messages[2].content[0]", "$.messages[4].content[0]"] == _marks(bodies[2])
    assert not any(part.cache for message in talk.do("view") for part in message.parts)


def test_marks_can_be_switched_off_and_have_a_lifetime(make_talk: Callable[..., Any], provider: Provider) -> None:
    """`cache_marks=`."""
    system = "Rule. " * 600
    make_talk(model="anthropic/claude-sonnet-5-5", system=system, cache_marks=False).do("say", "q0")
    make_talk(model="anthropic/claude-sonnet-5-5", system=system, cache_marks="1h").do("say", "q1")

    plain, long = _bodies(provider)

    assert [] == _marks(plain)
    assert {"type": "ephemeral", "ttl": "1h"} == long["system"][0]["cache_control"]


def test_own_marks_stand_and_there_are_never_five(make_talk: Callable[..., Any], provider: Provider) -> None:
    """The caller's come first."""
    own = Message("user", tuple(Text(f"part {number}", cache=CacheMark("1h")) for number in range(3)))
    talk = make_talk(model="anthropic/claude-sonnet-5-5", system="Rule. " * 600)
    talk.do("say", [own])
    talk.do("say", "next")

    assert [4, 4] == [len(_marks(body)) for body in _bodies(provider)]


def test_nobody_else_is_sent_marks(provider: Provider) -> None:
    """So nothing has to be left out again, also under `strict=True`."""
    with Client(providers=rows_of(provider), strict=True) as client:
        talk = client.conversation("x", model="openai/gpt-4o", system="Rule. " * 600)
        talk.say("q0")
        talk.say("q1")

    assert [[], []] == list(map(_marks, _bodies(provider)))


def test_bedrock_has_its_own_marks(make_talk: Callable[..., Any], provider: Provider) -> None:
    """A block behind what is cached, for models that cache."""
    talk = make_talk(model="bedrock/us.anthropic.claude-sonnet-4-6", system="Rule. " * 600)
    talk.do("say", "q0")

    assert ["$.system[1]", "$.messages[0].content[1]"] == _marks(_bodies(provider)[0])


def test_the_provider_edits_the_context(make_talk: Callable[..., Any], provider: Provider) -> None:
    """Where it can, it is asked to, under the name that it has for that; elsewhere the answer says that it was not."""
    window = [ProviderNative(high=9000), TokenBudget()]
    native = make_talk(model="anthropic/claude-sonnet-5-5", window=window).do("say", "q0")
    other = make_talk(window=window)
    plain = other.do("say", "q1")
    streamed = other.read("q2")

    assert 9000 == _bodies(provider)[0]["context_management"]["edits"][0]["trigger"]["value"]
    assert "context-management-2025-06-27" == provider.requests[0].headers["anthropic-beta"]
    assert not any(notice.field == "window" for notice in native.notices)
    assert ["window"] == [notice.field for notice in plain.notices if notice.field == "window"]
    assert ["window"] == [notice.field for notice in streamed.notices if notice.field == "window"]
    assert "context_management" not in _bodies(provider)[1]


def test_bound_thinking_goes_with_what_it_is_bound_to(provider: Provider) -> None:
    """After a cut, thoughts that were bound to the longer prompt are not sent; those of later turns are."""
    thought = Reasoning("I think so.", native={"anthropic-messages": {"signature": "c2lnbmVk"}})
    said = ChatResponse(message=Message.assistant(thought, Text("Yes.")), finish_reason="stop")
    provider.answer = lambda chat: response(said)
    with Client(providers=rows_of(provider)) as client:
        talk = client.conversation("x", model="anthropic/claude-sonnet-5-5", window=LastTurns(4))
        for number in range(6):
            talk.say(f"q{number}")

    thoughts = [body_text.count(b'"type":"thinking"') for body_text in (request.body for request in provider.requests)]

    assert [0, 1, 2, 3] == thoughts[:4]
    assert 0 == thoughts[4]  # cut: what remains had seen more
    assert 1 == thoughts[5]  # the thought of the turn that cut is bound to what is sent since


def test_runs_with_tools_drop_old_results(make_talk: Callable[..., Any], provider: Provider) -> None:
    """Through the whole way: calls and results of runs, of which only the last keep their content."""

    def step(chat: ChatRequest) -> Step:
        last = chat.messages[-1]
        return says(tools=[("look", "{}")]) if last.role == "user" else says("Seen.")

    provider.answer = step

    def look() -> str:
        """Look."""
        return "It is there, " * 40

    talk = make_talk(window=DropOldToolResults(keep=1, at_least=10))
    for number in range(3):
        talk.do("run", f"q{number}", tools=[look])
    results = [message["content"] for message in _bodies(provider)[-1]["messages"] if message["role"] == "tool"]

    assert 3 == len(results)
    assert [True, False] == [str(result).startswith("It is there") for result in (results[2], results[0])]
