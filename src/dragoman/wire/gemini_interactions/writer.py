"""
From parts to steps, for requests and for answers.

Rules: what this dialect cannot carry is left out with a notice, never in silence.  State that a provider made (a
signature, a step of its own tools) goes back to that provider only; thoughts without it are not sent at all, since only
the signature makes them one's own.  In an answer there is nobody to keep state from: thoughts of any provider are
shown.

Sources: google-genai SDK 3.4.0; Google's page on thought signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.types.http import Notice
from dragoman.types.messages import Message, Part, Reasoning, ToolCall, ToolResult
from dragoman.wire.call_ids import CallIds
from dragoman.wire.gemini_interactions.content import encode_block, is_block
from dragoman.wire.gemini_interactions.dialect import CONTENT_STEPS, NAME, STEP, Json, state_of
from dragoman.wire.gemini_interactions.steps import result_of, write_call, write_result, write_thought
from dragoman.wire.google_names import function_name
from dragoman.wire.lenient import is_object
from dragoman.wire.native import is_ours, over, own
from dragoman.wire.place import Place
from dragoman.wire.text_forms import FREE_TEXT

NO_OBJECT: Final = "arguments_json"
"""Under this name go arguments that are no JSON object, as they came."""


class StepWriter:
    """
    Writes the steps of one request, or of one answer.

    Args:
        answering: It is an answer.
    """

    def __init__(self, answering: bool = False) -> None:
        self.answering = answering
        self.ids = CallIds(lambda call_id: call_id)
        self._marked = False  # cache marks were noted

    def message(self, message: Message, place: Place) -> list[Json]:
        """The steps of a message."""
        if message.name:
            place.note("this dialect has no names of speakers; left out", ".name")
        steps: list[Json] = []
        blocks: list[Json] | None = None  # of the step of content that is open
        for i, part in enumerate(message.parts):
            at = Place(f"{place.field}.parts[{i}]", place.role, place.replay, place.notices)
            if part.cache is not None and not self._marked:
                self._marked = True
                at.note("prompts are cached of themselves here; marks were left out", ".cache")
            written = self._written(part, at)
            if written is not None and is_block(part):
                blocks = self._block(part, written, at, steps, blocks)
            elif written is not None:
                steps.append(written)
                blocks = None
        return steps

    def _written(self, part: Part, place: Place) -> Json | None:
        """The step or block of a part, or None where it cannot be carried."""
        write = _STEPS.get(type(part))
        if write is None:
            return encode_block(part, place, self.answering)
        made = write(self, part, place)
        return made and over(made, state_of(part.native, place.replay))

    def _block(self, part: Part, block: Json, place: Place, steps: list[Json], blocks: list[Json] | None) -> list[Json]:
        """Add a block to the open step, or begin one; give the blocks of that step."""
        state = own(part.native, NAME, place.replay)
        if blocks is None or STEP in state:
            blocks = []
            kind = CONTENT_STEPS.get(place.role, "user_input")
            steps.append(over({"type": kind, "content": blocks}, state.get(STEP) or {}))
            steps[-1]["content"] = blocks
        blocks.append(block)
        return blocks

    def reasoning(self, part: Reasoning, place: Place) -> Json | None:
        if not self.answering and not is_ours(part.native, NAME, place.replay):
            place.note("reasoning that this provider did not write cannot be sent to it; left out")
            return None
        return write_thought(part.text)

    def call(self, part: ToolCall, place: Place) -> Json | None:
        arguments, exact = arguments_object(part)
        if not exact:
            place.note("no JSON object, as this dialect wants; sent inside one", ".arguments_json")
        name = part.name if self.answering else function_name(part.name)
        return write_call(self.ids.call(part), name, arguments)

    def result(self, part: ToolResult, place: Place) -> Json | None:
        made = write_result(part, result_of(part, place, self.answering), self.ids.result(part))
        return made | ({"name": function_name(part.name)} if part.name is not None else {})


def arguments_object(call: ToolCall) -> tuple[Json, bool]:
    """
    The arguments as an object, and whether they are what was sent.

    Free text goes under `input`; anything else that is no object goes, as text, under `arguments_json`.
    """
    if call.kind == "custom":
        return {FREE_TEXT: call.arguments_json}, True
    value = call.arguments
    if is_object(value):
        return value, True
    return {NO_OBJECT: call.arguments_json}, False


def answer_steps(message: Message) -> list[Json]:
    """The steps of an answer."""
    notices: list[Notice] = []
    return StepWriter(answering=True).message(message, Place("message", "assistant", True, notices))


_STEPS: Final[dict[type[Any], Callable[[StepWriter, Any, Place], Json | None]]] = {
    Reasoning: StepWriter.reasoning,
    ToolCall: StepWriter.call,
    ToolResult: StepWriter.result,
}
