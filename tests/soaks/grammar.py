"""
Two hundred random answers of ten types through each of llama.cpp's dialects, each held to a grammar by the server.

Every one must be a value of its type at the first attempt; one that only hit the token limit is counted apart.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from dragoman import OutputError, TruncatedError
from tests.structured.grammars import TYPES, WIRES, ask, client_of, served

_EACH = 20  # answers of each type and dialect


def grammar(scale: float = 1.0) -> dict[str, Any]:
    """Twenty answers of each of ten types through each of three dialects."""
    each = max(1, int(_EACH * scale))
    problems: list[str] = []
    valid = dict.fromkeys(WIRES, 0)
    cut = 0
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-grammar-") as folder,
        served(Path(folder)) as address,
        client_of(address) as client,
    ):
        for wire in WIRES:
            for name, kind in TYPES.items():
                for seed in range(each):
                    try:
                        ask(client, wire, kind, seed)
                        valid[wire] += 1
                    except TruncatedError:
                        cut += 1
                    except OutputError as error:
                        problems.append(f"{wire}, {name}, seed {seed}: {error}")
    return {"each": each, "valid": valid, "cut": cut, "problems": problems[:20]}
