"""From a URL to its driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.drivers.gate import Gate
from dragoman.drivers.open import from_url
from dragoman.drivers.postgres import Postgres
from dragoman.drivers.redis import Redis
from dragoman.drivers.sqlite import Sqlite
from dragoman.errors import ConfigError
from dragoman.runtime import BlockingRuntime, drive


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        pytest.param("redis://h:1/2", Redis, "<Redis at h:1/2>", id="redis"),
        pytest.param("rediss://h", Redis, "<Redis at h:6379/0>", id="rediss"),
        pytest.param("unix:///run/r.sock", Redis, "<Redis at /run/r.sock>", id="unix"),
        pytest.param("postgresql://u:pw123456@h:1/d", Postgres, "<Postgres at h:1/d>", id="postgresql"),
        pytest.param("postgres://h", Postgres, "<Postgres at h>", id="postgres"),
        pytest.param("sqlite:////a%20b/c.db", Sqlite, "<Sqlite '/a b/c.db'>", id="sqlite"),
        pytest.param("sqlite:///c.db", Sqlite, f"<Sqlite '{Path.cwd()}/c.db'>", id="relative"),
        pytest.param("sqlite:///:memory:", Sqlite, "<Sqlite ':memory:'>", id="sqlite-memory"),
        pytest.param("memory://", Sqlite, "<Sqlite ':memory:'>", id="memory"),
    ],
)
def test_each_scheme_has_its_driver(url: str, kind: type, shown: str) -> None:
    """The driver says where it leads, without credentials; nothing is opened."""
    driver = from_url(url)

    assert isinstance(driver, kind)
    assert shown == repr(driver)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://h", id="unknown"),
        pytest.param("talk.db", id="path"),
        pytest.param("", id="empty"),
        pytest.param(None, id="none"),
        pytest.param("sqlite://talk.db", id="two-slashes"),
        pytest.param("sqlite:///", id="no-path"),
        pytest.param("sqlite:///a.db?mode=ro", id="option"),
        pytest.param("memory://x", id="memory-path"),
    ],
)
def test_what_is_no_store(url: str) -> None:
    """The error names the field and says what there is."""
    with pytest.raises(ConfigError, match=r"sqlite:///|memory://|a text") as caught:
        from_url(url)

    assert "url" == caught.value.field


def test_a_gate_lets_in_as_many_as_it_has_places() -> None:
    """Who does not get a place in time says so, and takes none from the others."""
    runtime, gate = BlockingRuntime(), Gate(2)
    entered = [drive(gate.enter(runtime, runtime.now() + 0.01)) for _ in range(3)]
    gate.leave()
    entered.append(drive(gate.enter(runtime, runtime.now() + 5)))

    assert [True, True, False, True] == entered
