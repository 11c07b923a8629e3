"""
Glossaries: a term, and what it is in the other language.

    term,translation
    circuit breaker,Leistungsschalter
    Dragoman,keep
    cloud,Cloud|Wolke

`keep` keeps the term as it is; a bar parts translations of which any is right.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError
from dragoman.kits.rewriting.files import text_of

Glossary = Mapping[str, str] | str | Path | None
"""Terms and translations; or the path of a CSV file with them in two columns."""

_HEADS: Final = frozenset({"term", "source", "from", "original"})


def glossary_of(given: Glossary) -> dict[str, str]:
    """
    A glossary, whatever it was given as.

    Raises:
        ConfigError: It is none.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {_filled(term): _filled(translation) for term, translation in given.items()}
    if not isinstance(given, str | Path):
        raise ConfigError(
            f"glossary is {type(given).__name__}: give a mapping, or the path of a CSV file", field="glossary"
        )
    return _read(Path(given))


def _filled(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"glossary has {value!r}: a term and its translation are texts", field="glossary")
    return value.strip()


def _read(path: Path) -> dict[str, str]:
    text = text_of(path, "utf-8-sig")
    separator = next((sign for sign in "\t;" if sign in text.partition("\n")[0]), ",")
    terms: dict[str, str] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#") or (number == 1 and cells[0].casefold() in _HEADS):
            continue
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise ConfigError(f"{path}, line {number}: a line has a term and its translation", field="glossary")
        terms[cells[0]] = cells[1]
    return terms
