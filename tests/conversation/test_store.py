"""What every store does, whatever it is made of."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any

import pytest

from dragoman import ConfigError, LeaseLostError, Message, StoreError, TurnIdReusedError
from dragoman.conversation.model import (
    Ask,
    Branch,
    Busy,
    Done,
    Go,
    Known,
    Locked,
    Mark,
    Outcome,
    Piece,
    Record,
    Ref,
    read_events,
    write_events,
)
from dragoman.conversation.nodes import ROOT, Place
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.turns import decode_answer, encode_answer
from dragoman.conversation.view import node_of
from dragoman.runtime import BlockingRuntime, drive
from dragoman.types.events import TextDelta
from dragoman.types.fold import fold
from dragoman.types.responses import ChatResponse

REF = Ref("me", "talk")
RUNTIME = BlockingRuntime()
ANSWER = ChatResponse(message=Message.assistant("yes"), finish_reason="stop")


def ask(key: str = "t1", text: str = "ok?", **fields: Any) -> Ask:
    data = text.encode()
    body = b'[{"role":"user","parts":[{"type":"text","text":"%s"}]}]' % data
    return Ask(key=key, input=body, digest=hashlib.sha256(body).digest(), **({"ttl": 30.0} | fields))


def begin(store: Store, *args: Any, ref: Ref = REF, **fields: Any) -> Any:
    return drive(store.begin(RUNTIME, ref, ask(*args, **fields)))


def commit(store: Store, go: Go, key: str = "t1", *texts: str, state: Any = "done", **fields: Any) -> Place:
    nodes = tuple(node_of(Message.user(text)) for text in texts or ("ok?", "yes"))
    answer = encode_answer(ANSWER) if state == "done" else b""
    outcome = Outcome(state=state, nodes=nodes if state == "done" else (), answer=answer, **fields)
    return drive(store.commit(RUNTIME, Mark(go.ref, key, go.fence), outcome))


def texts(store: Store, ref: Ref = REF, known: Known | None = None) -> list[str]:
    path = drive(store.read(RUNTIME, ref, known))
    assert path is not None
    return [node.value.text for node in path.nodes if isinstance(node.value, Message)]


def piece(seq: int, text: str) -> Piece:
    return Piece(seq, write_events([TextDelta(text)]))


def text_of(record: Record) -> str:
    return fold(event for piece in record.pieces for event in read_events(piece.events)).text


def names(store: Store, tenant: str, **fields: Any) -> list[str]:
    return [listed.name for listed in drive(store.scan(RUNTIME, tenant, **fields))]


def test_turn_joins_the_history_when_it_is_committed(store):
    """What was asked and answered is read only after the commit, as a whole."""
    go = begin(store)

    assert isinstance(go, Go)
    assert [] == texts(store)
    commit(store, go)
    assert ["ok?", "yes"] == texts(store)


def test_turn_that_is_done_gives_its_answer_again(store):
    """The same id with the same input is done; nothing begins."""
    commit(store, begin(store))

    done = begin(store)

    assert isinstance(done, Done)
    assert "yes" == decode_answer(done.answer, Message.assistant("yes")).text
    assert ["ok?", "yes"] == [node.value.text for node in done.path.nodes]


@pytest.mark.parametrize("state", ["running", "done", "failed", "interrupted"])
def test_turn_id_with_other_input_is_refused(store, state):
    """An id stands for its input, whatever became of it."""
    go = begin(store)
    if state != "running":
        commit(store, go, state=state)

    with pytest.raises(TurnIdReusedError) as caught:
        begin(store, "t1", "other")
    assert "turn_id" == caught.value.field


def test_second_turn_is_told_who_runs(store):
    """One turn at a time: the second learns the first one's id and how long its lease holds."""
    begin(store)

    busy = begin(store, "t2", wait=False)

    assert isinstance(busy, Busy)
    assert "t1" == busy.key
    assert 29 < busy.seconds <= 30
    assert busy.ticket is None


def test_same_turn_twice_at_once_runs_once(store):
    """The id of a running turn does not begin again, not even to interrupt."""
    begin(store)

    assert isinstance(begin(store), Busy)
    assert isinstance(begin(store, interrupt=True), Busy)


def test_who_waits_goes_in_order(store):
    """The lease goes to who asked first, though another asks sooner when it is free."""
    go = begin(store)
    second = begin(store, "t2")
    third = begin(store, "t3")
    commit(store, go)

    assert isinstance(begin(store, "t3", ticket=third.ticket), Busy)
    assert isinstance(begin(store, "new", wait=False), Busy)
    assert isinstance(begin(store, "t2", ticket=second.ticket), Go)


def test_fence_grows_and_holds_off_who_lost_the_lease(store):
    """Whoever was paused beyond the lease commits nothing once another has begun."""
    old = begin(store, ttl=0.01)
    time.sleep(0.02)
    new = begin(store, "t2", "next")

    assert new.fence > old.fence
    with pytest.raises(LeaseLostError):
        commit(store, old)
    assert not drive(store.renew(RUNTIME, Mark(old.ref, "t1", old.fence), 30.0))
    assert not drive(store.emit(RUNTIME, Mark(old.ref, "t1", old.fence), piece(0, "late"), 30.0))
    commit(store, new, "t2", "next", "answer")
    assert ["next", "answer"] == texts(store)


def test_late_commit_stands_if_nobody_took_over(store):
    """A lease that ran out and that nobody wanted costs no answer."""
    go = begin(store, ttl=0.01)
    time.sleep(0.02)

    commit(store, go)

    assert ["ok?", "yes"] == texts(store)


def test_commit_again_changes_nothing(store):
    """After an outcome that was not known, the same commit is sent again: the turn is there once."""
    go = begin(store)

    assert commit(store, go) == commit(store, go)
    assert ["ok?", "yes"] == texts(store)


def test_renewed_lease_holds(store):
    """A lease that is renewed is not taken over."""
    go = begin(store, ttl=0.01)
    assert drive(store.renew(RUNTIME, Mark(go.ref, "t1", go.fence), 30.0))
    time.sleep(0.02)

    assert isinstance(begin(store, "t2"), Busy)


def test_interrupt_takes_the_lease(store):
    """Who may interrupt begins at once, and the other turn is marked."""
    old = begin(store)

    assert isinstance(begin(store, "t2", interrupt=True), Go)
    with pytest.raises(LeaseLostError):
        commit(store, old)
    found = drive(store.turn(RUNTIME, REF, "t1"))
    assert found is not None
    assert "interrupted" == found.state


def test_text_under_way_is_kept_with_the_turn(store):
    """What was checkpointed is there after the worker died, and goes when the turn is done."""
    go = begin(store, ttl=0.05)
    for seq, text in enumerate(["one ", "two"]):
        assert drive(store.emit(RUNTIME, Mark(go.ref, "t1", go.fence), piece(seq, text), 0.01))
    time.sleep(0.02)

    (turn,) = drive(store.recover(RUNTIME, REF))

    assert ("t1", "interrupted", "one two") == (turn.key, turn.state, text_of(turn))
    assert ask().input == turn.input
    commit(store, begin(store))
    assert [] == drive(store.recover(RUNTIME, REF))


def test_failed_turn_may_begin_again(store):
    """A turn that failed adds nothing, and its id may be tried again."""
    commit(store, begin(store), state="failed", error=b"no")

    assert [] == texts(store)
    commit(store, begin(store))
    assert ["ok?", "yes"] == texts(store)


def test_only_what_is_new_is_read(store):
    """Who knows a branch up to a place reads what follows it."""
    leaf = commit(store, begin(store))
    commit(store, begin(store, "t2", "more?"), "t2", "more?", "more")

    path = drive(store.read(RUNTIME, REF))

    assert path is not None
    assert ["more?", "more"] == texts(store, known=Known(path.epoch, leaf))
    assert 4 == len(texts(store, known=Known(path.epoch, Place(9, 1))))
    assert 4 == len(texts(store, known=Known(path.epoch + 1, leaf)))


def test_fork_shares_what_was_said(store):
    """A branch begins where it was made, and the two go on apart."""
    leaf = commit(store, begin(store))
    other = REF._replace(branch="other")

    assert drive(store.fork(RUNTIME, REF, "other", leaf))
    commit(store, begin(store, "t2", "main"), "t2", "main")
    commit(store, begin(store, "t3", "side", ref=other), "t3", "side")

    assert ["ok?", "yes", "main"] == texts(store)
    assert ["ok?", "yes", "side"] == texts(store, other)
    assert not drive(store.fork(RUNTIME, REF, "other", leaf))
    assert not drive(store.fork(RUNTIME, REF, "third", Place(7, 7)))


def test_branches_have_leases_of_their_own(store):
    """A turn on one branch keeps none on another waiting."""
    leaf = commit(store, begin(store))
    drive(store.fork(RUNTIME, REF, "other", leaf))

    assert isinstance(begin(store, "t2"), Go)
    assert isinstance(begin(store, "t3", ref=REF._replace(branch="other")), Go)


def test_forks_of_forks_are_read_whole(store):
    """A path goes through as many segments as it has forks, in order."""
    leaf, ref = commit(store, begin(store), "t1", "0"), REF
    for number in range(1, 6):
        commit(store, begin(store, f"m{number}", "x", ref=ref), f"m{number}", "left behind")
        ref = REF._replace(branch=f"b{number}")
        drive(store.fork(RUNTIME, REF, ref.branch, leaf))
        leaf = commit(store, begin(store, f"n{number}", "x", ref=ref), f"n{number}", str(number))

    assert ["0", "1", "2", "3", "4", "5"] == texts(store, ref)


def test_append_needs_the_version_that_it_saw(store):
    """What is written without a turn is written only on what was read, and never beside a turn that runs."""
    nodes = [node_of(Message.user("imported"))]
    leaf = drive(store.append(RUNTIME, REF, 0, ROOT, nodes))

    assert leaf == Place(0, 1)
    assert drive(store.append(RUNTIME, REF, 0, ROOT, nodes)) is None
    begin(store)
    path = drive(store.read(RUNTIME, REF))
    assert path is not None
    assert drive(store.append(RUNTIME, REF, path.version, leaf, nodes)) is None


def test_tenants_do_not_see_each_other(store):
    """The same name of two tenants is two conversations."""
    commit(store, begin(store))

    assert drive(store.read(RUNTIME, Ref("you", "talk"))) is None
    assert ["talk"] == names(store, "me")
    assert [] == names(store, "you")


def test_names_are_read_by_pages(store):
    """A scan goes on behind the last name of the page before."""
    for name in ("c", "a", "b"):
        begin(store, ref=Ref("me", name))

    assert ["a", "b"] == names(store, "me", limit=2)
    assert ["c"] == names(store, "me", after=("", "b"))


def test_erased_conversation_stays_erased(store):
    """A turn under way cannot bring back what was erased."""
    commit(store, begin(store))
    go = begin(store, "t2", "more?")

    receipt = drive(store.erase(RUNTIME, REF))

    assert (2, 2) == (receipt.nodes, receipt.turns)
    with pytest.raises(LeaseLostError):
        commit(store, go, "t2")
    assert drive(store.read(RUNTIME, REF)) is None
    assert 0 == drive(store.erase(RUNTIME, REF)).nodes


def test_worker_of_an_erased_conversation_writes_nothing_into_the_next(store):
    """The same name, the same turn id, as many turns: still the old lease is none of the new conversation."""
    old = begin(store)
    drive(store.erase(RUNTIME, REF))
    new = begin(store)

    assert new.fence != old.fence
    mark = Mark(old.ref, "t1", old.fence)
    assert not drive(store.renew(RUNTIME, mark, 30.0))
    assert not drive(store.emit(RUNTIME, mark, piece(0, "late"), 30.0))
    with pytest.raises(LeaseLostError):
        commit(store, old, "t1", "late")
    commit(store, new)
    with pytest.raises(LeaseLostError):
        commit(store, old, "t1", "late")
    assert ["ok?", "yes"] == texts(store)


@pytest.mark.parametrize("how", ["append", "fork"])
def test_branches_of_the_next_conversation_have_other_fences(store, how):
    """It does not matter how the branch was made."""
    fences: set[int] = set()
    for _ in range(2):
        drive(store.append(RUNTIME, REF, 0, ROOT, [node_of(Message.user("imported"))]))
        ref = REF
        if how == "fork":
            drive(store.fork(RUNTIME, REF, "other", Place(0, 1)))
            ref = REF._replace(branch="other")
        fences.add(begin(store, ref=ref).fence)
        drive(store.erase(RUNTIME, REF))

    assert 2 == len(fences)


def test_begin_whose_reply_was_lost_is_taken_anew(store):
    """Who does not know what came of a begin has the turn anew; the lease that it was not told of is worth nothing."""
    lost = begin(store)
    assert drive(store.emit(RUNTIME, Mark(lost.ref, "t1", lost.fence), piece(0, "old"), 30.0))

    go = begin(store, retake=True)

    assert isinstance(go, Go)
    assert go.fence > lost.fence
    assert (lost.base, []) == (go.base, list(go.path.nodes))
    assert () == drive(store.turn(RUNTIME, REF, "t1")).pieces
    assert not drive(store.renew(RUNTIME, Mark(lost.ref, "t1", lost.fence), 30.0))
    with pytest.raises(LeaseLostError):
        commit(store, lost)
    commit(store, go)
    assert ["ok?", "yes"] == texts(store)
    assert isinstance(begin(store, retake=True), Done)
    assert 1 == drive(store.scan(RUNTIME, "me"))[0].turns


def test_only_the_turn_itself_is_taken_anew(store):
    """Another turn that runs is waited for, though others wait before the one that is taken anew."""
    begin(store)
    begin(store, "t2", "next")

    assert isinstance(begin(store, "t3", "other", retake=True), Busy)
    assert isinstance(begin(store, retake=True), Go)


def test_pieces_are_read_from_where_one_stands(store):
    """Who follows a turn asks for what is behind the last piece that it has; what the commit adds is there, too."""
    go = begin(store)
    for seq, text in enumerate(["one ", "two "]):
        drive(store.emit(RUNTIME, Mark(go.ref, "t1", go.fence), piece(seq, text), 30.0))

    running = drive(store.turn(RUNTIME, REF, "t1", 0))
    assert ("running", "two ") == (running.state, text_of(running))
    assert (b"", None) == (running.answer, running.last)
    commit(store, go, pieces=(piece(1, "two "), piece(2, "three")))
    ended = drive(store.turn(RUNTIME, REF, "t1", 1))
    assert ("done", "three") == (ended.state, text_of(ended))
    assert ("yes", b"") == (ended.last.value.text, ended.input)
    assert "yes" == decode_answer(ended.answer, ended.last.value).text


def test_pieces_of_a_whole_answer_go_with_the_next_turn(store):
    """The answer itself is in the tree; its pieces are kept only for whoever follows it at this moment."""
    commit(store, begin(store), pieces=(piece(0, "yes"),))
    assert 1 == len(drive(store.turn(RUNTIME, REF, "t1")).pieces)

    begin(store, "t2", "next")

    assert () == drive(store.turn(RUNTIME, REF, "t1")).pieces


def test_users_do_not_see_each_other(store):
    """The same name of two users is two conversations; a tenant lists all, or one user's."""
    mine, yours = REF._replace(user="ann"), REF._replace(user="bob")
    commit(store, begin(store, ref=mine))
    begin(store, "t1", "other", ref=yours)

    assert ["ok?", "yes"] == texts(store, mine)
    assert [] == texts(store, yours)
    assert drive(store.read(RUNTIME, REF)) is None
    assert ["ann", "bob"] == [listed.user for listed in drive(store.scan(RUNTIME, "me"))]
    assert ["bob"] == [listed.user for listed in drive(store.scan(RUNTIME, "me", user="bob"))]
    drive(store.erase(RUNTIME, mine))
    assert drive(store.read(RUNTIME, yours)) is not None


def test_list_tells_when_and_how_much(store):
    """A list shows when a conversation was made and changed, when it ends, and how many turns it has."""
    before = time.time()
    commit(store, begin(store, keep=60.0))

    (listed,) = drive(store.scan(RUNTIME, "me"))

    assert ("me", "", "talk", 1) == (listed.tenant, listed.user, listed.name, listed.turns)
    assert before - 1 <= listed.made <= listed.changed <= time.time() + 1
    assert 59 <= listed.expires - listed.changed <= 61


def test_conversation_expires_after_its_last_change(store):
    """What is not changed for so long is gone: not read, not listed, not answered again, and begun anew."""
    commit(store, begin(store, keep=0.15))
    time.sleep(0.1)
    commit(store, begin(store, "t2", "more?", keep=0.15), "t2", "more?", "more")
    time.sleep(0.1)
    assert 4 == len(texts(store))
    time.sleep(0.1)

    assert drive(store.read(RUNTIME, REF)) is None
    assert [] == names(store, "me")
    assert drive(store.turn(RUNTIME, REF, "t1")) is None
    assert isinstance(begin(store), Go)
    assert [] == texts(store)


def test_time_to_live_holds_until_it_is_changed(store):
    """A turn that says nothing of it keeps it; `keep` changes it, and 0 is for ever."""
    commit(store, begin(store, keep=60.0))
    commit(store, begin(store, "t2", "more?"), "t2", "more?", "more")
    assert drive(store.scan(RUNTIME, "me"))[0].expires is not None

    assert drive(store.keep(RUNTIME, REF, 0))
    assert drive(store.scan(RUNTIME, "me"))[0].expires is None
    assert not drive(store.keep(RUNTIME, Ref("me", "other"), 5))


def test_sweep_deletes_what_has_expired(store):
    """What nobody asks for any more is deleted by a sweep (or by the store itself), and nothing else."""
    commit(store, begin(store))
    commit(store, begin(store, ref=Ref("me", "kept")))
    drive(store.keep(RUNTIME, REF, 0.01))
    time.sleep(0.02)

    drive(store.sweep(RUNTIME))

    assert ["kept"] == names(store, "me")
    assert 0 == drive(store.erase(RUNTIME, REF)).nodes
    assert 0 == drive(store.sweep(RUNTIME)).conversations


def test_branches_are_listed(store):
    """Each branch with its leaf, and the turn that runs on it."""
    assert [] == drive(store.branches(RUNTIME, REF))
    leaf = commit(store, begin(store))
    drive(store.fork(RUNTIME, REF, "other", leaf))
    begin(store, "t2")

    main, other = sorted(drive(store.branches(RUNTIME, REF)), key=lambda branch: branch.name)
    assert Branch(name="other", leaf=leaf, version=0, running=None) == other
    assert ("main", "t2") == (main.name, main.running)


def test_sealed_conversation_is_not_written_with_another_key(store):
    """The first writer's sealed key is the conversation's; who comes with another, or none, is told which it is."""
    commit(store, begin(store, seal=b"first"))

    assert Locked(b"first") == begin(store, "t2", "more?", seal=b"second")
    assert Locked(b"first") == begin(store, "t2", "more?")
    nodes = [node_of(Message.user("imported"))]
    version = drive(store.read(RUNTIME, REF)).version
    assert Locked(b"first") == drive(store.append(RUNTIME, REF, version, ROOT, nodes))
    assert b"first" == drive(store.read(RUNTIME, REF)).seal == drive(store.turn(RUNTIME, REF, "t1")).seal
    assert not drive(store.reseal(RUNTIME, REF, b"other", b"third"))
    assert drive(store.reseal(RUNTIME, REF, b"first", b"third"))
    assert isinstance(begin(store, "t2", "more?", seal=b"third"), Go)


def test_fork_makes_no_conversation(store):
    """A branch is made of one that is there."""
    assert not drive(store.fork(RUNTIME, REF, "other", ROOT))
    assert drive(store.read(RUNTIME, REF)) is None


def test_nodes_have_ids_that_sort_by_time(store):
    """Each node has an id of its own, which it keeps."""
    commit(store, begin(store))

    ids = [node.id for node in drive(store.read(RUNTIME, REF)).nodes]

    assert [26, 26] == [len(name) for name in ids]
    assert 2 == len(set(ids))


def test_nothing_of_an_erased_conversation_is_in_the_file(tmp_path):
    """The pages are overwritten, not only freed, and the journal has none of them."""
    store = open_store(f"sqlite:///{tmp_path}/talk.db")
    commit(store, begin(store, "t1", "a secret word"), "t1", "a secret word")
    drive(store.erase(RUNTIME, REF))

    assert b"a secret word" not in b"".join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))


@pytest.mark.parametrize("url", ["nothing", "mysql://x", "sqlite://host/x", "memory://x", 7])
def test_url_of_no_store_is_refused(url):
    """A store that is not known is named before anything is done."""
    with pytest.raises(ConfigError):
        open_store(url)


def test_file_of_another_kind_is_refused(tmp_path):
    """A file that holds something else is not written to."""
    (tmp_path / "talk.db").write_text("no database at all, but long enough to be read as one" * 10)

    with pytest.raises(StoreError):
        begin(open_store(f"sqlite:///{tmp_path}/talk.db"))
