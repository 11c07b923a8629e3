"""What `verbs/run.py` asks for: a run to its end, or one to be read."""

from __future__ import annotations

from dragoman.tools.run import Run
from dragoman.tools.toolbox import Toolbox
from dragoman.types.runs import RunResponse
from dragoman.verbs.run import Rounds


async def finished(rounds: Rounds) -> RunResponse:
    """Run to the end; see `Client.run`."""
    return await _run(rounds, streams=False).finished()


async def opened(rounds: Rounds) -> Run:
    """Begin to run, and return when the first content is there; see `Client.run_stream`."""
    return await _run(rounds, streams=True).open()


def _run(rounds: Rounds, *, streams: bool) -> Run:
    toolbox = Toolbox(rounds.tools)
    toolbox.check(rounds.request.tools or ())
    return Run(rounds, toolbox, streams=streams)
