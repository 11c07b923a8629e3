"""
What a model sends, as what a function takes.

Rule: nothing reaches a function that its signature does not allow.  What does not fit is not an error of the program:
the model is told which argument is wrong and why, and may send it again.

Numbers and truth values that come as text (`"3"`, `"true"`) are taken where the text itself is not allowed, because
small models send them so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from dragoman.types.messages import ToolCall
from dragoman.types.signatures import parameters_of, types_of


class BadCallError(Exception):
    """A call that cannot be made; its text is for the model."""


class Arguments:
    """
    Reads the arguments of a function.

    Raises:
        ConfigError: The function cannot be a tool.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        types = types_of(fn)
        fields: list[Any] = []
        for name, parameter in parameters_of(fn).items():
            if parameter.default is parameter.empty:
                fields.append((name, types[name]))
            else:  # what is not sent is left to the function, whose default may have no JSON form
                fields.append((name, types[name] | msgspec.UnsetType, msgspec.UNSET))
        self.names = tuple(types)
        self._shape = msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True, kw_only=True)

    def read(self, call: ToolCall) -> dict[str, Any]:
        """
        The arguments of a call, by name; those that were not sent are left out.

        Raises:
            BadCallError: They do not fit.
        """
        if call.kind == "custom":
            return self._text(call)
        value = self._converted(call.arguments_json.strip() or "{}", call.name)
        given = {name: getattr(value, name) for name in self.names}
        return {name: argument for name, argument in given.items() if argument is not msgspec.UNSET}

    def _text(self, call: ToolCall) -> dict[str, Any]:
        """A custom tool is given one free text."""
        if len(self.names) != 1:
            raise BadCallError(f"The tool {call.name} takes JSON arguments, not a text.")
        return {self.names[0]: call.arguments_json}

    def _converted(self, text: str, name: str) -> Any:
        try:
            return self._decoded(text, strict=True)
        except msgspec.ValidationError as error:
            try:
                return self._decoded(text, strict=False)
            except msgspec.ValidationError:
                # What is wrong by the strict rules is what the schema says.
                raise BadCallError(f"Wrong arguments for {name}: {error}. Call it again with what fits.") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadCallError(f"The arguments for {name} are not valid JSON: {error}. Call it again.") from error

    def _decoded(self, text: str, *, strict: bool) -> Any:
        return msgspec.json.decode(text, type=self._shape, strict=strict, dec_hook=_built)


def _built(kind: type, value: Any) -> Any:
    """Make a value of a class that says how, as pydantic's models do."""
    validate = getattr(kind, "model_validate", None)
    if validate is None:
        raise NotImplementedError
    return cast("Callable[[Any], Any]", validate)(value)
