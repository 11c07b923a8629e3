"""Results of a batch on standard output, as they come: `dragoman batch run IN -o -`."""

from __future__ import annotations

from contextlib import closing

from dragoman.cli import exits
from dragoman.cli.output import talk, write
from dragoman.cli.words import t
from dragoman.verbs.batch import Batch


def stream(batch: Batch, job: str | None) -> int:
    """Run a batch, and print each outcome as a line; those of rows that failed have an `error`."""
    if job is None:
        talk(t("batch.no_journal"))
    try:
        with closing(batch.lines()) as lines:
            for line in lines:
                write(line.decode())
    except KeyboardInterrupt:
        talk(t("batch.stopped", report=batch.report))
        talk(t("batch.lost" if job is None else "batch.again"))
        return exits.INTERRUPTED
    report = batch.report
    talk(f"· {report}, {report.seconds:.1f} s")
    return exits.PARTIAL if report.failed else exits.OK
