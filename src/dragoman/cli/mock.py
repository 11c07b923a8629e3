"""
`dragoman mock`: a provider on this machine that answers, or fails, as it is told.

It is the switch of `dragoman.testing`: the addresses go to standard output, what clients send is told on standard
error while it comes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, print_table, talk
from dragoman.errors import ConfigError
from dragoman.testing import Received, Server, Step, echo
from dragoman.testing.faults import FAULTS, Fault, fault
from dragoman.testing.routes import ROUTES, route_of

# Which variable the vendor's own SDK, and Dragoman, take the address from.
_VARIABLES: Final = {
    "openai-chat": "OPENAI_BASE_URL",
    "anthropic-messages": "ANTHROPIC_BASE_URL",
    "gemini-generate": "GOOGLE_GEMINI_BASE_URL",
    "ollama-chat": "OLLAMA_HOST",
    "cohere-chat": "CO_API_URL",
}
_LOOK: Final = 0.1  # seconds between two looks at what has come


@click.command("mock", context_settings=CONTEXT)
@click.option("--fault", "name", metavar="NAME", help="What goes wrong; without it the last user text is repeated.")
@click.option("--times", type=click.IntRange(1), metavar="N", help="Only the first N requests fail.  [default: all]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen.  [default: any that is free]")
@click.option("--wire", metavar="NAME", help="Only this dialect's address; an error if the fault cannot happen in it.")
@click.option("--list", "listing", is_flag=True, help="Show all faults, and end.")
@click.option("--json", "as_json", is_flag=True, help="Addresses, or faults, as JSON.")
def COMMAND(name: str | None, times: int | None, port: int, wire: str | None, listing: bool, as_json: bool) -> int:
    """Serve a provider on 127.0.0.1 until Ctrl-C, in every dialect, with faults."""
    if listing:
        _show_faults(_happening_in(wire), as_json)
        return exits.OK
    with _server(name, times, port, wire) as server, _stop_signals() as stop:
        _show_addresses(server, wire, as_json)
        told = _tell(server, stop)
    talk(f"{told} requests, {server.connections} connections open")
    return exits.OK


def _server(name: str | None, times: int | None, port: int, wire: str | None) -> Server:
    if times is not None and name is None:
        raise ConfigError("--times counts requests that fail: say how, with --fault", field="times")
    broken: Step | None = fault(name, wire) if name else None
    if broken is None:
        return Server(default=echo(), port=port)
    return Server(*[broken] * times, default=echo(), port=port) if times else Server(default=broken, port=port)


@contextmanager
def _stop_signals() -> Generator[threading.Event, None, None]:
    """Ctrl-C and SIGTERM are how a server is ended, and no failure."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- addresses --------------------------------------------------------------------------------------------------------


def _show_addresses(server: Server, wire: str | None, as_json: bool) -> None:
    wires = [route_of(wire).wire] if wire else [route.wire for route in ROUTES]
    rows = [(name, server.base_url(name), _VARIABLES.get(name, "")) for name in wires]
    if as_json:
        print_json({"url": server.url, "port": server.port, "base_urls": {name: url for name, url, _ in rows}})
    else:
        print_table(rows, ("wire", "base URL", "variable"))


# --- what comes -------------------------------------------------------------------------------------------------------


def _tell(server: Server, stop: threading.Event) -> int:
    """Say of each request what it was and how it ended, until the signal comes; return how many there were."""
    open_ones: list[Received] = []
    seen = 0
    stopping = False
    while not stopping:
        stopping = stop.wait(_LOOK)
        come = server.all_requests[seen:]
        seen += len(come)
        open_ones += come
        for request in come:
            talk(f"{request.number}: {request.method} {request.path}  {_asked(request)}")
        open_ones = [request for request in open_ones if not _ended(request)]
    return seen


def _asked(request: Received) -> str:
    if request.chat is None:
        return "" if request.error is None else f"cannot be read: {request.error.message}"
    form = "stream" if request.chat.stream else "plain"
    return f"{request.chat.model}  {form}  {len(request.body)} bytes"


def _ended(request: Received) -> bool:
    ends = (("answered", request.finished_at), ("the client left", request.closed_at))
    for how, at in ends:
        if at is not None:
            talk(f"{request.number}: {how} after {at - request.received_at:.3f} s")
    return any(at is not None for _, at in ends)


# --- faults -----------------------------------------------------------------------------------------------------------


def _happening_in(wire: str | None) -> list[Fault]:
    return [one for one in FAULTS.values() if wire is None or route_of(wire).wire in one.wires]


def _show_faults(faults: Iterable[Fault], as_json: bool) -> None:
    if as_json:
        print_json([_data(one) for one in faults])
    else:
        print_table([(one.name, one.meaning) for one in faults], ("fault", "what the server does"))


def _data(one: Fault) -> dict[str, Any]:
    return {
        "name": one.name,
        "meaning": one.meaning,
        "source": one.source,
        "plain": one.plain,
        "stream": one.stream,
        "wires": sorted(one.wires),
    }
