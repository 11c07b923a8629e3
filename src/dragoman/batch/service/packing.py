"""
Cuts a lot into batches: writes one lines file, as large as the provider, the budget and the queue allow.

Rule: rows go in the order of the input, and the file is never longer than the limit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dragoman.batch.journal import unwritable
from dragoman.batch.service.choosing import Lot
from dragoman.batch.service.spool import Spool


class Pack(NamedTuple):
    """
    Rows of one batch.

    Attributes:
        keys: In the order of its lines.
        bytes: Length of its file.
        most: Nano-dollars that it can cost at the usual price; None if that is not known.
        least: That it costs at least.
        model: The whole reference of its first row.
    """

    keys: list[bytes]
    bytes: int
    most: int | None
    least: int
    model: str


@contextmanager
def lines_file() -> Generator[Path, None, None]:
    """A file for lines, in the temporary folder, for as long as it is sent."""
    with tempfile.TemporaryDirectory(prefix="dragoman-batch-") as folder:
        yield Path(folder) / "lines.jsonl"


def pack(spool: Spool, number: int, lot: Lot, path: Path, rows: int) -> Pack:
    """
    Write the next rows of a lot.

    Args:
        spool: Where they are.
        number: The lot's.
        lot: The lot.
        path: Of the file.
        rows: Most rows.

    Raises:
        BatchError: No room in the temporary folder.
    """
    keys, length, most, least, model = list[bytes](), 0, 0, 0, ""
    known = True
    try:
        with path.open("wb") as file:
            for row in spool.free(number):
                if len(keys) >= rows or (keys and length + len(row.line) + 1 > lot.bytes):
                    break
                file.write(row.line + b"\n")
                keys.append(row.key)
                length += len(row.line) + 1
                known = known and row.most is not None
                most += row.most or 0
                least += row.least or 0
                model = model or row.model
    except OSError as error:
        raise unwritable(path, error) from error
    return Pack(keys, length, most if known else None, least, model)
