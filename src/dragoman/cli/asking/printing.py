"""
Answers that are printed when they are whole: values, and code blocks; and events as lines.

Rule: standard output has what was asked for or nothing.  What came instead goes to standard error, and the exit code
is 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman import ChatRequest, ChatResponse
from dragoman.cli import exits
from dragoman.cli.answer import TAG, Asker, Manner
from dragoman.cli.asking.block import blocks
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
        print_json(_data(response, started) | {"output": value})
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
            print_json({"event": "answer", **_data(error.partial, started), "complete": False})
        raise
    print_json({"event": "answer", **_data(response, started)})
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
        talk(usage_line(response, time.monotonic() - started, free=asked.manner.free))


def usage_line(response: ChatResponse, seconds: float, *, free: bool) -> str:
    """Tokens, time and cost in a line."""
    usage = response.usage
    cost = f"${response.cost:.4f}" if response.cost is not None else t("ask.free" if free else "ask.cost_unknown")
    return f"· {_count(usage.input_tokens)} in · {_count(usage.output_tokens)} out · {seconds:.1f} s · {cost}"


_NUMBERS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def _data(response: ChatResponse, started: float) -> dict[str, Any]:
    return {
        "text": response.text,
        "model": response.model,
        "provider": response.provider,
        "finish_reason": response.finish_reason,
        "complete": True,
        "usage": {name: getattr(response.usage, name) for name in _NUMBERS},
        "cost": response.cost,
        "simulated": response.simulated,
        "id": response.id,
        "request_id": response.request_id,
        "notices": [msgspec.to_builtins(notice) for notice in response.notices],
        "attempts": [msgspec.to_builtins(attempt) for attempt in response.attempts],
        "seconds": round(time.monotonic() - started, 3),
    }


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}".replace(",", " ")
