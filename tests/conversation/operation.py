"""
One operation of a store: `python -m tests.conversation.operation URL NAME`; prints `done` when it was acknowledged.

The state that it begins with is `prepared`, and the operation done once or twice leaves the state that `expected` has.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import Any, Final

from dragoman import Message, StoreError
from dragoman.conversation.model import Ask, Go, Mark, Outcome, Piece, Ref, write_events
from dragoman.conversation.nodes import Place
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.turns import encode_answer
from dragoman.conversation.view import node_of
from dragoman.runtime import BlockingRuntime, drive
from dragoman.types.events import TextDelta
from dragoman.types.responses import ChatResponse

RUNTIME: Final = BlockingRuntime()
REF: Final = Ref("default", "talk")
_ANSWER: Final = encode_answer(ChatResponse(message=Message.assistant("yes"), finish_reason="stop"))
_BODY: Final = b'[{"role":"user","parts":[{"type":"text","text":"ok?"}]}]'


def ask(key: str) -> Ask:
    """A turn that wants to begin; it may take over whatever was left."""
    return Ask(key=key, input=_BODY, digest=hashlib.sha256(_BODY).digest(), ttl=86_400.0, interrupt=True, wait=False)


def begin(store: Store, key: str) -> Go | None:
    """Begin a turn; None if it runs, or is done."""
    got = drive(store.begin(RUNTIME, REF, ask(key)))
    return got if isinstance(got, Go) else None


def commit(store: Store, key: str, fence: int) -> None:
    """End a turn."""
    nodes = tuple(node_of(Message.user(f"{key} {n}" * 400)) for n in range(2))
    outcome = Outcome(state="done", nodes=nodes, answer=_ANSWER)
    drive(store.commit(RUNTIME, Mark(REF, key, fence), outcome))


def prepared(store: Store) -> None:
    """Two turns that are done, and one that runs."""
    for key in ("t1", "t2"):
        go = begin(store, key)
        assert go is not None
        commit(store, key, go.fence)
    begin(store, "t3")


def _fence(store: Store) -> int:
    turn = drive(store.turn(RUNTIME, REF, "t3"))
    assert turn is not None
    return turn.fence


def _turn(store: Store) -> None:
    commit(store, "t3", _fence(store))


def _begin(store: Store) -> None:
    begin(store, "t4")


def _emit(store: Store) -> None:
    piece = Piece(0, write_events([TextDelta("some text " * 300)]))
    drive(store.emit(RUNTIME, Mark(REF, "t3", _fence(store)), piece, 86_400.0))


def _append(store: Store) -> None:
    other = Ref("default", "other")
    path = drive(store.read(RUNTIME, other))
    if path is None or not path.nodes:
        nodes = [node_of(Message.user("imported " * 500)) for _ in range(3)]
        version = path.version if path else 0
        assert drive(store.append(RUNTIME, other, version, Place(0, 0), nodes)) is not None


def _fork(store: Store) -> None:
    drive(store.fork(RUNTIME, REF, "side", Place(0, 2)))


def _erase(store: Store) -> None:
    drive(store.erase(RUNTIME, REF))


OPERATIONS: Final[dict[str, Callable[[Store], None]]] = {
    "begin": _begin,
    "commit": _turn,
    "emit": _emit,
    "append": _append,
    "fork": _fork,
    "erase": _erase,
}


def state(store: Store) -> dict[str, Any]:
    """All that can be seen, without times and chances."""
    told: dict[str, Any] = {}
    for listed in drive(store.scan(RUNTIME, "default")):
        ref = Ref("default", listed.name)
        branches = drive(store.branches(RUNTIME, ref))
        paths = [drive(store.read(RUNTIME, ref._replace(branch=branch.name))) for branch in branches]
        turns = [drive(store.turn(RUNTIME, ref, key)) for key in ("t1", "t2", "t3", "t4")]
        told[listed.name] = {
            "branches": [(branch.name, branch.leaf, branch.running) for branch in branches],
            "nodes": [[(kept.place, kept.turn, kept.body) for kept in path.nodes] for path in paths if path],
            "turns": [(t.key, t.state, t.base, t.pieces, t.answer) for t in turns if t],
        }
    return told


def main(url: str, name: str) -> int:
    """Do one."""
    try:
        OPERATIONS[name](open_store(url))
    except StoreError as error:
        print(f"error {error.outcome_unknown}")
        return 1
    print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
