"""Providers' batch APIs on 127.0.0.1, for tests; see `base`."""

from __future__ import annotations

from dragoman.testing.batches.base import Asked, Batch, Course, Outcome
from dragoman.testing.batches.server import BatchServer

__all__ = ["Asked", "Batch", "BatchServer", "Course", "Outcome"]
