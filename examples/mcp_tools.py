"""Use the tools of an MCP server, here one that this file starts of itself (pip install "dragoman[mcp]")."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from dragoman import Client
from dragoman.testing import Server, says
from dragoman.tools import MCPServer


def serve() -> None:
    """An MCP server with one tool, over stdin and stdout."""
    from mcp.server import MCPServer as OfficialServer

    server = OfficialServer("shop", log_level="ERROR")

    @server.tool()
    def price(item: str, count: int = 1) -> str:
        """What it costs, in euros."""
        return f"{count} x {item}: {3 * count} euros"

    server.run()


def main() -> None:
    """Ask a model that may use it."""
    with ExitStack() as stack:
        shop = stack.enter_context(MCPServer(sys.executable, [__file__, "serve"]))
        print("the server has:", *(tool.declaration.name for tool in shop.tools))
        model, rows = os.environ.get("MODEL"), {}
        if model is None:  # a provider on this machine that follows a script; set MODEL to ask a real one
            script = (says(tools=[("price", {"item": "tea", "count": 2})]), says("Two teas are 6 euros."))
            server = stack.enter_context(Server(*script))
            model, rows = "demo/any", {"demo": {"base_url": server.base_url("openai-chat"), "api_key": "any"}}
        client = stack.enter_context(Client(providers=rows))
        answer = client.run(model, "What do two teas cost?", tools=shop.tools)
        for message in answer.messages:
            print(f"{message.role}: {message.text or list(message.parts)}")


serve() if "serve" in sys.argv else main()
