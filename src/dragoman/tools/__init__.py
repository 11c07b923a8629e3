"""
Tools that are run: the loop of `Client.run`, and tools of MCP servers.

    run.py        the loop: ask, run what is called, send the results, until there is an answer
    toolbox.py    which tools there are, and what each needs to be called
    arguments.py  what a model sends, as what a function takes
    results.py    what a function gives, as what a model reads
    calls.py      the calls of one round, under way
    loops.py      where they run: the caller's event loop, or a private one
    mcp.py        tools of MCP servers

How a function is declared to a model is in `types/tools.py`, which every call needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.tools.mcp import MCPServer as MCPServer
    from dragoman.tools.mcp import MCPTool as MCPTool

__all__ = ["MCPServer", "MCPTool"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'dragoman.tools' has no attribute {name!r}")
    from dragoman.tools import mcp  # who has no MCP server need not load it

    return getattr(mcp, name)
