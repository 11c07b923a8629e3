"""Where limits of a machine are shared, under which names, and who lives."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.limits.places import directory, epoch, file_name, holder, lives, scope_name
from dragoman.policy.limit.limiter import ScopeKey


def test_names_are_apart_and_tell_nothing() -> None:
    """Each part counts, wherever it is cut, and none is to be read in the name."""
    keys = [
        ScopeKey(provider="openai", credential="c0ffee", pool="gpt", region="eu"),
        ScopeKey(provider="openai", credential="c0ffee", pool="gpteu", region=""),
        ScopeKey(provider="openaic0ffee", credential="", pool="gpt", region="eu"),
        ScopeKey(provider="openai", credential="c0ffed", pool="gpt", region="eu"),
    ]
    names = {file_name(key) for key in keys}
    assert len(keys) == len(names)
    assert not any(part in name for name in names for part in ("openai", "c0ffee", "gpt"))


def test_a_name_is_the_same_in_every_process() -> None:
    """It does not depend on the process's hash seed."""
    script = (
        "from dragoman.limits.places import scope_name; from dragoman.policy.limit.limiter import ScopeKey;"
        "print(scope_name(ScopeKey(provider='a', credential='b', pool='c', region='d')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == scope_name(ScopeKey(provider="a", credential="b", pool="c", region="d"))


def test_the_directory_is_made_for_this_user_alone(runtime_dir: Path) -> None:
    """Mode 0700, below the user's run-time directory."""
    assert str(runtime_dir / "dragoman") == directory()
    assert 0o700 == stat.S_IMODE(os.stat(runtime_dir / "dragoman").st_mode)


@pytest.mark.parametrize("given", ["", "/nowhere/at/all"])
def test_without_a_run_time_directory(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory for temporary files has one for each user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", given)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert str(tmp_path / f"dragoman-{os.geteuid()}") == directory()


def test_a_directory_that_others_may_enter_is_refused(runtime_dir: Path) -> None:
    """The error names it."""
    (runtime_dir / "dragoman").mkdir(mode=0o755)
    (runtime_dir / "dragoman").chmod(0o755)
    with pytest.raises(ConfigError, match="mode 0700") as caught:
        directory()
    assert str(runtime_dir) in caught.value.message


def test_a_link_in_its_place_is_refused(runtime_dir: Path) -> None:
    """In a directory that everybody may write to, somebody may have laid it there."""
    (runtime_dir / "elsewhere").mkdir(mode=0o700)
    (runtime_dir / "dragoman").symlink_to(runtime_dir / "elsewhere")
    with pytest.raises(ConfigError, match="mode 0700"):
        directory()


def test_this_process_lives() -> None:
    """By the name that it gives itself, and by no other."""
    name = holder()
    pid, _, start = name.partition(".")
    assert lives(name, 0.0, 0.0)
    assert not lives(f"{pid}.{int(start) - 1}", 0.0, 0.0)  # the number was used before
    assert not lives("", 0.0, 0.0)
    assert not lives("other.1", 0.0, 0.0)


def test_a_killed_process_is_dead_before_anybody_asks_for_it() -> None:
    """A zombie takes no part."""
    script = "from dragoman.limits.places import holder; print(holder(), flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert lives(name, 0.0, 0.0)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(name, 0.0, 0.0)
    process.communicate()
    assert not lives(name, 0.0, 0.0)


def test_the_clock_has_a_name() -> None:
    """The same each time, until the next boot."""
    assert epoch() == epoch() != ""
