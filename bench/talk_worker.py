"""
One peer at work: `python talk_worker.py PEER PLACE grow SECONDS SIZES` or `... race MODEL_URL FIRST LAST`.

`grow` appends turns until it has each size, and prints what the last appends took, and what reading all takes; it stops
when its time is over.  `race` says ready, waits for a line, and takes turns.  `read MODEL_URL` prints all texts.

It runs in the peer's environment and imports nothing but the peer.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Appends whose median is told, before each size.
LAST = 20


def words(rnd: random.Random, count: int) -> str:
    """A text that does not repeat, so that no store packs it better than talk."""
    return " ".join("".join(rnd.choices("etaoinshrdlu", k=rnd.randint(2, 9))) for _ in range(count))


def grow(make: Any, place: str, seconds: str, sizes: str) -> None:
    """Append and load."""
    until = time.monotonic() + float(seconds)
    rnd, talk, text, done = random.Random(1), make(place, ""), 0, 0
    found: list[dict[str, Any]] = []
    for size in map(int, sizes.split(",")):
        took: list[float] = []
        while done < size and time.monotonic() < until:
            asked, answer = words(rnd, 50), words(rnd, 200)
            text += len(asked) + len(answer)
            since = time.perf_counter()
            talk.append(asked, answer)
            took.append(time.perf_counter() - since)
            done += 1
        if not took:
            break
        fresh = make(place, "")
        since = time.perf_counter()
        count = len(fresh.texts())
        load = time.perf_counter() - since
        fresh.close()
        assert count == 2 * done, (count, done)
        append = statistics.median(took[-LAST:])
        found.append({"turns": done, "append_ms": append * 1e3, "load_ms": load * 1e3, "text": text})
        if done < size:
            break
    talk.close()
    print(json.dumps(found), flush=True)


def race(make: Any, place: str, model_url: str, first: str, last: str) -> None:
    """Take turns beside others; a turn that fails is counted, and the next is taken."""
    talk = make(place, model_url)
    failed: dict[str, int] = {}
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(first), int(last)):
        try:
            talk.turn(f"turn {number}")
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is a turn that is not kept
            failed[type(error).__name__] = failed.get(type(error).__name__, 0) + 1
    talk.close()
    print(json.dumps(failed), flush=True)


def read(make: Any, place: str, model_url: str) -> None:
    """Print what was kept."""
    talk = make(place, model_url)
    print(json.dumps(talk.texts()), flush=True)
    talk.close()


def facts(peer: str) -> dict[str, str]:
    """LABEL and ENVIRONMENT of a peer, without loading it: its library may not be here."""
    tree = ast.parse((HERE / "talk_peers" / f"{peer}.py").read_text("utf-8"))
    return {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("LABEL", "ENVIRONMENT")
    }


def loaded(peer: str) -> Any:
    """The module of a peer; not by its name, which is that of the library."""
    spec = importlib.util.spec_from_file_location(f"talk_peer_{peer}", HERE / "talk_peers" / f"{peer}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where type hints are looked up
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.path.append(sys.path.pop(0))  # last, so that nothing here hides a library
    peer, place, what, *rest = sys.argv[1:]
    {"grow": grow, "race": race, "read": read}[what](loaded(peer).Talk, place, *rest)
