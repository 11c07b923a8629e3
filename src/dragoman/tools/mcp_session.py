"""
The way to an MCP server: a process that is started, or an address.

Rule: what the SDK raises comes out as an error of ours that names the server and holds no credential.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from io import UnsupportedOperation
from typing import Any, Protocol, TextIO, cast
from urllib.parse import urlsplit

import msgspec

from dragoman.errors import ConfigError, ConnectError, DragomanError, TimeoutError
from dragoman.redact import redact


class Content(Protocol):
    """What a call gave; `mcp.types.CallToolResult`."""

    content: list[Any]
    structured_content: Any
    is_error: bool


class Listed(Protocol):
    """A tool as the server tells of it; `mcp.types.Tool`."""

    name: str
    title: str | None
    description: str | None
    input_schema: dict[str, Any]
    annotations: Any


class Page(Protocol):
    """A part of the list of tools; `mcp.types.ListToolsResult`."""

    tools: list[Any]
    next_cursor: str | None


class Session(Protocol):
    """What is used of `mcp.Client`, which is loaded only when a server is opened."""

    async def list_tools(self, *, cursor: str | None = None) -> Page: ...

    async def call_tool(self, name: str, arguments: dict[str, Any] | None = None) -> Content: ...


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a server is.

    Attributes:
        command: The program, or the address.
        args: Of the program.
        env: Variables for the program.
        cwd: Where it runs.
        headers: Sent with every request to an address.

    Raises:
        ConfigError: They do not go together.
    """

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, str] | None = None
    cwd: str | None = None
    headers: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.command, str) or not self.command.strip():
            raise ConfigError("command is empty: give a program or an address", field="command")
        if self.remote and (self.args or self.env or self.cwd):
            raise ConfigError("an MCP server at an address takes no args, env or cwd", field="args")
        if self.headers and not self.remote:
            raise ConfigError("an MCP server that is a program takes no headers: give env", field="headers")

    @property
    def remote(self) -> bool:
        """Whether it is an address."""
        return self.command.startswith(("http://", "https://"))

    def __repr__(self) -> str:
        """Without what may be a credential: arguments, variables, headers, and the query of an address."""
        if not self.remote:
            return redact(self.command)
        parts = urlsplit(self.command)
        return redact(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def check_installed() -> None:
    """Raise ConfigError if the official package is not there."""
    if find_spec("mcp") is None:
        raise ConfigError('tools of MCP servers need the extra: pip install "dragoman[mcp]"', field="tools")


@asynccontextmanager
async def connected(place: Place) -> AsyncGenerator[Session]:
    """A session with the server; leaving it ends the process, or the session."""
    from mcp import Client, StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    if place.remote:
        async with (
            create_mcp_http_client(headers=place.headers) as http,
            Client(streamable_http_client(place.command, http_client=http)) as session,
        ):
            yield session
        return
    program = StdioServerParameters(command=place.command, args=list(place.args), env=place.env, cwd=place.cwd)
    with _errors() as errors:
        async with Client(stdio_client(program, errors)) as session:
            yield session


@contextmanager
def _errors() -> Generator[TextIO]:
    """Where the program's standard error goes: to ours, or nowhere if ours is no file, as in a notebook."""
    try:
        sys.stderr.fileno()
    except (UnsupportedOperation, AttributeError, ValueError):
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            yield nowhere
    else:
        yield sys.stderr


def typed(error: BaseException, place: Place) -> BaseException:
    """What went wrong, in our words; the SDK's task groups wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, DragomanError | asyncio.CancelledError):
        return error
    what = f"MCP server {place!r}"
    if isinstance(error, builtins.TimeoutError):
        return TimeoutError(f"{what}: no answer in time", clock="connect")
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        return ConfigError(f"{what} cannot be started: {error}", field="command")
    return ConnectError(f"{what}: {type(error).__name__}: {error}", retryable=False)
