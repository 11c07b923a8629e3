"""
Question `scale`: what do ten million users need, reckoned from what one turn costs here?

    python bench/scale.py measure              # what a turn costs each store; keeps bench/results/scale.json
    python bench/scale.py [RESULTS.json]       # the table of docs/scale.md, reckoned from it

Measured is, by the operations of the stores and nothing else: CPU time of the server for a turn (begin and commit), for
a piece of a stream under way (emit), for a look of a follower, and for reading a whole conversation; the bytes of the
log for each; the bytes that are kept; and what one client waits.  CPU time hardly depends on what else the machine
does; what one waits does, and is told only as a reference.

Does not show: a network, replicas, a database larger than its memory.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]
RESULTS = HERE / "results" / "scale.json"

from dragoman import Message  # noqa: E402 - the path comes first
from dragoman.conversation.checks import input_of  # noqa: E402
from dragoman.conversation.model import Ask, Go, Mark, Outcome, Piece, Ref, write_events  # noqa: E402
from dragoman.conversation.store import Store, open_store  # noqa: E402
from dragoman.conversation.turns import encode_answer  # noqa: E402
from dragoman.conversation.view import node_of  # noqa: E402
from dragoman.drivers.postgres import Postgres  # noqa: E402
from dragoman.drivers.redis import Redis  # noqa: E402
from dragoman.runtime import BlockingRuntime, drive  # noqa: E402
from dragoman.types.events import TextDelta  # noqa: E402
from dragoman.types.responses import ChatResponse  # noqa: E402
from dragoman.types.usage import Usage  # noqa: E402

RUNTIME: Final = BlockingRuntime()
CONVERSATIONS, TURNS = 300, 10
ROUNDS = 5
PIECES = 6000  # of one stream
LOOKS = 9000
ASKED, ANSWERED = 300, 1200  # characters


class World(NamedTuple):
    """
    Who talks, and how.

    Attributes:
        users: That talk on a day.
        turns: Of each, on a day.
        seconds: That an answer takes.
        peak: How many times the day's mean.
        streamed: Share of answers that are streamed.
        pieces: That are written of a stream in a second: one each 250 ms.
        followed: Share of streams that one reader follows from elsewhere.
        looks: Of a follower, in a second.
        days: That a conversation is kept.
        hot: Days that it is kept in the hot tier.
        copies: Of what is kept, replicas included.
        busy: Share of a core that is planned to be used at the peak.
        cores: Of a Postgres shard.
        memory: Bytes of a Redis shard that data may take.
        disk: Bytes of a Postgres shard that data may take.
    """

    users: float = 10e6
    turns: float = 10
    seconds: float = 10
    peak: float = 5
    streamed: float = 1.0
    pieces: float = 4
    followed: float = 0.05
    looks: float = 20
    days: float = 90
    hot: float = 1
    copies: float = 2
    busy: float = 0.5
    cores: float = 16
    memory: float = 24e9
    disk: float = 8e12


# --- measuring --------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A store, how its server's CPU time is read, its log's bytes, and the bytes that it keeps."""

    url: str
    cpu: Callable[[], float]
    log: Callable[[], int]
    kept: Callable[[], int]
    facts: dict[str, str]


@contextmanager
def sqlite() -> Iterator[Place]:
    """A file; its server is this process."""
    with tempfile.TemporaryDirectory(prefix="dragoman-scale-") as folder:

        def written() -> int:
            lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
            return int(lines["wchar"])

        def cpu() -> float:
            used = resource.getrusage(resource.RUSAGE_SELF)
            return used.ru_utime + used.ru_stime

        def kept() -> int:
            return sum(path.stat().st_size for path in Path(folder).iterdir() if path.name == "talk.db")

        yield Place(f"sqlite:///{folder}/talk.db", cpu, written, kept, {"durability": "synchronous=FULL"})


@contextmanager
def postgres() -> Iterator[Place]:
    """A server that syncs."""
    from tests.services import PostgresServer

    class Durable(PostgresServer):
        def command(self) -> list[str]:
            wish = ("fsync=on", "full_page_writes=on", "autovacuum=on", "shared_buffers=256MB", "max_wal_size=4GB")
            return [*super().command(), *(part for one in wish for part in ("-c", one))]

    with closing(Durable()) as server:
        line = Postgres(server.url)

        def number(sql: str) -> int:
            return int(drive(line.run(RUNTIME, sql))[0][0])

        def kept() -> int:
            drive(line.run(RUNTIME, "VACUUM ANALYZE"))
            return number(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
                " WHERE relname LIKE 'dragoman%' AND relkind = 'r'"
            )

        def log() -> int:
            return number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")

        version = str(drive(line.run(RUNTIME, "SHOW server_version"))[0][0])
        yield Place(
            server.url, lambda: _tree_cpu(_pid(server)), log, kept, {"version": version, "durability": "fsync=on"}
        )
        line.close()


@contextmanager
def redis() -> Iterator[Place]:
    """A server with an append-only file."""
    from tests.conversation.redis_servers import DurableRedis

    with closing(DurableRedis()) as server:
        line = Redis(server.url)

        def info(section: str, name: str) -> str:
            text = drive(line.command(RUNTIME, "INFO", section)).decode()
            return next(row.partition(":")[2].strip() for row in text.splitlines() if row.startswith(f"{name}:"))

        yield Place(
            server.url,
            lambda: _tree_cpu(_pid(server)),
            lambda: int(info("persistence", "aof_current_size")),
            lambda: int(info("memory", "used_memory")),
            {"version": info("server", "redis_version"), "durability": "appendfsync everysec"},
        )
        line.close()


STORES: Final = {"sqlite": sqlite, "postgres": postgres, "redis": redis}


def _pid(server: Any) -> int:
    pid: int = server._process.pid
    return pid


def _tree_cpu(parent: int) -> float:
    """CPU seconds of a process and its children, those that have ended included."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(entry.name) == parent:
                ticks += sum(map(int, stat[11:15]))
            elif stat[1] == str(parent):
                ticks += sum(map(int, stat[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Meter:
    """What some work costs a place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def of(self, count: int, work: Callable[[int], None]) -> dict[str, float]:
        """Do it so often, and tell the median of several parts."""
        each = count // ROUNDS
        parts = [self._part(range(begin, begin + each), work) for begin in range(0, count, each)]
        return {fact: statistics.median(part[fact] for part in parts) for fact in parts[0]}

    def _part(self, numbers: range, work: Callable[[int], None]) -> dict[str, float]:
        took: list[float] = []
        self._place.kept()  # what is free is found, as a server does from time to time
        cpu, log = self._place.cpu(), self._place.log()
        for number in numbers:
            since = time.perf_counter()
            work(number)
            took.append(time.perf_counter() - since)
        return {
            "cpu_us": (self._place.cpu() - cpu) / len(numbers) * 1e6,
            "log_bytes": (self._place.log() - log) / len(numbers),
            "wait_ms": statistics.median(took) * 1e3,
        }


class Talker:
    """Says turns of about 1.5 KB to a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._chance = random.Random(1)
        words = ["".join(self._chance.choices("etaoinshrdlu", k=self._chance.randint(2, 9))) for _ in range(5000)]
        self._words = words
        self.text = 0

    def said(self, size: int) -> str:
        """A text that packs as talk does."""
        text = ""
        while len(text) < size:
            text += self._chance.choice(self._words) + " "
        return text

    def begin(self, ref: Ref, key: str) -> tuple[Go, str]:
        """Begin a turn."""
        text = self.said(ASKED)
        data = input_of((Message.user(text),))
        go = drive(self._store.begin(RUNTIME, ref, Ask(key=key, input=data, digest=_digest(data), ttl=30.0)))
        assert isinstance(go, Go)
        return go, text

    def turn(self, number: int) -> None:
        """One turn of one of many conversations."""
        ref, key = Ref("bench", f"c{number % CONVERSATIONS}"), f"t{number}"
        go, asked = self.begin(ref, key)
        answer = self.said(ANSWERED)
        message = Message.assistant(answer)
        usage = Usage(input_tokens=900, output_tokens=260)
        done = ChatResponse(message=message, finish_reason="stop", usage=usage, model="bench-1", id=f"resp-{number}")
        outcome = Outcome(
            state="done", nodes=(node_of(Message.user(asked)), node_of(message)), answer=encode_answer(done)
        )
        drive(self._store.commit(RUNTIME, Mark(go.ref, key, go.fence), outcome))
        self.text += len(asked) + len(answer)

    def read(self, number: int) -> None:
        """Read a whole conversation, as a worker does that does not know it."""
        path = drive(self._store.read(RUNTIME, Ref("bench", f"c{number % CONVERSATIONS}")))
        assert path is not None
        assert len(path.nodes) == 2 * TURNS


def measured(kind: str) -> dict[str, Any]:
    """What things cost one store."""
    with STORES[kind]() as place, closing(open_store(place.url)) as store:
        meter, talker = Meter(place), Talker(store)
        drive(store.read(RUNTIME, Ref("bench", "nothing")))  # the connection is open, the tables are there
        empty = place.kept()
        found: dict[str, Any] = dict(place.facts)
        turns = CONVERSATIONS * TURNS
        found["turn"] = meter.of(turns, talker.turn)
        found["kept_bytes"] = (place.kept() - empty) / turns
        found["text_bytes"] = talker.text / turns
        found["read"] = meter.of(CONVERSATIONS * 5, talker.read)
        go, _ = talker.begin(Ref("bench", "streamed"), "s")
        mark = Mark(go.ref, "s", go.fence)
        events = [write_events([TextDelta(f"{talker.said(8)}") for _ in range(12)]) for _ in range(20)]  # 250 ms
        found["piece_bytes"] = statistics.mean(map(len, events))

        def emit(number: int) -> None:
            assert drive(store.emit(RUNTIME, mark, Piece(number, events[number % 20]), 30.0))

        def look(number: int) -> None:
            assert drive(store.turn(RUNTIME, go.ref, "s", PIECES - 1)) is not None

        found["piece"] = meter.of(PIECES, emit)
        found["look"] = meter.of(LOOKS, look)
        return found


def measure() -> dict[str, Any]:
    """All stores, and the machine."""
    report = {
        "question": "What do ten million users need, reckoned from what one turn costs here?",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "turns": CONVERSATIONS * TURNS,
        "stores": {kind: measured(kind) for kind in STORES},
    }
    report["load_after"] = [round(value, 2) for value in os.getloadavg()]
    return report


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- reckoning --------------------------------------------------------------------------------------------------------


def reckoned(report: dict[str, Any], world: World) -> list[tuple[str, str, str]]:
    """Rows of the table: what, how it is reckoned, and the number."""
    durable, hot = report["stores"]["postgres"], report["stores"]["redis"]
    mean = world.users * world.turns / 86_400
    peak = mean * world.peak
    streams = peak * world.seconds * world.streamed
    pieces, looks = streams * world.pieces, streams * world.followed * world.looks
    rows = [
        ("turns a day", "users x turns", _n(world.users * world.turns)),
        ("turns a second, mean", "a day's / 86,400", _n(mean)),
        ("turns a second, peak", "mean x peak", _n(peak)),
        ("answers under way, peak", "peak x seconds", _n(peak * world.seconds)),
        ("begin and commit a second", "2 x peak", _n(2 * peak)),
        ("pieces a second", "streams under way x 4", _n(pieces)),
        ("looks of followers a second", "streams x followed x 20", _n(looks)),
    ]
    load = {"turn": peak, "piece": pieces, "look": looks}
    for name, store in (("Postgres", durable), ("Redis", hot)):
        rows += _of_store(name, store, load, world)
    rows += _kept(durable, hot, world)
    return rows


def _of_store(name: str, store: dict[str, Any], load: dict[str, float], world: World) -> list[tuple[str, str, str]]:
    cores = {what: rate * store[what]["cpu_us"] / 1e6 for what, rate in load.items()}
    log = {what: load[what] * store[what]["log_bytes"] for what in ("turn", "piece")}
    total = sum(cores.values())
    each = world.cores if name == "Postgres" else 1.0  # Redis runs scripts on one core
    sum_of = " + ".join(f"{what} {cores[what]:.1f}" for what in cores)
    return [
        (f"{name}: CPU, cores at the peak", f"rate x CPU time: {sum_of}", f"{total:.1f}"),
        (f"{name}: log, MB a second", f"turns {_mb(log['turn'])} + pieces {_mb(log['piece'])}", _mb(sum(log.values()))),
        (
            f"{name}: shards for the CPU",
            f"cores / ({each:.0f} x {world.busy})",
            str(math.ceil(total / (each * world.busy))),
        ),
    ]


def _kept(durable: dict[str, Any], hot: dict[str, Any], world: World) -> list[tuple[str, str, str]]:
    turns = world.users * world.turns
    disk = turns * durable["kept_bytes"]
    memory = turns * world.hot * hot["kept_bytes"]
    held = disk * world.days
    return [
        ("Postgres: GB a day", f"turns x {durable['kept_bytes']:,.0f} bytes", f"{disk / 1e9:,.0f}"),
        ("Postgres: TB kept", f"a day's x {world.days:.0f} days", f"{held / 1e12:,.1f}"),
        ("Postgres: TB with copies", f"x {world.copies:.0f}", f"{held * world.copies / 1e12:,.1f}"),
        ("Postgres: shards for the disk", f"kept / {world.disk / 1e12:.0f} TB", str(math.ceil(held / world.disk))),
        (
            "Redis: GB of the hot tier",
            f"turns x {world.hot:.0f} d x {hot['kept_bytes']:,.0f} bytes",
            f"{memory / 1e9:,.0f}",
        ),
        ("Redis: shards for the memory", f"/ {world.memory / 1e9:.0f} GB", str(math.ceil(memory / world.memory))),
    ]


def _n(value: float) -> str:
    return f"{value:,.0f}"


def _mb(value: float) -> str:
    return f"{value / 1e6:,.0f}"


def tables(report: dict[str, Any]) -> str:
    """Both tables, as Markdown."""
    lines = ["| | SQLite | Postgres | Redis |", "|---|---|---|---|"]
    stores = [report["stores"][kind] for kind in STORES]
    for what, words in (
        ("turn", "a turn (begin and commit)"),
        ("piece", "a piece of a stream"),
        ("look", "a look of a follower"),
        ("read", f"reading {TURNS} turns"),
    ):
        lines.append(_row(f"{words}: CPU, µs", [f"{store[what]['cpu_us']:,.0f}" for store in stores]))
        lines.append(_row("... one client waits, ms", [f"{store[what]['wait_ms']:.2f}" for store in stores]))
        if what in ("turn", "piece"):
            lines.append(_row("... bytes of the log", [_n(store[what]["log_bytes"]) for store in stores]))
    lines.append(_row("kept, bytes a turn", [_n(store["kept_bytes"]) for store in stores]))
    lines.append(_row("its text, bytes", [_n(store["text_bytes"]) for store in stores]))
    lines += ["", "| | reckoned | |", "|---|---|---|"]
    lines += [f"| {what} | {how} | {number} |" for what, how, number in reckoned(report, World())]
    return "\n".join(lines)


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def main(words: list[str]) -> None:
    """Measure, or print."""
    if words == ["measure"]:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
        words = []
    print(tables(json.loads(Path(words[0] if words else RESULTS).read_text("utf-8"))))


if __name__ == "__main__":
    main(sys.argv[1:])
