"""
What every window has to hold to, whatever the history: a conversation is said turn by turn, and each request looked at.

The short form is a property test, the long one a soak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman import DropOldToolResults, LastTurns, Message, Pin, ProviderNative, Summarise, TokenBudget
from dragoman.catalog.models import find_model
from dragoman.conversation.nodes import Kept, Node, Note, Place, Summary, node
from dragoman.conversation.view import Plan, node_of, planned
from dragoman.conversation.windows.caching import Target as Addressee
from dragoman.conversation.windows.caching import marked
from dragoman.conversation.windows.deciding import Policy, Room, policies
from dragoman.conversation.windows.outline import View, outline
from dragoman.conversation.windows.summarise import found_in
from dragoman.errors import ConfigError
from dragoman.types.messages import CacheMark, Part, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.wire.validate import problems
from tests.crossing import TARGETS, TOOLS, Target, row, says_nothing, send
from tests.histories import Chooser, Drawing


class Two:
    """A window of somebody's own: two turns stay when there are more than four."""

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        return len(turns) - 2 if len(turns) > 4 else 0


POLICIES: dict[str, Any] = {
    "turns": LastTurns(2),
    "tokens": TokenBudget(80),
    "pinned": [Pin(first=1), TokenBudget(60, low=0.3)],
    "results": DropOldToolResults(keep=1, at_least=1),
    "summary": Summarise(high=60, keep=1, low=0.3),
    "native": ProviderNative(high=1000),
    "own": Two(),
    "all": [Pin(first=1), DropOldToolResults(keep=0, at_least=10), ProviderNative(), Summarise(high=90), LastTurns(3)],
}
SYSTEM = Message.system("Be brief.")


class Talked:
    """A path that grows, as a store would keep it."""

    def __init__(self, window: Any, room: Room | None = None) -> None:
        self.path: list[Kept] = []
        self.policies: tuple[Policy, ...] = policies(window)
        self.room = room or Room()
        self._turn = 0

    def hang(self, nodes: Sequence[Node], turn: str | None = None) -> None:
        """Add nodes at the leaf."""
        for one in nodes:
            place = Place(1, len(self.path) + 1)
            self.path.append(Kept(place, turn, one.kind, one.weight, one.id, one.body))

    def plan(self, asked: Sequence[Message], policies: Sequence[Policy] | None = None) -> Plan:
        """What a turn would send."""
        return planned(
            self.path,
            tuple(asked),
            system=SYSTEM,
            policies=self.policies if policies is None else policies,
            room=self.room,
            depth=len(self.path),
        )

    def say(self, asked: Sequence[Message], answers: Sequence[Message]) -> Plan:
        """Have a turn."""
        plan = self.plan(asked)
        self._turn += 1
        self.hang([*plan.nodes, *map(node_of, (*asked, *answers))], f"t{self._turn}")
        self._sum_up()
        return plan

    def pin(self, number: int) -> None:
        """Pin the turn of that number, if it is there."""
        depth = outline(self.path).begin_of(f"t{number}")
        if depth is not None:
            self.hang([node("note", Note(pin=(depth,)))])

    def _sum_up(self) -> None:
        """What is done in the background, at once."""
        summing = found_in(self.policies)
        view = View(outline(self.path), depth=len(self.path))
        job = summing.wanted(view, self.room) if summing else None
        cut = view.cut(job.out, "Summarise") if job else None
        if cut is not None:
            summed_up = Summary(text=f"Summary of turn {self._turn}.")
            self.hang([node("cut", type(cut)(cut.start, cut.left_out, cut.by, cut.tokens, summed_up))])


def long_history(chooser: Chooser) -> tuple[Message, ...]:
    """A conversation of up to twenty messages, of several providers, with tools that hang."""
    drawing = Drawing(chooser)
    return (*drawing.several(drawing.turn, 19), Message.user("At last?"))


def turns_of(messages: Sequence[Message]) -> Iterator[tuple[list[Message], list[Message]]]:
    """What is asked, and what is answered, of any messages; the first may answer nothing."""
    asked: list[Message] = []
    answers: list[Message] = []
    for message in messages:
        if message.role == "assistant":
            answers.append(message)
        else:
            if answers:
                yield asked, answers
                asked, answers = [], []
            asked.append(message)
    yield asked, answers


def broken(messages: Sequence[Message], window: Any, targets: Sequence[Target] = TARGETS, pin: int = 0) -> list[str]:
    """
    Everything that is wrong with what a window sends of a conversation.

    Args:
        messages: All of it, at least one.
        window: As `window=`.
        targets: Who is sent the last request, and has rules.
        pin: The number of a turn that is pinned by the caller; 0 for none.
    """
    talk = Talked(window)
    wrong: list[str] = []
    for asked, answers in turns_of(messages):
        if asked:
            wrong += _wrong(talk, asked)
            talk.say(asked, answers)
        else:
            talk.hang([node_of(answer) for answer in answers])
        if pin and len(talk.path) > 3:
            talk.pin(pin)
    last = [Message.user("And now?")]
    wrong += _wrong(talk, last)
    plan = talk.plan(last)
    return wrong + [line for target in targets for line in _refused(target, plan.messages, window)]


def _wrong(talk: Talked, asked: Sequence[Message]) -> list[str]:
    """What of the rules of every window a request breaks."""
    plan = talk.plan(asked)
    wrong: list[str] = []
    if plan.messages[0] != SYSTEM:
        wrong.append("the instructions are not the first message")
    if plan.messages[-len(asked) :] != tuple(asked):
        wrong.append("what is asked is not the end")
    sent = {entry.depth for entry in plan.done.view.entries() if entry.depth}
    wrong += [
        f"only a part of the turn at {turn} is sent"
        for turn in _exchanges(talk.path)
        if 0 < len(sent & turn) < len(turn)
    ]
    other = Talked(None)
    other.path = list(talk.path)
    other.hang(plan.nodes)
    if other.plan(asked).messages != plan.messages:
        wrong.append("another process would send something else")
    other.policies = talk.policies
    if (again := other.plan(asked).nodes) != ():
        wrong.append(f"the same turn is cut twice: {again}")
    return wrong


def _exchanges(path: Sequence[Kept]) -> list[set[int]]:
    """Depths of the messages that belong together, found in the plainest way."""
    found: list[set[int]] = []
    for kept in path:
        message = kept.value
        if isinstance(message, Message) and kept.kind == "message":
            results = any(isinstance(part, ToolResult) for part in message.parts)
            if not found or (message.role == "user" and not results):
                found.append(set())
            found[-1].add(kept.place.depth)
    return found


def _refused(target: Target, messages: tuple[Message, ...], window: Any) -> list[str]:
    """What a provider's rules say of a request."""
    pieces: list[Part] = [part for message in messages for part in message.parts]
    pieces += [inner for part in pieces if isinstance(part, ToolResult) for inner in part.parts]
    own = sum(piece.cache is not None for piece in pieces)
    request = ChatRequest(model=target.model, messages=messages, tools=TOOLS)
    to = Addressee(row(target), target.model, find_model(target.provider, target.model), target.wire)
    if to.marked:
        request = marked(request, CacheMark(), 1, 0)
    for policy in policies(window):
        prepare = getattr(policy, "prepare", None)
        if prepare is not None:
            request, _ = prepare(request, target.wire)
    try:
        sent = send(target, request)
    except ConfigError as error:
        return [] if says_nothing(messages) else [f"{target} refused: {error}"]
    lines = [f"{target}: {problem}" for problem in problems(target.rules, sent.body, model=target.model)]
    marks = sent.text.count('"cache_control"') + sent.text.count('"cachePoint"')
    return lines if marks <= max(4, own) else [*lines, f"{target}: {marks} marks"]
