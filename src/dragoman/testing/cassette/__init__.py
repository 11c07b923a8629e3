"""
Recording what goes over the wire, and playing it again: tests of real answers without a network, a key or a bill.

    from dragoman.testing.cassette import cassette

docs/cassettes.md tells how.
"""

from __future__ import annotations

from dragoman.testing.cassette.errors import CassetteError, Difference, UnmatchedError, UnusedError
from dragoman.testing.cassette.tape import Mode, Tape, cassette

__all__ = ["CassetteError", "Difference", "Mode", "Tape", "UnmatchedError", "UnusedError", "cassette"]
