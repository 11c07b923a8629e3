"""
Choose the committed sample out of a whole corpus: `python -m tests.corpus.select_sample PATH`.

Rule: every error, every odd recording and the smallest of each folder; then, smallest first, whatever brings a fact
that the sample lacks: a feature or finish reason of its folder, plain or streamed; a field of the answer or the
request.

Source of the recordings, and their licences: `sample/LICENCES.md`, written here from the recordings themselves.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.corpus.beside import recordings
from tests.corpus.dialects import DIALECTS, Dialect, aws_messages, json_events
from tests.corpus.recording import SAMPLE, Recording, load

_LARGEST = 40_000  # bytes of one file
_SMALL = 9_000  # bytes of one that is not chat: vectors say little that is new
# What the checks read; the rest (what a vendor's SDK made of it) stays in the whole corpus.
_DROPPED = ("crosscheck", "event_types", "block_types")


def slim(recording: Recording) -> bytes:
    """The file as the sample holds it."""
    data = dict(recording.data)
    data["expected"] = {name: value for name, value in data["expected"].items() if name not in _DROPPED}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def facts(recording: Recording) -> set[str]:
    """What a recording shows, as labels."""
    shown = {f"{recording.folder}: {label}" for label in _labels(recording)}
    # Shapes are facts of the whole wire: which vendor shows one does not matter.
    return shown | {f"asked {path}" for path in _paths(recording.asked)} | {f"answered {p}" for p in _answer(recording)}


def _labels(recording: Recording) -> set[str]:
    expected = recording.expected
    kind = "stream" if recording.streamed else "plain"
    return {
        kind,
        *(f"{kind} {feature}" for feature in recording.features),
        f"finish {expected.get('finish_reason')!r}",
    }


def _answer(recording: Recording) -> set[str]:
    if recording.streamed:
        framed = (value for _, value, _ in aws_messages(recording.body))
        return {path for event in (*json_events(recording.body), *framed) for path in _paths(event)}
    try:
        return _paths(json.loads(recording.body))
    except ValueError:
        return {"not JSON"}


def _paths(value: Any, at: str = "$", depth: int = 7) -> set[str]:
    """Paths of the fields of a JSON value, with the values of `type` and `role`; deep ones are cut off."""
    if depth == 0 or not isinstance(value, dict | list):
        return set()
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= _paths(item, f"{at}[]", depth - 1)
        return found
    for name, inner in value.items():
        if name in ("input", "arguments", "properties", "parameters", "schema", "input_schema", "logprobs"):
            continue
        found.add(f"{at}.{name}={inner}" if name in ("type", "role") else f"{at}.{name}")
        found |= _paths(inner, f"{at}.{name}", depth - 1)
    return found


def odd(recording: Recording) -> bool:
    """Errors, and what an answer rarely is."""
    expected = recording.expected
    return (
        recording.failed
        or bool(expected.get("unterminated_last_event"))
        or (expected.get("crosscheck") or {}).get("agree") is False
        or (recording.streamed and not expected.get("finish_reason"))
    )


def choose(corpus: Path, dialect: Dialect) -> list[Recording]:
    """The sample of one wire."""
    recordings = sorted(load(corpus, dialect.folders), key=lambda recording: len(slim(recording)))
    smallest = {recording.folder: recording for recording in reversed(recordings)}.values()
    chosen = [recording for recording in recordings if odd(recording) or recording in smallest]
    seen = {fact for recording in chosen for fact in facts(recording)}
    size = sum(len(slim(recording)) for recording in chosen)
    for recording in recordings:
        cost = len(slim(recording))
        if recording in chosen or cost > _LARGEST or not facts(recording) - seen or size + cost > dialect.sample:
            continue
        chosen.append(recording)
        seen |= facts(recording)
        size += cost
    return chosen


def choose_beside(corpus: Path) -> list[Recording]:
    """The sample of what is not chat: of each folder the small ones, or else the smallest."""
    chosen: dict[str, list[Recording]] = {}
    for recording in sorted(recordings(corpus), key=lambda recording: len(slim(recording))):
        of_folder = chosen.setdefault(recording.folder, [])
        size = len(slim(recording))
        if size <= _SMALL or (size <= _LARGEST and all(one.failed for one in of_folder)):
            of_folder.append(recording)
    return [recording for of_folder in chosen.values() for recording in of_folder]


def licences(chosen: list[Recording]) -> str:
    """One line per source."""
    sources = Counter(
        (str(source.get("repo") or "public issue reports"), str(source["licence"]), str(source.get("commit") or ""))
        for source in (recording.data["source"] for recording in chosen)
    )
    rows = [f"| {repo} | {licence} | {commit} | {n} |" for (repo, licence, commit), n in sorted(sources.items())]
    return "\n".join(
        [
            "# Where the recordings come from",
            "",
            "HTTP recordings only, no code; they are part of these repositories, under their licences.  The texts in",
            "them were generated by the providers' models.  Each file names its own source.",
            "",
            "| repository | licence | commit | recordings |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def write(chosen: list[Recording]) -> None:
    """Put recordings into the sample."""
    for recording in chosen:
        target = SAMPLE / recording.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(slim(recording))


def main(corpus: Path) -> None:
    """Replace the sample."""
    everything: list[Recording] = []
    shutil.rmtree(SAMPLE, ignore_errors=True)
    for dialect in DIALECTS.values():
        chosen = choose(corpus, dialect)
        write(chosen)
        everything += chosen
        print(f"{dialect.wire}: {len(chosen)} recordings, {sum(len(slim(one)) for one in chosen):,} bytes")
    beside = choose_beside(corpus)
    write(beside)
    everything += beside
    print(f"not chat: {len(beside)} recordings, {sum(len(slim(one)) for one in beside):,} bytes")
    (SAMPLE / "LICENCES.md").write_text(licences(everything), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
