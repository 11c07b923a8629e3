"""The pytest plugin, in real runs of pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.house.documents import program
from tests.house.modules import ROOT

import dragoman.testing.cassette
import dragoman.testing.network  # noqa: F401 - inner runs share this one: its audit hook stays
from dragoman.testing import Server, echo
from dragoman.testing.pytest_plugin import cassette_path

pytest_plugins = ["pytester"]

# Whether or not the entry point is installed: the plugin is loaded once, under this name.
PLUGIN = ("-p", "no:dragoman", "-p", "dragoman.testing.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:xdist")

ASKS = """
    import os, pytest
    from dragoman import Client

    ROWS = {{"openai": {{"base_url": os.environ.get("UPSTREAM", "http://127.0.0.1:9/v1"), "api_key": "any-key-1"}}}}

    def test_hello(dragoman_cassette):
        assert Client(providers=ROWS).chat("openai/m", "Hello").text == "Hello"
        {more}
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*PLUGIN, "-W", "error", *arguments)


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A provider that repeats, whose address the inner tests know."""
    server.default = echo()
    monkeypatch.setenv("UPSTREAM", server.base_url())
    return server


# --- dragoman_server --------------------------------------------------------------------------------------------------


def test_a_server_is_there_and_its_script_must_be_played(pytester: pytest.Pytester) -> None:
    """The fixture gives a running server; what was not played fails the test that is right otherwise, and only that."""
    pytester.makepyfile(
        """
        from dragoman import Client
        from dragoman.testing import says

        def ask(server):
            client = Client(providers={"fake": {"base_url": server.base_url(), "api_key": "any"}})
            return client.chat("fake/m", "Hi").text

        def test_played(dragoman_server):
            dragoman_server.script(says("one"), says("two"))
            assert [ask(dragoman_server), ask(dragoman_server)] == ["one", "two"]

        def test_not_played(dragoman_server):
            dragoman_server.script(says("one"), says("two"))
            assert ask(dragoman_server) == "one"

        def test_fails_by_itself(dragoman_server):
            dragoman_server.script(says("one"))
            assert False, "its own words"
        """
    )
    result = run(pytester)

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*1 step of the script of dragoman_server not played*"])
    result.stdout.fnmatch_lines(["*its own words*"])
    run(pytester, "-o", "dragoman_assert_used=false").assert_outcomes(passed=2, failed=1)


# --- dragoman_cassette ------------------------------------------------------------------------------------------------


def test_a_tape_is_recorded_once_and_played_afterwards(pytester: pytest.Pytester, upstream: Server) -> None:
    """Beside the test file, named after the test; without the option nothing is sent."""
    pytester.makepyfile(test_one=ASKS.format(more=""))
    path = pytester.path / "cassettes" / "test_one" / "test_hello.json"

    run(pytester).assert_outcomes(failed=1, errors=0)
    assert not path.exists()
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    assert path.exists()
    run(pytester).assert_outcomes(passed=1)
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    assert 1 == upstream.calls
    run(pytester, "--dragoman-record=all").assert_outcomes(passed=1)
    assert 2 == upstream.calls


def test_new_requests_are_added_when_it_is_said(pytester: pytest.Pytester, upstream: Server) -> None:
    """A test that asks more fails with the difference, and passes after `--dragoman-record=new`."""
    pytester.makepyfile(test_one=ASKS.format(more=""))
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    pytester.makepyfile(test_one=ASKS.format(more='Client(providers=ROWS).chat("openai/m", "Bye")'))

    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*POST /v1/chat/completions is not in the cassette*test_hello.json (1 recorded*"])
    run(pytester, "--dragoman-record=new").assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)
    assert 2 == upstream.calls


def test_what_was_not_asked_for_fails_the_test(pytester: pytest.Pytester, upstream: Server) -> None:
    """All of a tape is asked for, unless it is said that it does not matter."""
    pytester.makepyfile(test_one=ASKS.format(more='Client(providers=ROWS).chat("openai/m", "Bye")'))
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    pytester.makepyfile(test_one=ASKS.format(more=""))

    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*1 of the 2 recordings in*were not asked for*"])
    run(pytester, "-o", "dragoman_assert_used=false").assert_outcomes(passed=1)


def test_the_options_of_the_tape_are_a_fixture(pytester: pytest.Pytester, upstream: Server) -> None:
    """A module overrides `dragoman_cassette_options`: here what is hidden, what is ignored and how all is recorded."""
    pytester.makepyfile(
        test_one="""
        import os, time, pytest
        from dragoman import Client

        @pytest.fixture
        def dragoman_cassette_options():
            return {"mode": "once", "hide": ["Ali[a-z]*"], "ignore": ["user"]}

        @pytest.mark.parametrize("name", ["Alice", "a/b c"])
        def test_hello(dragoman_cassette, name):
            row = {"base_url": os.environ["UPSTREAM"], "api_key": "any"}
            client = dragoman_cassette.client(providers={"openai": row})
            client.chat("openai/m", name, extra={"user": str(time.time())})
        """
    )
    run(pytester).assert_outcomes(passed=2)
    run(pytester).assert_outcomes(passed=2)
    files = sorted(pytester.path.glob("cassettes/test_one/*.json"))

    assert 2 == upstream.calls
    assert "test_hello[Alice].json" == files[0].name
    assert "Alice" not in files[0].read_text("utf-8")
    assert files[1].name.startswith("test_hello[a_b_c]-")


def test_a_program_finds_a_key_where_a_tape_is_played(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a CI without secrets: the variables of the recorded providers, and no others, are set while the test runs."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = pytester.mkdir("cassettes") / "test_one"
    folder.mkdir()
    answer = {
        "id": "x",
        "choices": [{"message": {"role": "assistant", "content": "from tape"}, "finish_reason": "stop"}],
    }
    exchange = {
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "json": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        },
        "response": {"status": 200, "headers": {"content-type": "application/json"}, "json": answer},
    }
    (folder / "test_own_client.json").write_text(json.dumps({"dragoman-cassette": 1, "exchanges": [exchange]}), "utf-8")
    pytester.makepyfile(
        test_one="""
        import os
        from dragoman import Client

        def test_own_client(dragoman_cassette):
            assert Client().chat("openai/m", "Hi").text == "from tape"
            assert os.environ["OPENAI_API_KEY"] == "played-from-a-cassette"
            assert "ANTHROPIC_API_KEY" not in os.environ

        def test_afterwards():
            assert "OPENAI_API_KEY" not in os.environ
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_a_test_that_fails_is_not_blamed_twice(pytester: pytest.Pytester, upstream: Server) -> None:
    """Its recording is kept, its tape is not checked."""
    pytester.makepyfile(test_one=ASKS.format(more='assert False, "its own words"'))
    run(pytester, "--dragoman-record=once").assert_outcomes(failed=1)
    assert (pytester.path / "cassettes" / "test_one" / "test_hello.json").exists()
    pytester.makepyfile(test_one='def test_hello(dragoman_cassette):\n    assert False, "its own words"')
    run(pytester).assert_outcomes(failed=1)


def test_async_tests_and_unittest_classes_use_the_fixtures(pytester: pytest.Pytester, upstream: Server) -> None:
    """The fixtures are ordinary ones."""
    pytester.makepyfile(
        test_one="""
        import asyncio, os, unittest, pytest
        from dragoman import AsyncClient

        @pytest.mark.usefixtures("dragoman_cassette")
        class TestTalk(unittest.TestCase):
            def test_it(self):
                async def ask():
                    rows = {"openai": {"base_url": os.environ["UPSTREAM"], "api_key": "any-key-1"}}
                    async with AsyncClient(providers=rows) as client:
                        return (await client.chat("openai/m", "Hi")).text
                assert asyncio.run(ask()) == "Hi"
        """
    )
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)
    assert 1 == upstream.calls
    assert (pytester.path / "cassettes" / "test_one" / "TestTalk.test_it.json").exists()


# --- the fence --------------------------------------------------------------------------------------------------------

REACHES = """
    import socket, pytest

    def reach():
        socket.getaddrinfo("203.0.113.7", 443)

    def test_with(dragoman_server):
        reach()

    def test_without():
        reach()

    @pytest.mark.dragoman_network
    def test_marked(dragoman_server):
        reach()
"""


def test_who_uses_the_fixtures_stays_on_this_machine(pytester: pytest.Pytester) -> None:
    """The error names the test; others are free, and so is who is marked."""
    pytester.makepyfile(REACHES)
    result = run(pytester, "--strict-markers")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*SocketBlockedError*::test_with may not reach the network, and wanted to look up 203.0.113.7*"]
    )


def test_all_tests_stay_on_this_machine_when_it_is_said(pytester: pytest.Pytester) -> None:
    """By an ini option; hosts can be allowed."""
    pytester.makepyfile(REACHES)
    run(pytester, "-o", "dragoman_block_network=true").assert_outcomes(passed=1, failed=2)
    allow = ("-o", "dragoman_allow_hosts=203.0.113.7 db.example")
    run(pytester, "-o", "dragoman_block_network=true", *allow).assert_outcomes(passed=3)


def test_who_records_may_reach_the_provider(pytester: pytest.Pytester) -> None:
    """The fence of a test whose tape records is open; when it plays it is closed again."""
    pytester.makepyfile(
        "import socket\n\ndef test_it(dragoman_cassette):\n    socket.getaddrinfo('203.0.113.7', 443)\n"
    )
    run(pytester, "--dragoman-record=once").assert_outcomes(passed=1)
    run(pytester).assert_outcomes(failed=1)


# --- the plugin itself ------------------------------------------------------------------------------------------------


def test_who_does_not_use_it_does_not_notice_it() -> None:
    """Loading it imports nothing but pytest, and takes less than 20 ms."""
    program = (
        "import sys, time, pytest; begun = time.process_time(); before = set(sys.modules);"
        "import dragoman.testing.pytest_plugin; took = time.process_time() - begun;"
        "print(took, *sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    took, *modules = done.stdout.split()

    assert {"dragoman", "dragoman._version", "dragoman.testing", "dragoman.testing.pytest_plugin"} >= set(modules)
    assert float(took) < 0.02


def test_it_works_in_a_process_of_its_own(pytester: pytest.Pytester, upstream: Server) -> None:
    """As users run it: another process, the plugin loaded by its name."""
    pytester.makepyfile(test_one=ASKS.format(more=""))
    for arguments in (["--dragoman-record=once"], []):
        result = pytester.runpytest_subprocess(*PLUGIN, "-W", "error", *arguments, timeout=60)
        result.assert_outcomes(passed=1)
    assert 1 == upstream.calls


def test_names_of_tapes_do_not_meet(pytester: pytest.Pytester) -> None:
    """Names that no file may have are changed, and told apart by a hash; long ones are cut."""
    pytester.makepyfile(
        test_one="""
        import pytest

        @pytest.mark.parametrize("x", ["a/b", "a_b", "a:b", "x" * 300, "好的"])
        def test_it(x): ...
        """
    )
    items, _ = pytester.inline_genitems(*PLUGIN)
    names = [cassette_path(item).name for item in items]

    assert 5 == len(set(names))
    assert {pytester.path / "cassettes" / "test_one"} == {cassette_path(item).parent for item in items}
    assert "test_it[a_b].json" in names
    assert all(len(name.encode()) < 200 for name in names)


def test_its_option_is_checked(pytester: pytest.Pytester) -> None:
    """A misspelt mode ends the run before it begins."""
    result = run(pytester, "--dragoman-record=sometimes")
    assert pytest.ExitCode.USAGE_ERROR == result.ret


def test_paths_are_beside_the_test(pytester: pytest.Pytester, tmp_path: Path, upstream: Server) -> None:
    """Also where a test lies deeper than where pytest was started."""
    program = (
        "def test_it(dragoman_cassette):\n    print(dragoman_cassette.path)\n    assert dragoman_cassette.playing\n"
    )
    (pytester.mkdir("deep") / "test_two.py").write_text(program, "utf-8")
    result = run(pytester, "-s")
    result.stdout.fnmatch_lines([f"*{pytester.path}/deep/cassettes/test_two/test_it.json*"])


# --- the pages --------------------------------------------------------------------------------------------------------


def test_the_page_on_pytest_is_a_test_file(pytester: pytest.Pytester, server: Server, monkeypatch: Any) -> None:
    """What docs/testing-pytest.md shows records and plays."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url())
    monkeypatch.setenv("OPENAI_API_KEY", "any-key-1")
    server.default = echo()
    pytester.makepyfile(test_talk=program(ROOT / "docs" / "testing-pytest.md"))

    run(pytester, "--dragoman-record=once").assert_outcomes(passed=2)
    monkeypatch.delenv("OPENAI_API_KEY")
    run(pytester).assert_outcomes(passed=2)
    assert 1 == server.calls


def test_the_page_on_unittest_is_a_test_file(tmp_path: Path, server: Server) -> None:
    """What docs/testing-unittest.md shows records and plays."""
    server.default = echo()
    (tmp_path / "test_talk.py").write_text(program(ROOT / "docs" / "testing-unittest.md"), "utf-8")
    base = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    upstream = {"OPENAI_API_KEY": "any-key-1", "OPENAI_BASE_URL": server.base_url()}
    for more in ({"DRAGOMAN_RECORD": "once", **upstream}, {}):
        command = [sys.executable, "-W", "error", "-m", "unittest", "test_talk"]
        done = subprocess.run(command, cwd=tmp_path, env=base | more, capture_output=True, text=True, check=False)
        assert "Ran 3 tests" in done.stderr, done.stderr
        assert 0 == done.returncode, done.stderr
    assert 1 == server.calls
