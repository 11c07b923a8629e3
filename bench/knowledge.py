"""
Question `knowledge`: of 10,000 pieces, is the right one among the first five, and what does that cost?

    python bench/knowledge.py              # all ways; keeps the result
    python bench/knowledge.py hybrid       # some; keeps nothing

The documents and questions are made here (`knowledge_corpus.py`), two thirds English, a third Chinese.  Everybody
indexes the same pieces, which our reader cut.  Ways of ours: `hybrid` (the default), `words`, `vectors` (`local/hash`),
`hybrid, no numpy`, and `hybrid, reopened` (each question by a process's first look: vectors are read from the file).
Peers: `rank-bm25` and `bm25s` with the tokenizers of their documentation, and `bm25s` with our terms.

Ours is a file that stays; both peers hold their index in memory and begin anew in each process.  Does not show: what
an embedding model finds (none runs here); text that was not made from patterns, in which names tell less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import environments  # noqa: E402 - the path comes first
from knowledge_corpus import Question, corpus  # noqa: E402
from knowledge_worker import WAYS, peak  # noqa: E402

from dragoman.knowledge import Hit, KnowledgeBase  # noqa: E402
from dragoman.knowledge.analysis import asked_terms, terms  # noqa: E402
from dragoman.knowledge.core import Core  # noqa: E402
from dragoman.knowledge.searching import Searching  # noqa: E402

QUESTION = "Of 10,000 pieces, is the right one among the first five, and what does that cost?"
CHUNKS, QUESTIONS = 10_000, 500
OURS = ("hybrid", "words", "vectors", "hybrid, no numpy", "hybrid, reopened")
ENVIRONMENT = "bm25"


def right(question: Question, source: str, text: str) -> bool:
    """Whether a piece answers a question."""
    return source == question.document and question.fact in text


def recall(questions: list[Question], found: list[list[tuple[str, str]]]) -> dict[str, float]:
    """Share of the questions whose piece is among the first five, for each kind and all."""
    hits = [any(right(question, *piece) for piece in pieces) for question, pieces in zip(questions, found, strict=True)]
    kinds = {
        kind: [hit for hit, one in zip(hits, questions, strict=True) if one.kind == kind]
        for kind in dict.fromkeys(one.kind for one in questions)
    }
    return {
        "all": round(statistics.mean(hits), 3),
        **{kind: round(statistics.mean(some), 3) for kind, some in kinds.items()},
    }


def ours(way: str, path: Path, questions: list[Question]) -> dict[str, Any]:
    """Search a base that is there."""
    mode: Any = way.partition(",")[0]
    base = opened(path, numpy="no numpy" not in way)
    found: list[list[tuple[str, str]]] = []
    times: list[float] = []
    base.search("warm")  # the vectors are read at the first question; `reopened` counts that
    some = questions if "reopened" not in way else questions[:40]
    for question in some:
        if "reopened" in way:
            base.close()
            base = opened(path, numpy=True)
        began = time.perf_counter()
        hits: list[Hit] = base.search(question.text, 5, mode=mode)
        times.append((time.perf_counter() - began) * 1e3)
        found.append([(hit.source, hit.text) for hit in hits])
    base.close()
    times.sort()
    return {
        "query_ms": round(statistics.median(times), 2),
        "query_p95_ms": round(times[int(len(times) * 0.95)], 2),
        "rss_mb": round(peak(), 1),
        "recall": recall(some, found),
    }


def opened(path: Path, *, numpy: bool) -> KnowledgeBase:
    """A base; without numpy as on a machine that has none."""
    base = KnowledgeBase(f"sqlite:///{path}")
    core: Core = base._core
    searching: Searching = core._searching
    searching._numpy = numpy
    return base


def in_process(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do something in a forked child, so that memory is its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            out.write(json.dumps(work()))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as inp:
        told = inp.read()
    os.waitpid(child, 0)
    result: dict[str, Any] = json.loads(told)
    return result


def add(path: Path, folder: Path) -> dict[str, Any]:
    """Make the base, and add the same once more."""
    base = KnowledgeBase(f"sqlite:///{path}")
    began = time.perf_counter()
    report = base.add(folder, root=folder)
    made = time.perf_counter() - began
    began = time.perf_counter()
    again = base.add(folder, root=folder)
    second = time.perf_counter() - began
    chunks = base.stats().chunks
    base.close()
    size = path.stat().st_size
    return {
        "chunks": chunks,
        "documents": len(report.added),
        "index_s": round(made, 2),
        "unchanged_s": round(second, 2),
        "unchanged_work": again.work,
        "megabytes": round(size / 1e6, 1),
    }


def peers(names: list[str], path: Path, questions: list[Question]) -> dict[str, dict[str, Any]]:
    """Have the libraries search the same pieces."""
    if not names:
        return {}
    requirement = dict(environments.rows())[ENVIRONMENT]
    environments.ready(ENVIRONMENT, requirement)
    with KnowledgeBase(f"sqlite:///{path}") as base:
        pieces = [(hit.source, hit.text) for hit in everything(base)]
    data = {
        "pieces": pieces,
        "questions": [question.text for question in questions],
        "terms": {
            "pieces": [terms(text) for _, text in pieces],
            "questions": [asked_terms(question.text) for question in questions],
        },
    }
    file = path.with_suffix(".json")
    file.write_text(json.dumps(data), "utf-8")
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        command = [str(environments.python_of(ENVIRONMENT)), str(HERE / "knowledge_worker.py"), name, str(file)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found = [[pieces[at] for at in numbers] for numbers in told.pop("found")]
        rows[name] = {**told, "recall": recall(questions, found)}
    return rows


def everything(base: KnowledgeBase) -> list[Hit]:
    """All pieces of a base."""
    from dragoman.runtime import BlockingRuntime, drive

    store = base._core.store
    runtime = BlockingRuntime()
    _, rows = drive(store.vectors(runtime, "local/hash"))
    return list(drive(store.hits(runtime, [row[0] for row in rows])).values())


def main(only: list[str] | None = None) -> int:
    wanted = only or [*OURS, *WAYS]
    documents, questions = corpus(CHUNKS, QUESTIONS)
    with tempfile.TemporaryDirectory(prefix="dragoman-knowledge-") as temporary:
        folder, path = Path(temporary, "documents"), Path(temporary, "base.db")
        for name, text in documents.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        index = in_process(lambda: add(path, folder))
        print(f"add: {index}", flush=True)
        rows = {way: in_process(lambda way=way: ours(way, path, questions)) for way in OURS if way in wanted}
        rows |= peers([way for way in WAYS if way in wanted], path, questions)
    for way, row in rows.items():
        kinds = "  ".join(f"{kind} {share:.0%}" for kind, share in row["recall"].items())
        print(
            f"{way:18} {row['query_ms']:8.2f} ms (p95 {row['query_p95_ms']:.1f}) {row['rss_mb']:7.1f} MB  {kinds}",
            flush=True,
        )
    if only is None:
        machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        date = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"question": QUESTION, "date": date, **machine, "index": index, "ways": rows}
        (HERE / "results" / "knowledge.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("ways", nargs="*", choices=[*OURS, *WAYS, []])
    sys.exit(main(parser.parse_args().ways or None))
