"""
Question `conversation`: what does keeping a conversation cost, and what is left of one that several processes have?

    ./dev bench conversation            # all peers; keeps the result
    python bench/conversation.py dragoman-sqlite llm     # some; keeps nothing

Grow: turns of about 1,400 characters are appended one by one; told are the median of the last 20 appends before 10,
1,000 and 10,000 turns, what reading all of them takes, and the bytes on disk for each turn and for each character.  A
peer whose time is over is told as far as it came.

Race: 4 processes take 25 turns each of one conversation, against one model of 20 ms.  The model answers with a sum of
the history that it saw, so the history that was kept says which answers were given on an older one (stale), which turns
are gone, and which calls of the model were for nothing (wasted).

Each peer does what its documentation does, with no lock of its own added.  Does not show: a network to the database.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import environments  # noqa: E402
import talk_worker  # noqa: E402

QUESTION = "What does keeping a conversation cost, and what is left of one that four processes have?"
SIZES = (10, 1000, 10_000)
SECONDS = 60.0  # for each peer to grow
PROCESSES, TURNS = 4, 25
LATENCY = 0.02  # seconds that the model takes


class Row(NamedTuple):
    """A peer, and where it keeps: `file`, `sqlite`, `postgres` or `redis`."""

    peer: str
    where: str


# A store of ours is one more row: its URL is all that differs.
ROWS = {
    "dragoman-sqlite": Row("dragoman", "sqlite"),
    "dragoman-postgres": Row("dragoman", "postgres"),
    "dragoman-redis": Row("dragoman", "redis"),
    "langgraph-sqlite": Row("langgraph", "file"),
    "langgraph-postgres": Row("langgraph", "postgres"),
    "openai-agents": Row("openai_agents", "file"),
    "langchain-sql": Row("langchain_sql", "file"),
    "llm": Row("llm", "file"),
    "pydantic-harness": Row("pydantic_harness", "file"),
}
PEERS = {"dragoman", *(row.peer for row in ROWS.values())}


# --- the model --------------------------------------------------------------------------------------------------------


def sum_of(texts: Sequence[str]) -> str:
    """What the model says to a history."""
    return f"{zlib.crc32(chr(0).join(texts).encode()):08x}"


class Model(ThreadingHTTPServer):
    """A model that tells what it was asked, by OpenAI's dialect."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.calls = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one question."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        assert isinstance(server, Model)
        with server.lock:
            server.calls += 1
        time.sleep(LATENCY)
        said = {"role": "assistant", "content": sum_of([message["content"] for message in body["messages"]])}
        told = {
            "id": "bench",
            "object": "chat.completion",
            "created": 0,
            "model": "bench",
            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def model() -> Iterator[Model]:
    """Run a model."""
    with Model() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


# --- where they keep --------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a peer keeps, and how many bytes that is."""

    url: str
    size: Callable[[], int]


@contextmanager
def place(where: str) -> Iterator[Place]:
    """An empty place, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-talk-") as folder:
        path = Path(folder) / "talk.db"
        if where in ("file", "sqlite"):
            url = f"sqlite:///{path}" if where == "sqlite" else str(path)
            yield Place(url, lambda: sum(file.stat().st_size for file in Path(folder).glob("talk.db*")))
        else:
            with _SERVERS[where]() as found:
                yield found


@contextmanager
def _postgres() -> Iterator[Place]:
    from psycopg import connect
    from tests.services import PostgresServer

    server = PostgresServer()
    try:
        with connect(server.url, autocommit=True) as line:

            def size() -> int:
                row = line.execute("SELECT pg_database_size(current_database())").fetchone()
                assert row is not None
                return int(row[0])

            empty = size()
            yield Place(server.url, lambda: size() - empty)
    finally:
        server.close()


@contextmanager
def _redis() -> Iterator[Place]:
    import redis
    from tests.services import RedisServer

    server = RedisServer()
    try:
        with redis.Redis.from_url(server.url) as line:

            def size() -> int:
                facts: Any = line.info("memory")
                return int(facts["used_memory_dataset"])

            empty = size()
            yield Place(server.url, lambda: size() - empty)
    finally:
        server.close()


_SERVERS = {"postgres": _postgres, "redis": _redis}


# --- the two questions ------------------------------------------------------------------------------------------------


def command(row: Row, url: str, *more: str) -> list[str]:
    """How a peer's worker is started."""
    python = environments.python_of(talk_worker.facts(row.peer)["ENVIRONMENT"])
    return [str(python), str(HERE / "talk_worker.py"), row.peer, url, *more]


def output(line: list[str]) -> Any:
    """What a worker told."""
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def grown(row: Row, seconds: float, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Append and load; the bytes are those of the largest size that was reached."""
    with place(row.where) as kept:
        found: list[dict[str, Any]] = output(command(row, kept.url, "grow", str(seconds), ",".join(map(str, sizes))))
        size = kept.size()
    found[-1] |= {"bytes_per_turn": size / found[-1]["turns"], "bytes_per_character": size / found[-1]["text"]}
    return found


def raced(row: Row) -> dict[str, Any]:
    """Let them race, and judge what was kept."""
    with place(row.where) as kept, model() as asked:
        before = output(command(row, kept.url, "read", asked.url))
        assert before == [], before
        workers = [
            subprocess.Popen(
                command(row, kept.url, "race", asked.url, str(TURNS * i), str(TURNS * (i + 1))),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for i in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        since = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        failed = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
        seconds = time.monotonic() - since
        texts: list[str] = output(command(row, kept.url, "read", asked.url))
    errors: dict[str, int] = {}
    for one in failed:
        for name, count in one.items():
            errors[name] = errors.get(name, 0) + count
    return judged(texts, asked.calls) | {"errors": errors, "seconds": round(seconds, 2)}


def judged(texts: Sequence[str], calls: int) -> dict[str, int]:
    """How many turns were kept, how many of them were answered on another history, and how many calls were wasted."""
    kept = {text for text in texts if text.startswith("turn ")}
    stale = 0
    for at, text in enumerate(texts):
        if text.startswith("turn "):
            answer = texts[at + 1] if at + 1 < len(texts) else ""
            stale += answer != sum_of(texts[: at + 1])
    return {
        "kept": len(kept),
        "lost": PROCESSES * TURNS - len(kept),
        "stale": stale,
        "calls": calls,
        "wasted": calls - len(kept),
    }


def measured(names: Sequence[str], seconds: float, sizes: Sequence[int]) -> dict[str, Any]:
    """All of it, for some rows."""
    for name, requirement in environments.rows():
        if name in {talk_worker.facts(ROWS[row].peer)["ENVIRONMENT"] for row in names}:
            environments.ready(name, requirement)
    found: dict[str, Any] = {}
    for name in names:
        row = ROWS[name]
        race = raced(row)
        growth = grown(row, seconds, sizes)
        found[name] = {"label": f"{talk_worker.facts(row.peer)['LABEL']}, {row.where}", "race": race, "grow": growth}
        print(f"{name:18} kept {race['kept']:3} stale {race['stale']:3} wasted {race['wasted']:3}", end="", flush=True)
        for one in growth:
            print(f" | {one['turns']:6} turns: +{one['append_ms']:.2f} ms, load {one['load_ms']:.1f} ms", end="")
        print(f" | {growth[-1]['bytes_per_character']:.2f} bytes a character", flush=True)
    return found


def report(names: Sequence[str], seconds: float = SECONDS, sizes: Sequence[int] = SIZES) -> None:
    """Measure, print, and keep if all rows were asked."""
    import run  # the parts that all questions share

    facts, begun = run.machine(), datetime.now(UTC)
    found = measured(names, seconds, sizes)
    result = {
        "question": QUESTION,
        "commit": run.commit(),
        "date": begun.isoformat(timespec="seconds"),
        "seconds": seconds,
        "machine": facts,
        "peers": found,
        "installed": {
            name: environments.versions(name)
            for name in dict.fromkeys(talk_worker.facts(ROWS[row].peer)["ENVIRONMENT"] for row in names)
        },
    }
    if list(names) == list(ROWS):
        run.keep("conversation", result)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("row", nargs="*", help=f"of {', '.join(ROWS)}; all if none is given")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each to grow ({SECONDS:g})")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.row if name not in ROWS]
    if unknown:
        parser.error(f"no row is called {unknown[0]!r}: there are {', '.join(ROWS)}")
    report(chosen.row or list(ROWS), chosen.seconds)
