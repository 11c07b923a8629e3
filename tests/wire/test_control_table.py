"""docs/settings.md says of each setting what it becomes in each dialect, and the wires do so."""

from __future__ import annotations

import runpy

import pytest

from dragoman.types.requests import SETTING_NAMES
from tests.house.modules import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "control_table.py"))
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_the_table_says_what_the_wires_do() -> None:
    """It is what `python scripts/control_table.py` writes."""
    assert SCRIPT["page"](PAGE) == PAGE


@pytest.mark.parametrize("row", SCRIPT["ROWS"])
def test_every_row_has_its_meaning(row: str) -> None:
    """What is in the table is described above it, and carried by some dialect."""
    name = row.partition(":")[0]
    assert name in SETTING_NAMES
    assert f"`{name}`: " in PAGE
    assert any(SCRIPT["cell"](row, wire) != "–" for wire in SCRIPT["_COLUMNS"])


def test_what_is_left_out_is_what_the_matrix_says() -> None:
    """The two pages about settings agree."""
    matrix = SCRIPT["_MATRIX"]
    features = {feature.name: feature for feature in matrix["FEATURES"]["Settings"]}
    for row in SCRIPT["ROWS"]:
        if row not in features:
            continue
        for wire in SCRIPT["_COLUMNS"]:
            gone = matrix["judge"](features[row], wire).verdict == matrix["LEFT_OUT"]
            assert gone == (SCRIPT["cell"](row, wire) == "–"), (row, wire)
