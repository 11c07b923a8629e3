"""What is particular to conversations in Redis: clusters, failovers, eviction, broken lines, the list of names."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import pytest

from dragoman import Client, ConfigError, Message, StoreError
from dragoman.conversation.model import Busy, Go, Mark, Outcome, Ref
from dragoman.conversation.nodes import ROOT
from dragoman.conversation.redis.keys import Keys, member_of, parse_member, parse_wish, slot_of, url_at
from dragoman.conversation.redis.store import RedisStore
from dragoman.conversation.store import open_store
from dragoman.conversation.view import node_of
from dragoman.drivers.redis import Redis
from dragoman.runtime import AsyncRuntime, drive
from tests.conversation.conftest import rows_of
from tests.conversation.redis_servers import Cluster, DurableRedis, GuardedRedis, Line, Primary, Replica
from tests.conversation.test_store import REF, RUNTIME, ask, begin, commit, names, piece, text_of, texts
from tests.services import RedisServer, wait_for

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def opened() -> Iterator[Callable[..., RedisStore]]:
    """Open stores, which are closed at the end."""
    made: list[RedisStore] = []

    def make(url: str) -> RedisStore:
        made.append(RedisStore(url))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def prefix() -> str:
    return f"talk-{token_hex(6)}"


@pytest.fixture
def store(redis_server: RedisServer, prefix: str, opened: Any) -> RedisStore:
    """An empty store."""
    made: RedisStore = opened(f"{redis_server.url}?prefix={prefix}")
    return made


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[Callable[..., Any]]:
    """Send a command by hand."""
    driver = Redis(redis_server.url)
    yield lambda *args: drive(driver.command(RUNTIME, *args))
    driver.close()


def say(store: RedisStore, number: int, ref: Ref = REF, **fields: Any) -> None:
    """A whole turn."""
    key, text = f"t{number}", f"turn {number}"
    commit(store, begin(store, key, text, ref=ref, **fields), key, text)


# --- keys and the list of names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "a}b{c", "{x}", "ä/ö:%2F", "\1\2", "}", "a b\n"])
def test_keys_of_a_conversation_lie_in_one_slot(raw, redis_server, name):
    """Whatever it is called: the server says so, and another name has no key of it."""
    keys = Keys("talk").of(Ref(name, name, user=name))
    cluster = [slot_of(key) for key in keys]

    assert 1 == len(set(cluster))
    assert not {*keys} & {*Keys("talk").of(Ref(f"{name}/{name}", "", user=name))}
    assert 1 == len({key.partition("{")[2].partition("}")[0] for key in keys})
    assert all(1 == key.count("{") == key.count("}") for key in keys)


@pytest.mark.parametrize("name", ["plain", "a}b{c", "{x}", "ä/ö:%2F", "\1\2\1", "\1", "}"])
def test_names_may_hold_any_text(store, name):
    """Also what means something in a key: each is listed, read and erased as itself."""
    ref = Ref(f"t{name}", name, user=name)
    say(store, 1, ref)

    assert [(name, name)] == [(listed.user, listed.name) for listed in drive(store.scan(RUNTIME, f"t{name}"))]
    assert [name] == names(store, f"t{name}", user=name)
    assert 1 == drive(store.erase(RUNTIME, ref)).nodes
    assert [] == names(store, f"t{name}")


def test_list_sorts_as_names_do():
    """What is escaped sorts as the plain pair does, and comes back."""
    words = ["", "\1", "\2", "a", "a\1", "a\1b", "a\2", "ab", "b", "ä", "\U0001f600"]
    pairs = [(user, name) for user in words for name in words]

    assert sorted(pairs, key=lambda pair: (pair[0].encode(), pair[1].encode())) == [
        parse_member(member) for member in sorted(member_of(*pair) for pair in pairs)
    ]


def test_users_and_pages_agree(store):
    """A user's list has no other's, page by page."""
    refs = [Ref("me", name, user=user) for user in ("a", "a\1", "b") for name in ("x", "y", "z")]
    for ref in refs:
        begin(store, ref=ref)

    found, after = [], ("", "")
    while page := drive(store.scan(RUNTIME, "me", after=after, limit=2)):
        found += [(listed.user, listed.name) for listed in page]
        after = found[-1]
    assert [(ref.user, ref.conversation) for ref in refs] == found
    assert ["x", "y", "z"] == names(store, "me", user="a")
    assert ["y", "z"] == names(store, "me", user="a", after=("a", "x"))
    assert [] == names(store, "me", user="a", after=("b", ""))


def test_page_is_full_though_names_on_it_are_gone(store):
    """Conversations that have expired take no place on a page."""
    for number in range(6):
        begin(store, ref=Ref("me", f"c{number}"), **({"keep": 0.01} if number % 2 else {}))
    time.sleep(0.02)

    assert ["c0", "c2", "c4"] == names(store, "me", limit=3)


def test_sweep_goes_on_where_it_stopped(store, raw, prefix):
    """Of many names each sweep looks at some, over all tenants; at last none is left that is gone."""
    refs = [Ref(tenant, f"c{number}") for tenant in ("a", "b", "c") for number in range(5)]
    for ref in refs:
        begin(store, ref=ref, keep=0.01 if ref.conversation != "c2" else None)
    time.sleep(0.02)

    swept = [drive(store.sweep(RUNTIME, limit=4)).conversations for _ in range(5)]

    assert 12 == sum(swept)
    assert max(swept) <= 4
    assert [1, 1, 1] == [raw("ZCARD", Keys(prefix).index(tenant)[0]) for tenant in ("a", "b", "c")]


def test_erased_conversation_leaves_no_key_but_a_mark_that_expires(store, raw, prefix):
    """After an erasure there are the names of tenants, and a random mark for ten minutes."""
    begin(store, wait=True)
    begin(store, "t2", "waits")
    drive(store.erase(RUNTIME, REF))

    left = {key.decode() for key in raw("KEYS", f"{prefix}*")}
    assert {f"{prefix}:tenants", Keys(prefix).of(REF)[-1]} == left
    assert 0 < raw("PTTL", Keys(prefix).of(REF)[-1]) <= 600_000


def test_name_is_on_the_list_whoever_erases_at_the_same_time(redis_server, prefix, opened):
    """Conversations that are made while others erase them: each that is there is listed."""
    url, stop = f"{redis_server.url}?prefix={prefix}", threading.Event()
    refs = [Ref("me", f"c{number}") for number in range(3)]

    def erase() -> None:
        store = opened(url)
        while not stop.is_set():
            for ref in refs:
                drive(store.erase(RUNTIME, ref))
            drive(store.scan(RUNTIME, "me"))

    threads = [threading.Thread(target=erase) for _ in range(2)]
    for thread in threads:
        thread.start()
    store = opened(url)
    for number in range(150):
        begin(store, f"t{number}", "x", ref=refs[number % 3], wait=False)
    stop.set()
    for thread in threads:
        thread.join()

    there = [ref.conversation for ref in refs if drive(store.read(RUNTIME, ref)) is not None]
    assert there == names(store, "me")


# --- what lies there --------------------------------------------------------------------------------------------------


def test_all_keys_expire_with_their_conversation(store, raw, prefix):
    """No key stays without an end once the conversation has one; `keep` of 0 takes the end from all."""
    go = begin(store, keep=60.0)
    drive(store.emit(RUNTIME, Mark(go.ref, "t1", go.fence), piece(0, "part"), 30.0))
    begin(store, "t2", "waits")
    commit(store, go)
    begin(store, "t3", "next", interrupt=True)
    own = [key for key in Keys(prefix).of(REF)[:-1] if raw("EXISTS", key)]

    assert len(own) >= 5
    assert all(0 < raw("PTTL", key) <= 60_000 for key in own)
    drive(store.keep(RUNTIME, REF, 0))
    lasting = {key.rpartition(":")[2] for key in own if raw("PTTL", key) == -1}
    assert {"head", "branches", "nodes", "open", "done"} == lasting


def test_two_branches_in_turns_stay_apart(store):
    """Nodes lie in the order in which they came; each branch is read as its own."""
    say(store, 0)
    leaf = drive(store.read(RUNTIME, REF)).leaf
    drive(store.fork(RUNTIME, REF, "other", leaf))
    other = REF._replace(branch="other")
    for number in range(1, 9):
        say(store, number, other if number % 2 else REF)

    assert [f"turn {number}" for number in (0, 2, 4, 6, 8)] == texts(store)
    assert [f"turn {number}" for number in (0, 1, 3, 5, 7)] == texts(store, other)


def test_nothing_hangs_under_a_place_that_is_not_there(store):
    """Neither a turn nor an import; nothing was written."""
    say(store, 1)
    version = drive(store.read(RUNTIME, REF)).version
    nodes = [node_of(Message.user("x"))]

    for base in (ROOT._replace(depth=9), ROOT._replace(segment=4, depth=1)):
        with pytest.raises(StoreError, match="no such place"):
            begin(store, "t2", "x", base=base)
        with pytest.raises(StoreError, match="no such place"):
            drive(store.append(RUNTIME, REF, version, base, nodes))
    assert version == drive(store.read(RUNTIME, REF)).version


def test_refused_import_makes_no_conversation(store):
    """An append on a version that cannot be leaves nothing behind."""
    assert drive(store.append(RUNTIME, REF, 5, ROOT, [node_of(Message.user("x"))])) is None
    assert drive(store.read(RUNTIME, REF)) is None
    assert [] == names(store, "me")


def test_large_import_is_one_step(store):
    """More nodes than a script has room for on its stack."""
    nodes = [node_of(Message.user(f"{number}")) for number in range(9000)]

    assert (0, 9000) == drive(store.append(RUNTIME, REF, 0, ROOT, nodes))
    assert [str(number) for number in range(9000)] == texts(store)


@pytest.mark.parametrize("part", ["branches", "nodes", "done"])
def test_evicted_part_is_an_error_and_no_shorter_history(store, raw, prefix, part):
    """A server that took a key away is found out; the conversation can be erased."""
    say(store, 1)
    raw("DEL", next(key for key in Keys(prefix).of(REF) if key.endswith(f":{part}")))

    for attempt in (lambda: begin(store, "t2", "x"), lambda: texts(store), lambda: drive(store.recover(RUNTIME, REF))):
        with pytest.raises(StoreError, match="evicted") as caught:
            attempt()
        assert "TORN" == caught.value.code
    assert 1 == drive(store.erase(RUNTIME, REF)).turns
    say(store, 1)


def test_forgotten_scripts_are_sent_again(store, raw):
    """SCRIPT FLUSH between any two operations is not noticed."""
    for number in range(3):
        raw("SCRIPT", "FLUSH")
        go = begin(store, f"t{number}", "x")
        raw("SCRIPT", "FLUSH")
        assert drive(store.renew(RUNTIME, Mark(go.ref, f"t{number}", go.fence), 30.0))
        raw("SCRIPT", "FLUSH")
        commit(store, go, f"t{number}", f"turn {number}")
        raw("SCRIPT", "FLUSH")
        assert ["talk"] == names(store, "me")

    assert ["turn 0", "turn 1", "turn 2"] == texts(store)


# --- which servers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["wait=-1", "wait=x", "wait=", "prefix=", "prefix=a{b}", "nonsense=1"])
def test_url_with_wrong_options_is_refused(query):
    """Before anything is sent."""
    with pytest.raises(ConfigError):
        open_store(f"redis://127.0.0.1?{query}")


def test_url_is_of_another_node_with_the_same_credentials():
    """Host and port change; user, password and options stay."""
    wish = parse_wish("rediss://me:p%40ss@one:7000/0?wait=2&ssl_cert_reqs=none&prefix=a:b")

    assert ("rediss://me:p%40ss@one:7000/0?ssl_cert_reqs=none", "a:b", 2) == wish
    assert "rediss://me:p%40ss@[::1]:7001/0?ssl_cert_reqs=none" == url_at(wish.url, "::1", 7001)
    assert "redis://two:1" == url_at("redis://one", "two", 1)


def test_server_that_evicts_is_refused(store, raw):
    """A cache's server is no place for conversations; nothing is written to it."""
    raw("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ConfigError, match="noeviction") as caught:
            begin(store)
        assert "store" == caught.value.field
        raw("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        assert isinstance(begin(store), Go)
    finally:
        raw("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_full_server_refuses_a_turn_as_a_whole(store, raw):
    """The error may be tried again, and what was there is read meanwhile."""
    say(store, 1)
    go = begin(store, "t2", "x")
    raw("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreError) as caught:
            commit(store, go, "t2", "x")
        assert ("OOM", True) == (caught.value.code, caught.value.retryable)
        assert ["turn 1"] == texts(store)
    finally:
        raw("CONFIG", "SET", "maxmemory", "0")
    commit(store, go, "t2", "x")
    assert ["turn 1", "x"] == texts(store)


def test_user_with_few_rights_is_enough(opened, caplog):
    """A password, own keys only, and neither INFO nor CONFIG: it is said once that the policy cannot be seen."""
    server = GuardedRedis()
    try:
        password = quote("pa%ss:word", safe="")
        store = opened(f"redis://limited:{password}@127.0.0.1:{server.port}/0?prefix=talk:x")
        with caplog.at_level(logging.WARNING):
            say(store, 1)
            say(store, 2)
        assert ["turn 1", "turn 2"] == texts(store)
        assert ["talk"] == names(store, "me")
        assert 1 == sum("maxmemory-policy" in record.getMessage() for record in caplog.records)
        with pytest.raises(StoreError) as caught:
            begin(opened(f"redis://limited:{password}@127.0.0.1:{server.port}/0?prefix=other"))
        assert "NOPERM" == caught.value.code
    finally:
        server.close()


def test_over_tls(opened):
    """rediss:// with the file of an authority."""
    from tests.drivers.test_redis_tls import TlsRedisServer

    server = TlsRedisServer()
    try:
        store = opened(f"rediss://127.0.0.1:{server.tls_port}?ssl_ca_certs={server.folder}/ca.pem&prefix=tls")
        say(store, 1)
        assert ["turn 1"] == texts(store)
    finally:
        server.close()


# --- a cluster --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """It is this module's own."""
    running = Cluster()
    yield running
    running.close()


def test_cluster_is_followed(cluster, opened, prefix):
    """Conversations on all nodes, by the address of one: turns, forks, the list, an erasure."""
    store = opened(f"{cluster.url}?prefix={prefix}")
    refs = [Ref("me", f"c{number}") for number in range(12)]
    for ref in refs:
        say(store, 1, ref)
        say(store, 2, ref)

    assert all(["turn 1", "turn 2"] == texts(store, ref) for ref in refs)
    assert sorted(ref.conversation for ref in refs) == names(store, "me")
    assert 2 == drive(store.erase(RUNTIME, refs[0])).turns
    assert 11 == len(names(store, "me"))
    assert 3 == sum(b"db0:" in node.call("INFO keyspace") for node in cluster.nodes[:3])
    for node in cluster.nodes[:3]:
        for key in Keys(prefix).of(refs[1]):
            assert f":{slot_of(key)}\r\n".encode() == node.call("CLUSTER", "KEYSLOT", key)


def test_cluster_is_followed_on_the_async_face(cluster, opened, prefix):
    """Several turns at once, on several nodes, in one loop."""
    store, runtime = opened(f"{cluster.url}?prefix={prefix}"), AsyncRuntime()

    async def turn(number: int) -> list[str]:
        ref = Ref("me", f"c{number}")
        go = await store.begin(runtime, ref, ask())
        assert isinstance(go, Go)
        outcome = Outcome(state="done", nodes=(node_of(Message.user(f"{number}")),), answer=b"x")
        await store.commit(runtime, Mark(go.ref, "t1", go.fence), outcome)
        path = await store.read(runtime, ref)
        assert path is not None
        return [node.value.text for node in path.nodes if isinstance(node.value, Message)]

    async def turns() -> list[list[str]]:
        found = await asyncio.gather(*(turn(number) for number in range(12)))
        assert 12 == len(await store.scan(runtime, "me"))
        await store.aclose()
        return list(found)

    assert [[str(number)] for number in range(12)] == asyncio.run(turns())


def test_driver_alone_says_that_it_is_a_cluster(cluster):
    """A redirection is told apart from other refusals, whatever redis-py makes of it."""
    driver = Redis(cluster.url)
    with pytest.raises(StoreError, match="cluster") as caught:
        drive(driver.command(RUNTIME, "GET", next(key for key in "abcdef" if slot_of(key) < 5461)))
    assert "MOVED" == caught.value.code
    driver.close()


def test_slot_that_moves_keeps_its_conversations(cluster, opened, prefix):
    """While its keys go over, whoever asks waits; then it is asked for at the other node."""
    store = opened(f"{cluster.url}?prefix={prefix}")
    say(store, 1)
    slot = slot_of(Keys(prefix).of(REF)[0])
    source = cluster.nodes[min(slot // 5461, 2)]
    target = next(node for node in cluster.nodes[1:3] if node is not source)
    target.call(f"CLUSTER SETSLOT {slot} IMPORTING {source.id}")
    source.call(f"CLUSTER SETSLOT {slot} MIGRATING {target.id}")
    try:
        with pytest.raises(StoreError) as caught:
            drive(store.begin(RUNTIME, REF, ask("t2"), RUNTIME.now() + 0.3))
        assert caught.value.retryable
        moving = threading.Thread(target=say, args=(store, 2))
        moving.start()
        for key in Keys(prefix).of(REF):
            source.call(f"MIGRATE 127.0.0.1 {target.port} {key} 0 5000")
    finally:
        for node in (target, source, *cluster.nodes[:3]):
            node.call(f"CLUSTER SETSLOT {slot} NODE {target.id}")
    moving.join(20)

    assert ["turn 1", "turn 2"] == texts(store)


def test_node_that_fails_over_is_followed(cluster, opened, prefix):
    """A primary is killed: its replica takes over, and the same store goes on with what was confirmed."""
    store = opened(f"{cluster.url}?prefix={prefix}&wait=1")
    first = cluster.nodes[0]
    name = next(f"c{n}" for n in range(99) if slot_of(Keys(prefix).of(Ref("x", f"c{n}"))[0]) < 5461)
    tenant = next(f"t{n}" for n in range(99) if 5461 > slot_of(Keys(prefix).index(f"t{n}")[0]))
    ref = next(
        Ref(tenant, f"{name}{n}") for n in range(99) if slot_of(Keys(prefix).of(Ref(tenant, f"{name}{n}"))[0]) < 5461
    )
    say(store, 1, ref)
    first.kill()
    unconfirmed = opened(f"{cluster.url}?prefix={prefix}")
    say(unconfirmed, 2, ref)

    assert ["turn 1", "turn 2"] == texts(store, ref)
    first.start()
    wait_for(lambda: b"role:slave" in first.call("INFO replication"), 20)


# --- what is lost, and what is not ------------------------------------------------------------------------------------


def test_restarted_server_has_what_was_acknowledged(opened):
    """With an append-only file, kill -9 loses nothing: turns, the list, and the lease of a turn under way."""
    server = DurableRedis()
    try:
        store = opened(server.url)
        for number in range(20):
            say(store, number)
        go = begin(store, "next", "?")
        drive(store.emit(RUNTIME, Mark(go.ref, "next", go.fence), piece(0, "part"), 30.0))
        server.restart()

        assert [f"turn {number}" for number in range(20)] == texts(store)
        assert ["talk"] == names(store, "me")
        assert isinstance(begin(store, "other", "?", wait=False), Busy)
        assert "part" == text_of(drive(store.turn(RUNTIME, REF, "next")))
        commit(store, go, "next", "turn 20")
        assert 21 == len(texts(store))
    finally:
        server.close()


@pytest.fixture
def pair() -> Iterator[tuple[Primary, Replica]]:
    """A primary and its replica."""
    primary = Primary()
    replica = Replica(primary)
    yield primary, replica
    replica.close()
    primary.close()


@pytest.mark.parametrize("wait", [0, 1])
def test_failover_in_the_middle_of_turns(pair, opened, wait):
    """kill -9 of the primary: with wait=1 no acknowledged turn is lost; without, the end at most."""
    primary, replica = pair
    acknowledged: list[str] = []

    def talk() -> None:
        store = opened(f"{primary.url}?wait={wait}")
        try:
            for number in range(100_000):
                say(store, number)
                acknowledged.append(f"turn {number}")
        except StoreError:
            pass

    talking = threading.Thread(target=talk)
    talking.start()
    wait_for(lambda: len(acknowledged) > 50, 20)
    primary.kill()
    talking.join()
    replica.promote()
    store = opened(replica.url)
    # Without the wait, a replica that a busy machine put aside may have nothing at all yet.
    kept = texts(store) if wait or drive(store.read(RUNTIME, REF, None)) else []

    if wait:
        assert set(acknowledged) <= set(kept)
    assert [f"turn {number}" for number in range(len(kept))] == kept
    say(opened(replica.url), 100_000, interrupt=True)


def test_what_no_replica_confirms_is_not_acknowledged(pair, opened):
    """A replica that stands still: with wait=1 that is an error, and once it goes on the same commit is one."""
    primary, replica = pair
    store = opened(f"{primary.url}?wait=1")
    say(store, 1)
    go = begin(store, "t2", "turn 2")
    replica.pause()
    try:
        with pytest.raises(StoreError, match="replicas") as caught:
            commit(store, go, "t2", "turn 2")
        assert caught.value.outcome_unknown
    finally:
        replica.resume()
    commit(store, go, "t2", "turn 2")
    replica.promote()
    assert ["turn 1", "turn 2"] == texts(opened(replica.url))


def test_what_is_lost_without_wait_is_the_end(pair, opened):
    """What the primary told a replica that it did not reach is gone with it; what is left is whole, and goes on."""
    primary, replica = pair
    store = opened(primary.url)
    say(store, 1)
    wait_for(lambda: ["turn 1"] == said(opened(replica.url)), 10)
    replica.pause()
    primary.call("CLIENT KILL TYPE replica")
    for number in range(2, 5):
        say(store, number)
    primary.kill()
    replica.resume()
    replica.promote()
    after = opened(replica.url)

    assert ["turn 1"] == texts(after)
    say(after, 9)
    assert ["turn 1", "turn 9"] == texts(after)


def said(store: RedisStore) -> list[str]:
    """What is there of it, if it is there."""
    return texts(store) if drive(store.read(RUNTIME, REF)) is not None else []


# --- broken lines -----------------------------------------------------------------------------------------------------


def _insist(step: Callable[[], Any]) -> Any:
    """As a caller does: try again, also while its own lease is still there."""
    for _ in range(200):
        try:
            result = step()
        except StoreError:
            continue
        if not isinstance(result, Busy):
            return result
        time.sleep(0.005)
    raise AssertionError("it never went through")


def _begins(quiet: RedisStore, store: RedisStore) -> None:
    go = _insist(lambda: begin(store, "new", "new?", ttl=0.02, wait=False))
    commit(quiet, go, "new", "new?", "new")


def _ends(quiet: RedisStore, store: RedisStore) -> None:
    go = begin(quiet, "new", "new?")
    _insist(lambda: commit(store, go, "new", "new?", "new"))


def _streams(quiet: RedisStore, store: RedisStore) -> None:
    go = begin(quiet, "new", "new?")
    mark = Mark(go.ref, "new", go.fence)
    assert _insist(lambda: drive(store.emit(RUNTIME, mark, piece(0, "part"), 5)))
    assert _insist(lambda: drive(store.emit(RUNTIME, mark, piece(1, "ial"), 5)))
    assert _insist(lambda: drive(store.renew(RUNTIME, mark, 5)))
    assert "partial" == text_of(_insist(lambda: drive(store.turn(RUNTIME, REF, "new"))))
    commit(quiet, go, "new", "new?", "new")


def _imports(quiet: RedisStore, store: RedisStore) -> None:
    nodes = [node_of(Message.user("new?")), node_of(Message.user("new"))]
    path = _insist(lambda: drive(store.read(RUNTIME, REF)))
    _insist(lambda: drive(store.append(RUNTIME, REF, path.version, path.leaf, nodes)) or True)


def _keeps(quiet: RedisStore, store: RedisStore) -> None:
    _insist(lambda: drive(store.keep(RUNTIME, REF, 60)))
    _insist(lambda: drive(store.fork(RUNTIME, REF, "side", ROOT)) or True)
    _insist(lambda: drive(store.reseal(RUNTIME, REF, b"", b"")))
    _insist(lambda: drive(store.branches(RUNTIME, REF)))
    _insist(lambda: drive(store.recover(RUNTIME, REF)) == [])
    assert ["talk"] == _insist(lambda: names(store, "me"))
    _insist(lambda: drive(store.sweep(RUNTIME)))
    _imports(quiet, store)


def _erases(quiet: RedisStore, store: RedisStore) -> None:
    _insist(lambda: drive(store.erase(RUNTIME, REF)))
    for key, text in (("a", "ok?"), ("new", "new?")):
        go = begin(quiet, key, text)
        commit(quiet, go, key, text, "yes" if key == "a" else "new")


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("steps", [_begins, _ends, _streams, _imports, _keeps, _erases])
def test_line_that_breaks_at_any_message(redis_server, opened, steps, sent):
    """Each message in turn is lost, or its answer is: who tries again finds the conversation as if nothing had been."""
    line = Line(redis_server)
    cut = 0
    try:
        while cut <= line.count:  # until a whole run has fewer messages
            cut += 1
            prefix = f"talk-{token_hex(6)}"
            quiet = opened(f"{redis_server.url}?prefix={prefix}")
            commit(quiet, begin(quiet, "first"), "first")
            store = opened(f"redis://127.0.0.1:{line.port}/0?prefix={prefix}")
            _warm(store, line)
            line.count, line.cut, line.sent = 0, cut, sent
            steps(quiet, store)
            line.cut = 0

            assert ["ok?", "yes", "new?", "new"] == texts(quiet)
            assert ["talk"] == names(quiet, "me")
            store.close()
            quiet.close()
        assert cut >= 2
    finally:
        line.close()


def _warm(store: RedisStore, line: Line) -> None:
    line.cut = 0
    drive(store.read(RUNTIME, Ref("me", "none")))


# --- processes --------------------------------------------------------------------------------------------------------


def test_four_processes_lose_nothing_and_waste_nothing(redis_server, prefix, provider):
    """100 turns of 4 processes: all kept, none twice, each answered on its whole history, one model call for each."""
    url = f"{redis_server.url}?prefix={prefix}"
    commands = [
        [sys.executable, str(WORKER), url, provider.base_url(), "ticket", str(25 * n), str(25 * n + 25), "30", "say"]
        for n in range(4)
    ]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for command in commands
    ]
    try:
        for process in started:
            out, err = process.communicate(timeout=60)
            assert (0, 26) == (process.returncode, len(out.split())), err
    finally:
        for process in started:
            process.kill()
            process.communicate()

    with Client(providers=rows_of(provider)) as client:
        words = [message.text for message in client.conversation("ticket", model="openai/any", store=url).history]
    assert [f"{at + 1}: {words[at]}" for at in range(0, 200, 2)] == words[1::2]
    assert {f"turn {number}" for number in range(100)} == set(words[::2])
    assert 100 == provider.calls
