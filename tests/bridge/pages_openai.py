"""
Code as people write it against the openai library; it runs with that library and with what stands in for it.

A page takes the client and the module that it came from, and returns what its user would look at.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from dragoman.testing import Step, raw, says, status
from dragoman.types.usage import Usage

ASK: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it warm?"}]
USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5, reasoning_tokens=3)
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
FORECAST: Any = {"type": "function", **WEATHER["function"]}
CALLS = [("weather", {"city": "Paris"}), ("weather", {"city": "Oslo"})]
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR").decode()


class Line(BaseModel):
    item: str
    price: float


class Invoice(BaseModel):
    vendor: str
    lines: list[Line]


INVOICE = '{"vendor": "ACME", "lines": [{"item": "rope", "price": 7.5}]}'


class Page(NamedTuple):
    """
    Attributes:
        steps: What the provider answers.
        run: The code.
        expected: What it returns.
    """

    steps: tuple[Step, ...]
    run: Callable[[Any, Any], Any]
    expected: Any


class AsyncPage(NamedTuple):
    """The same for asynchronous code."""

    steps: tuple[Step, ...]
    run: Callable[[Any, Any], Awaitable[Any]]
    expected: Any


# --- chat.completions -------------------------------------------------------------------------------------------------


def chat(client: Any, openai: Any) -> Any:
    completion = client.chat.completions.create(model="gpt-x", messages=ASK, temperature=0.2, max_completion_tokens=50)
    choice = completion.choices[0]
    usage = completion.usage
    return {
        "content": choice.message.content,
        "role": choice.message.role,
        "finish": choice.finish_reason,
        "tools": choice.message.tool_calls,
        "refusal": choice.message.refusal,
        "logprobs": choice.logprobs,
        "model": completion.model,
        "id": completion.id,
        "object": completion.object,
        "tokens": (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        "details": (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens),
        "request": completion._request_id,
        "dumped": completion.model_dump()["choices"][0]["message"]["content"],
        "json": json.loads(completion.model_dump_json())["choices"][0]["finish_reason"],
        "dict": completion.to_dict()["usage"]["total_tokens"],
    }


CHAT = {
    "content": "In the south.",
    "role": "assistant",
    "finish": "stop",
    "tools": None,
    "refusal": None,
    "logprobs": None,
    "model": "gpt-x",
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "tokens": (20, 7, 27),
    "details": (5, 3),
    "request": "req-0",
    "dumped": "In the south.",
    "json": "stop",
    "dict": 27,
}


def vision(client: Any, openai: Any) -> Any:
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    completion = client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": content}])
    return completion.choices[0].message.content


def chat_stream(client: Any, openai: Any) -> Any:
    stream = client.chat.completions.create(
        model="gpt-x", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    pieces, finish, usage = [], None, None
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content is not None:
            pieces.append(chunk.choices[0].delta.content)
        if chunk.choices and chunk.choices[0].finish_reason:
            finish = chunk.choices[0].finish_reason
        if chunk.usage:
            usage = chunk.usage.total_tokens
    return "".join(pieces), finish, usage


def chat_stream_without_usage(client: Any, openai: Any) -> Any:
    text = ""
    for chunk in client.chat.completions.create(model="gpt-x", messages=ASK, stream=True):
        text += chunk.choices[0].delta.content or ""  # every chunk has a choice
    return text


def chat_stream_left(client: Any, openai: Any) -> Any:
    with client.chat.completions.create(model="gpt-x", messages=ASK, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                return chunk.choices[0].delta.content
    return None


def chat_tools(client: Any, openai: Any) -> Any:
    messages = list(ASK)
    first = client.chat.completions.create(model="gpt-x", messages=messages, tools=[WEATHER], tool_choice="auto")
    message = first.choices[0].message
    messages.append(message)
    for call in message.tool_calls:
        arguments = json.loads(call.function.arguments)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"sunny in {arguments['city']}"})
    second = client.chat.completions.create(model="gpt-x", messages=messages, tools=[WEATHER])
    called = [(call.id, call.type, call.function.name) for call in message.tool_calls]
    return first.choices[0].finish_reason, message.content, called, second.choices[0].message.content


def chat_tools_streamed(client: Any, openai: Any) -> Any:
    calls: dict[int, list[Any]] = {}
    for chunk in client.chat.completions.create(model="gpt-x", messages=ASK, tools=[WEATHER], stream=True):
        for piece in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(piece.index, ["", ""])
            call[0] += piece.function.name or ""
            call[1] += piece.function.arguments or ""
    return [(name, json.loads(arguments)) for name, arguments in calls.values()]


def chat_parse(client: Any, openai: Any) -> Any:
    completion = client.chat.completions.parse(model="gpt-x", messages=ASK, response_format=Invoice)
    return completion.choices[0].message.parsed


def chat_parse_tools(client: Any, openai: Any) -> Any:
    tool = openai.pydantic_function_tool(Line, name="line", description="One line.")
    completion = client.chat.completions.parse(model="gpt-x", messages=ASK, tools=[tool])
    function = completion.choices[0].message.tool_calls[0].function
    return function.name, function.parsed_arguments, completion.choices[0].message.parsed


def chat_parse_cut(client: Any, openai: Any) -> Any:
    try:
        client.chat.completions.parse(model="gpt-x", messages=ASK, response_format=Invoice)
    except openai.LengthFinishReasonError as error:
        return isinstance(error, openai.OpenAIError), error.completion.choices[0].finish_reason
    return None


def chat_schema(client: Any, openai: Any) -> Any:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"name": "number", "schema": schema}}
    completion = client.chat.completions.create(model="gpt-x", messages=ASK, response_format=form)
    return json.loads(completion.choices[0].message.content)


def chat_helper(client: Any, openai: Any) -> Any:
    kinds, deltas, done = [], [], None
    with client.chat.completions.stream(
        model="gpt-x", messages=ASK, response_format=Invoice, stream_options={"include_usage": True}
    ) as stream:
        for event in stream:
            kinds.append(event.type)
            if event.type == "content.delta":
                deltas.append(event.delta)
            elif event.type == "content.done":
                done = event.parsed
        final = stream.get_final_completion()
    message = final.choices[0].message
    return kinds, "".join(deltas), done, message.parsed, final.usage.total_tokens, final.choices[0].finish_reason


def chat_helper_tools(client: Any, openai: Any) -> Any:
    with client.chat.completions.stream(model="gpt-x", messages=ASK, tools=[WEATHER]) as stream:
        done = [
            (event.name, event.index, event.arguments, event.parsed_arguments)
            for event in stream
            if event.type == "tool_calls.function.arguments.done"
        ]
        final = stream.get_final_completion()
    return done, [call.function.parsed_arguments for call in final.choices[0].message.tool_calls]


def raw_response(client: Any, openai: Any) -> Any:
    response = client.chat.completions.with_raw_response.create(model="gpt-x", messages=ASK)
    completion = response.parse()
    return response.headers["x-request-id"], response.status_code, completion.choices[0].message.content


LOGPROBS = (
    b'{"id":"c","object":"chat.completion","created":1700000000,"model":"m","system_fingerprint":"fp_1","choices":['
    b'{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"A"},"logprobs":{"content":[{"token":'
    b'"A","logprob":-0.5,"bytes":[65],"top_logprobs":[{"token":"A","logprob":-0.5,"bytes":[65]}]}],"refusal":null}},'
    b'{"index":1,"finish_reason":"length","message":{"role":"assistant","content":"B"},"logprobs":null}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
)


def several(client: Any, openai: Any) -> Any:
    completion = client.chat.completions.create(model="gpt-x", messages=ASK, n=2, logprobs=True, top_logprobs=1)
    first = completion.choices[0].logprobs.content[0]
    tops = [(top.token, top.logprob) for top in first.top_logprobs]
    texts = [(choice.index, choice.message.content, choice.finish_reason) for choice in completion.choices]
    return texts, (first.token, first.logprob, first.bytes, tops), completion.created, completion.system_fingerprint


# --- responses --------------------------------------------------------------------------------------------------------


def respond(client: Any, openai: Any) -> Any:
    response = client.responses.create(model="gpt-x", instructions="Be brief.", input="Where is it warm?")
    message = response.output[-1]
    usage = response.usage
    return {
        "text": response.output_text,
        "status": response.status,
        "types": [item.type for item in response.output],
        "role": message.role,
        "content": message.content[0].type,
        "tokens": (usage.input_tokens, usage.output_tokens, usage.total_tokens),
        "details": (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens),
        "error": response.error,
        "model": response.model,
    }


RESPOND = {
    "text": "In the south.",
    "status": "completed",
    "types": ["message"],
    "role": "assistant",
    "content": "output_text",
    "tokens": (20, 7, 27),
    "details": (5, 3),
    "error": None,
    "model": "gpt-x",
}


def respond_stream(client: Any, openai: Any) -> Any:
    text, kinds, final = "", [], None
    for event in client.responses.create(model="gpt-x", input=ASK, stream=True):
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.completed":
            final = event.response.output_text
    return text, final, kinds[0], kinds[-1]


def respond_tools(client: Any, openai: Any) -> Any:
    conversation: list[Any] = [{"role": "user", "content": "Where is it warm?"}]
    first = client.responses.create(model="gpt-x", input=conversation, tools=[FORECAST])
    conversation += first.output
    called = [item for item in first.output if item.type == "function_call"]
    for call in called:
        city = json.loads(call.arguments)["city"]
        conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": f"sunny in {city}"})
    second = client.responses.create(model="gpt-x", input=conversation, tools=[FORECAST])
    return [(call.name, call.arguments) for call in called], second.output_text


def respond_parse(client: Any, openai: Any) -> Any:
    response = client.responses.parse(model="gpt-x", input="Read it.", text_format=Invoice)
    return response.output_parsed, response.output_text


def respond_helper(client: Any, openai: Any) -> Any:
    kinds, snapshots = [], []
    with client.responses.stream(model="gpt-x", input="Read it.", text_format=Invoice) as stream:
        for event in stream:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                snapshots.append(event.snapshot)
        final = stream.get_final_response()
    return kinds[-1], snapshots[-1], final.output_parsed


def respond_reasoning(client: Any, openai: Any) -> Any:
    response = client.responses.create(model="gpt-x", input="Think.", reasoning={"effort": "low", "summary": "auto"})
    return [item.type for item in response.output], response.output[0].summary[0].text, response.output_text


# --- the rest ---------------------------------------------------------------------------------------------------------


def embeddings(client: Any, openai: Any) -> Any:
    answer = client.embeddings.create(model="embed-x", input=["one", "two"], dimensions=4)
    shape = [(item.index, item.object, len(item.embedding)) for item in answer.data]
    return shape, answer.usage.prompt_tokens > 0, answer.object, isinstance(answer.data[0].embedding[0], float)


def embeddings_encoded(client: Any, openai: Any) -> Any:
    answer = client.embeddings.create(model="embed-x", input="one", encoding_format="base64")
    data = base64.b64decode(answer.data[0].embedding)
    return len(struct.unpack(f"<{len(data) // 4}f", data))


def models(client: Any, openai: Any) -> Any:
    page = client.models.list()
    return [model.id for model in page], page.data[0].object, page.has_next_page()


def errors(client: Any, openai: Any) -> Any:
    seen = []
    for _ in range(7):
        try:
            client.chat.completions.create(model="gpt-x", messages=ASK)
        except openai.APIStatusError as error:
            seen.append((type(error).__name__, error.status_code, error.code, isinstance(error, openai.APIError)))
    return seen


def rate_limited(client: Any, openai: Any) -> Any:
    try:
        client.chat.completions.create(model="gpt-x", messages=ASK)
    except openai.RateLimitError as error:
        return error.response.headers["retry-after"], error.request_id, error.body["message"]
    return None


def stream_refused(client: Any, openai: Any) -> Any:
    try:
        client.chat.completions.create(model="gpt-x", messages=ASK, stream=True)
    except openai.NotFoundError as error:
        return error.status_code
    return None


def broken_stream(client: Any, openai: Any) -> Any:
    text = ""
    try:
        for chunk in client.chat.completions.create(model="gpt-x", messages=ASK, stream=True):
            text += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        return text, isinstance(error, openai.OpenAIError)
    return None


def retried(client: Any, openai: Any) -> Any:
    return (
        client.with_options(max_retries=2)
        .chat.completions.create(model="gpt-x", messages=ASK)
        .choices[0]
        .message.content
    )


def slow(client: Any, openai: Any) -> Any:
    try:
        client.with_options(timeout=0.2).chat.completions.create(model="gpt-x", messages=ASK)
    except openai.APITimeoutError as error:
        return isinstance(error, openai.APIConnectionError)
    return None


SERVED = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":'
    b'{"role":"assistant","content":"half"}}]}\n\n'
)
REPORTED = SERVED + b'data: {"error":{"message":"overloaded","type":"server_error","code":null,"param":null}}\n\n'
SSE = {"content-type": "text/event-stream"}
CODES = (400, 401, 403, 404, 409, 422, 500)
KINDS = (
    ("BadRequestError", 400, "c400", True),
    ("AuthenticationError", 401, "c401", True),
    ("PermissionDeniedError", 403, "c403", True),
    ("NotFoundError", 404, "c404", True),
    ("ConflictError", 409, "c409", True),
    ("UnprocessableEntityError", 422, "c422", True),
    ("InternalServerError", 500, "c500", True),
)

_INVOICE = Invoice(vendor="ACME", lines=[Line(item="rope", price=7.5)])
_PARIS, _OSLO = '{"city":"Paris"}', '{"city":"Oslo"}'
HELPER = [*["chunk", "content.delta"] * 4, "chunk", "content.done", "chunk"]

PAGES = {
    "chat": Page((says("In the south.", usage=USAGE, id="chatcmpl-7"),), chat, CHAT),
    "vision": Page((says("A pixel."),), vision, "A pixel."),
    "chat_stream": Page((says("one two three", usage=USAGE),), chat_stream, ("one two three", "stop", 27)),
    "chat_stream_without_usage": Page((says("one two"),), chat_stream_without_usage, "one two"),
    "chat_stream_left": Page((says("word " * 500, pace=0.01),), chat_stream_left, "word "),
    "chat_tools": Page(
        (says(tools=CALLS), says("Paris.")),
        chat_tools,
        ("tool_calls", None, [("call_0", "function", "weather"), ("call_1", "function", "weather")], "Paris."),
    ),
    "chat_tools_streamed": Page((says(tools=CALLS),), chat_tools_streamed, CALLS),
    "chat_parse": Page((says(INVOICE),), chat_parse, _INVOICE),
    "chat_parse_tools": Page(
        (says(tools=[("line", {"item": "rope", "price": 7.5})]),),
        chat_parse_tools,
        ("line", Line(item="rope", price=7.5), None),
    ),
    "chat_parse_cut": Page((says(INVOICE[:20], finish="length"),), chat_parse_cut, (True, "length")),
    "chat_schema": Page((says('{"n": 3}'),), chat_schema, {"n": 3}),
    "chat_helper_tools": Page(
        (says(tools=CALLS),),
        chat_helper_tools,
        (
            [("weather", 0, _PARIS, {"city": "Paris"}), ("weather", 1, _OSLO, {"city": "Oslo"})],
            [{"city": "Paris"}, {"city": "Oslo"}],
        ),
    ),
    "chat_helper": Page(
        (says(INVOICE, usage=USAGE, chunk=30),),
        chat_helper,
        (
            HELPER,
            INVOICE,
            _INVOICE,
            _INVOICE,
            27,
            "stop",
        ),
    ),
    "raw_response": Page((says("hi"),), raw_response, ("req-0", 200, "hi")),
    "several": Page(
        (raw(LOGPROBS),),
        several,
        ([(0, "A", "stop"), (1, "B", "length")], ("A", -0.5, [65], [("A", -0.5)]), 1700000000, "fp_1"),
    ),
    "respond": Page((says("In the south.", usage=USAGE),), respond, RESPOND),
    "respond_stream": Page(
        (says("one two"),), respond_stream, ("one two", "one two", "response.created", "response.completed")
    ),
    "respond_tools": Page(
        (says(tools=CALLS), says("Paris.")), respond_tools, ([("weather", _PARIS), ("weather", _OSLO)], "Paris.")
    ),
    "respond_parse": Page((says(INVOICE),), respond_parse, (_INVOICE, INVOICE)),
    "respond_helper": Page((says(INVOICE),), respond_helper, ("response.completed", INVOICE, _INVOICE)),
    "respond_reasoning": Page(
        (says("Yes.", reasoning="hm"),), respond_reasoning, (["reasoning", "message"], "hm", "Yes.")
    ),
    "embeddings": Page((), embeddings, ([(0, "embedding", 4), (1, "embedding", 4)], True, "list", True)),
    "embeddings_encoded": Page((), embeddings_encoded, 4),
    "models": Page((), models, (["any"], "model", False)),
    "errors": Page(tuple(status(code, "no luck", code=f"c{code}") for code in CODES), errors, list(KINDS)),
    "rate_limited": Page((status(429, "slow down", retry_after=0.5),), rate_limited, ("0.5", "req-0", "slow down")),
    "stream_refused": Page((status(404, "gone"),), stream_refused, 404),
    "reported_in_stream": Page((raw(REPORTED, headers=SSE),), broken_stream, ("half", True)),
    "retried": Page((status(429, retry_after=0.01), status(503), says("hello")), retried, "hello"),
    "slow": Page((says("late", latency=2.0),), slow, True),
}


# --- asynchronous -----------------------------------------------------------------------------------------------------


async def chat_async(client: Any, openai: Any) -> Any:
    completion = await client.chat.completions.create(model="gpt-x", messages=ASK)
    return completion.choices[0].message.content


async def chat_stream_async(client: Any, openai: Any) -> Any:
    text = ""
    stream = await client.chat.completions.create(model="gpt-x", messages=ASK, stream=True)
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
    return text


async def chat_left_async(client: Any, openai: Any) -> Any:
    async with await client.chat.completions.create(model="gpt-x", messages=ASK, stream=True) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                return chunk.choices[0].delta.content
    return None


async def chat_parse_async(client: Any, openai: Any) -> Any:
    completion = await client.chat.completions.parse(model="gpt-x", messages=ASK, response_format=Invoice)
    return completion.choices[0].message.parsed


async def chat_helper_async(client: Any, openai: Any) -> Any:
    async with client.chat.completions.stream(model="gpt-x", messages=ASK) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        final = await stream.get_final_completion()
    return "".join(deltas), final.choices[0].message.content


async def respond_async(client: Any, openai: Any) -> Any:
    return (await client.responses.create(model="gpt-x", input="Hi")).output_text


async def respond_stream_async(client: Any, openai: Any) -> Any:
    stream = await client.responses.create(model="gpt-x", input="Hi", stream=True)
    return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])


async def embeddings_async(client: Any, openai: Any) -> Any:
    return len((await client.embeddings.create(model="embed-x", input="one")).data[0].embedding)


async def models_async(client: Any, openai: Any) -> Any:
    read = [model.id async for model in client.models.list()]
    page = await client.models.list()
    return read, [model.id for model in page.data]


async def errors_async(client: Any, openai: Any) -> Any:
    try:
        await client.chat.completions.create(model="gpt-x", messages=ASK)
    except openai.NotFoundError as error:
        return error.status_code, error.code
    return None


async def slow_async(client: Any, openai: Any) -> Any:
    try:
        await client.with_options(timeout=0.2).chat.completions.create(model="gpt-x", messages=ASK)
    except openai.APITimeoutError as error:
        return type(error).__name__
    return None


ASYNC_PAGES = {
    "chat": AsyncPage((says("Hello."),), chat_async, "Hello."),
    "chat_stream": AsyncPage((says("one two"),), chat_stream_async, "one two"),
    "chat_left": AsyncPage((says("word " * 500, pace=0.01),), chat_left_async, "word "),
    "chat_parse": AsyncPage((says(INVOICE),), chat_parse_async, _INVOICE),
    "chat_helper": AsyncPage((says("one two"),), chat_helper_async, ("one two", "one two")),
    "respond": AsyncPage((says("Hello."),), respond_async, "Hello."),
    "respond_stream": AsyncPage((says("one two"),), respond_stream_async, "one two"),
    "embeddings": AsyncPage((), embeddings_async, 4),
    "models": AsyncPage((), models_async, (["any"], ["any"])),
    "errors": AsyncPage((status(404, "gone", code="gone"),), errors_async, (404, "gone")),
    "slow": AsyncPage((says("late", latency=2.0),), slow_async, "APITimeoutError"),
}
