"""
The verbs whose answers are values, as the two clients have them.

Rule: here stand signatures and words; what is done is in `structured`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from dragoman.errors import ConfigError
from dragoman.runtime import drive
from dragoman.types.requests import ChatRequest, OutputFormat, Settings, SettingsDict, typed_output
from dragoman.types.responses import ChatResponse
from dragoman.verbs.parts import Parts

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

_JSON: Final = OutputFormat(kind="json_object", type=object)


class Asking(Parts):
    """What these verbs need of a client."""

    async def _typed(self, request: ChatRequest, way: Way | None = None, attempts: int | None = None) -> ChatResponse:
        """Have a request answered whose output has a type."""
        from dragoman.structured.parsing import ATTEMPTS, parse  # who asks for text need not load this

        context = self._plain.context(request.timeout)
        return await parse(
            partial(self._whole, way=way),
            request,
            attempts=ATTEMPTS if attempts is None else attempts,
            now=context.runtime.now,
            until=context.clocks.total_until,
        )

    async def _parsed(
        self,
        asked: tuple[ChatRequest, Way | None],
        attempts: int | None,
        form: OutputFormat | None = None,
    ) -> ChatResponse:
        """Have a request answered by a value, whatever its output was said as."""
        request, way = asked
        form = form or typed_form(request.output)
        return await self._typed(msgspec.structs.replace(request, output=form), way, attempts)


def typed_form(form: OutputFormat | None) -> OutputFormat:
    """
    The form of an answer that is read as a value.

    Raises:
        ConfigError: It asks for text.
    """
    if form is None:
        raise ConfigError("output is missing: give the type of the answer, output=Invoice", field="output")
    if form.kind == "text":
        raise ConfigError("output is text, which chat gives: give a type or a JSON Schema", field="output")
    if form.kind == "json_object":
        return _JSON
    if form.type is None and form.schema is None:
        raise ConfigError("output has neither type nor schema: give one of them", field="output")
    return form if form.type is not None else typed_output(form.schema, form=form)


class BlockingParsing(Asking):
    """What `Client` answers by values."""

    def parse(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        attempts: int | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Ask for a value of a type; it is the `.output` of the answer.

        What the provider cannot hold its model to is held to here.  An answer that does not fit goes back to the model
        with what is wrong with it, and the sum of all answers is in `usage`, `cost` and `attempts`.

        Args:
            model: As for `chat`.
            messages: As for `chat`.
            attempts: Most answers that the model may give; 3 by default.
            settings: Reusable settings; the keywords win.
            **keywords: As `Settings` describes them.  `output=` must be there, or in the settings: a type that msgspec
                can read, a pydantic model, `Regex`, `OneOf`, or a JSON Schema as a dict (extra `schema`).

        Raises:
            ConfigError: The type cannot be asked for (`.field` is `output`), or as `chat`; nothing was sent.
            SchemaError: No answer satisfies the type; `.errors` says why, `.answers` has them all.
            TruncatedError: The answer hit the output limit; `.partial` has what came.
            RefusalError: The model refused.
            ContentFilterError: The provider's filter stopped the answer.
            DragomanError: As `chat`.

        >>> from dragoman import Client
        >>> Client().parse("sim/echo", "How many?", output=int).output
        0
        """
        return drive(self._parsed(self._asked(model, messages, settings, keywords), attempts))

    def json(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        attempts: int | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Ask for JSON of any form; `.output` of the answer is a dict or a list.

        Args:
            model: As for `chat`.
            messages: As for `chat`; what the JSON shall hold is said there.
            attempts: Most answers that the model may give; 3 by default.
            settings: Reusable settings; the keywords win.
            **keywords: As `Settings` describes them; `output` has no meaning here.

        Raises:
            DragomanError: As `parse`.
        """
        return drive(self._parsed(self._asked(model, messages, settings, keywords), attempts, _JSON))


class AsyncParsing(Asking):
    """What `AsyncClient` answers by values.  Arguments, results and errors are those of `Client`."""

    async def parse(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        attempts: int | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Ask for a value of a type; it is the `.output` of the answer.  Arguments and errors as `Client.parse`."""
        return await self._parsed(self._asked(model, messages, settings, keywords), attempts)

    async def json(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        attempts: int | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Ask for JSON of any form; `.output` is a dict or a list.  Arguments and errors as `Client.json`."""
        return await self._parsed(self._asked(model, messages, settings, keywords), attempts, _JSON)
