"""
The one place that talks to Ray: connects, makes actors, ends them, and says what went wrong in our words.

Who has connected this process to Ray already keeps his connection; otherwise it is opened for the batch, and closed
when the last batch of the process that uses it has ended.

Source: ray.init and ray.exceptions of Ray 2.60.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import threading
from collections.abc import Awaitable
from importlib import import_module
from typing import Any, Final

from dragoman.batch.afar.crew import LostError
from dragoman.errors import ConfigError
from dragoman.types.placement import Placement

_LOCAL: Final = "local"
# Rows travel inside of the calls; what does not fit there passes through this.
_STORE: Final = 256 << 20
# Seconds in which a cluster must take a connection.
_CONNECT: Final = 10.0
_SHOWN: Final = 1500  # characters of Ray's own words

_lock: Final = threading.Lock()
_users: Final[list[str]] = []
_ours: Final[list[str]] = []


def load() -> Any:
    """
    Import Ray.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return import_module("ray")
    except ImportError as error:
        raise ConfigError("engine='ray' needs Ray: pip install \"dragoman[ray]\"", field="engine") from error


class Cluster:
    """
    A connection of this process to Ray, for one batch.

    Args:
        placement: Which cluster, and what each worker takes of it.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._ray = load()
        self._open = False

    def open(self) -> None:
        """
        Connect; takes seconds where Ray has to be started.

        Raises:
            ConfigError: There is no such cluster, or it has another version of Ray or Python.
        """
        with _lock:
            if not self._ray.is_initialized():
                self._connect()
                _ours.append(_LOCAL)
            _users.append(_LOCAL)
            self._open = True

    def _connect(self) -> None:
        placement = self._placement
        address = placement.address or os.environ.get("RAY_ADDRESS") or _LOCAL
        _check_listening(address)
        told: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.ERROR}
        if placement.namespace is not None:
            told["namespace"] = placement.namespace
        if address == _LOCAL:
            cores = max(os.cpu_count() or 1, math.ceil(placement.workers * placement.num_cpus))
            told |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE}
            # Nobody was asked whether Ray may tell its makers about this machine.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            self._ray.init(**told)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ConfigError(
                f"cannot connect to Ray at {address!r}: {str(error)[:_SHOWN]}", field="ray['address']"
            ) from error

    def close(self) -> None:
        """Let the connection go.  Idempotent."""
        with _lock:
            if not self._open:
                return
            self._open = False
            _users.pop()
            if not _users and _ours:
                _ours.clear()
                self._ray.shutdown()

    def actor(self, kind: type[object]) -> Any:
        """Have Ray make an actor somewhere; it may take a while until it has its place."""
        placement = self._placement
        options: dict[str, Any] = {"num_cpus": placement.num_cpus, "max_restarts": 0, "max_task_retries": 0}
        if placement.resources:
            options["resources"] = dict(placement.resources)
        if placement.runtime_env:
            options["runtime_env"] = dict(placement.runtime_env)
        return self._ray.remote(**options)(kind).remote()

    def kill(self, actor: Any) -> None:
        """End an actor, whatever it does; one that is dead already may be killed."""
        self._ray.kill(actor, no_restart=True)

    async def answer(self, reference: Awaitable[Any], seconds: float) -> Any:
        """
        Wait for what an actor's method returns.

        Raises:
            LostError: The actor is dead, cannot be reached, does not answer in time, or the method has failed.
        """
        try:
            async with asyncio.timeout(seconds):
                return await reference
        except TimeoutError as error:
            raise LostError(f"it said nothing for {seconds:g} s") from error
        except self._ray.exceptions.RayError as error:
            raise LostError(_words(error)) from error

    def free(self) -> str:
        """What the cluster has free, in words."""
        known = self._ray.available_resources()
        return ", ".join(f"{name} {known[name]:g}" for name in ("CPU", "GPU") if name in known) or "nothing"


def _check_listening(address: str) -> None:
    """Ray itself goes on for minutes where nobody listens, and writes to standard error meanwhile."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
    except OSError as error:
        raise ConfigError(f"nobody answers as Ray at {address!r}: {error}", field="ray['address']") from error


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[-_SHOWN:]}"
