"""Cut the bundles in this folder out of whole specifications: `python -m tests.specs.select_specs PATH`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.specs.bundle import HERE, SOURCES, cut


def main(whole: Path) -> None:
    """Write all bundles and the licence lines."""
    lines = ["# Where the bundles come from", "", "| bundle | source | licence |", "|---|---|---|"]
    for name, source in SOURCES.items():
        text = json.dumps(cut(name, whole), ensure_ascii=False, separators=(",", ":")) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")
        lines.append(f"| {name}.json | {source.origin} | {source.licence} |")
        print(f"{name}.json: {len(text):,} bytes")
    (HERE / "LICENCES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
