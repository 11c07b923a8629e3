"""
One way of searching, in a process of its own: `python knowledge_worker.py WAY FILE`.

FILE is JSON: `pieces` (document and text of each), `questions`, and `terms` (the words of both as our analysis gives
them).  Standard output is JSON: seconds to index, milliseconds for a question, peak memory, and for each question the
numbers of the five pieces found.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def rank_bm25(data: dict[str, Any]) -> Callable[[int], list[int]]:
    """As its documentation: words are what stands between spaces."""
    from rank_bm25 import BM25Okapi

    index = BM25Okapi([text.lower().split(" ") for _, text in data["pieces"]])

    def search(number: int) -> list[int]:
        scores = index.get_scores(data["questions"][number].lower().split(" "))
        return [int(at) for at in scores.argsort()[::-1][:5]]

    return search


def bm25s(data: dict[str, Any]) -> Callable[[int], list[int]]:
    """As its documentation: its own tokenizer, English stop words."""
    import bm25s as library

    index = library.BM25()
    index.index(
        library.tokenize([text for _, text in data["pieces"]], stopwords="en", show_progress=False), show_progress=False
    )

    def search(number: int) -> list[int]:
        asked = library.tokenize(data["questions"][number], stopwords="en", show_progress=False)
        return [int(at) for at in index.retrieve(asked, k=5, show_progress=False)[0][0]]

    return search


def bm25s_our_terms(data: dict[str, Any]) -> Callable[[int], list[int]]:
    """The same with the words that our analysis finds, so that only the ranking differs."""
    import bm25s as library

    index = library.BM25()
    index.index(data["terms"]["pieces"], show_progress=False)
    known = index.vocab_dict

    def search(number: int) -> list[int]:
        asked = [term for term in data["terms"]["questions"][number] if term in known]
        if not asked:
            return []
        return [int(at) for at in index.retrieve([asked], k=5, show_progress=False)[0][0]]

    return search


WAYS = {"rank-bm25": rank_bm25, "bm25s": bm25s, "bm25s, our terms": bm25s_our_terms}


def peak() -> float:
    """Peak memory of this process in MB."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    data = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    began = time.perf_counter()
    search = WAYS[sys.argv[1]](data)
    indexed = time.perf_counter() - began
    found, times = [], []
    for number in range(len(data["questions"])):
        began = time.perf_counter()
        found.append(search(number))
        times.append((time.perf_counter() - began) * 1e3)
    times.sort()
    told = {
        "index_s": round(indexed, 2),
        "query_ms": round(statistics.median(times), 2),
        "query_p95_ms": round(times[int(len(times) * 0.95)], 2),
        "rss_mb": round(peak(), 1),
        "found": found,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
