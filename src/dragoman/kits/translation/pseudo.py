"""
A translation into no language: every letter is another, and can be recognised.

Whoever prepares texts for translation sees by it, for nothing and without a model, what would be translated and what
would not, where a text has no room, and whether letters beyond ASCII come through.

>>> pseudo("Hello ⟦1⟧!")
'Ĥéļļö ⟦1⟧!'
"""

from __future__ import annotations

from typing import Final

from dragoman.kits.documents.base import runs

PSEUDO: Final = "pseudo"
"""The language that is none."""

_FROM: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TO: Final = "ÀƁÇĐÉƑĜĤÎĴĶĻṀŇÖÞǪŔŠŢÛṼŴẊÝŽàƀçđéƒĝĥîĵķļṁňöþǫŕšţûṽŵẋýž"
_TABLE: Final = str.maketrans(_FROM, _TO)
_BACK: Final = str.maketrans(_TO, _FROM)


def pseudo(text: str) -> str:
    """A text with marks in which each letter of ASCII is one with an accent."""
    return "".join(run.translate(_TABLE) if isinstance(run, str) else f"⟦{run}⟧" for run in runs(text))


def plain(text: str) -> str:
    """The text of which a pseudo-translation was made, if it had no such letters itself."""
    return text.translate(_BACK)
