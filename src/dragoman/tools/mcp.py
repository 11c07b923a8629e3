"""
Tools of MCP servers.

    with MCPServer("uvx", ["mcp-server-git"]) as git:              # a process, over its stdin and stdout
        client.run("openai/...", "What changed?", tools=git.tools)
    async with MCPServer("https://tools.example/mcp") as tools:    # or an address
        await client.run("openai/...", "...", tools=[*tools.tools, fn])

The protocol is spoken by the official `mcp` package (extra `mcp`).  A server is spoken to in a private event loop, on
both faces: so its tools can be used from any thread and any loop, as long as it is open.

Rule: closing leaves nothing behind, neither process nor thread nor connection.

Source: modelcontextprotocol.io/specification, "Lifecycle" and "Tools"; mcp 2.3.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from dragoman.errors import ConfigError
from dragoman.tools.loops import PrivateLoop
from dragoman.tools.mcp_results import read_result
from dragoman.tools.mcp_session import Listed, Place, Session, check_installed, connected, typed
from dragoman.types.messages import ToolResult
from dragoman.types.timeouts import check_seconds
from dragoman.types.tools import Tool
from dragoman.wire.turns import valid_name

# The SDK gives a process two seconds to go, and as many to be killed; this is only in case it hangs.
_CLOSING: Final = 15.0

# For a loop that has nothing left to do.
_ENDING: Final = 1.0


class MCPTool:
    """
    A tool of an MCP server, for `tools=[...]`.

    Attributes:
        declaration: What models are shown.
        hints: What the server says of it (`readOnlyHint`, `destructiveHint`...), for an approval hook; not to be
            trusted more than the server.
    """

    def __init__(self, server: MCPServer, name: str, declaration: Tool, hints: Mapping[str, Any]) -> None:
        self.declaration = declaration
        self.hints = dict(hints)
        self._server = server
        self._name = name

    async def invoke(self, arguments: Mapping[str, Any]) -> ToolResult:
        """
        Call it.

        Raises:
            ConfigError: The server is closed.
            ConnectError: The server is gone, or what it says is not the protocol.
        """
        return await self._server.call(self._name, arguments)

    async def __call__(self, **arguments: Any) -> ToolResult:
        return await self.invoke(arguments)

    def __repr__(self) -> str:
        return f"<tool {self.declaration.name}>"


class MCPServer:
    """
    An MCP server, open inside of a `with` or an `async with`.

    Args:
        command: The program to start, or the address (`https://...`) of a server that runs.
        args: Of the program.
        env: Variables for the program, beside the few that every process gets (PATH, HOME...).
        cwd: Where it runs.
        headers: Sent with every request to an address.
        prefix: Put before the name of each tool, where several servers have tools of the same name.
        only: Names of the tools to take, as the server has them; all by default.
        timeout: Seconds to start and to list the tools.

    Attributes:
        tools: What the server can do, since it was opened.

    Raises:
        ConfigError: Arguments that do not go together; or, when it is opened, the extra `mcp` is missing or the program
            cannot be started.
        ConnectError: When it is opened: no MCP server answers there.
        TimeoutError: It did not answer in time.
    """

    def __init__(
        self,
        command: str,
        args: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
        prefix: str = "",
        only: Sequence[str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        check_seconds(timeout, "timeout")
        if isinstance(args, str):
            raise ConfigError("args is a text: give a list of texts", field="args")
        self.tools: tuple[MCPTool, ...] = ()
        self._place = Place(
            command=command,
            args=tuple(args),
            env=dict(env) if env else None,
            cwd=os.fspath(cwd) if cwd is not None else None,
            headers=dict(headers) if headers else None,
        )
        self._prefix = prefix
        self._only = None if only is None else frozenset(only)
        self._timeout = timeout
        self._loop: PrivateLoop | None = None
        self._session: Session | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stop = asyncio.Event()
        self._served: Future[None] | None = None
        self._failure: BaseException | None = None

    def __repr__(self) -> str:
        return f"<MCPServer {self._place}>"

    # --- opening and closing ------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        opening = self._open()
        try:
            opening.result()
        except BaseException:
            self.close()
            raise
        return self

    async def __aenter__(self) -> Self:
        opening = self._open()
        try:
            await asyncio.wrap_future(opening)
        except BaseException:
            await self.aclose()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def close(self) -> None:
        """End the server's process, or the session, and wait until it is gone.  Idempotent."""
        loop, served = self._closing()
        if loop is not None:
            wait([served] if served else [], _CLOSING)
            loop.close(wait=_CLOSING)

    async def aclose(self) -> None:
        """As `close`."""
        loop, served = self._closing()
        if loop is not None:
            if served is not None:
                await asyncio.wait({asyncio.wrap_future(served)}, timeout=_CLOSING)
            loop.close(wait=_ENDING)

    def _closing(self) -> tuple[PrivateLoop | None, Future[None] | None]:
        """Have the session end; what it lives in, and when it has ended."""
        loop, self._loop = self._loop, None
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.loop.call_soon_threadsafe(self._end)
        return loop, self._served

    def _open(self) -> Future[None]:
        if self._loop is not None:
            raise ConfigError("this MCP server is open already", field="tools")
        check_installed()
        self._loop = PrivateLoop("dragoman-mcp")
        self._stop, self._failure = asyncio.Event(), None
        ready: Future[None] = Future()
        self._served = asyncio.run_coroutine_threadsafe(self._serve(ready), self._loop.loop)
        return ready

    # --- in the private loop ------------------------------------------------------------------------------------------

    async def _serve(self, ready: Future[None]) -> None:
        """Keep the session open, all in one task, as the SDK wants it."""
        self._task = asyncio.current_task()
        try:
            async with asyncio.timeout(self._timeout) as clock, connected(self._place) as session:
                self.tools = await self._listed(session)
                self._session = session
                clock.reschedule(None)
                ready.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            # Nobody awaits this task once the session is open: who opens it is told here, who calls a tool later, by
            # the failure that is kept.
            self._failure = typed(error, self._place)
            if not ready.done():
                ready.set_exception(self._failure)
            if not isinstance(error, Exception):
                raise
        finally:
            self._session, self.tools = None, ()

    def _end(self) -> None:
        if self._session is not None:
            self._stop.set()
        elif self._task is not None:
            self._task.cancel()

    async def _listed(self, session: Session) -> tuple[MCPTool, ...]:
        found: list[Listed] = []
        cursor: str | None = None
        while True:
            page = await session.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        missing = (self._only or frozenset()) - {tool.name for tool in found}
        if missing:
            raise ConfigError(f"the MCP server has no tool called {sorted(missing)[0]}", field="only")
        return tuple(self._tool(tool) for tool in found if self._only is None or tool.name in self._only)

    def _tool(self, tool: Listed) -> MCPTool:
        declaration = Tool(
            name=valid_name(f"{self._prefix}{tool.name}"),
            description=tool.description or tool.title,
            parameters=tool.input_schema,
        )
        hints: dict[str, Any] = (
            tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else {}
        )
        return MCPTool(self, tool.name, declaration, hints)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool by the name that the server has for it; for the errors see `MCPTool.invoke`."""
        loop, session = self._loop, self._session
        if loop is None or session is None:
            raise self._failure or ConfigError(
                "this MCP server is not open: use its tools inside of `with`", field="tools"
            )
        work = asyncio.run_coroutine_threadsafe(self._called(session, name, arguments), loop.loop)
        return await asyncio.wrap_future(work)

    async def _called(self, session: Session, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        try:
            answer = await session.call_tool(name, dict(arguments))
        except Exception as error:
            raise typed(error, self._place) from error
        return read_result(answer)
