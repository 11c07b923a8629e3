"""Which key is used next: ttl, turns, refusals, threads, forks."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.secrets import KeySource, Reference, Secret, parse_reference
from dragoman.secrets.source import Key


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def file_reference(path: Path, text: str, options: str = "") -> Reference:
    path.write_text(text)
    found = parse_reference(f"file:{path}{options}")
    assert found is not None
    return found


def source(clock: Clock, *keys: Key) -> KeySource:
    return KeySource(keys, "openai", "OPENAI_API_KEY", os.environ, clock)


def taken(source: KeySource, times: int = 1) -> list[str]:
    return [source.take().reveal() for _ in range(times)]


def test_one_key_is_used_as_it_is(clock: Clock) -> None:
    """It is there at once, and a refusal changes nothing: there is no other."""
    only = source(clock, Secret("sk-one-and-only"))

    assert Secret("sk-one-and-only") == only.fixed
    assert only.ready
    assert not only.renew(Secret("sk-one-and-only"))
    assert ["sk-one-and-only"] * 2 == taken(only, 2)
    assert "KeySource(Secret([redacted]))" == repr(only)


def test_a_reference_is_looked_up_when_it_is_needed_and_when_its_time_is_over(clock: Clock, tmp_path: Path) -> None:
    """Within its ttl what was read is used; then it is read again."""
    path = tmp_path / "key"
    keys = source(clock, file_reference(path, "first-key", "?ttl=60"))
    path.write_text("second-key")

    assert keys.fixed is None
    assert not keys.ready
    assert ["second-key"] == taken(keys)
    path.write_text("third-key")
    clock.now += 59
    assert keys.ready
    assert ["second-key"] == taken(keys)
    clock.now += 1
    assert not keys.ready
    assert ["third-key"] == taken(keys)


def test_a_ttl_of_nothing_looks_up_every_time(clock: Clock, tmp_path: Path) -> None:
    """`?ttl=0` keeps nothing."""
    path = tmp_path / "key"
    keys = source(clock, file_reference(path, "first-key", "?ttl=0"))

    assert ["first-key"] == taken(keys)
    path.write_text("second-key")
    assert not keys.ready
    assert ["second-key"] == taken(keys)


def test_a_variable_never_waits(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory needs no thread, and no key is kept from it longer than its ttl."""
    reference = parse_reference("env:ANOTHER_NAME")
    assert reference is not None
    monkeypatch.setenv("ANOTHER_NAME", "key-of-the-variable")

    assert source(clock, reference).ready
    assert ["key-of-the-variable"] == taken(source(clock, reference))


def test_several_keys_are_used_in_turn(clock: Clock) -> None:
    """Each as often as the others."""
    keys = source(clock, Secret("key-a"), Secret("key-b"), Secret("key-c"))

    assert ["key-a", "key-b", "key-c", "key-a"] == taken(keys, 4)
    assert keys.fixed is None


def test_a_refused_key_is_left_out_until_its_time_is_over(clock: Clock) -> None:
    """The others go on in turn; if all are refused, all are tried again, the one first that was refused first."""
    keys = source(clock, Secret("key-a"), Secret("key-b"), Secret("key-c"))

    assert keys.renew(Secret("key-b"))
    assert {"key-a", "key-c"} == set(taken(keys, 6))
    clock.now += 1
    assert keys.renew(Secret("key-a"))
    assert {"key-c"} == set(taken(keys, 6))
    clock.now += 1
    assert not keys.renew(Secret("key-c"))
    assert {"key-b"} == set(taken(keys, 6))
    clock.now += 300
    assert {"key-a", "key-b", "key-c"} == set(taken(keys, 6))


def test_a_refused_reference_is_looked_up_again_at_once(clock: Clock, tmp_path: Path) -> None:
    """If another key is there now, it is used; whoever still was refused with the old one learns that it is there."""
    path = tmp_path / "key"
    keys = source(clock, file_reference(path, "old-key"))
    old = keys.take()
    path.write_text("new-key")

    assert keys.renew(old)
    assert ["new-key"] == taken(keys)
    path.unlink()
    assert keys.renew(old)


def test_the_same_key_again_is_no_news(clock: Clock, tmp_path: Path) -> None:
    """If the place still has the refused key, there is nothing to try; it is not asked again for some time."""
    path = tmp_path / "key"
    keys = source(clock, file_reference(path, "old-key"))
    old = keys.take()

    assert not keys.renew(old)
    path.write_text("new-key")
    assert not keys.renew(old)
    clock.now += 30
    assert keys.renew(old)
    assert ["new-key"] == taken(keys)


def test_a_place_that_fails_later_does_not_stop_calls(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read before is used, with a warning; the place is asked again after half a minute."""
    path = tmp_path / "key"
    keys = source(clock, file_reference(path, "kept-key-4711"))
    taken(keys)
    path.unlink()
    clock.now += 300

    with caplog.at_level(logging.WARNING, "dragoman.secrets"):
        assert ["kept-key-4711"] * 2 == taken(keys, 2)
    assert 1 == len(caplog.records)
    assert "is not there" in caplog.text
    assert "kept-key-4711" not in caplog.text
    path.write_text("new-key")
    clock.now += 30
    assert ["new-key"] == taken(keys)


def test_a_place_that_never_worked_is_an_error_each_time(clock: Clock, tmp_path: Path) -> None:
    """Nothing is kept of a failure."""
    path = tmp_path / "key"
    reference = file_reference(path, "key")
    path.unlink()
    keys = source(clock, reference)

    for _ in range(2):
        with pytest.raises(ConfigError, match="is not there"):
            keys.take()
    path.write_text("there-now")
    assert ["there-now"] == taken(keys)


def slow(folder: Path, ending: str) -> Reference:
    """A program that counts its runs, takes its time, and ends so."""
    script = folder / "slow.sh"
    script.write_text(f"echo run >> {folder}/runs; sleep 0.3; {ending}\n")
    found = parse_reference(f"cmd:sh {script}")
    assert found is not None
    return found


def test_of_many_threads_one_looks_up(clock: Clock, tmp_path: Path) -> None:
    """The others wait for it, and all have the same key."""
    keys = source(clock, slow(tmp_path, "echo key-of-the-program"))
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.extend(taken(keys))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["key-of-the-program"] * 20 == got
    assert ["run"] == (tmp_path / "runs").read_text().split()


def test_of_many_threads_one_fails_for_all(clock: Clock, tmp_path: Path) -> None:
    """Each has an error of its own, whose traceback is its own."""
    keys = source(clock, slow(tmp_path, "exit 3"))
    errors: list[ConfigError] = []

    def take() -> None:
        try:
            keys.take()
        except ConfigError as error:
            errors.append(error)

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 5 == len({id(error) for error in errors})
    assert all("exit code 3" in str(error) for error in errors)
    assert ["run"] == (tmp_path / "runs").read_text().split()


def test_a_forked_child_looks_up_for_itself(clock: Clock, tmp_path: Path) -> None:
    """A child that is forked in the middle of a look-up of its parent waits for nobody."""
    keys = source(clock, slow(tmp_path, "echo key-of-the-program"))
    thread = threading.Thread(target=keys.take)
    thread.start()
    while not (tmp_path / "runs").exists():
        thread.join(0.01)
    child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(0 if taken(keys) else 1))
    child.start()
    child.join(20)
    thread.join()

    assert 0 == child.exitcode
    assert 2 == len((tmp_path / "runs").read_text().split())
