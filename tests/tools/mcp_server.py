"""An MCP server for the tests, made with the official package: over stdin and stdout, or on a port."""

from __future__ import annotations

import asyncio
import base64
import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

server = MCPServer("tests", log_level="CRITICAL")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fails() -> str:
    """Fail."""
    raise ValueError("inside")


@server.tool()
def pid() -> int:
    """Number of the process."""
    return os.getpid()


@server.tool()
def variable(name: str) -> str:
    """A variable of the environment."""
    return os.environ.get(name, "-")


@server.tool()
def header(context: Context, name: str) -> str:
    """A header of the request."""
    return (context.headers or {}).get(name, "-")


@server.tool()
async def slow() -> str:
    """Take long."""
    await asyncio.sleep(30)
    return "late"


@server.tool(structured_output=False)
def everything() -> list[object]:
    """One of each kind."""
    return [
        TextContent(type="text", text="words"),
        ImageContent(type="image", data=PNG, mime_type="image/png"),
        AudioContent(type="audio", data=base64.b64encode(b"RIFF0000WAVEfmt ").decode(), mime_type="audio/wav"),
        EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///a.txt", text="inside")),
        EmbeddedResource(
            type="resource", resource=BlobResourceContents(uri="file:///a.png", blob=PNG, mime_type="image/png")
        ),
        EmbeddedResource(type="resource", resource=BlobResourceContents(uri="file:///a.bin", blob="AAEC")),
        ResourceLink(type="resource_link", uri="https://example.com/x", name="x"),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
