"""
A turn's request: what the policies leave of the history, with the provider's own means and its cache marks.

    path -> plan (policies) -> native fields -> marks -> request

Rule: what is written into the tree is neither marked nor meant for one provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

import msgspec

from dragoman.conversation.nodes import Kept, Node
from dragoman.conversation.view import Plan, planned
from dragoman.conversation.window import TokenBudget
from dragoman.conversation.windows.aside import Asides, Branch
from dragoman.conversation.windows.caching import Target, check_marks, marked, target
from dragoman.conversation.windows.deciding import Policy, Room, policies
from dragoman.conversation.windows.explaining import explained, in_common, sent_before
from dragoman.conversation.windows.outline import View, outline
from dragoman.conversation.windows.summarise import Summarise, found_in
from dragoman.policy.base import Opened
from dragoman.runtime import Runtime
from dragoman.types.events import Event
from dragoman.types.http import Notice
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.windows import Explanation
from dragoman.verbs.talking import Options, Voice

if TYPE_CHECKING:
    from dragoman.policy.route.way import Way


class Base(NamedTuple):
    """
    Where a turn hangs.

    Attributes:
        path: From the root to there.
        system: The instructions that the caller wants to hold; None for those that do.
        depth: Of the place.
    """

    path: Sequence[Kept]
    system: Message | None
    depth: int


class Ready(NamedTuple):
    """
    A request that may be sent.

    Attributes:
        request: What is sent.
        nodes: What is written down before the turn's messages.
        notices: What the caller should know, beside what the call says.
        room: What is known of the model.
    """

    request: ChatRequest
    nodes: tuple[Node, ...]
    notices: tuple[Notice, ...]
    room: Room


class Sending:
    """What a conversation does about its window."""

    def __init__(self, voice: Voice, options: Options, branch: Branch, runtime: Runtime) -> None:
        """
        Args:
            voice: The client.
            options: Of `Client.conversation`.
            branch: The conversation, for summaries.
            runtime: Of its face.

        Raises:
            ConfigError: `window` or `cache_marks` cannot be.
        """
        self._voice = voice
        self._policies: tuple[Policy, ...] = policies(_DEFAULT if options.window == "default" else options.window)
        self._mark = check_marks(options.cache_marks)
        summing = found_in(self._policies)
        self.asides = None if summing is None else Asides(branch, summing, partial(self._summed_up, summing), runtime)
        self._model = options.model

    def ready(self, base: Base, request: ChatRequest, to: Target) -> Ready:
        """
        Make the request of a turn.

        Args:
            base: Where it hangs.
            request: What it says, with its settings.
            to: Who will answer.
        """
        plan = self._planned(base, request.messages, request, to)
        for decision in plan.done.decisions:
            self._voice.plain.watch.signal("prefix_moved", 1, reason=decision.by)
        ready, notices = self._prepared(request.directed(messages=plan.messages), to)
        return Ready(self._marked(ready, base.path, plan, to), plan.nodes, notices, _room(to))

    def view(self, base: Base) -> tuple[Message, ...]:
        """What of the history would be sent if nothing were decided."""
        return planned(base.path, (), system=base.system, policies=(), room=Room(), depth=base.depth).messages

    def explained(self, base: Base, request: ChatRequest, to: Target, *, said: bool) -> Explanation:
        """As `ready`, but it only says what would be done; `said` is whether the request has messages of its own."""
        plan = self._planned(base, request.messages if said else (), request, to)
        told = explained(request.model, to, base.path, plan.done, self._mark is not None)
        notices = [*told.notices, *(notice.text for notice in self._prepared(request, to)[1])]
        if self.asides is not None and self.asides.failed:
            notices.append(f"{self.asides.failed} summaries could not be written: the log says why")
        return msgspec.structs.replace(told, notices=tuple(notices))

    def done(self, path: Sequence[Kept], room: Room) -> None:
        """A turn was committed: have a summary written if there should be one."""
        if self.asides is not None:
            self.asides.look(View(outline(path), depth=path[-1].place.depth), room)

    async def settle(self, until: float | None) -> bool:
        """Wait until no summary is being written, or until that time: whether none is."""
        return self.asides is None or await self.asides.settle(until)

    async def _summed_up(self, summing: Summarise, messages: tuple[Message, ...]) -> ChatResponse:
        model = self._model if summing.model is None else summing.model
        return await self._voice.send(*self._voice.asked(model, messages, summing.settings, {}))

    def target(self, request: ChatRequest, way: Way | None) -> Target:
        """
        Find out who will answer, as far as that is known before.

        Raises:
            ConfigError: The model's name leads to nobody.
        """
        found = target(self._voice.plain.routes, request)
        return found if way is None else found._replace(provider=None, wire=None)

    def _planned(self, base: Base, asked: tuple[Message, ...], request: ChatRequest, to: Target) -> Plan:
        return planned(
            base.path,
            asked,
            system=base.system,
            policies=self._policies,
            room=_room(to),
            depth=base.depth,
            request=request,
        )

    def _prepared(self, request: ChatRequest, to: Target) -> tuple[ChatRequest, tuple[Notice, ...]]:
        """Let policies put something into the request that only its dialect has."""
        notices: list[Notice] = []
        for policy in self._policies:
            prepare = getattr(policy, "prepare", None)
            if prepare is not None:
                request, said = prepare(request, to.wire)
                notices += said
        return request, tuple(notices)

    def _marked(self, request: ChatRequest, path: Sequence[Kept], plan: Plan, to: Target) -> ChatRequest:
        if self._mark is None or not to.marked or plan.done.view.tokens < to.minimum // 2:
            return request
        before = sent_before(path) or ()
        same = in_common(before, plan.messages)
        head = 1 if plan.done.view.outline.system else 0
        return marked(request, self._mark, head, same if same == len(before) else 0)


def _room(to: Target) -> Room:
    return Room(to.context, to.minimum)


_DEFAULT: Final = TokenBudget()


T = TypeVar("T")


def noted(answer: T, notices: tuple[Notice, ...]) -> T:
    """An answer, whole or open, with more notices."""
    if not notices:
        return answer
    if isinstance(answer, ChatResponse):
        return cast("T", msgspec.structs.replace(answer, notices=(*answer.notices, *notices)))
    return cast("T", Noted(cast("Opened", answer), notices))


class Noted:
    """
    An answer whose end says something more, as an `Opened`.

    Attributes:
        response: None: it is a stream.
    """

    response: ChatResponse | None = None

    def __init__(self, opened: Opened, notices: tuple[Notice, ...]) -> None:
        self._opened = opened
        self._notices = notices

    async def more(self) -> list[Event]:
        """Return the next events; an empty list at the end."""
        return await self._opened.more()

    def folded(self) -> ChatResponse:
        """Return the answer so far."""
        return noted(self._opened.folded(), self._notices)

    def abandon(self) -> None:
        """Close the upstream now, if it is open."""
        self._opened.abandon()
