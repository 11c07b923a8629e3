"""
`dragoman metrics`: what the processes of this machine have counted, for Prometheus.

It reads the directory that they write to, `PROMETHEUS_MULTIPROC_DIR`; a process that counts for itself alone gives its
metrics by `dragoman.observe.asgi_app()`.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, print_table, talk, write
from dragoman.errors import ConfigError
from dragoman.observe.names import METRICS
from dragoman.observe.prometheus import library
from dragoman.observe.scrape import DIRECTORY, exposition, source

_HEADS: Final = ("metric", "kind", "labels", "meaning")


@click.command("metrics", context_settings=CONTEXT)
@click.option("--dir", "directory", metavar="DIR", help=f"Where processes write.  [default: ${DIRECTORY}]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Serve them here until Ctrl-C; 0 for any port that is free."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("--list", "listing", is_flag=True, help="Show which metrics there are, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
def COMMAND(directory: str | None, port: int | None, host: str, listing: bool, as_json: bool) -> int:
    """Print, or serve, the metrics of all processes that share a directory."""
    if listing:
        _list(as_json)
        return exits.OK
    registry = source(directory=_directory(directory))
    if port is None:
        write(exposition(registry).decode())
        return exits.OK
    _serve(registry, host, port)
    return exits.OK


def _directory(given: str | None) -> Path:
    found = given or os.environ.get(DIRECTORY)
    if not found:
        raise ConfigError(
            f"no directory of metrics: set {DIRECTORY} for this command and for the processes that count, "
            "before they start, or give --dir",
            field="dir",
        )
    return Path(found)


def _list(as_json: bool) -> None:
    if as_json:
        fields = ("name", "kind", "help", "labels")
        print_json([{field: getattr(metric, field) for field in fields} for metric in METRICS])
    else:
        print_table([(one.name, one.kind, ",".join(one.labels), one.help) for one in METRICS], _HEADS)


def _serve(registry: Any, host: str, port: int) -> None:
    try:
        server, thread = library().start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; take another port", field="port"
        ) from error
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        write(f"http://{host}:{server.server_port}/metrics\n")
        stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.shutdown()
        server.server_close()
        thread.join()
    talk()
