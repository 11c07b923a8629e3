"""The kits' functions to await; the same names as in `dragoman.kits`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import dragoman.kits as kits

_CLASSES: dict[str, str] = {"Support": "support.faces:AsyncSupport"}
"""Those of `dragoman.kits` that have another one for this face."""


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        module, _, made_of = _CLASSES[name].partition(":")
        return getattr(import_module(f"dragoman.kits.{module}"), made_of)
    functions = vars(kits)["_FUNCTIONS"]
    if name not in functions:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dragoman.kits.faces import awaited

    made = awaited(getattr(import_module(f"dragoman.kits.{functions[name]}"), name))
    globals()[name] = made
    return made
