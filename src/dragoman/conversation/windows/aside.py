"""
Summaries that are written while the conversation goes on.

    a turn is done -> over the mark? -> ask for a summary -> hang it at the leaf -> the next turn sends it

Each is written by a daemon thread of its own on the blocking face, by a task on the other.  It is hung by
compare-and-swap, so it never disturbs a turn: while one runs, or when another was faster, it looks again.  If what it
sums up is no part of the branch any more, or somebody else has summed it up, it is thrown away.

Rule: nothing here is raised into a turn.  What fails is logged and counted, and the next turn tries again; a process
that dies loses the summary and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dragoman.conversation.model import Path
from dragoman.conversation.nodes import Cut, Node, Place, Summary, node
from dragoman.conversation.windows.deciding import Room
from dragoman.conversation.windows.outline import View, outline
from dragoman.conversation.windows.summarise import Job, Summarise, question
from dragoman.errors import BusyError, DragomanError, TruncatedError
from dragoman.runtime import Runtime, drive
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    import asyncio

# Seconds between two looks whether the branch is free, at first and at last, and after which nobody looks any more.
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0
_PATIENCE: Final = 600.0
_LOOK: Final = 0.01

_log = logging.getLogger("dragoman.conversation")


class Branch(NamedTuple):
    """
    What is needed of the conversation.

    Attributes:
        id: Its name.
        path: Reads the whole branch as it is now.
        append: Adds nodes to such a path behind a place; `BusyError` if the branch has changed, or a turn runs.
    """

    id: str
    path: Callable[[], Awaitable[Path]]
    append: Callable[[Path, Place, Sequence[Node]], Awaitable[None]]


Ask = Callable[[tuple[Message, ...]], Awaitable[ChatResponse]]
"""Has a model answer."""


class Asides:
    """
    The summaries of one conversation.

    Attributes:
        written: How many were hung into the tree.
        failed: How many could not be written.
        outdated: How many were not needed any more when they were there.
    """

    def __init__(self, branch: Branch, policy: Summarise, ask: Ask, runtime: Runtime) -> None:
        self.written = self.failed = self.outdated = 0
        self._branch = branch
        self._policy = policy
        self._ask = ask
        self._runtime = runtime
        self._lock = threading.Lock()
        self._over: Callable[[], bool] = _at_once
        self._task: object = None  # the loop holds its tasks only weakly

    def look(self, view: View, room: Room) -> None:
        """A turn is done: begin a summary if there should be one and none is being written.  Never waits."""
        job = self._policy.wanted(view, room)
        if job is None:
            return
        with self._lock:
            if self._over():
                cut = view.cut(job.out, type(self._policy).__name__)
                if cut is not None:
                    self._over = self._begun(self._written(job, cut))

    async def settle(self, until: float | None) -> bool:
        """Wait until none is being written, or until that time: whether none is."""
        while not self._over():
            if until is not None and self._runtime.now() >= until:
                return False
            await self._runtime.sleep(_LOOK)
        return True

    def _begun(self, work: Coroutine[Any, Any, None]) -> Callable[[], bool]:
        """Begin; what is returned says whether it has ended."""
        if not self._runtime.suspends:
            thread = threading.Thread(target=drive, args=(work,), name="dragoman-summary", daemon=True)
            thread.start()
            return lambda: not thread.is_alive()  # nor is it in a child of a fork
        import asyncio  # only the asyncio face pays for it

        loop = asyncio.get_running_loop()
        task: asyncio.Task[None] = loop.create_task(work)
        self._task = task
        return lambda: task.done() or loop.is_closed()

    async def _written(self, job: Job, cut: Cut) -> None:
        try:
            answer = await self._ask(question(job, self._policy.words))
            await self._hung(job, cut, _summary(answer))
        except DragomanError as error:
            self.failed += 1
            _log.warning("the conversation %r could not be summed up: %s", self._branch.id, error)

    async def _hung(self, job: Job, cut: Cut, summary: Summary) -> None:
        """Add the summary to the branch as soon as no turn runs."""
        runtime, pause = self._runtime, _FIRST_PAUSE
        until = runtime.now() + _PATIENCE
        last = job.turns[-1].entries[-1]
        while True:
            path = await self._branch.path()
            found = outline(path.nodes)
            there = any(kept.place == (last.segment, last.depth) for kept in found.said)
            if not there or found.summary != job.earlier:
                self.outdated += 1
                return
            new = Cut(max(cut.start, found.start), cut.left_out, cut.by, cut.tokens, summary)
            try:
                await self._branch.append(path, path.leaf, (node("cut", new),))
            except BusyError:
                if runtime.now() >= until:
                    raise
                await runtime.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
            else:
                self.written += 1
                return


def _summary(answer: ChatResponse) -> Summary:
    """
    What an answer says.

    Raises:
        TruncatedError: It is cut off, or empty.
    """
    text = answer.text.strip()
    if not text or answer.finish_reason not in ("stop", "unknown"):
        raise TruncatedError(f"the summary ended with {answer.finish_reason!r} after {len(text)} characters")
    return Summary(
        text=text,
        model=f"{answer.provider}/{answer.model}" if answer.provider else answer.model or "",
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
        cost=None if answer.cost is None else f"{answer.cost:f}",
    )


def _at_once() -> bool:
    return True
