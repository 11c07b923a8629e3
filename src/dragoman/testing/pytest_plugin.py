"""
The pytest plugin.

    dragoman_server            a `Server` that runs; at the end its script must have been played
    dragoman_cassette          a tape beside the test file; at the end all of it must have been asked for
    dragoman_cassette_options  to be overridden: what `cassette` is given besides
    --dragoman-record=MODE     none (default), once, new, all

A test that uses one of the first two reaches no other machine; with the ini option `dragoman_block_network` none does.

Rule: this module is loaded in every run of everybody who has Dragoman installed.  It imports pytest and nothing else;
what a test needs is imported when it asks.  (PYTEST_DONT_REWRITE: it asserts nothing.)
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from dragoman.testing.cassette import Tape
    from dragoman.testing.server import Server

_OURS: Final = frozenset({"dragoman_server", "dragoman_cassette"})
_MODES: Final = ("none", "once", "new", "all")
_LONGEST: Final = 120  # characters of a file's name

_failed = pytest.StashKey[bool]()
_fence = pytest.StashKey[Any]()  # of a `Fence`, which is not imported before it is needed


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the ini values."""
    group = parser.getgroup("dragoman")
    group.addoption(
        "--dragoman-record",
        choices=_MODES,
        default=None,
        help="what dragoman_cassette records: none (default; never sends), once (where there is no file), "
        "new (what is missing), all (everything anew); the variable DRAGOMAN_RECORD says the same",
    )
    parser.addini("dragoman_block_network", "keep every test from reaching other machines", type="bool", default=False)
    parser.addini("dragoman_allow_hosts", "hosts that tests may reach all the same", type="args", default=[])
    parser.addini(
        "dragoman_assert_used",
        "fail a test that leaves steps of its dragoman_server or recordings of its dragoman_cassette unused",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", "dragoman_network: this test may reach other machines")


# --- the fence --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """From the test's set-up to its tear-down nothing leaves this machine, if it is so wanted."""
    if not _is_fenced(item):
        return (yield)
    from dragoman.testing.network import Fence

    fence = item.stash[_fence] = Fence(item.nodeid, item.config.getini("dragoman_allow_hosts"))
    fence.close()
    try:
        return (yield)
    finally:
        fence.open()


def _is_fenced(item: pytest.Item) -> bool:
    if item.get_closest_marker("dragoman_network") is not None:
        return False
    return bool(item.config.getini("dragoman_block_network")) or _uses_ours(item)


def _uses_ours(item: pytest.Item) -> bool:
    return not _OURS.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whether the test has failed already: then its fixtures ask for nothing more."""
    report = yield
    if report.failed and _uses_ours(item):
        item.stash[_failed] = True
    return report


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def dragoman_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A provider on 127.0.0.1 with an empty script (`dragoman.testing.Server`)."""
    from dragoman.testing.server import Server

    server = Server().start()
    yield server
    failed = _has_failed(request)
    error = AssertionError("the test has failed") if failed else None  # then it says why, and not the server
    server.__exit__(type(error) if error else None, error, None)
    if server.left and not failed and _asserts(request.config):
        steps = "1 step" if server.left == 1 else f"{server.left} steps"
        pytest.fail(f"{steps} of the script of dragoman_server not played", pytrace=False)


@pytest.fixture
def dragoman_cassette_options() -> dict[str, Any]:
    """Keywords for `dragoman.testing.cassette.cassette`; override it in a module, a class or a conftest.py."""
    return {}


@pytest.fixture
def dragoman_cassette(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, dragoman_cassette_options: dict[str, Any]
) -> Iterator[Tape]:
    """A tape in `cassettes/` beside the test file, named after the test (`dragoman.testing.cassette.Tape`)."""
    from dragoman.testing.cassette import cassette
    from dragoman.testing.cassette.keys import stand_ins

    options: dict[str, Any] = {
        "mode": request.config.getoption("--dragoman-record"),
        "all_used": _asserts(request.config),
    }
    tape = cassette(cassette_path(request.node), **{**options, **dragoman_cassette_options}).start()
    if tape.playing:
        for name, value in stand_ins(tape.hosts, os.environ).items():
            monkeypatch.setenv(name, value)
    elif _fence in request.node.stash:
        request.node.stash[_fence].open()
    yield tape
    tape.stop(failed=_has_failed(request))


def _has_failed(request: pytest.FixtureRequest) -> bool:
    node: pytest.Item = request.node
    return node.stash.get(_failed, False)


def _asserts(config: pytest.Config) -> bool:
    return bool(config.getini("dragoman_assert_used"))


def cassette_path(node: pytest.Item) -> Path:
    """Where the tape of a test lies: `cassettes/<test file>/<class>.<test>.json` beside the test file."""
    names = [part.name for part in node.listchain() if isinstance(part, pytest.Class | pytest.Item)]
    wanted = ".".join(names)
    name = re.sub(r"[^\w.\[\]-]", "_", wanted)
    if name != wanted or len(name) > _LONGEST:  # another test's name may become the same
        name = f"{name[:_LONGEST]}-{hashlib.sha256(wanted.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return node.path.parent / "cassettes" / node.path.stem / f"{name}.json"
