"""
What a docstring says of a function and of each of its arguments.

Read are Google's `Args:` sections, NumPy's `Parameters` with a line of dashes, and Sphinx's `:param name:` lines.  The
text before the first section is the description.

Rule: nothing that helps a model is lost.  Of what stands beside a name, the type is dropped, because the schema says
it; a unit or a list of choices is kept: `distance (float, km): How far.` describes as `How far. (km)`.

Source: Google Python Style Guide 3.8.3; numpydoc 1.9, "Sections"; Sphinx 8, "Info field lists".
"""

from __future__ import annotations

import re
from typing import Final

_ABOUT_ARGUMENTS: Final = frozenset({"args", "arguments", "parameters", "other parameters"})
_NAMES: Final = (
    "Args|Arguments|Parameters|Other Parameters|Returns|Raises|Yields|Attributes|Warns|Warnings|See Also|References"
    "|Examples?|Notes?"
)
_GOOGLE: Final = re.compile(rf"\s*({_NAMES})\s*:\s*\Z", re.IGNORECASE)
_NUMPY: Final = re.compile(rf"\s*({_NAMES})\s*\Z", re.IGNORECASE)
_DASHES: Final = re.compile(r"\s*-{3,}\s*\Z")

_GOOGLE_ITEM: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\(((?:[^()]|\([^()]*\))*)\))?\s*:\s*(.*)")
_NUMPY_ITEM: Final = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::\s*(.*))?\Z")
_SPHINX_ITEM: Final = re.compile(r"\s*:(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)")
_SPHINX_OTHER: Final = re.compile(r"\s*:(\w+)(?:\s[^:]*)?:(?:\s|\Z)")

# A note beside a name that is a type, and no unit: `int`, `list[str]`, `float or None`, `optional`, `default 3`.
_TYPES: Final = (
    "int|integer|float|number|str|string|text|bool|boolean|bytes|list|dict|tuple|set|frozenset|array|array_like|object|"
    "mapping|sequence|iterable|iterator|callable|any|none|literal|union|optional|date|datetime|timedelta|decimal|uuid|"
    "path|enum"
)
_TYPE: Final = re.compile(
    rf"(?:(?:typing\.)?(?:{_TYPES})(?:\[.*\])?(?:\s+of\s+\w+)?(?:\s*(?:\||\bor\b)\s*|\Z))+", re.IGNORECASE
)
_DEFAULT: Final = re.compile(r"(?:optional\Z|defaults?\b|required\Z)", re.IGNORECASE)


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """
    Split a docstring, without its indentation, into its description and what it says of each argument.

    >>> read_docstring("Go.\\n\\nArgs:\\n    far (float, km): How far.")
    ('Go.', {'far': 'How far. (km)'})
    """
    reader = _Reader()
    lines = text.splitlines()
    for number, line in enumerate(lines):
        reader.read(line, lines[number + 1] if number + 1 < len(lines) else "")
    return reader.result()


class _Reader:
    """Reads line by line, and knows in which section it is."""

    def __init__(self) -> None:
        self._description: list[str] = []
        self._about: dict[str, list[str]] = {}
        self._notes: dict[str, str] = {}
        self._section: str | None = None
        self._numpy = False
        self._current: tuple[str, ...] = ()
        self._indent: int | None = None

    def result(self) -> tuple[str, dict[str, str]]:
        about = {name: " ".join(part for part in texts if part) for name, texts in self._about.items()}
        for name, note in self._notes.items():
            about[name] = f"{about[name]} ({note})".strip()
        return "\n".join(self._description).strip(), {name: text for name, text in about.items() if text}

    def read(self, line: str, after: str) -> None:
        if self._begins(line, after) or (self._numpy and _DASHES.match(line)):
            return
        if item := _SPHINX_ITEM.match(line):
            self._section, self._numpy, self._indent = ":", False, None
            self._open((item[1],), "", item[2])
        elif _SPHINX_OTHER.match(line):
            self._section, self._current = ":", ()
        elif self._section is None:
            self._description.append(line)
        elif self._section in _ABOUT_ARGUMENTS:
            self._argument(line)
        elif self._section == ":":
            self._go_on(line.strip())

    def _begins(self, line: str, after: str) -> bool:
        """Whether a section begins here."""
        heading = _GOOGLE.match(line)
        dashed = _NUMPY.match(line) if _DASHES.match(after) else None
        found = dashed or heading
        if found is None:
            return False
        self._section, self._numpy = found[1].lower(), dashed is not None
        self._current, self._indent = (), None
        return True

    def _argument(self, line: str) -> None:
        """A line of a section about arguments: those that stand furthest left name one, the others go on."""
        stripped = line.strip()
        if not stripped:
            return
        indent = len(line) - len(line.lstrip())
        if self._indent is None or indent <= self._indent:
            item = (_NUMPY_ITEM if self._numpy else _GOOGLE_ITEM).match(stripped)
            if item:
                self._indent = indent
                names = tuple(name.strip(" *") for name in item[1].split(","))
                self._open(names, item[2] or "", "" if self._numpy else item[3])
                return
        self._go_on(stripped)

    def _open(self, names: tuple[str, ...], beside: str, text: str) -> None:
        self._current = names
        note = _unit(beside)
        for name in names:
            self._about[name] = [text.strip()]
            if note:
                self._notes[name] = note

    def _go_on(self, text: str) -> None:
        for name in self._current:
            self._about[name].append(text)


def _unit(beside: str) -> str:
    """What stands beside a name, without what is only its type."""
    pieces = [piece.strip() for piece in re.split(r",(?![^\[{(]*[\]})])", beside)]
    return ", ".join(piece for piece in pieces if piece and not _TYPE.match(piece) and not _DEFAULT.match(piece))
