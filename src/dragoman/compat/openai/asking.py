"""
From keyword arguments to a request of ours.

    keywords -> body of OpenAI's dialect -> wire.decode_request -> ChatRequest -> the client

Rule: what OpenAI's API has a name for is taken; any other name is refused, as the openai library does, because a typo
must not pass in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from dragoman.compat.openai.objects import plain
from dragoman.errors import ConfigError
from dragoman.policy.base import Context
from dragoman.policy.deadline import Clocks
from dragoman.redact import SECRET_HEADERS

_MORE: Final = "extra_headers extra_query extra_body timeout"

# openai-python 3.54, the parameters of `create`, `parse` and `stream`.
_CHAT: Final = """
    messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens
    max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed
    service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
    web_search_options
"""
CHAT: Final = frozenset(_CHAT.split())
_RESPONSES: Final = """
    background background_options context_management conversation include input instructions max_output_tokens
    max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream
    stream_options temperature text tool_choice tools top_logprobs top_p truncation user
"""
RESPONSES: Final = frozenset(_RESPONSES.split())
_EMBEDDINGS: Final = """
    input model dimensions encoding_format user
"""
EMBEDDINGS: Final = frozenset(_EMBEDDINGS.split())


class NotGiven:
    """Stands for an argument that was not given."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit(NotGiven):
    """Likewise."""

    def __repr__(self) -> str:
        return "omit"


NOT_GIVEN: Final = NotGiven()
not_given: Final = NOT_GIVEN
omit: Final = Omit()

# The openai library's own are taken, too; they are known by name, because it is not imported.
_ABSENT: Final = frozenset({"NotGiven", "Omit"})


def is_given(value: object) -> bool:
    """Whether an argument was given."""
    return type(value).__name__ not in _ABSENT


class Options(msgspec.Struct, frozen=True):
    """
    What a call has besides its body.

    Attributes:
        headers: More headers; names in lower case.
        query: More of the query.
        timeout: Seconds, or an object with `connect` and `read`; `NOT_GIVEN` for the client's.
    """

    headers: dict[str, str]
    query: Mapping[str, Any]
    timeout: Any

    def apply(self, context: Context, usual: Options) -> None:
        """
        Give a call its headers and clocks.

        Raises:
            ConfigError: A timeout that is no time.
        """
        headers = usual.headers | self.headers
        if headers:
            context.extra_headers = {**context.extra_headers, **headers}
        timeout = self.timeout if is_given(self.timeout) else usual.timeout
        if is_given(timeout) and timeout is not None:
            changes = _clocks(timeout)
            timeouts = msgspec.structs.replace(context.clocks.timeouts, **changes)
            context.clocks = Clocks(timeouts, context.runtime.now())


def _clocks(timeout: Any) -> dict[str, Any]:
    """A number is, as in the openai library, the longest silence; pings are silence."""
    if isinstance(timeout, int | float):
        return {"connect": timeout, "first_event": timeout, "idle": timeout}
    connect, read = getattr(timeout, "connect", None), getattr(timeout, "read", None)
    given = {"connect": connect, "first_event": read, "idle": read}
    return {name: seconds for name, seconds in given.items() if seconds is not None}


def headers_of(headers: Mapping[str, Any] | None, field: str) -> dict[str, str]:
    """
    Headers that a caller gave.

    Raises:
        ConfigError: One is a credential.
    """
    found: dict[str, str] = {}
    for name, value in (headers or {}).items():
        lower = name.lower()
        if lower in SECRET_HEADERS:
            raise ConfigError(f"{field}: {lower} is a credential: pass api_key", field=f"{field}.{lower}")
        if is_given(value):
            found[lower] = str(value)
    return found


def split(arguments: Mapping[str, Any], known: frozenset[str], method: str) -> tuple[dict[str, Any], Options]:
    """
    The body that some arguments say, and what else they say.

    Raises:
        ConfigError: An argument has no such name.
    """
    given = {name: value for name, value in arguments.items() if is_given(value)}
    options = {name: given.pop(name, None) for name in _MORE.split() if name != "timeout"}
    timeout = given.pop("timeout", NOT_GIVEN)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = (
                f": did you mean {near[0]}?" if near else ": fields of the body that have no name here go to extra_body"
            )
            raise ConfigError(f"{method}() has no argument {name!r}{hint}", field=name)
    body = given | dict(options["extra_body"] or {})
    return body, Options(headers_of(options["extra_headers"], "extra_headers"), options["extra_query"] or {}, timeout)


def encode(body: Mapping[str, Any]) -> bytes:
    """
    The body as bytes; objects of ours and of pydantic are what they dump.

    Raises:
        ConfigError: Something in it has no JSON form.
    """
    try:
        return msgspec.json.encode(body, enc_hook=plain)
    except (TypeError, UnicodeEncodeError, RecursionError) as error:
        raise ConfigError(f"the request cannot be written as JSON: {error}", field="body") from error
