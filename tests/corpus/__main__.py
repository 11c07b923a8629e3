"""
Hold every wire to a whole corpus: `python -m tests.corpus PATH [--wire NAME] [--cuts] [--specs PATH]`.

Prints each mismatch as one line and a summary per folder; the exit status is 1 if there was any mismatch, 2 if the path
holds no recording.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from dragoman import wire as wires
from tests.corpus.beside import check_beside, recordings
from tests.corpus.cuts import all_offsets, check_cuts, some_offsets
from tests.corpus.dialects import DIALECTS, Dialect
from tests.corpus.exceptions import REPLIES, REQUESTS, drop
from tests.corpus.forms import check_form
from tests.corpus.recording import Recording, load
from tests.corpus.replies import check_reply
from tests.corpus.requests import check_request
from tests.specs.bundle import Specs

# Streams up to this size are cut at every byte by --cuts; cost grows with the square.
_EVERY_CUT = 32 * 1024


class Tally:
    """Counts per folder, and the lines of what went wrong."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.problems = 0

    def add(self, recording: Recording, what: str, lines: list[str]) -> None:
        """Book one check."""
        row = self.counts.setdefault(recording.folder, Counter())
        row[what] += 1
        row[f"{what} wrong"] += bool(lines)
        self.problems += len(lines)
        for line in lines:
            print(f"{recording.name}: {what}: {line}")

    def summary(self) -> str:
        """One row per folder: right of all, for each kind of check."""
        kinds = ("reply", "request", "form", "cuts")
        rows = [f"{'folder':28}" + "".join(f"{kind:>14}" for kind in kinds)]
        for folder, row in self.counts.items():
            cells = (f"{row[kind] - row[f'{kind} wrong']}/{row[kind]}" if row[kind] else "-" for kind in kinds)
            rows.append(f"{folder:28}" + "".join(f"{cell:>14}" for cell in cells))
        return "\n".join(rows)


def run(root: Path, names: list[str], cuts: bool, specs: Specs) -> Tally:
    """Check all recordings below `root` that these wires speak."""
    tally = Tally()
    for name in names:
        dialect, wire = DIALECTS[name], wires.get(name)
        for recording in load(root, dialect.folders):
            tally.add(recording, "reply", drop(recording.name, check_reply(recording, dialect, wire), REPLIES))
            if recording.asked is not None:
                lines = check_request(recording, dialect, wire, specs.validator(recording.folder))
                tally.add(recording, "request", drop(recording.name, lines, REQUESTS))
                tally.add(recording, "form", check_form(recording, dialect))
            if cuts and recording.streamed:
                tally.add(recording, "cuts", check_cuts(recording, dialect, wire, _offsets(recording, dialect))[:5])
    return tally


def run_beside(root: Path, tally: Tally) -> None:
    """Check what is not chat: vectors, counts, lists."""
    for recording in recordings(root):
        tally.add(recording, "reply", check_beside(recording))


def _offsets(recording: Recording, dialect: Dialect) -> list[int]:
    body = recording.body
    return all_offsets(body) if len(body) <= _EVERY_CUT else some_offsets(body, dialect.borders(body), 400)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="corpus", description=__doc__)
    parser.add_argument("path", type=Path, help="Folder with <provider>-<api>/*.json.")
    parser.add_argument("--wire", action="append", choices=sorted(DIALECTS), help="Only this wire; may be repeated.")
    parser.add_argument("--cuts", action="store_true", help="Also cut every stream at many places (slow).")
    parser.add_argument("--specs", type=Path, help="Folder of whole specifications, instead of the trimmed ones.")
    options = parser.parse_args()
    known = [name for name in DIALECTS if name in wires.names()]
    tally = run(options.path, options.wire or known, options.cuts, Specs(options.specs))
    if not options.wire:
        run_beside(options.path, tally)
    if not tally.counts:
        print(f"no recording below {options.path}", file=sys.stderr)
        return 2
    print(tally.summary())
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
