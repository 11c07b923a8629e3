"""The disk is full, and later has room: a typed error, nothing lost, and it goes on.  (`points` fails each write.)"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman.testing import Server


@pytest.mark.timeout(60)
@pytest.mark.parametrize("most", [120_000, 131_072, 150_001])
def test_full_disk_loses_nothing_and_is_gone_on_from(provider: Server, tmp_path: Path, most: int) -> None:
    """What was acknowledged is there while the disk is full; what was refused was not asked, and is said afterwards."""
    url = f"sqlite:///{tmp_path}/talk.db"
    command = [sys.executable, "-m", "tests.conversation.cramped", url, provider.base_url(), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)

    assert 3 == len(told["refused"])
    assert told["said"]
    assert ["first", *told["said"]] == told["full"]
    assert ["first", *told["said"], *told["refused"]] == told["texts"]
    assert all("disk" in kind for kind in told["kinds"])
    assert provider.calls == 1 + len(told["said"]) + len(told["refused"]) + told["partial"]
