"""The numbers of docs/scale.md are those of the script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_has_the_tables_of_the_script() -> None:
    """Both tables stand in the page as the script prints them from the results that are kept."""
    command = [sys.executable, "bench/scale.py"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")

    for table in printed.strip().split("\n\n"):
        assert table in page
