"""Postgres: rows, transactions, refusals, and URLs whose password is never seen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.drivers.postgres import Postgres
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.subjects import CountingPostgres, Face
from tests.house.modules import ROOT
from tests.services import PostgresServer, wait_for

BLOCKING = BlockingRuntime()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[Postgres]:
    """A driver, and an empty table `things (n INTEGER PRIMARY KEY)`."""
    driver = Postgres(postgres_server.url)
    drive(driver.run(BLOCKING, "DROP TABLE IF EXISTS things"))
    drive(driver.run(BLOCKING, "CREATE TABLE things (n INTEGER PRIMARY KEY)"))
    yield driver
    driver.close()


def things(postgres: Postgres) -> list[int]:
    """What is in the table."""
    return [row[0] for row in drive(postgres.run(BLOCKING, "SELECT n FROM things ORDER BY n"))]


def test_rows_and_parameters(postgres: Postgres, face: Face) -> None:
    """Values go in by place or name and come out typed; without parameters a percent sign is itself."""

    async def steps(runtime: Any) -> list[Any]:
        return [
            await postgres.run(runtime, "SELECT %s::int + 1, %s::bytea, NULL", [41, b"\xff"]),
            await postgres.run(runtime, "SELECT %(a)s::text", {"a": "it's"}),
            await postgres.run(runtime, "SELECT 'a' LIKE 'a%'"),
            await postgres.run(runtime, "INSERT INTO things VALUES (1) RETURNING n"),
            await postgres.run(runtime, "DELETE FROM things"),
        ]

    assert [[(42, b"\xff", None)], [("it's",)], [(True,)], [(1,)], []] == face.do(steps)


def test_a_transaction_is_committed_when_its_work_returns(postgres: Postgres, face: Face) -> None:
    """What the work returns comes out, and what it did is there."""

    async def work(execute: Any) -> str:
        await execute("INSERT INTO things VALUES (1)")
        await execute("INSERT INTO things VALUES (%s)", [2])
        return "done"

    assert "done" == face.do(lambda runtime: postgres.transaction(runtime, work))
    assert [1, 2] == things(postgres)


def test_a_transaction_is_undone_when_its_work_raises(postgres: Postgres, face: Face) -> None:
    """The error comes out as it was raised, and the connection is used again."""

    async def work(execute: Any) -> None:
        await execute("INSERT INTO things VALUES (1)")
        raise ZeroDivisionError

    async def steps(runtime: Any) -> list[Any]:
        with pytest.raises(ZeroDivisionError):
            await postgres.transaction(runtime, work)
        return await postgres.run(runtime, "SELECT count(*) FROM things")

    assert [(0,)] == face.do(steps)


def test_a_transaction_that_swallows_an_error_is_not_taken_for_done(postgres: Postgres, face: Face) -> None:
    """After a failed statement the server undoes everything, whatever the work returns: that is an error."""

    async def work(execute: Any) -> None:
        await execute("INSERT INTO things VALUES (1)")
        with pytest.raises(StoreError):
            await execute("INSERT INTO things VALUES (1)")

    with pytest.raises(StoreError, match="undid the transaction"):
        face.do(lambda runtime: postgres.transaction(runtime, work))

    assert [] == things(postgres)


def test_execute_belongs_to_its_transaction(postgres: Postgres, face: Face) -> None:
    """What keeps it cannot write into another's transaction."""
    kept: list[Any] = []

    async def work(execute: Any) -> None:
        kept.append(execute)

    async def steps(runtime: Any) -> None:
        await postgres.transaction(runtime, work)
        with pytest.raises(RuntimeError, match="the transaction is over"):
            await kept[0]("SELECT 1")

    face.do(steps)


@pytest.mark.parametrize(
    ("sql", "params", "code"),
    [
        pytest.param("INSERT INTO things VALUES (7), (7)", [], "23505", id="duplicate"),
        pytest.param("SELEC", [], "42601", id="syntax"),
        pytest.param("SELECT 1 / %s", [0], "22012", id="value"),
    ],
)
def test_a_refused_statement_has_the_servers_code(
    postgres: Postgres, face: Face, sql: str, params: list[Any], code: str
) -> None:
    """The outcome is known; the connection is used again."""

    async def steps(runtime: Any) -> StoreError:
        with pytest.raises(StoreError) as caught:
            await postgres.run(runtime, sql, params)
        await postgres.run(runtime, "SELECT 1")
        return caught.value

    error = face.do(steps)

    assert (code, False, False) == (error.code, error.retryable, error.outcome_unknown)


def test_what_cannot_be_sent_is_said(postgres: Postgres, face: Face) -> None:
    """A value that has no form in SQL is an error of the statement, not of the connection."""
    with pytest.raises(StoreError, match="cannot be sent") as caught:
        face.do(lambda runtime: postgres.run(runtime, "SELECT %s", [object()]))

    assert not caught.value.outcome_unknown


def test_a_conflict_may_be_tried_again(postgres: Postgres) -> None:
    """Two that cannot both be right: one is undone, and told that trying again helps."""

    async def work(execute: Any) -> None:
        await execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        await execute("SELECT count(*) FROM things")
        await asyncio.sleep(0.1)
        await execute("INSERT INTO things SELECT max(n) + 1 FROM things")

    async def main() -> list[Any]:
        runtime = AsyncRuntime()
        await postgres.run(runtime, "INSERT INTO things VALUES (1)")
        both = (postgres.transaction(runtime, work), postgres.transaction(runtime, work))
        return await asyncio.gather(*both, return_exceptions=True)

    failed = [result for result in asyncio.run(main()) if result is not None]

    assert 1 == len(failed)
    assert isinstance(failed[0], StoreError)
    assert (True, False) == (failed[0].retryable, failed[0].outcome_unknown)


def test_a_connection_that_breaks_inside_a_transaction_has_done_nothing(postgres: Postgres, face: Face) -> None:
    """Until COMMIT is sent the outcome is known: it is undone, and may be tried again."""

    async def work(execute: Any) -> None:
        await execute("INSERT INTO things VALUES (1)")
        ((pid,),) = await execute("SELECT pg_backend_pid()")
        drive(postgres.run(BLOCKING, "SELECT pg_terminate_backend(%s)", [pid]))
        await execute("INSERT INTO things VALUES (2)")

    with pytest.raises(StoreError) as caught:
        face.do(lambda runtime: postgres.transaction(runtime, work))

    assert (True, False) == (caught.value.retryable, caught.value.outcome_unknown)
    assert [] == things(postgres)


def test_a_process_that_is_killed_inside_a_transaction(postgres: Postgres, postgres_server: PostgresServer) -> None:
    """What it had not committed is gone, and its locks with it."""
    script = (
        "import sys, time\n"
        "from dragoman.drivers.postgres import Postgres\n"
        "from dragoman.runtime import BlockingRuntime, drive\n"
        "async def work(execute):\n"
        "    await execute('INSERT INTO things VALUES (1)')\n"
        "    print('inside', flush=True)\n"
        "    time.sleep(60)\n"
        "drive(Postgres(sys.argv[1]).transaction(BlockingRuntime(), work))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, postgres_server.url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "inside\n" == process.stdout.readline()
        process.kill()
    drive(postgres.run(BLOCKING, "INSERT INTO things VALUES (1)", until=BLOCKING.now() + 5))

    assert [1] == things(postgres)


def test_a_cancelled_transaction_is_undone(postgres: Postgres) -> None:
    """A task that is cancelled between two statements leaves no lock and no row."""
    inside = asyncio.Event()

    async def work(execute: Any) -> None:
        await execute("INSERT INTO things VALUES (1)")
        inside.set()
        await asyncio.sleep(60)

    async def main() -> None:
        runtime = AsyncRuntime()
        task = asyncio.create_task(postgres.transaction(runtime, work))
        await inside.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await postgres.run(runtime, "INSERT INTO things VALUES (1)", until=runtime.now() + 5)

    asyncio.run(main())

    assert [1] == things(postgres)


def test_nothing_is_prepared(postgres_server: PostgresServer, face: Face) -> None:
    """The same statement many times leaves nothing in the session, as pgbouncer needs it."""
    driver = Postgres(postgres_server.url, most=1)

    async def steps(runtime: Any) -> Any:
        for number in range(12):
            await driver.run(runtime, "SELECT %s::int", [number])
        rows = await driver.run(runtime, "SELECT count(*) FROM pg_prepared_statements")
        await driver.aclose() if runtime.suspends else driver.close()
        return rows

    assert [(0,)] == face.do(steps)


def test_a_dropped_driver_leaves_no_session(postgres_server: PostgresServer) -> None:
    """A driver that nobody closes and nobody has any more is closed."""
    watching = Postgres(postgres_server.url)

    def sessions() -> int:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dropped'"
        return int(drive(watching.run(BLOCKING, sql))[0][0])

    driver = Postgres(f"{postgres_server.url}?application_name=dropped")
    drive(driver.run(BLOCKING, "SELECT 1"))
    assert 1 == sessions()
    del driver

    wait_for(lambda: sessions() == 0, 5)
    watching.close()


def test_a_wrong_password_is_no_secret_of_ours(postgres_server: PostgresServer, face: Face) -> None:
    """Where a password is wrong the text says so, and does not show it; trying again does not help."""
    counting = CountingPostgres(postgres_server.url)
    drive(counting.driver.run(BLOCKING, "DROP DATABASE IF EXISTS elsewhere"))
    url = postgres_server.url.replace("dragoman@", "nobody_we_know:hunter2%2Fsecret@")
    driver = Postgres(url)

    with pytest.raises(StoreError, match=r"refuses the connection: .*nobody_we_know") as caught:
        face.do(lambda runtime: driver.run(runtime, "SELECT 1"))

    assert not caught.value.retryable
    assert "hunter2" not in f"{caught.value!r} {driver!r} {caught.value.__cause__!r}"
    counting.driver.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://u:hunter2secret@host/db?nosuchoption=1", id="option"),
        pytest.param("postgresql://u:hunter2secret@[host/db", id="host"),
        pytest.param("mysql://u:hunter2secret@host/db", id="scheme"),
    ],
)
def test_a_url_that_cannot_be_used(url: str) -> None:
    """It fails where it is written, names the field and does not repeat the password."""
    with pytest.raises(ConfigError, match="the Postgres URL cannot be used") as caught:
        Postgres(url)

    assert "url" == caught.value.field
    assert "hunter2" not in str(caught.value)
