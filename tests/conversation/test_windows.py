"""What is left of any history by any window, and that it holds still between cuts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman import (
    ConfigError,
    DropOldToolResults,
    LastTurns,
    Message,
    Pin,
    ProviderNative,
    Summarise,
    TokenBudget,
    ToolCall,
    ToolResult,
)
from dragoman.conversation.nodes import Cut, Note
from dragoman.conversation.window import low_mark
from dragoman.conversation.windows.deciding import Room, decided, policies, view_of
from dragoman.conversation.windows.outline import DROPPED, SUMMED_UP, outline
from dragoman.types.requests import ChatRequest
from tests.conversation.views import POLICIES, Talked, broken, long_history
from tests.crossing import TARGETS, Target, send
from tests.histories import Drawn
from tests.soaks.views import views


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Long conversations, for property tests."""
    return long_history(Drawn(draw))


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    messages=conversations(), targets=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3), pin=st.integers(0, 4)
)
def test_every_view_is_valid_for_every_provider(name: str, messages: Any, targets: list[Target], pin: int) -> None:
    """Whatever was said, what is sent is whole turns behind the instructions, and no provider's rules refuse it."""
    assert [] == broken(messages, POLICIES[name], targets, pin)


def test_the_long_form_runs() -> None:
    """The soak finds nothing in its first conversations."""
    assert [] == views(0.0001)["problems"]


def test_the_check_finds_a_torn_turn() -> None:
    """A window that splits a call from its result is found out."""

    class Torn:
        def decide(self, view: Any, room: Any) -> Sequence[Any]:
            depths = [entry.depth for turn in view.turns for entry in turn.entries if entry.depth]
            return [Cut(depths[1], 1)] if len(depths) > 3 else []

    torn = broken([message for number in range(3) for message in _exchange(number)], Torn(), ())

    assert any(line.startswith("only a part of the turn") for line in torn)


# --- the prompt cache -------------------------------------------------------------------------------------------------


def _exchange(number: int) -> list[Message]:
    """A question, a call, its result, and an answer."""
    call = ToolCall(f"call_{number}", "look_up", '{"key": 1}')
    return [
        Message.user(f"Question {number}: what is it?"),
        Message.assistant(call),
        Message.tool(call, f"Result {number}: " + "it is so and not otherwise " * 10),
        Message.assistant(f"Answer {number}."),
    ]


def _body(target: Target, messages: tuple[Message, ...]) -> list[str]:
    """The messages of a body, each as text."""
    body = send(target, ChatRequest(model=target.model, messages=messages)).body
    lists = [body[name] for name in ("messages", "input", "contents") if isinstance(body.get(name), list)]
    return [json.dumps(item) for found in lists for item in found]  # a single message may be a text


_STEADY: dict[str, Any] = {
    "turns": LastTurns(8),
    "tokens": TokenBudget(800),
    "pinned": [Pin(first=1), TokenBudget(800)],
    "results": DropOldToolResults(keep=1, at_least=300),
    "summary": Summarise(high=800),
    "all": [Pin(first=1), DropOldToolResults(keep=2, at_least=300), ProviderNative(), Summarise(high=600)],
}


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("name", _STEADY)
def test_requests_begin_with_the_one_before_between_cuts(name: str, target: Target) -> None:
    """Byte for byte: unless something is decided, a request has all messages of the one before at its beginning."""
    talk, before, known, moved = Talked(_STEADY[name]), list[str](), 0, 0
    for number in range(24):
        asked, *answers = _exchange(number)
        plan = talk.plan([asked])
        now, decided = _body(target, plan.messages), len(plan.done.view.outline.decided)
        if decided == known:
            assert before == now[: len(before)]
        else:
            moved += 1
        before, known = now, decided
        talk.say([asked], answers)
    assert 1 <= moved <= 12


def test_cuts_are_far_apart() -> None:
    """With half of the budget kept, some ten turns pass from cut to cut; without, every turn cuts."""
    assert 5 >= _cuts(TokenBudget(2000), 50)
    assert 5 >= _cuts(LastTurns(20), 50)
    assert 25 <= _cuts(LastTurns(20, low=1), 50)


def _cuts(window: Any, turns: int) -> int:
    talk = Talked(window)
    return sum(len(talk.say(asked[:1], asked[1:]).done.decisions) for asked in map(_exchange, range(turns)))


def test_what_a_provider_does_not_cache_is_not_kept_short() -> None:
    """A cut keeps as much as is cached at all, if there is room to grow; below that nothing is cached anyway."""
    assert 4096 == low_mark(8000, 0.25, 4096)
    assert 3750 == low_mark(5000, 0.25, 4096)
    assert 1000 == low_mark(4000, 0.25, 4096)
    assert 4000 == low_mark(8000, 0.5, 1024)


def test_no_budget_is_above_half_of_what_the_model_reads() -> None:
    """What the caller says is capped by `share`, where the model is known."""
    assert 2 == TokenBudget(10_000).leave_out([3000, 1500, 1000], 0, 8000)
    assert 0 == TokenBudget(10_000, share=1).leave_out([3000, 1500, 1000], 0, 8000)


# --- each window ------------------------------------------------------------------------------------------------------


def _texts(talk: Talked, asked: str = "Now?") -> list[str]:
    return [message.text for message in talk.plan([Message.user(asked)]).messages]


def _talked(window: Any, turns: int, room: Room | None = None) -> Talked:
    talk = Talked(window, room)
    for number in range(turns):
        talk.say([Message.user(f"Question {number}")], [Message.assistant(f"Answer {number}")])
    return talk


def test_pinned_turns_stay_when_others_go() -> None:
    """The first turn, and whichever the caller pins, are sent before the window, in order."""
    talk = _talked([Pin(first=1), LastTurns(3)], 2)
    talk.pin(2)
    for number in range(2, 9):
        talk.say([Message.user(f"Question {number}")], [Message.assistant(f"Answer {number}")])

    sent = [text for text in _texts(talk) if text.startswith("Question")]

    assert ["Question 0", "Question 1"] == sent[:2]
    assert "Question 2" not in sent
    assert "Question 8" == sent[-1]
    assert len(sent) <= 5


def test_what_was_unpinned_is_not_pinned_again() -> None:
    """The caller's word holds over the policy's."""
    talk = _talked([Pin(first=1), LastTurns(2)], 1)
    talk.say([Message.user("Question 1")], [])
    pinned = outline(talk.path).pins
    assert [True] == list(pinned.values())
    from dragoman.conversation.nodes import node

    talk.hang([node("note", Note(unpin=tuple(pinned)))])
    for number in range(2, 6):
        talk.say([Message.user(f"Question {number}")], [Message.assistant("Yes")])

    assert "Question 0" not in _texts(talk)


def test_pins_by_id() -> None:
    """A turn is named by the id under which it was said; one that is not there pins nothing."""
    talk = _talked([Pin(turns=("t3", "t99")), LastTurns(2)], 8)

    assert ["Question 2"] == [text for text in _texts(talk) if text.startswith("Question")][:1]


def test_old_results_are_dropped_and_their_calls_stay() -> None:
    """The last results keep their content, older ones become a word; each call has its result."""
    talk = Talked(DropOldToolResults(keep=2, at_least=50))
    for number in range(6):
        asked, *answers = _exchange(number)
        talk.say([asked], answers)

    sent = talk.plan([Message.user("Now?")]).messages
    results = [part for message in sent for part in message.parts if isinstance(part, ToolResult)]
    called = [call.id for message in sent for call in message.tool_calls]

    assert called == [result.call_id for result in results]
    assert [True, True, True, True, False, False] == [result.text == DROPPED for result in results]


def test_results_are_not_dropped_one_by_one() -> None:
    """Nothing is dropped until it is worth the cache."""
    talk = Talked(DropOldToolResults(keep=1, at_least=500))
    drops = [bool(talk.say(turn[:1], turn[1:]).nodes) for turn in map(_exchange, range(20))]

    assert 1 <= sum(drops[1:]) <= 3


def test_each_window_sees_what_those_before_it_left() -> None:
    """Results that are dropped count no more for the budget behind it."""
    long = [message for number in range(8) for message in _exchange(number)]
    room = sum(kept.weight for kept in _path_of(long)) * 2 // 3

    alone, behind = Talked(TokenBudget(room)), Talked([DropOldToolResults(keep=1, at_least=1), TokenBudget(room)])
    for talk in (alone, behind):
        for number in range(8):
            asked, *answers = _exchange(number)
            talk.say([asked], answers)

    assert [Cut] == [type(kept.value) for kept in alone.path if kept.kind == "cut"]
    assert not [kept for kept in behind.path if kept.kind == "cut"]


def _path_of(messages: Sequence[Message]) -> list[Any]:
    talk = Talked(None)
    talk.say(messages[:1], messages[1:])
    return talk.path


def test_a_summary_stands_for_what_it_sums_up() -> None:
    """It comes behind the instructions, and the turns that it covers are gone."""
    talk = _talked(Summarise(high=100, keep=2), 12)

    sent = _texts(talk)

    assert sent[1].startswith(SUMMED_UP)
    assert 1 == sum(text.startswith(SUMMED_UP) for text in sent)
    assert "Question 0" not in sent
    assert ["Question 10", "Question 11"] == [text for text in sent if text.startswith("Question")][-2:]


def test_without_a_summary_the_ceiling_cuts() -> None:
    """Nobody waits for a summary: above the ceiling the oldest turns go without one."""
    summing = Summarise(high=100, ceiling=150)
    talk = Talked([])
    for number in range(16):
        talk.say([Message.user(f"Question {number}")], [Message.assistant(f"Answer {number}")])
    view = view_of(outline(talk.path), [Message.user("Now?")], system=None, depth=len(talk.path), request=None)

    (cut,) = decided(view, (summing,), Room()).decisions

    assert isinstance(cut, Cut)
    assert cut.summary is None
    assert summing.wanted(view, Room()) is not None


@pytest.mark.parametrize(
    ("expected", "given", "context"),
    [
        pytest.param((21_333, 32_000), {}, None, id="nothing known"),
        pytest.param((66_666, 100_000), {}, 200_000, id="half of the model's"),
        pytest.param((8000, 12_000), {"high": 8000}, 200_000, id="half as much again"),
        pytest.param((4000, 4000), {"high": 8000}, 8000, id="the model's half is less"),
        pytest.param((8000, 9000), {"high": 8000, "ceiling": 9000}, None, id="both said"),
    ],
)
def test_marks_of_a_summary(expected: tuple[int, int], given: dict[str, Any], context: int | None) -> None:
    """When a summary is written, and when nobody waits for it."""
    assert expected == Summarise(**given).marks(context)


def test_the_provider_is_asked_in_its_own_words() -> None:
    """Each dialect that can has its field; the caller's own stands; all others get a notice."""
    native, request = ProviderNative(high=5000, keep=2), ChatRequest("m", (Message.user("Hi"),))

    clearing, _ = native.prepare(request, "anthropic-messages")
    compacting, _ = native.prepare(request, "openai-responses")
    same, notices = native.prepare(request, "ollama-chat")
    own = ChatRequest("m", request.messages, native={"openai-responses": {"context_management": []}})

    assert clearing.native is not None
    assert compacting.native is not None
    (edit,) = clearing.native["anthropic-messages"]["context_management"]["edits"]
    assert ("clear_tool_uses_20250919", 5000, 2) == (edit["type"], edit["trigger"]["value"], edit["keep"]["value"])
    assert [{"type": "compaction", "compact_threshold": 5000}] == compacting.native["openai-responses"][
        "context_management"
    ]
    assert same is request
    assert ["window"] == [notice.field for notice in notices]
    assert (own, ()) == native.prepare(own, "openai-responses")


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("first", lambda: Pin(first=-1)),
        ("turns", lambda: Pin(turns="t1")),  # type: ignore[arg-type]
        ("keep", lambda: DropOldToolResults(keep=-1)),
        ("at_least", lambda: DropOldToolResults(at_least=0)),
        ("keep", lambda: Summarise(keep=0)),
        ("ceiling", lambda: Summarise(high=100, ceiling=50)),
        ("high", lambda: ProviderNative(high=0)),
        ("share", lambda: TokenBudget(share=0)),
        ("window", lambda: policies([LastTurns])),
        ("window", lambda: policies("tokens")),
        ("window", lambda: policies(20)),
    ],
)
def test_what_cannot_be_is_refused(field: str, make: Any) -> None:
    """Bad values name their field."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert field == caught.value.field
