"""Tools of MCP servers: a real process over stdin and stdout, and a real server on a port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Audio, Client, ConfigError, ConnectError, File, Image, Text, TimeoutError
from dragoman.testing import Server, says
from dragoman.tools import MCPServer, MCPTool
from tests.services import wait_for
from tests.strategies import PNG
from tests.tools.conftest import row
from tests.tools.test_run import results

SCRIPT = str(Path(__file__).with_name("mcp_server.py"))


@pytest.fixture(scope="module")
def program() -> Iterator[MCPServer]:
    """A server that is a process."""
    with MCPServer(sys.executable, [SCRIPT], env={"FOR_TOOLS": "seen"}) as opened:
        yield opened


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a server that runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen([sys.executable, SCRIPT, str(port)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not _listens(port) and time.monotonic() < until:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        running.terminate()
        running.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=["program", "address"])
def tools(request: pytest.FixtureRequest) -> Iterator[dict[str, MCPTool]]:
    """The tools of either server, by name."""
    if request.param == "program":
        yield {tool.declaration.name: tool for tool in request.getfixturevalue("program").tools}
    else:
        with MCPServer(request.getfixturevalue("address"), headers={"x-user": "ada"}) as opened:
            yield {tool.declaration.name: tool for tool in opened.tools}


def test_a_run_uses_the_tools_of_a_server(face: Any, server: Server, tools: dict[str, MCPTool]) -> None:
    """On both faces and both ways: schemas are shown, calls made, errors told."""
    server.script(says(tools=[("add", {"a": 1, "b": 2}), ("fails", {}), ("add", {"a": "x"})]), says("Done."))

    answer = face.run("fake/m", "Go", tools=list(tools.values()))

    shown = {tool.name: tool for tool in server.requests[0].chat.tools or ()}  # type: ignore[union-attr]
    assert "Add two numbers." == shown["add"].description
    assert ["a", "b"] == (shown["add"].parameters or {})["required"]
    told = results(answer.messages)
    assert [("3", False), (True, True)] == [
        (told[0].text, told[0].is_error),
        ("Error executing tool fails" in told[1].text, told[1].is_error),
    ]
    assert told[2].is_error
    assert "Traceback" not in told[2].text


def test_every_kind_of_content_comes_through(tools: dict[str, MCPTool]) -> None:
    """Texts, pictures, sound, resources and links become parts."""
    result = asyncio.run(tools["everything"].invoke({}))

    assert (
        Text("words"),
        Image(data=PNG, media_type="image/png"),
        Audio(data=b"RIFF0000WAVEfmt ", media_type="audio/wav"),
        Text("inside"),
        Image(data=PNG, media_type="image/png"),
        File(data=b"\x00\x01\x02", media_type="application/octet-stream", name="a.bin"),
        Text("x: https://example.com/x"),
    ) == result.parts


def test_a_tool_says_what_it_does_to_the_world(tools: dict[str, MCPTool]) -> None:
    """What the server says of a tool is there for an approval hook."""
    assert (True, {}) == (tools["add"].hints.get("readOnlyHint"), tools["pid"].hints)


def test_a_tool_is_a_coroutine_function(tools: dict[str, MCPTool]) -> None:
    """It may be called like any other, in any loop."""
    assert "7" == asyncio.run(tools["add"](a=3, b=4)).text


def test_a_hanging_tool_is_left(face: Any, server: Server, tools: dict[str, MCPTool]) -> None:
    """`tool_timeout` holds for tools that run elsewhere, and the server can be used further."""
    server.script(says(tools=[("slow", {})]), says(tools=[("add", {"a": 1, "b": 1})]), says("Done."))

    answer = face.run("fake/m", "Go", tools=list(tools.values()), tool_timeout=0.5)

    told = [result.text for result in results(answer.messages)]
    assert ["TimeoutError: it took longer than 0.5 s and was stopped", "2"] == told


def test_variables_and_headers_reach_the_server(program: MCPServer, address: str) -> None:
    """`env` is given to a program, `headers` to an address; neither is shown by repr."""
    tools = {tool.declaration.name: tool for tool in program.tools}
    assert "seen" == asyncio.run(tools["variable"](name="FOR_TOOLS")).text
    assert "seen" not in repr(program)

    with MCPServer(f"{address}?token=hidden", headers={"x-user": "ada"}) as opened:
        remote = {tool.declaration.name: tool for tool in opened.tools}
        assert "ada" == asyncio.run(remote["header"](name="x-user")).text
        assert f"<MCPServer {address}>" == repr(opened)


def test_tools_may_be_chosen_and_renamed(address: str) -> None:
    """`only` takes some, `prefix` keeps the names of several servers apart."""
    with MCPServer(address, only=["add"], prefix="math_") as opened:
        assert ["math_add"] == [tool.declaration.name for tool in opened.tools]
        assert "5" == asyncio.run(opened.tools[0].invoke({"a": 2, "b": 3})).text

    with pytest.raises(ConfigError, match="no tool called nothing"), MCPServer(address, only=["nothing"]):
        pass


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _no_more_than(threads: int) -> None:
    """None is left: of those that asyncio has wait for a process, the last words may come a moment after its end."""
    wait_for(lambda: threading.active_count() <= threads, 5.0)


def test_nothing_is_left_behind() -> None:
    """Closing ends the process and the thread; it may be opened again, and its old tools say that they are closed."""
    threads = threading.active_count()
    opened = MCPServer(sys.executable, [SCRIPT], only=["pid"])
    with opened:
        tool = opened.tools[0]
        pid = int(asyncio.run(tool.invoke({})).text)
        with pytest.raises(ConfigError, match="open already"), opened:
            pass
        assert not _gone(pid)

    assert (True, ()) == (_gone(pid), opened.tools)
    _no_more_than(threads)
    with pytest.raises(ConfigError, match="not open"):
        asyncio.run(tool.invoke({}))

    async def again() -> int:
        async with opened:
            return int((await opened.tools[0].invoke({})).text)

    second = asyncio.run(again())
    assert (True, True) == (second != pid, _gone(second))
    _no_more_than(threads)


def test_a_server_that_dies_is_told(server: Server) -> None:
    """Calls of a server whose process was killed fail as tools do; the run goes on, and closing works."""
    with MCPServer(sys.executable, [SCRIPT], only=["pid", "add"]) as opened:
        tools = {tool.declaration.name: tool for tool in opened.tools}
        pid = int(asyncio.run(tools["pid"].invoke({})).text)
        os.kill(pid, signal.SIGKILL)
        server.script(says(tools=[("add", {"a": 1, "b": 2})]), says("Done."))
        with Client(providers=row(server)) as client:
            answer = client.run("fake/m", "Go", tools=list(tools.values()))

    result = results(answer.messages)[0]
    assert result.is_error
    assert "ConnectError" in result.text


_WRONG: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "no such program": ({"command": "no-such-program-here"}, ConfigError),
    "a program that is no server": ({"command": sys.executable, "args": ["-c", ""]}, ConnectError),
    "a program that says nothing": (
        {"command": sys.executable, "args": ["-c", "import time; time.sleep(20)"], "timeout": 0.5},
        TimeoutError,
    ),
    "nobody at the address": ({"command": "http://127.0.0.1:9/mcp"}, ConnectError),
}


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "async"])
@pytest.mark.parametrize(("arguments", "expected"), _WRONG.values(), ids=_WRONG)
def test_what_is_no_server_is_told(arguments: dict[str, Any], expected: type[Exception], blocking: bool) -> None:
    """A typed error when it is opened, and nothing stays."""
    threads = threading.active_count()
    wrong = MCPServer(**arguments)

    async def enter() -> None:
        async with wrong:
            raise AssertionError

    with pytest.raises(expected, match="MCP server"):
        wrong.__enter__() if blocking else asyncio.run(enter())

    _no_more_than(threads)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"command": ""}, "command"),
        ({"command": "https://x.example/mcp", "args": ["a"]}, "args"),
        ({"command": "uvx", "headers": {"a": "b"}}, "headers"),
        ({"command": "uvx", "args": "mcp-server-git"}, "args"),
        ({"command": "uvx", "timeout": 0}, "timeout"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: dict[str, Any], field: str) -> None:
    """A ConfigError names the field before anything is started."""
    with pytest.raises(ConfigError) as caught:
        MCPServer(**arguments)

    assert field == caught.value.field
