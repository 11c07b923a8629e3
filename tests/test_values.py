"""The values: plain, frozen, the same after JSON and pickle, and refused at once when they make no sense."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from dragoman import errors, wire
from dragoman.errors import ConfigError, DragomanError
from dragoman.redact import MASK
from dragoman.types.attempts import Attempt
from dragoman.types.events import Event, Finish, TextDelta, ToolCallDelta, ToolCallStart
from dragoman.types.fold import fold, unfold
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.messages import (
    PART_TYPES,
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Part,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
)
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings, Settings, SettingsDict, check_names
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.timeouts import Timeouts
from dragoman.types.tools import Tool
from dragoman.types.usage import Usage
from tests import strategies

KEY = "sk-proj-abcdefghijklmnopqrstuvwx"


# --- JSON and pickle --------------------------------------------------------------------------------------------------


def _round_trip(value: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


@given(part=strategies.parts)
def test_a_part_is_the_same_after_json(part: Part) -> None:
    """Every part survives JSON, told from the others by its tag."""
    assert part == _round_trip(part, Part)


@given(event=strategies.events)
def test_an_event_is_the_same_after_json(event: Event) -> None:
    """Every event survives JSON, told from the others by its tag."""
    assert event == _round_trip(event, Event)


@settings(max_examples=50)
@given(request=strategies.requests)
def test_a_request_is_the_same_after_json(request: ChatRequest) -> None:
    """A request with any settings survives JSON and pickle."""
    assert request == _round_trip(request, ChatRequest)
    assert request == pickle.loads(pickle.dumps(request))


@settings(max_examples=50)
@given(response=strategies.responses)
def test_a_response_is_the_same_after_json(response: ChatResponse) -> None:
    """An answer with everything in it survives JSON and pickle."""
    assert response == _round_trip(response, ChatResponse)
    assert response == pickle.loads(pickle.dumps(response))


_SEARCH = settings(max_examples=3000, phases=[Phase.generate], database=None, derandomize=True)


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [(kind, strategies.parts) for kind in PART_TYPES] + [(kind, strategies.events) for kind in get_args(Event)],
)
def test_the_strategies_draw_every_part_and_event(kind: type, strategy: st.SearchStrategy[Any]) -> None:
    """What the property tests draw from leaves no part and no event out."""
    found = find(strategy, lambda value: type(value) is kind, settings=_SEARCH)

    assert isinstance(found, kind)


# --- frozen -----------------------------------------------------------------------------------------------------------

_EXAMPLES: tuple[msgspec.Struct, ...] = (
    Text("a"),
    Message.user("a"),
    ToolCall("1", "f"),
    ToolResult("1", ()),
    TokenLogprob("a", -0.1),
    Citation(url="https://example.org"),
    CacheMark(),
    ChatRequest(model="m", messages=(Message.user("a"),)),
    Settings(),
    OutputFormat(),
    ReasoningSettings(),
    ChatResponse(message=Message.assistant("a")),
    Choice(message=Message.assistant("a")),
    Usage(),
    Attempt(provider="p", model="m", outcome="ok"),
    Notice("f", "t"),
    HttpRequest(url="https://example.org", headers={}),
    Timeouts(),
    Tool(name="f"),
    Provider(name="p", base_url="https://example.org"),
    Quirks(),
    TextDelta("a"),
    Finish("stop"),
)


@pytest.mark.parametrize("value", _EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_value_never_changes(value: msgspec.Struct) -> None:
    """No field of a value can be set after it was made."""
    for field in value.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(value, field, None)


def test_settings_and_keywords_are_the_same_names() -> None:
    """Whatever `Settings` holds can be given as a typed keyword, and nothing else."""
    assert list(Settings.__struct_fields__) == list(get_type_hints(SettingsDict))


@given(given_settings=strategies.settings)
def test_values_are_what_is_set_and_make_the_same_settings(given_settings: Settings) -> None:
    """`values` leaves out what is unset, and settings made of it are the same."""
    values = given_settings.values()

    assert None not in values.values()
    assert given_settings == Settings(**values)


@settings(max_examples=30)
@given(request=strategies.requests)
def test_a_directed_request_differs_only_in_its_direction(request: ChatRequest) -> None:
    """Another model and another form of answer leave the rest and the original as they are."""
    before = msgspec.json.encode(request)
    other = request.directed(model="another", stream=not request.stream)

    assert before == msgspec.json.encode(request)
    assert request == other.directed(model=request.model, stream=request.stream)
    assert ("another", not request.stream) == (other.model, other.stream)


# --- fold -------------------------------------------------------------------------------------------------------------


@given(response=strategies.responses)
def test_an_answer_unfolds_into_events_and_back(response: ChatResponse) -> None:
    """A whole answer given as events is the same answer."""
    folded = fold(unfold(response))

    for field in ("message", "usage", "finish_reason", "finish_reason_raw", "finish_details", "id", "model", "extras"):
        assert getattr(response, field) == getattr(folded, field), field


@given(response=strategies.responses, keep=st.integers(0, 12))
def test_a_cut_answer_has_no_finish_reason_and_no_unfinished_call(response: ChatResponse, keep: int) -> None:
    """The first events of an answer give a part of it: how its text begins, calls that it has."""
    stream = unfold(response)
    part = fold(stream[:keep])

    assert response.text.startswith(part.text)
    assert part.tool_calls == response.tool_calls[: len(part.tool_calls)]
    assert keep >= len(stream) or part.finish_reason == "unknown"


def test_an_unfinished_call_is_no_call() -> None:
    """A call whose arguments did not end is kept aside, where nobody executes it."""
    answer = fold([ToolCallStart(0, "1", "pay"), ToolCallDelta(0, '{"amount": 1')])

    assert () == answer.tool_calls
    assert "pay" in str(answer.extras)


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = tuple(kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DragomanError))
_FACTS: dict[str, Any] = {
    "provider": "openai",
    "model": "m",
    "status": 418,
    "code": "teapot",
    "request_id": "req_1",
    "attempts": (Attempt(provider="openai", model="m", outcome="ServerError", status=500),),
    "retryable": True,
    "retry_after": 2.5,
    "partial": fold([TextDelta("Hel")]),
    "field": "messages[0]",
    "body": '{"error": 1}',
}
_SPECIAL: dict[type[DragomanError], Callable[[str], DragomanError]] = {
    errors.MissingKeyError: lambda text: errors.MissingKeyError("openai", "OPENAI_API_KEY", ("env", text)),
    errors.TimeoutError: lambda text: errors.TimeoutError(text, clock="idle", limit=3.0, **_FACTS),
    errors.WireError: lambda text: errors.WireError(text, path="$.a", **_FACTS),
    errors.RunLimitError: lambda text: errors.RunLimitError(text, limit="rounds", **_FACTS),
    errors.ToolError: lambda text: errors.ToolError(text, call=ToolCall("1", "pay"), **_FACTS),
}


def make_error(kind: type[DragomanError], text: str) -> DragomanError:
    """One error of this class with every attribute set."""
    special = _SPECIAL.get(kind)
    return special(text) if special else kind(text, **_FACTS)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_an_error_survives_pickle_and_copy(kind: type[DragomanError], again: Callable[[Any], Any]) -> None:
    """Each error has the same class, texts and attributes after pickle, copy and deepcopy, the partial answer too."""
    error = make_error(kind, "no tea")

    other = again(error)

    assert type(error) is type(other)
    assert (vars(error), str(error), repr(error), error.args) == (vars(other), str(other), repr(other), other.args)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_redacted_when_it_is_built(kind: type[DragomanError]) -> None:
    """A key in any text of an error is in none of its attributes, nor in its pickle."""
    error = make_error(kind, f"bad key {KEY}")
    texts = dict.fromkeys(("provider", "model", "code", "request_id", "field", "body"), f"my {KEY}")
    leaky = DragomanError("x", **texts)  # type: ignore[arg-type]

    assert MASK in error.message
    for shown in (str(error), repr(error), str(vars(error)), str(error.args), pickle.dumps(error).decode("latin-1")):
        assert KEY not in shown
    assert KEY not in f"{vars(leaky)} {leaky}"


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_public_and_drawn(kind: type[DragomanError]) -> None:
    """Each class can be imported from the package and stands in the tree that the module draws."""
    import dragoman

    assert getattr(dragoman, kind.__name__) is kind
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_a_timeout_is_the_built_in_one_too() -> None:
    """`except TimeoutError` of the language catches ours."""
    with pytest.raises(TimeoutError):
        raise make_error(errors.TimeoutError, "slow")


# --- bad input --------------------------------------------------------------------------------------------------------


def _ask(**keywords: Any) -> Callable[[], object]:
    return lambda: ChatRequest(**{"model": "m", "messages": (Message.user("hi"),), **keywords})


_Bad = tuple[Callable[[], object], str]
_BAD: dict[str, _Bad] = {
    "no model": (_ask(model=""), "model"),
    "model of blanks": (_ask(model="  "), "model"),
    "model is a number": (_ask(model=5), "model"),
    "no messages": (_ask(messages=()), "messages"),
    "messages is a number": (_ask(messages=5), "messages"),
    "messages is None": (_ask(messages=None), "messages"),
    "a message is a number": (_ask(messages=[Message.user("a"), 5]), "messages[1]"),
    "unknown role": (lambda: Message("wizard", "x"), "role"),  # type: ignore[arg-type]
    "role is None": (lambda: Message(None, "x"), "role"),  # type: ignore[arg-type]
    "role is a list": (lambda: Message(["user"], "x"), "role"),  # type: ignore[arg-type]
    "parts is a number": (lambda: Message("user", 5), "parts"),  # type: ignore[arg-type]
    "parts is None": (lambda: Message("user", None), "parts"),  # type: ignore[arg-type]
    "a part is a number": (lambda: Message("user", ["a", 5]), "parts[1]"),  # type: ignore[arg-type]
    "a part is bytes": (lambda: Message("user", b"abc"), "parts[0]"),  # type: ignore[arg-type]
    "result part is a number": (lambda: ToolResult("1", [5]), "parts[0]"),  # type: ignore[arg-type]
    "image of nothing": (Image, "image"),
    "image of two sources": (lambda: Image(data=strategies.PNG, url="https://example.org/a.png"), "image"),
    "image of unknown type": (lambda: Image(data=b"not a picture"), "image.media_type"),
    "image of no bytes": (lambda: Image(data=b""), "image.media_type"),
    "image as text": (lambda: Image(data="a.png"), "image.data"),  # type: ignore[arg-type]
    "image with a cut data URL": (lambda: Image(url="data:image/png;base64,iVBOR"), "url"),
    "image with a plain data URL": (lambda: Image(url="data:image/svg+xml,<svg/>"), "url"),
    "audio of unknown type": (lambda: Audio(data=b"la la la"), "audio.media_type"),
    "audio of nothing": (Audio, "audio"),
    "file of unknown type": (lambda: File(data=b"\x00\x01\x02"), "file.media_type"),
    "temperature is a word": (_ask(temperature="hot"), "temperature"),
    "temperature is negative": (_ask(temperature=-1), "temperature"),
    "temperature is a bool": (_ask(temperature=True), "temperature"),
    "temperature is not a number": (_ask(temperature=math.nan), "temperature"),
    "temperature is infinite": (_ask(temperature=math.inf), "temperature"),
    "frequency_penalty is infinite": (_ask(frequency_penalty=-math.inf), "frequency_penalty"),
    "presence_penalty is a word": (_ask(presence_penalty="much"), "presence_penalty"),
    "top_p above one": (_ask(top_p=2), "top_p"),
    "top_k is a fraction": (_ask(top_k=1.5), "top_k"),
    "max_tokens is a text": (_ask(max_tokens="100"), "max_tokens"),
    "max_tokens is negative": (_ask(max_tokens=-1), "max_tokens"),
    "stop is a number": (_ask(stop=5), "stop"),
    "stop holds a number": (_ask(stop=["a", 5]), "stop"),
    "seed is a text": (_ask(seed="x"), "seed"),
    "logit_bias holds a text": (_ask(logit_bias={"1": "x"}), "logit_bias"),
    "logit_bias is not a number": (_ask(logit_bias={"1": math.nan}), "logit_bias.1"),
    "logprobs is a text": (_ask(logprobs="yes"), "logprobs"),
    "top_logprobs is negative": (_ask(top_logprobs=-1), "top_logprobs"),
    "n is zero": (_ask(n=0), "n"),
    "tools is a text": (_ask(tools="search"), "tools"),
    "tools is one dict": (_ask(tools={"name": "f"}), "tools"),
    "a tool is a number": (_ask(tools=[5]), "tools[0]"),
    "a tool without name": (_ask(tools=[{"type": "function", "function": {}}]), "tools[0]"),
    "a tool name with a blank": (_ask(tools=[{"name": "my tool"}]), "tools[].name"),
    "a tool with a schema that is a text": (_ask(tools=[{"name": "f", "parameters": "x"}]), "tools[].parameters"),
    "a tool whose name is a number": (lambda: Tool(name=5), "tools[].name"),  # type: ignore[arg-type]
    "tool_choice is a number": (_ask(tool_choice=5), "tool_choice"),
    "parallel_tool_calls is a text": (_ask(parallel_tool_calls="no"), "parallel_tool_calls"),
    "reasoning is an unknown effort": (_ask(reasoning="lots"), "reasoning"),
    "reasoning is negative": (_ask(reasoning=-1), "reasoning"),
    "reasoning is a wrong dict": (_ask(reasoning={"effort": "lots"}), "reasoning"),
    "verbosity is unknown": (_ask(verbosity="huge"), "verbosity"),
    "output is a number": (_ask(output=5), "output"),
    "cache is a number": (_ask(cache=5), "cache"),
    "service_tier is a number": (_ask(service_tier=5), "service_tier"),
    "metadata is a list": (_ask(metadata=[1]), "metadata"),
    "user is a number": (_ask(user=5), "user"),
    "timeout is zero": (_ask(timeout=0), "timeout"),
    "timeout is a text": (_ask(timeout="5s"), "timeout"),
    "timeout is infinite": (_ask(timeout=math.inf), "timeout"),
    "extra is a text": (_ask(extra="x"), "extra"),
    "extra holds an object": (_ask(extra={"a": [1, object()]}), "extra.a[1]"),
    "extra holds what JSON cannot say": (_ask(extra={"a": math.inf}), "extra.a"),
    "extra has a key that is a number": (_ask(extra={"a": {1: 2}}), "extra.a"),
    "metadata holds half a surrogate pair": (_ask(metadata={"a": "\ud83d"}), "metadata.a"),
    "native is a list": (_ask(native=[]), "native"),
    "a setting that is misspelt": (lambda: check_names({"temprature": 1}), "temprature"),
    "a clock that runs backwards": (lambda: Timeouts(connect=-1), "timeouts.connect"),
    "a clock that is a text": (lambda: Timeouts(total="1h"), "timeouts.total"),  # type: ignore[arg-type]
    "a provider with a bad name": (lambda: Provider(name="My Provider", base_url="https://a.example"), "providers"),
    "a provider with a bad address": (lambda: Provider(name="p", base_url="a.example"), "base_url"),
    "an unknown wire": (lambda: wire.get("telegraph"), "wire"),
}


@pytest.mark.parametrize(("make", "field"), _BAD.values(), ids=_BAD)
def test_bad_input_is_refused_where_it_is_written(make: Callable[[], object], field: str) -> None:
    """Input that makes no sense is a ConfigError at once, with the field that is wrong and a text that says more."""
    with pytest.raises(ConfigError) as caught:
        make()

    assert field == caught.value.field
    assert len(caught.value.message) > len(field)
    assert not caught.value.retryable


def test_a_misspelt_setting_is_met_with_its_near_match() -> None:
    """The error names the setting that was probably meant."""
    with pytest.raises(ConfigError, match="temperature"):
        check_names({"temprature": 1})
