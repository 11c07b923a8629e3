"""Schemas for each dialect: `dialect` has the rows, `walk` the way through a schema, `keywords` the steps."""

from __future__ import annotations

from dragoman.structured.compilers.dialect import BY_WIRE, DIALECTS, Dialect, Limits
from dragoman.structured.compilers.walk import Compiled, compile_schema

__all__ = ["BY_WIRE", "DIALECTS", "Compiled", "Dialect", "Limits", "compile_schema"]
