"""The long forms work: a small part of each in every run, all of it where `./dev soak` asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.soak import SOAKS, main, soak


@pytest.mark.parametrize("name", SOAKS)
def test_a_small_part_finds_nothing(name: str, tmp_path: Path) -> None:
    """A five-thousandth finds nothing, and writes its result together with the machine it was obtained on."""
    found = soak(name, tmp_path, scale=0.0002)
    written = json.loads((tmp_path / f"soak-{name}.json").read_text())

    assert [] == found["problems"]
    assert (True, 0.0002) == (written["passed"], written["scale"])
    assert {"date", "commit", "cpu", "python", "load_before", "versions"} <= set(written["machine"])


@pytest.mark.soak
@pytest.mark.parametrize("name", SOAKS)
def test_soak(name: str) -> None:
    """The full counts find nothing; the result is kept."""
    assert [] == soak(name)["problems"]


def test_an_unknown_soak_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is not there ends with status 2 and the names that are."""
    assert 2 == main(["everything"])
    assert "fuzz" in capsys.readouterr().err
