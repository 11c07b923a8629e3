"""Code as people write it against google-genai; see `pages_openai`."""

from __future__ import annotations

from typing import Any

from dragoman.testing import says, status
from dragoman.types.usage import Usage
from tests.bridge.pages_openai import INVOICE, AsyncPage, Invoice, Line, Page

USAGE = Usage(input_tokens=20, output_tokens=7)


def generate(client: Any, genai: Any) -> Any:
    answer = client.models.generate_content(
        model="gemini-x", contents="Where is it warm?", config={"temperature": 0.2, "system_instruction": "Be brief."}
    )
    told = answer.usage_metadata
    return answer.text, told.prompt_token_count, told.candidates_token_count, answer.candidates[0].finish_reason.name


def stream(client: Any, genai: Any) -> Any:
    return "".join(chunk.text or "" for chunk in client.models.generate_content_stream(model="gemini-x", contents="Hi"))


def tools(client: Any, genai: Any) -> Any:
    declared = {"name": "weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
    config = {"tools": [{"function_declarations": [declared]}], "automatic_function_calling": {"disable": True}}
    answer = client.models.generate_content(model="gemini-x", contents="Where is it warm?", config=config)
    return [(call.name, call.args) for call in answer.function_calls]


def structured(client: Any, genai: Any) -> Any:
    config = {"response_mime_type": "application/json", "response_schema": Invoice}
    return client.models.generate_content(model="gemini-x", contents="Read it.", config=config).parsed


def chat(client: Any, genai: Any) -> Any:
    talk = client.chats.create(model="gemini-x")
    return talk.send_message("One.").text, talk.send_message("Two.").text, len(talk.get_history())


def errors(client: Any, genai: Any) -> Any:
    seen = []
    for _ in range(3):
        try:
            client.models.generate_content(model="gemini-x", contents="Hi")
        except genai.errors.APIError as error:
            seen.append((type(error).__name__, error.code))
    return seen


PAGES = {
    "generate": Page((says("In the south.", usage=USAGE),), generate, ("In the south.", 20, 7, "STOP")),
    "stream": Page((says("one two three"),), stream, "one two three"),
    "tools": Page((says(tools=[("weather", {"city": "Paris"})]),), tools, [("weather", {"city": "Paris"})]),
    "structured": Page((says(INVOICE),), structured, Invoice(vendor="ACME", lines=[Line(item="rope", price=7.5)])),
    "chat": Page((says("1"), says("2")), chat, ("1", "2", 4)),
    "errors": Page(
        (status(400, "no"), status(404, "gone"), status(500, "boom")),
        errors,
        [("ClientError", 400), ("ClientError", 404), ("ServerError", 500)],
    ),
}


async def generate_async(client: Any, genai: Any) -> Any:
    return (await client.aio.models.generate_content(model="gemini-x", contents="Hi")).text


async def stream_async(client: Any, genai: Any) -> Any:
    chunks = await client.aio.models.generate_content_stream(model="gemini-x", contents="Hi")
    return "".join([chunk.text or "" async for chunk in chunks])


ASYNC_PAGES = {
    "generate": AsyncPage((says("Hello."),), generate_async, "Hello."),
    "stream": AsyncPage((says("one two"),), stream_async, "one two"),
}
