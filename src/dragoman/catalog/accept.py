"""
What a model accepts, decided before anything is sent.

`adapt` takes a request and what is known of its model, and gives the request that the model will take, with a notice
for each difference.  A fact that is not known changes nothing: the provider decides.  Nothing is ever retried by
reading an error message.

Each rule is one short function.  Those of `_FORM` hold for every model there is, `_RULES` for one of which something is
known; this is their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import Audio, File, Image, Message, Part, Text
from dragoman.types.models import Ability, Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.turns import GO_ON

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# A budget of reasoning tokens as an effort, for models that take no budget.  (Anthropic's guide from budgets to
# effort.)
_BUDGETS: Final = ((2_048, "low"), (8_192, "medium"), (24_576, "high"), (65_536, "xhigh"))

RESPONSES: Final = "openai-responses"


class Adapted(msgspec.Struct, frozen=True):
    """
    What is sent instead.

    Attributes:
        request: The request that the model takes.
        wire: The dialect to use.
        notices: What differs, and why.
    """

    request: ChatRequest
    wire: str
    notices: tuple[Notice, ...] = ()


_NOTHING_KNOWN: Final = Model()


class _Case:
    """A request on its way through the rules."""

    def __init__(self, request: ChatRequest, provider: Provider, model: Model) -> None:
        self.request = request
        self.provider = provider
        self.model = model
        self.wire = provider.wire
        self.notices: list[Notice] = []

    def change(self, field: str, text: str, **values: Any) -> None:
        """Replace settings, and say so."""
        self.request = msgspec.structs.replace(self.request, **values)
        self.notices.append(Notice(field, text))

    def cannot(self, ability: Ability) -> bool:
        return self.model.can(ability) is False


def adapt(request: ChatRequest, provider: Provider, model: Model | None) -> Adapted:
    """
    Fit a request to what its model accepts.

    Args:
        request: What is asked; its model is the bare name.
        provider: The row that answers.
        model: What is known of the model; None if nothing is, and then only what no model takes is changed.
    """
    case = _Case(request, provider, model or _NOTHING_KNOWN)
    for rule in _FORM if model is None else _ALL:
        rule(case)
    return Adapted(case.request, case.wire, tuple(case.notices))


# --- rules of form ----------------------------------------------------------------------------------------------------


def _tools_at_all(case: _Case) -> None:
    """
    Where no tool is declared there is nothing to choose, and most providers refuse to be told so.

    OpenAI: "'tool_choice' is only allowed when 'tools' are specified", "Invalid 'tools': empty array".
    """
    request = case.request
    if request.tools is None and request.tool_choice is None and request.parallel_tool_calls is None:
        return
    if request.tools or any("tools" in fields for fields in _other_fields(request)):
        return
    if request.tool_choice not in (None, "auto", "none"):
        case.notices.append(Notice("tool_choice", f"there are no tools: {request.tool_choice!r} was left out"))
    case.request = msgspec.structs.replace(request, tools=None, tool_choice=None, parallel_tool_calls=None)


def _other_fields(request: ChatRequest) -> Iterable[dict[str, Any]]:
    """Fields of the body that no setting stands for."""
    yield request.extra or {}
    for fields in (request.native or {}).values():
        if isinstance(fields, dict):
            yield fields


def _schemas(case: _Case) -> None:
    """A tool's arguments are an object: a schema that leaves it out says so, as every provider wants."""
    tools = case.request.tools
    if not tools:
        return
    said = tuple(_with_object_schema(tool) for tool in tools)
    if any(one is not other for one, other in zip(tools, said, strict=True)):
        case.request = msgspec.structs.replace(case.request, tools=said)


def _with_object_schema(tool: Tool) -> Tool:
    schema = tool.parameters
    if tool.kind != "function" or schema is None or schema.keys() & _OTHER_SCHEMAS:
        return tool
    if schema.get("type", "object") != "object" or ("type" in schema and "properties" in schema):
        return tool
    return msgspec.structs.replace(tool, parameters={"type": "object", "properties": {}, **schema})


# With one of these at its top a schema is what they say.
_OTHER_SCHEMAS: Final = {"$ref", "allOf", "anyOf", "oneOf", "not", "enum", "const"}

_FORM: Final[tuple[Callable[[_Case], None], ...]] = (_tools_at_all, _schemas)


# --- rules of models --------------------------------------------------------------------------------------------------


def _output_cap(case: _Case) -> None:
    """A cap above the model's own is refused by most providers; Anthropic's dialect requires one."""
    asked, cap = case.request.max_tokens, case.model.max_output
    if not case.request.stream and case.model.max_plain_output:
        cap = min(cap or case.model.max_plain_output, case.model.max_plain_output)
    if cap is None:
        return
    if asked is None and case.provider.wire == "anthropic-messages":
        case.change("max_tokens", f"not set, and required: the model's cap of {cap} was sent", max_tokens=cap)
    elif asked is not None and asked > cap:
        case.change("max_tokens", f"{asked} is more than the model can write: {cap} was sent", max_tokens=cap)


def _effort(case: _Case) -> None:
    """Levels differ from model to model: the nearest that it takes is sent."""
    asked = case.request.reasoning
    if asked is None:
        return
    if case.cannot("reasoning") and asked.effort != "none":
        case.change("reasoning", "the model does not reason: it was left out", reasoning=None)
        return
    level = _level(case, asked)
    if level is None or level == asked.effort:
        return
    told = asked.effort or f"a budget of {asked.budget_tokens} tokens"
    changed = msgspec.structs.replace(asked, effort=level, budget_tokens=None)
    case.change("reasoning", f"the model does not take {told}: effort {level} was sent", reasoning=changed)


def _level(case: _Case, asked: ReasoningSettings) -> str | None:
    """The level to send, or None to leave what was asked."""
    model = case.model
    wanted: str | None = asked.effort
    if wanted is None and asked.budget_tokens is not None and _only_efforts(model):
        wanted = next((level for limit, level in _BUDGETS if asked.budget_tokens < limit), "max")
    levels = [level for level in model.efforts if level != "none" or not _always(model)]
    if wanted is None or not levels:
        return wanted
    return min(levels, key=lambda level: (abs(EFFORTS.index(level) - EFFORTS.index(wanted)), EFFORTS.index(level)))


def _only_efforts(model: Model) -> bool:
    return model.can("adaptive_reasoning") is True and model.can("budget_reasoning") is not True


def _always(model: Model) -> bool:
    return model.can("reasoning_always") is True


def _sampling(case: _Case) -> None:
    """
    Sampling parameters are refused by reasoning models of OpenAI unless their effort is none, and by newer Claudes
    always; newer Geminis ignore them.
    """
    request = case.request
    if request.temperature is None and request.top_p is None and request.top_k is None:
        return
    if not (case.cannot("sampling") or _reasons_without_sampling(case)):
        return
    for name in ("temperature", "top_p", "top_k"):
        if getattr(case.request, name) is not None:
            case.change(name, "the model takes no sampling parameters: it was left out", **{name: None})


def _logprobs(case: _Case) -> None:
    if (case.request.logprobs or case.request.top_logprobs is not None) and _reasons_without_sampling(case):
        case.change(
            "logprobs", "the model gives none while it reasons: it was left out", logprobs=None, top_logprobs=None
        )


def _reasons_without_sampling(case: _Case) -> bool:
    if not case.provider.quirks.no_sampling_with_effort or case.model.can("reasoning") is not True:
        return False
    asked = case.request.reasoning
    return asked is None or asked.effort != "none"


def _tools(case: _Case) -> None:
    if case.request.tools and case.cannot("tools"):
        case.change("tools", "the model calls no tools: they were left out", tools=None, tool_choice=None)


def _forced_tool(case: _Case) -> None:
    choice = case.request.tool_choice
    if choice not in (None, "auto", "none") and case.cannot("forced_tools"):
        case.change("tool_choice", f"the model cannot be forced to {choice!r}: auto was sent", tool_choice="auto")


def _responses(case: _Case) -> None:
    """Some models of OpenAI are served, or served with tools, only by the Responses API."""
    if RESPONSES not in case.provider.also:
        return
    effort = case.request.reasoning.effort if case.request.reasoning else None
    without = case.model.chat_tools == "without_reasoning" and effort != "none"
    if case.model.only_responses or (case.request.tools and (case.model.chat_tools == "never" or without)):
        case.wire = RESPONSES


def _prefill(case: _Case) -> None:
    """An answer that the caller has begun cannot be gone on with; a last turn of the user asks for the rest."""
    messages = case.request.messages
    if messages[-1].role == "assistant" and not messages[-1].tool_calls and case.cannot("prefill"):
        case.change(
            f"messages[{len(messages) - 1}]",
            "the model does not go on with an answer that was begun: a turn that asks it to was added",
            messages=(*messages, Message.user(GO_ON)),
        )


def _later_system(case: _Case) -> None:
    """Instructions in the middle: only newer Claudes take them as such."""
    if case.provider.wire not in _CLAUDES or case.model.can("later_system") is True:
        return
    messages = case.request.messages
    begun = next((i for i, message in enumerate(messages) if message.role not in ("system", "developer")), 0)
    for i, message in enumerate(messages):
        if i > begun and message.role in ("system", "developer"):
            turned = Message("user", message.parts)
            messages = (*messages[:i], turned, *messages[i + 1 :])
            text = "the model takes instructions only at the start: it was sent as a turn of the user"
            case.change(f"messages[{i}].role", text, messages=messages)


_CLAUDES: Final = ("anthropic-messages", "bedrock-anthropic", "vertex-anthropic", "bedrock-converse")

_MEDIA: Final[dict[Ability, Callable[[Part], bool]]] = {
    "images": lambda part: isinstance(part, Image),
    "audio": lambda part: isinstance(part, Audio),
    "pdf": lambda part: isinstance(part, File) and part.media_type == "application/pdf",
    "video": lambda part: isinstance(part, File) and (part.media_type or "").startswith("video/"),
}


def _media(case: _Case) -> None:
    for ability, is_one in _MEDIA.items():
        if case.cannot(ability):
            _leave_out(case, ability, is_one)


def _leave_out(case: _Case, ability: Ability, is_one: Callable[[Part], bool]) -> None:
    """A part that the model cannot read becomes a word that it was there, so that the turn stays whole."""
    messages = list(case.request.messages)
    fields: list[str] = []
    for i, message in enumerate(messages):
        places = [j for j, part in enumerate(message.parts) if is_one(part)]
        if places:
            fields += [f"messages[{i}].parts[{j}]" for j in places]
            parts = _without(message.parts, places, ability)
            messages[i] = msgspec.structs.replace(message, parts=parts)
    if fields:
        case.request = msgspec.structs.replace(case.request, messages=tuple(messages))
        case.notices += [Notice(field, f"the model reads no {ability}: it was left out") for field in fields]


def _without(parts: tuple[Part, ...], places: Iterable[int], ability: Ability) -> tuple[Part, ...]:
    gone = set(places)
    return tuple(Text(f"[{ability} left out]") if j in gone else part for j, part in enumerate(parts))


_RULES: Final[tuple[Callable[[_Case], None], ...]] = (
    _output_cap,
    _effort,
    _sampling,
    _logprobs,
    _tools,
    _forced_tool,
    _responses,
    _prefill,
    _later_system,
    _media,
)
_ALL: Final = (*_FORM, *_RULES)
