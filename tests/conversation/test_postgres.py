"""Conversations in Postgres: the tables and who may make them, tenants apart, pgbouncer, and what a turn costs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from dragoman import Client, ConfigError, StoreError
from dragoman.conversation.model import Busy, Go, Mark, Receipt, Ref
from dragoman.conversation.nodes import ROOT, Place
from dragoman.conversation.postgres.schema import TABLES, VERSION, ddl
from dragoman.conversation.postgres.store import PostgresStore
from dragoman.conversation.store import Store
from dragoman.drivers.postgres import Postgres
from dragoman.runtime import BlockingRuntime, drive
from dragoman.testing import Server
from tests.conversation.conftest import rows_of
from tests.conversation.test_store import REF, begin, commit, names, piece, texts
from tests.schemas import fresh_schema
from tests.services import PgbouncerServer, PostgresServer

RUNTIME = BlockingRuntime()
WORKER = Path(__file__).with_name("worker.py")
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """An empty schema."""
    return fresh_schema(postgres_server, "talk")


@pytest.fixture
def sql(url: str) -> Iterator[Sql]:
    """Do a statement in that schema, as its administrator."""
    driver = Postgres(url)
    yield lambda text, *params: drive(driver.run(RUNTIME, text, params))
    driver.close()


@pytest.fixture
def open_at() -> Iterator[Callable[[str], PostgresStore]]:
    """Open stores that are closed after the test."""
    opened: list[PostgresStore] = []

    def open_at(url: str) -> PostgresStore:
        opened.append(PostgresStore(url))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


@pytest.fixture(scope="module")
def pgbouncer(postgres_server: PostgresServer) -> Iterator[PgbouncerServer]:
    running = PgbouncerServer(postgres_server)
    yield running
    running.close()


def role_of(sql: Sql, url: str) -> tuple[str, str]:
    """A new role that may look into the schema and make nothing there: its name, and the schema's URL for it."""
    role, schema = f"role_{token_hex(4)}", url.rpartition("%3D")[2]
    sql(f"CREATE ROLE {role} LOGIN")
    sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    return role, url.replace("dragoman@", f"{role}@")


def everything(store: Store, tenant: str = "me") -> None:
    """Each operation once, as it must be."""
    ref = Ref(tenant, "talk")
    go = begin(store, ref=ref)
    assert drive(store.emit(RUNTIME, Mark(ref, "t1", go.fence), piece(0, "y"), 30.0))
    assert drive(store.renew(RUNTIME, Mark(ref, "t1", go.fence), 30.0))
    leaf = commit(store, go, pieces=(piece(1, "es"),))
    assert drive(store.fork(RUNTIME, ref, "other", leaf))
    commit(store, begin(store, "t2", "more?", ref=ref), "t2", "more?", "more")
    other = ref._replace(branch="other")
    commit(store, begin(store, "t3", "side?", ref=other), "t3", "side?", "side")
    assert ["ok?", "yes", "more?", "more"] == texts(store, ref)
    assert ["ok?", "yes", "side?", "side"] == texts(store, other)
    assert 2 == len(drive(store.branches(RUNTIME, ref)))
    assert [] == drive(store.recover(RUNTIME, ref))
    assert ["talk"] == names(store, tenant)
    assert drive(store.keep(RUNTIME, ref, 60))
    assert Receipt(nodes=6, turns=3) == drive(store.erase(RUNTIME, ref))
    begin(store, ref=ref, keep=0.001)
    time.sleep(0.01)
    assert 1 == drive(store.sweep(RUNTIME)).conversations


def left(sql: Sql) -> int:
    """Rows in all tables."""
    return sum(sql(f"SELECT count(*) FROM dragoman_{table.name}")[0][0] for table in TABLES)


# --- the tables -------------------------------------------------------------------------------------------------------


def test_many_that_start_at_once_make_the_tables_once(url, sql, open_at):
    """Whoever comes while another makes the tables waits, and finds them."""
    stores = [open_at(url) for _ in range(6)]
    together = threading.Barrier(6)

    def work(number: int) -> Any:
        together.wait()
        return begin(stores[number], ref=Ref("me", str(number)))

    with ThreadPoolExecutor(6) as pool:
        assert all(isinstance(began, Go) for began in pool.map(work, range(6)))
    assert [("conversations", VERSION)] == sql("SELECT part, version FROM dragoman_schema")


def test_tables_that_are_gone_are_made_again(url, sql, open_at):
    """A store whose tables an administrator drops goes on with empty ones."""
    store = open_at(url)
    commit(store, begin(store))
    sql(f"DROP TABLE dragoman_schema, {', '.join(f'dragoman_{table.name}' for table in TABLES)} CASCADE")

    assert drive(store.read(RUNTIME, REF)) is None
    assert isinstance(begin(store), Go)


def test_tables_of_a_later_version_are_not_touched(url, sql, open_at):
    """An old process beside a new one is told to be updated; it writes nothing."""
    begin(open_at(url))
    sql("UPDATE dragoman_schema SET version = 99")

    with pytest.raises(StoreError, match=r"version 99.*update dragoman"):
        begin(open_at(url), "t2")
    assert 1 == sql("SELECT count(*) FROM dragoman_turn")[0][0]


def test_role_that_may_not_make_tables_is_told_how_they_are_made(url, sql, open_at):
    """The error has the command for an administrator; when that was run, the same store works."""
    role, theirs = role_of(sql, url)
    store = open_at(theirs)
    with pytest.raises(
        StoreError, match=r"may not make any .*schema import ddl; print\(ddl\(role='USER'\)\)"
    ) as caught:
        begin(store)
    assert (False, False) == (caught.value.retryable, caught.value.outcome_unknown)

    printed = subprocess.run(
        [sys.executable, "-c", f"from dragoman.conversation.postgres.schema import ddl; print(ddl(role='{role}'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", url]
    done = subprocess.run(psql, input=printed.stdout, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    everything(store)


def test_url_without_a_schema_to_write_to_is_explained(postgres_server, open_at):
    """A search path that leads nowhere is no riddle."""
    with pytest.raises(StoreError, match=r"search_path names first") as caught:
        begin(open_at(f"{postgres_server.url}?options=-csearch_path%3Dnowhere"))
    assert "3F000" == caught.value.code


def test_database_that_cannot_hold_all_texts_is_refused(postgres_server, open_at):
    """Before a turn is lost to a word that LATIN1 has no letter for."""
    admin, name = Postgres(postgres_server.url), f"latin_{token_hex(4)}"
    drive(admin.run(RUNTIME, f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0"))
    admin.close()
    store = open_at(postgres_server.url.rpartition("/")[0] + f"/{name}")

    with pytest.raises(StoreError, match="ENCODING 'UTF8'"):
        begin(store)
    with pytest.raises(StoreError, match="ENCODING 'UTF8'"):
        begin(store)


@pytest.mark.parametrize("partitions", [0, 3])
def test_tables_are_those_of_the_printed_statements(url, sql, open_at, partitions):
    """Whole or in parts, what `ddl` prints is all that a store needs; an erased conversation leaves no row."""
    sql(ddl(partitions=partitions))
    store = open_at(url)

    everything(store)

    assert 0 == left(sql)
    parts = sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'dragoman_node'::regclass")
    assert [(partitions,)] == parts


def test_wrong_number_of_partitions_is_refused():
    """There are no fewer than none."""
    with pytest.raises(ConfigError) as caught:
        ddl(partitions=-1)
    assert "partitions" == caught.value.field


def test_row_security_keeps_tenants_apart(url, sql, open_at):
    """With a role for each tenant the server itself refuses one the rows of another, whatever the program asks."""
    (group, _), (ann, for_ann), (bob, for_bob) = (role_of(sql, url) for _ in range(3))
    sql(ddl(tenant="current_user", role=group))
    sql(f"GRANT {group} TO {ann}, {bob}")
    hers, his = open_at(for_ann), open_at(for_bob)
    everything(hers, ann)
    commit(hers, begin(hers, ref=Ref(ann, "secret")))

    assert [] == names(his, ann)
    assert drive(his.read(RUNTIME, Ref(ann, "secret"))) is None
    assert 0 == drive(his.erase(RUNTIME, Ref(ann, "secret"))).nodes
    with pytest.raises(StoreError) as caught:
        begin(his, "t2", ref=Ref(ann, "secret"))
    assert "42501" == caught.value.code
    everything(his, bob)
    assert ["ok?", "yes"] == texts(hers, Ref(ann, "secret"))
    driver = Postgres(for_bob)
    counts = [drive(driver.run(RUNTIME, f"SELECT count(*) FROM dragoman_{table.name}"))[0][0] for table in TABLES]
    driver.close()
    assert [0] * len(TABLES) == counts


# --- behind pgbouncer, and with other settings ------------------------------------------------------------------------


@pytest.fixture
def pooled(pgbouncer: PgbouncerServer, postgres_server: PostgresServer) -> str:
    """The URL of an empty database behind pgbouncer."""
    admin, name = Postgres(postgres_server.url), f"pooled_{token_hex(4)}"
    drive(admin.run(RUNTIME, f"CREATE DATABASE {name}"))
    admin.close()
    return pgbouncer.url(name)


def test_every_operation_works_behind_pgbouncer(pooled, open_at):
    """Nothing depends on the connection that the statement before went through."""
    everything(open_at(pooled))


def test_processes_share_a_conversation_behind_pgbouncer(pooled, provider):
    """Three processes over two connections of the server: every turn is kept, and asked once."""
    command = [sys.executable, str(WORKER), pooled, provider.base_url(), "ticket"]
    started = [
        subprocess.Popen([*command, str(10 * who), str(10 * who + 10), "30"], stdout=subprocess.PIPE, text=True)
        for who in range(3)
    ]
    for process in started:
        process.communicate(timeout=60)
        assert 0 == process.returncode
    with Client(providers=rows_of(provider)) as client:
        history = client.conversation("ticket", model="openai/any", store=pooled).history

    assert {f"turn {number}" for number in range(30)} == {message.text for message in history[::2]}
    assert 60 == len(history)
    assert 30 == provider.calls


def test_stricter_isolation_costs_tries_and_nothing_else(url, provider: Server):
    """Where the database's default is serializable, what met another transaction is done again."""
    strict = f"{url}%20-cdefault_transaction_isolation%3Dserializable"
    with Client(providers=rows_of(provider)) as client:
        talk = client.conversation("ticket", model="openai/any", store=strict)
        with ThreadPoolExecutor(3) as pool:
            answers = [answer.text for answer in pool.map(lambda number: talk.say(f"n{number}"), range(12))]

    assert [str(number) for number in range(1, 24, 2)] == sorted((a.partition(":")[0] for a in answers), key=int)


# --- what it costs ----------------------------------------------------------------------------------------------------

MANY = 20_000
_FILL = """
INSERT INTO dragoman_conversation
  SELECT md5('c' || n)::uuid, 'me', 'u' || n % 1000, 'n' || n, n, 0, 0, 0, NULL, '', 1, 0, 0
  FROM generate_series(1, {0}) n;
INSERT INTO dragoman_branch SELECT md5('c' || n)::uuid, 'main', 2, 0, 2, 1, NULL, 0 FROM generate_series(1, {0}) n;
INSERT INTO dragoman_turn
  SELECT md5('c' || n)::uuid, 't', 1, 'main', '', 'done', 1, 0, 0, 0, 2, NULL, '', NULL, 0, 0, false
  FROM generate_series(1, {0}) n;
INSERT INTO dragoman_node SELECT md5('c' || n)::uuid, 0, d, 'message', 1, 't', '', '{{}}'
  FROM generate_series(1, {0}) n, generate_series(1, 2) d;
ANALYZE dragoman_conversation, dragoman_branch, dragoman_turn, dragoman_node, dragoman_piece, dragoman_waiter,
  dragoman_segment;
"""


def test_no_operation_reads_a_whole_table(url, sql, open_at):
    """Beside many conversations a turn costs what it costs beside none: every row is found by an index."""
    store = open_at(url)
    everything(store)  # its session has plans that were made when the tables were small
    sql(_FILL.format(MANY))
    before = _scans(store)
    for number in range(3):
        everything(store, f"tenant {number}")
        begin(store, "first", ref=Ref("x", "line"))
        begin(store, f"t{number}", ref=Ref("x", "line"))
        names(store, "me", user="u7", after=("u7", "n5"))

    assert len(TABLES) == len(before)
    assert before == _scans(store)
    drive(store._db.run(RUNTIME, "SELECT count(*) FROM dragoman_node"))
    assert before != _scans(store)  # so one would have been seen


def _scans(store: PostgresStore) -> list[tuple[str, int]]:
    """How often each table was read whole, as the store's own session has told by now."""
    drive(store._db.run(RUNTIME, "SELECT pg_stat_force_next_flush()"))
    ours = [f"dragoman_{table.name}" for table in TABLES]
    query = (
        "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s) AND schemaname = current_schema()"
    )
    return sorted(drive(store._db.run(RUNTIME, query, [ours])))


def test_waiting_writes_nothing(url, sql, open_at):
    """Who stands in line asks often: that takes no transaction number, and so no sync of the disk."""
    store = open_at(url)
    begin(store)
    ticket = begin(store, "t2").ticket
    numbered = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    before = sql(numbered)
    for _ in range(20):
        assert isinstance(begin(store, "t2", ticket=ticket), Busy)

    assert before == sql(numbered)


def test_path_of_many_forks_is_one_question(url, open_at):
    """A path through fifty forks, each of which the other branch went on from."""
    store, leaf = open_at(url), ROOT
    for number in range(50):
        ref = REF._replace(branch=f"b{number}")
        if number:
            assert drive(store.fork(RUNTIME, REF, ref.branch, leaf))
        commit(store, begin(store, f"x{number}", "x", ref=ref), f"x{number}", "left")
        assert drive(store.fork(RUNTIME, ref, f"c{number}", leaf)) or leaf == ROOT
        other = REF._replace(branch=f"c{number}")
        leaf = commit(store, begin(store, f"y{number}", "y", ref=other), f"y{number}", str(number))

    assert [str(number) for number in range(50)] == texts(store, other)
    assert Place(50, 50) == leaf
