"""
A book of 500 pages that is translated in parallel and killed twice on the way.

The provider puts an accent on each letter, so that the way back must give the source, byte for byte.  Some answers
lose a mark at first, or leave a segment out.  Rule: nothing but words is another
byte, nothing is asked for twice beyond what was under way at a kill or was wrong, and another run asks for nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from dragoman.kits.documents import read
from dragoman.kits.documents.base import skeleton
from dragoman.kits.translation.pseudo import plain
from tests.kits.documents.book import book as made
from tests.kits.rewriting.provider import Translator, server_of

PARALLEL, MOST = 16, 40

_CHILD = """
import json, sys
from pathlib import Path
from dragoman import Client, kits
url, source, output, parallel = sys.argv[1:]
with Client(providers={"openai": {"base_url": url, "api_key": "k"}}, limit=None) as client:
    done = kits.translate(Path(source), to="Pseudo language", model="openai/m-1", output=output, parallel=int(parallel),
                          client=client)
print(json.dumps([done.requests, done.reused, len(done.segments), [str(one) for one in done.findings][:5]]))
"""


def _faulty() -> Translator:
    """One text of twenty loses its first mark, or is left out, the first time."""
    lock, met = threading.Lock(), set[str]()

    def change(asked: dict[str, Any], text: str) -> str | None:
        with lock:
            first = asked["text"] not in met
            met.add(asked["text"])
        if not first or hash(len(asked["text"]) * 31 + asked["id"]) % 20:
            return text
        return text.replace("⟦1⟧", "") if "⟦1⟧" in text else None

    return Translator(change, latency=0.01)


def book(scale: float = 1.0) -> dict[str, Any]:
    """500 pages, two kills, and one run more."""
    pages = max(4, int(500 * scale))
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dragoman-soak-book-") as folder:
        source, output = Path(folder, "book.md"), Path(folder, "book.pseudo.md")
        source.write_text(made(10, pages), "utf-8")
        document = read(source.read_text("utf-8"), "markdown")
        segments = sum(not segment.done for segment in document.segments)
        translator = _faulty()
        begun = time.monotonic()
        with server_of(translator) as server:
            command = [sys.executable, "-c", _CHILD, server.base_url(), str(source), str(output), str(PARALLEL)]
            for part in (0.3, 0.7):
                with subprocess.Popen(command) as child:
                    goal = part * segments / MOST
                    while len(translator.asked) < goal and child.poll() is None:
                        time.sleep(0.002)
                    child.kill()
                problems += [] if child.returncode == -9 else ["it was over before it was killed"]
            last = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            before = len(translator.asked)
            subprocess.run(command, check=True, capture_output=True)
            idle = len(translator.asked) - before
            problems += [f"{idle} requests of a run that had nothing to do"] if idle else []
        seconds = time.monotonic() - begun
        problems += _wrong(source.read_bytes(), output.read_bytes())
        twice = _twice(translator)
        problems += [f"{twice} texts were paid twice"] if twice > 2 * PARALLEL * MOST else []
    return {
        "pages": pages,
        "characters": sum(len(slot) if isinstance(slot, str) else 0 for slot in document.slots),
        "segments": segments,
        "requests": len(translator.asked),
        "paid_again": twice,
        "last_run": last.strip(),
        "seconds_all_runs": round(seconds, 1),
        "problems": problems,
    }


def _wrong(source: bytes, output: bytes) -> list[str]:
    text = output.decode()
    problems = [] if plain(text).encode() == source else ["the way back is not the source"]
    same = skeleton(read(source.decode(), "markdown")) == skeleton(read(text, "markdown"))
    return problems if same else [*problems, "the structure is another"]


def _twice(translator: Translator) -> int:
    """Texts that were asked for more than once although nothing was wrong with them."""
    seen: set[str] = set()
    twice = 0
    for group in translator.asked:
        for one in group:
            twice += one["text"] in seen and "problems" not in one
            seen.add(one["text"])
    return twice
