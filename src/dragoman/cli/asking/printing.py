"""
Answers that are printed when they are whole: values, and code blocks; and events as lines.

Rule: standard output has what was asked for or nothing.  What came instead goes to standard error, and the exit code
is 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman import ChatRequest, ChatResponse
from dragoman.cli import exits
from dragoman.cli.answer import TAG, Asker, Manner
from dragoman.cli.asking.block import blocks
from dragoman.cli.asking.figures import answer_data, usage_line
from dragoman.cli.asking.wanted import Plan
from dragoman.cli.output import dim, print_json, safe, talk, write
from dragoman.cli.words import t
from dragoman.errors import DragomanError, OutputError, SchemaError
from dragoman.types.fold import unfold


class _Asked(msgspec.Struct, frozen=True):
    """One question, and how its answer is shown."""

    client: Asker
    request: ChatRequest
    manner: Manner
    plan: Plan


def special(plan: Plan) -> Callable[[Asker, ChatRequest, Manner], int] | None:
    """How an answer is printed that is not simply text; None if it is."""
    wanted = plan.wanted
    kind = (
        _value
        if plan.schema is not None
        else _lines
        if wanted.jsonl
        else _block
        if wanted.block or wanted.last_block
        else None
    )
    if kind is None:
        return None
    return lambda client, request, manner: kind(_Asked(client, request, manner, plan))


def _value(asked: _Asked) -> int:
    """The answer as JSON, held to its schema."""
    started = time.monotonic()
    _tell_simulated(asked)
    try:
        response = asked.client.send(asked.request)
    except OutputError as error:
        for answer in error.answers[-1:] if isinstance(error, SchemaError) else ():
            dim(answer.text.rstrip("\n") + "\n")
        raise
    value = _elements(response.output) if asked.plan.many else response.output
    if asked.manner.as_json:
        print_json(answer_data(response, time.monotonic() - started) | {"output": value})
    else:
        data = msgspec.json.encode(value)
        write((msgspec.json.format(data, indent=2) if asked.manner.terminal.stdout else data).decode() + "\n")
    _tell_usage(asked, response, started)
    return exits.OK


def _elements(value: Any) -> Any:
    from dragoman.cli.schema.source import elements

    return elements(value)


def _block(asked: _Asked) -> int:
    """One code block of the answer."""
    started = time.monotonic()
    _tell_simulated(asked)
    response = asked.client.send(asked.request)
    found = blocks(response.text)
    if not found:
        dim(safe(response.text).rstrip("\n") + "\n")
        talk(t("ask.no_block"))
        return exits.OUTPUT
    write(found[-1 if asked.plan.wanted.last_block else 0])
    _tell_usage(asked, response, started)
    if response.finish_reason == "length":
        talk(f"· {t('ask.ended.length')}")
    return exits.OK


def _lines(asked: _Asked) -> int:
    """Events as they come, then the whole answer."""
    started = time.monotonic()
    _tell_simulated(asked)
    response = None
    try:
        response = _told(asked)
    except DragomanError as error:
        if error.partial is not None:
            print_json({"event": "answer", **answer_data(error.partial, time.monotonic() - started, complete=False)})
        raise
    print_json({"event": "answer", **answer_data(response, time.monotonic() - started)})
    _tell_usage(asked, response, started)
    return exits.OK if response.text or not response.refusal else exits.OUTPUT


def _told(asked: _Asked) -> ChatResponse:
    if not asked.request.stream:
        response = asked.client.send(asked.request)
        for event in unfold(response):
            print_json(msgspec.to_builtins(event))
        return response
    with asked.client.open(asked.request) as stream:
        for event in stream:
            print_json(msgspec.to_builtins(event))
        return stream.response


def _tell_simulated(asked: _Asked) -> None:
    if asked.manner.simulated:
        talk(f"{TAG}{t('ask.no_model_asked')}")


def _tell_usage(asked: _Asked, response: ChatResponse, started: float) -> None:
    if asked.manner.usage:
        talk(f"· {usage_line(response, time.monotonic() - started, free=asked.manner.free)}")
