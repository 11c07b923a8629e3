"""
Two pieces as one text, while the second one still comes.

What a model does at the start of a piece although it was asked not to, and what is done with it:

    repeats the last words, lines, or everything    taken out
    repeats the heading in the middle of a line     taken out
    opens the code block again that is open         the line is taken out
    wraps the piece in a code block                 both lines are taken out
    (JSON) speaks, fences, begins an element anew   taken out, as far as the whole is then JSON

The start of a piece is held back until this is known, and everything else goes on at once.

Rule: nothing is added, and nothing that is delivered is taken back.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from dragoman.writing.fences import first_fence, first_heading, last_heading, open_fence
from dragoman.writing.repeats import Reading, Repeats, behind, short_cut
from dragoman.writing.whole_json import WholeJson

Format = Literal["text", "markdown", "json", "code"]

# A fence of these words wraps an answer, it does not show code in one.
_WRAPPINGS: Final = frozenset({"markdown", "md"})
_LINE: Final = 400  # a first line that is longer is no fence and no heading
_OPENING: Final = 2000  # characters before JSON in which a model may speak

_CLOSING: Final = re.compile(r"(?:\s*`{0,3})?\s*\Z")


class Joint:
    """
    Joins the pieces of one answer.

    Args:
        form: What is written; None for Markdown or plain text.

    Attributes:
        taken: Characters that were taken out of the piece.
    """

    def __init__(self, form: Format | None = None) -> None:
        self.form = form
        self.taken = 0
        self._first = ""
        self._trusted = False
        self._held = ""
        self._open = False
        self._wrapped = ""  # the mark of the fence in which pieces come
        self._line = ""  # of a wrapped piece: what may become its last line
        self._inner = False  # whether a code block is open inside of the wrapping
        self._midline = False
        self._repeats = Repeats("", "words")
        self._below: Repeats | None = None
        self._below_fed = 0
        self._reading: Reading = "words"

    def resume(self, text: str) -> None:
        """Take over what was written by another process."""

    def begin(self, first: str, *, trusted: bool = False) -> None:
        """
        A piece begins.

        Args:
            first: All that is delivered.
            trusted: Whether the model goes on in its own words and cannot repeat: only white space may come twice.
        """
        self._first, self._trusted, self._held, self.taken = first, trusted, "", 0
        self._reading = self._reading_of(first)
        self._repeats = Repeats("" if trusted else first, self._reading)
        self._below, self._below_fed = None, 0
        self._open = bool(first)

    def _reading_of(self, first: str) -> Reading:
        return "signs" if self.form == "code" or open_fence(first) is not None else "words"

    def feed(self, text: str) -> str:
        """More of the piece: what of it is delivered now."""
        if not self._open:
            return self._unwrapped(text)
        self._held += text
        if self._trusted:
            return "" if self._held.isspace() else self.close_start()
        self._repeats.feed(text)
        return "" if self._undecided() else self.close_start()

    def close(self) -> str:
        """The piece is at its end: what was held back."""
        rest = self.close_start() if self._open else ""
        line, self._line = self._line, ""
        return rest + (self._last_line(line) if line else "")

    def close_start(self) -> str:
        """Decide what the start of the piece is."""
        held, self._held, self._open = self._held, "", False
        kept = held[_blanks(self._first, held) :] if self._trusted else self._decided(held)
        self.taken = len(held) - len(kept)
        return self._unwrapped(kept)

    def _undecided(self) -> bool:
        if self._repeats.alive:
            return True
        start = self._held.lstrip()
        if not start:
            return True
        if start[0] not in "`~#":
            return False
        line, _, rest = start.partition("\n")
        return (not rest and len(line) < _LINE) or self._may_repeat(rest)

    def _may_repeat(self, rest: str) -> bool:
        """Whether what stands behind a fence or a heading may still be a repetition."""
        if self._below is None:
            self._below = Repeats(self._first, self._reading)
        self._below.feed(rest[self._below_fed :])
        self._below_fed = len(rest)
        return self._below.alive

    # --- the start of a piece -----------------------------------------------------------------------------------------

    def _decided(self, held: str) -> str:
        cut = self._repeats.cut()
        if cut:
            return held[cut:]
        fence = first_fence(held)
        if fence is not None and self._is_wrapping(held, fence.word):
            if open_fence(self._first) is None:
                self._wrapped = fence.mark
            return self._without_repetition(held[fence.end :])
        heading, known = first_heading(held), None if self._at_line_start(held) else last_heading(self._first)
        if heading is not None and known is not None and heading.repeats(known):
            return self._without_repetition(held[heading.end :])
        return held[short_cut(self._first, held, self._reading) :]

    def _without_repetition(self, rest: str) -> str:
        again = Repeats(self._first, self._reading)
        again.feed(rest)
        return rest[again.cut() or short_cut(self._first, rest, self._reading) :]

    def _at_line_start(self, held: str) -> bool:
        return self._first.endswith("\n") or held.startswith("\n")

    def _is_wrapping(self, held: str, word: str) -> bool:
        """Whether the fence that a piece begins with is not the text's own."""
        if open_fence(self._first) is not None:
            # A fence with a word opens, and nothing can be opened here; a bare one closes, at the start of a line.
            return bool(word) or not self._at_line_start(held)
        if not self._at_line_start(held):
            return True
        if self.form == "code" and "```" not in self._first:
            return True
        return word.casefold() in _WRAPPINGS and not (self._first + _breaks(held)).endswith("\n\n")

    # --- the wrapping of a piece --------------------------------------------------------------------------------------

    def _unwrapped(self, text: str) -> str:
        """Leave out the line that ends the wrapping; one that may be it is held back."""
        if not self._wrapped or not text:
            return text
        given: list[str] = []
        lines, self._line = (self._line + text).splitlines(keepends=True), ""
        for line in lines:
            marked = bool(self._wrapped) and not self._midline and line.lstrip(" ")[:1] in ("", self._wrapped[:1])
            if marked and not line.endswith("\n") and len(line) < _LINE:
                self._line = line
                break
            given.append(self._last_line(line) if marked else line)
            self._midline = not line.endswith("\n")
        return "".join(given)

    def _last_line(self, line: str) -> str:
        fence = first_fence(line)
        if not self._wrapped or fence is None or len(fence.mark) < len(self._wrapped):
            return line
        if fence.word or self._inner:  # inside of the wrapping the text has code blocks of its own
            self._inner = bool(fence.word)
            return line
        self._wrapped = ""
        return ""


class JsonJoint(Joint):
    """
    Joins the pieces of one JSON value; what stands before and behind it is taken out.

    Attributes:
        json: Where the text stands.
    """

    def __init__(self) -> None:
        super().__init__("json")
        self.json = WholeJson()
        self._started = False
        self._spoken = ""
        self._fenced = False  # whether the piece came in a fence
        self._tail = ""

    @property
    def spoken(self) -> str:
        """What the model said and no JSON was in."""
        return "" if self._started else self._spoken

    def resume(self, text: str) -> None:
        self._started = bool(text)
        self.json.feed(text)

    def begin(self, first: str, *, trusted: bool = False) -> None:
        super().begin(first, trusted=trusted)
        self._reading = "words" if self.json.inside else "signs"
        self._repeats = Repeats("" if trusted else first, self._reading)
        self._open = self._started

    def feed(self, text: str) -> str:
        return self._kept(self._inside(super().feed(text) if self._started else self._begun(text)))

    def close(self) -> str:
        text = self._inside(super().close() if self._started else "")
        rest, self._tail, self._fenced = self._tail, "", False
        return self._kept(text + ("" if "```" in rest else rest))

    def _inside(self, text: str) -> str:
        """Hold back what may be the closing fence of a piece that came in one."""
        if not self._fenced:
            return text
        text = self._tail + text
        found = _CLOSING.search(text)
        assert found is not None  # it matches the empty end, too
        self._tail = found[0]
        return text[: found.start()]

    def _begun(self, text: str) -> str:
        """What the model says before the value is no part of it."""
        self._spoken += text
        starts = [at for at in (self._spoken.find("{"), self._spoken.find("[")) if at >= 0]
        if not starts:
            return ""
        self._started, self.taken = True, min(starts)
        self._fenced = "```" in self._spoken[: self.taken]
        return self._spoken[self.taken :]

    def _kept(self, text: str) -> str:
        if self.json.whole:
            return ""
        read = self.json.feed(text)
        return text[:read] if self.json.whole else text

    def _undecided(self) -> bool:
        held = self._held
        if self._repeats.alive or (held.startswith("`") and "\n" not in held and len(held) < _LINE):
            return True
        return len(held) < _OPENING and self._start_of(held) is None

    def _decided(self, held: str) -> str:
        start = self._start_of(held) or 0
        self._fenced = ("```" in held[:start] and not self.json.inside) or held.startswith("```", 0, start)
        return held[start:]

    def _start_of(self, held: str) -> int | None:
        """Where the new of a piece begins, so that the whole is JSON; None if it is so nowhere."""
        heavy = self._repeats.cut()
        if heavy and self.json.goes_on(held[heavy:]):
            return heavy
        if self.json.goes_on(held):
            return short_cut(self._first, held, self._reading) if self.json.inside else 0
        for start in _starts(held):
            again = Repeats(self._first, "signs")
            again.feed(held[start:])
            if again.alive and start:
                return None
            for cut in (again.cut(least=0), 0):
                if self.json.goes_on(held[start + cut :]):
                    return start + cut
        return None


def _starts(held: str) -> list[int]:
    """Where the JSON of a piece may begin: at once, or behind a fence."""
    fence = held.find("```")
    line = held.find("\n", fence)
    return [0] if fence < 0 or line < 0 else [0, line + 1]


def _breaks(text: str) -> str:
    return text[: len(text) - len(text.lstrip("\n"))]


def _blanks(first: str, held: str) -> int:
    """White space at the start of a piece that is there already."""
    return behind(first, held, 0, "signs") if first[-1:].isspace() else 0


def joint_of(form: Format | None) -> Joint:
    """What joins pieces of a form."""
    return JsonJoint() if form == "json" else Joint(form)
