"""Actors of a cluster as the workers of a crew."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from dragoman._version import __version__
from dragoman.batch.afar.carrying import About, Outcome, code_of, python_of
from dragoman.batch.afar.crew import LostError
from dragoman.batch.ray.cluster import Cluster
from dragoman.batch.ray.worker import Worker
from dragoman.errors import ConfigError
from dragoman.types.placement import Placement

# Seconds that workers have to close their connections.
_GOODBYE: Final = 5.0


class Actors:
    """
    Has actors made.

    Args:
        cluster: Where.
        placement: How long each may say nothing, and what it takes.
        arguments: Packed; what their clients are made of.
    """

    noun = "Ray workers"

    def __init__(self, cluster: Cluster, placement: Placement, arguments: bytes) -> None:
        self._cluster = cluster
        self._placement = placement
        self._arguments = arguments

    def hire(self) -> _Post:
        """One more."""
        return _Post(self._cluster, self._placement, self._arguments)

    def unplaced(self) -> str:
        """Why none may be there."""
        placement = self._placement
        return (
            f"Ray has placed no worker in {placement.wait:g} s (each takes {placement.num_cpus:g} CPU; "
            f"free are {self._cluster.free()}): give ray={{'num_cpus': ...}}, fewer workers, or more nodes"
        )


class _Post:
    """One actor."""

    def __init__(self, cluster: Cluster, placement: Placement, arguments: bytes) -> None:
        self._cluster = cluster
        self._placement = placement
        self._arguments = arguments
        self._actor = cluster.actor(Worker)

    async def open(self) -> str:
        # It may wait for its place as long as it takes: the others work.
        about: About = await self._cluster.answer(self._actor.about.remote(), 1e9)
        mine = About(__version__, code_of(), python_of(), "", 0)
        if (about.code, about.python) != (mine.code, mine.python):
            raise ConfigError(
                f"the Ray worker at {about.host} has {about}, and here is {mine}: install the same on all nodes, or "
                "have Ray do so by ray={'runtime_env': ...}",
                field="ray['runtime_env']",
            )
        await self._cluster.answer(self._actor.open.remote(self._arguments), self._placement.wait)
        return f"{about.host}, process {about.pid}"

    async def take(self, rows: list[tuple[int, bytes]]) -> None:
        await self._cluster.answer(self._actor.take.remote(rows), self._placement.lease)

    async def drop(self, numbers: list[int]) -> None:
        await self._cluster.answer(self._actor.drop.remote(numbers), self._placement.lease)

    async def outcomes(self) -> Sequence[Outcome]:
        told: Sequence[Outcome] = await self._cluster.answer(self._actor.outcomes.remote(), self._placement.lease)
        return told

    async def close(self) -> None:
        with suppress(LostError):  # it is killed next
            await self._cluster.answer(self._actor.close.remote(), _GOODBYE)

    def kill(self) -> None:
        self._cluster.kill(self._actor)
