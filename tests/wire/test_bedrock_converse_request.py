"""Writing requests of the wire `bedrock-converse`, and reading them as a server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from hypothesis import given, settings

from dragoman.errors import ConfigError
from dragoman.types.messages import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool
from dragoman.wire.bedrock_converse import WIRE
from tests import strategies
from tests.strategies import PNG
from tests.wire.converse_frames import HI, MODEL, ROW, adapted, asked, body_of, read, turn

NAME = "bedrock-converse"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
SHAPE = Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def user(*parts: Part) -> tuple[Message, ...]:
    return (Message("user", parts),)


# --- the address ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "stream", "expected"),
    [
        ("amazon.nova-lite-v1:0", False, "/model/amazon.nova-lite-v1%3A0/converse"),
        ("amazon.nova-lite-v1:0", True, "/model/amazon.nova-lite-v1%3A0/converse-stream"),
        (
            ARN,
            False,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F"
            "us.amazon.nova-lite-v1%3A0/converse",
        ),
    ],
)
def test_the_model_stands_in_the_path(model: str, stream: bool, expected: str) -> None:
    """Name and form of the answer are said by the address, quoted, and read from it again."""
    sent = WIRE.encode_request(asked(model=model, stream=stream), ROW)

    assert ROW.base_url + expected == sent.url
    again = WIRE.decode_request(sent.body, path=expected)
    assert (model, stream) == (again.model, again.stream)
    assert sent.headers["accept"].endswith("eventstream" if stream else "json")


def test_a_path_that_a_server_has_unquoted_is_read() -> None:
    """Slashes and colons of an ARN are part of the name."""
    assert ARN == read({"messages": [turn({"text": "Hi"})]}, f"/model/{ARN}/converse").model


@pytest.mark.parametrize("path", ["", "/model//converse", "/model/m/invoke", "/v1/chat/completions"])
def test_another_path_is_refused(path: str) -> None:
    """A request that was sent elsewhere is none of this dialect."""
    with pytest.raises(ConfigError) as caught:
        read({"messages": [turn({"text": "Hi"})]}, path)

    assert "path" == caught.value.field


# --- messages ---------------------------------------------------------------------------------------------------------


def test_instructions_are_hoisted() -> None:
    """Those at the head become `system`; later ones stay where they are, as a turn."""
    body = body_of(
        (Message.system("Be kind."), Message("developer", (Text("Be brief."),)), *HI, Message.system("Now."))
    )

    assert [{"text": "Be kind."}, {"text": "Be brief."}] == body["system"]
    assert ["user", "system"] == [one["role"] for one in body["messages"]]


def test_turns_of_one_role_are_put_together() -> None:
    """Roles must alternate: results of several tools and the next question are one turn of the user."""
    calls = (ToolCall("a", "f"), ToolCall("b", "f"))
    body = body_of(
        (
            *HI,
            Message("assistant", calls),
            Message.tool(calls[0], "1"),
            Message.tool(calls[1], "2", is_error=True),
            Message.user("go on"),
        ),
        tools=(Tool(name="f"),),
    )

    assert ["user", "assistant", "user"] == [one["role"] for one in body["messages"]]
    assert [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "2"}], "status": "error"}},
        {"text": "go on"},
    ] == body["messages"][2]["content"]


def test_turns_that_came_apart_stay_apart() -> None:
    """Two turns of the user in a body of this dialect are two turns again."""
    body = {"messages": [turn({"text": "a"}), turn({"text": "b"})]}

    assert body == json.loads(WIRE.encode_request(read(body), ROW).body)


def test_instructions_alone_are_refused() -> None:
    """There must be something to answer."""
    with pytest.raises(ConfigError) as caught:
        WIRE.encode_request(asked((Message.system("Be kind."),)), ROW)

    assert "messages" == caught.value.field


def test_instructions_hold_texts_only() -> None:
    """A picture among them is left out with a notice."""
    body, fields = adapted((Message("system", (Text("a"), Image(data=PNG))), *HI))

    assert [{"text": "a"}] == body["system"]
    assert ["messages[0]"] == fields


# --- parts ------------------------------------------------------------------------------------------------------------

_S3 = "s3://bucket/file"
_BLOCKS: list[Any] = [
    pytest.param(Text("a"), {"text": "a"}, id="text"),
    pytest.param(Image(data=PNG), {"image": {"format": "png", "source": {"bytes": b64(PNG)}}}, id="image"),
    pytest.param(
        Image(url=_S3 + ".webp"),
        {"image": {"format": "webp", "source": {"s3Location": {"uri": _S3 + ".webp"}}}},
        id="image in S3, format of its name",
    ),
    pytest.param(
        File(data=b"a,b", media_type="text/csv", name="Report (1)"),
        {"document": {"format": "csv", "name": "Report (1)", "source": {"bytes": b64(b"a,b")}}},
        id="document",
    ),
    pytest.param(
        File(data=b"x", media_type="video/3gpp"),
        {"video": {"format": "three_gp", "source": {"bytes": b64(b"x")}}},
        id="film",
    ),
    pytest.param(
        Audio(data=b"x", media_type="audio/mpeg"),
        {"audio": {"format": "mp3", "source": {"bytes": b64(b"x")}}},
        id="sound",
    ),
    pytest.param(File(data=PNG), {"image": {"format": "png", "source": {"bytes": b64(PNG)}}}, id="picture as a file"),
]


@pytest.mark.parametrize(("part", "block"), _BLOCKS)
def test_parts_have_blocks(part: Part, block: dict[str, Any]) -> None:
    """Each part is one block, and is read as the same part."""
    content = [{"text": "Look."}, block]  # a document goes with a text
    assert content == body_of(user(Text("Look."), part))["messages"][0]["content"]
    parts = read({"messages": [turn(*content)]}).messages[0].parts
    assert content == body_of(user(*parts))["messages"][0]["content"]


def test_a_cache_mark_is_a_block_behind() -> None:
    """The mark of a part is a cache point, in messages and in `system`, and is read as the mark again."""
    hour = CacheMark("1h")
    body = body_of((Message("system", (Text("a", cache=CacheMark()),)), Message("user", (Text("b", cache=hour),))))

    assert [{"text": "a"}, {"cachePoint": {"type": "default"}}] == body["system"]
    assert [{"text": "b"}, {"cachePoint": {"type": "default", "ttl": "1h"}}] == body["messages"][0]["content"]
    assert [CacheMark(), hour] == [message.parts[0].cache for message in read(body).messages]


def test_documents_have_names_of_their_own() -> None:
    """A name is required, may hold few characters, and may not come twice; what was changed is said, not refused."""
    files = (
        File(data=b"%PDF-1", name="Q3 report_final.pdf"),
        File(data=b"%PDF-2", name="Q3 report_final.pdf"),
        File(data=b"%PDF-3"),
    )
    sent = WIRE.encode_request(asked(user(Text("Compare."), *files)), ROW)

    names = [block["document"]["name"] for block in json.loads(sent.body)["messages"][0]["content"][1:]]
    assert ["Q3 report final", "Q3 report final (2)", "Document"] == names
    assert [False] * 3 == [notice.adapted for notice in sent.notices]


_ADAPTED: list[Any] = [
    pytest.param(Image(url="https://x.org/a.png"), [], id="a picture of the web"),
    pytest.param(Image(file_id="f"), [], id="a picture that another provider keeps"),
    pytest.param(Image(data=b"BM1234", media_type="image/bmp"), [], id="a format without a word"),
    pytest.param(File(url="https://x.org/a.pdf"), [{"text": "https://x.org/a.pdf"}], id="a file of the web"),
    pytest.param(File(data=b"PK\x03\x04"), [], id="a file without a format"),
    pytest.param(Audio(data=b"x", media_type="audio/x", transcript="hi"), [{"text": "hi"}], id="a sound"),
    pytest.param(Refusal("no"), [{"text": "no"}], id="a refusal"),
    pytest.param(Reasoning("hm"), [], id="reasoning of nobody"),
    pytest.param(Opaque("openai-responses", {"type": "x"}), [], id="a block of another dialect"),
]


@pytest.mark.parametrize(("part", "expected"), _ADAPTED)
def test_what_cannot_be_carried_is_said(part: Part, expected: list[Any]) -> None:
    """It goes as a text, or is left out; a notice says which part it was."""
    body, fields = adapted((Message("user", (Text("a"), part)),))

    assert [{"text": "a"}, *expected] == body["messages"][0]["content"]
    assert ["messages[0].parts[1]"] == fields


def test_other_texts_go_as_plain_ones() -> None:
    """A JSON file is text, for which there is no other format."""
    body, fields = adapted(user(Text("Look."), File(data=b"{}", media_type="application/json", name="a")))

    assert "txt" == body["messages"][0]["content"][1]["document"]["format"]
    assert ["messages[0].parts[1].media_type"] == fields


def test_a_document_goes_with_a_text() -> None:
    """The API refuses a document alone, so a text is put beside it."""
    body, fields = adapted(user(File(data=b"%PDF-1", name="a")))

    assert ["document", "text"] == [kind for block in body["messages"][0]["content"] for kind in block]
    assert ["messages"] == fields


@pytest.mark.parametrize("part", [Image(data=PNG), File(data=b"%PDF-1", name="a")])
def test_what_a_model_showed_is_shown_by_the_user(part: Part) -> None:
    """Pictures and documents of an answer go into a turn of the user, after the results of its calls."""
    call = ToolCall("a", "f")
    turns = (*HI, Message.assistant("See.", part, call), Message.tool(call, "done"))
    body, fields = adapted(turns)

    assert ["text", "toolUse"] == [kind for block in body["messages"][1]["content"] for kind in block]
    assert ["toolResult", "image" if isinstance(part, Image) else "document"] == [
        kind for block in body["messages"][2]["content"] for kind in block
    ]
    assert "messages[1]" in fields


def test_the_user_speaks_first() -> None:
    """A conversation that begins with an answer gets a turn of the user before it."""
    body, fields = adapted((Message.assistant("Hello."), *HI))

    assert ["user", "assistant", "user"] == [turn["role"] for turn in body["messages"]]
    assert ["messages"] == fields


def test_a_message_of_nothing_is_left_out() -> None:
    """A turn of which nothing can be sent is no empty turn."""
    body, fields = adapted((*HI, Message("assistant", (Reasoning("hm"),)), Message.user("go on")))

    assert [turn({"text": "Hi"}, {"text": "go on"})] == body["messages"]
    assert "messages[1]" in fields


# --- reasoning --------------------------------------------------------------------------------------------------------

SIGNED = Reasoning("hm", native={NAME: {"reasoningContent": {"reasoningText": {"signature": "s"}}}})


@pytest.mark.parametrize("origin", [None, "bedrock/" + MODEL, "bedrock/anthropic.claude-haiku-5-5-v1:0", "bedrock"])
def test_reasoning_goes_back_to_its_author(origin: str | None) -> None:
    """The model that wrote it gets it back with its signature, under whichever profile it is asked."""
    body = body_of((*HI, Message("assistant", (SIGNED, Text("a")), origin=origin), *HI))

    reasoning = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}
    assert reasoning == body["messages"][1]["content"][0]


@pytest.mark.parametrize("origin", ["anthropic/claude-haiku-5-5", "bedrock/amazon.nova-2-lite-v1:0"])
def test_reasoning_goes_to_nobody_else(origin: str) -> None:
    """Another provider's, or another model's, is left out with a notice, and no signature travels."""
    body, fields = adapted((*HI, Message("assistant", (SIGNED, Text("a")), origin=origin), *HI))

    assert [{"text": "a"}] == body["messages"][1]["content"]
    assert ["messages[1].parts[0]"] == fields


def test_foreign_citations_are_left_out() -> None:
    """The form in which another dialect cites means nothing here; the text stays."""
    cited = Text("a", (Citation(url="https://x.org"),))
    body, fields = adapted((*HI, Message("assistant", (cited,), origin="openai/x"), *HI))

    assert [{"text": "a"}] == body["messages"][1]["content"]
    assert ["messages[1].parts[0].citations"] == fields


# --- tools ------------------------------------------------------------------------------------------------------------

WEATHER = Tool(name="weather", description="d", parameters=SCHEMA, strict=True)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ("weather", {"tool": {"name": "weather"}}),
    ],
)
def test_tools_and_the_choice_of_one(choice: str | None, expected: Any) -> None:
    """Declarations have their schema below `json`; the choice has words of its own."""
    body = body_of(tools=(WEATHER,), tool_choice=choice)

    spec = {"name": "weather", "description": "d", "inputSchema": {"json": SCHEMA}, "strict": True}
    assert [{"toolSpec": spec}] == body["toolConfig"]["tools"]
    assert expected == body["toolConfig"].get("toolChoice")
    again = read(body)
    assert ((WEATHER,), choice) == (again.tools, again.tool_choice)


def test_no_choice_at_all() -> None:
    """There is no word for `none`: the tools are not declared, unless earlier calls need them."""
    body, fields = adapted(tools=(WEATHER,), tool_choice="none")
    assert "toolConfig" not in body
    assert ["tool_choice"] == fields

    calls = (*HI, Message("assistant", (ToolCall("a", "weather"),)), Message.tool("a", "1"))
    body, fields = adapted(calls, tools=(WEATHER,), tool_choice="none")
    assert 1 == len(body["toolConfig"]["tools"])
    assert ["tool_choice"] == fields


def test_called_tools_are_declared() -> None:
    """The API refuses tool calls without tools: those that were called are declared, and it is said."""
    body, fields = adapted((*HI, Message("assistant", (ToolCall("a", "f"),)), Message.tool("a", "1")))

    assert ["f"] == [one["toolSpec"]["name"] for one in body["toolConfig"]["tools"]]
    assert ["tools"] == fields


def test_tools_of_this_dialect_alone() -> None:
    """A system tool and a cache point between tools are carried whole; another dialect's own tool is not."""
    listed = [{"systemTool": {"name": "nova_grounding"}}, {"cachePoint": {"type": "default"}}]
    body = {"messages": [turn({"text": "Hi"})], "toolConfig": {"tools": listed}}
    tools = read(body).tools or ()
    foreign = Tool(name="web", kind="native", native={"anthropic-messages": {"type": "web"}})

    sent, fields = adapted(tools=(*tools, foreign))

    assert listed == sent["toolConfig"]["tools"]
    assert ["tools[2]"] == fields


@pytest.mark.parametrize(
    ("call", "expected", "notices"),
    [
        pytest.param(ToolCall("a", "f", '{"x": 1}'), {"x": 1}, [], id="an object"),
        pytest.param(ToolCall("a", "f", "free", "custom"), {"input": "free"}, [], id="free text"),
        pytest.param(ToolCall("a", "f", '{"x'), {"input": '{"x'}, ["messages[1].parts[0].arguments_json"], id="cut"),
    ],
)
def test_arguments_are_an_object(call: ToolCall, expected: Any, notices: list[str]) -> None:
    """What is none is sent inside one, and never repaired."""
    tools = (Tool(name="f"),)
    body, fields = adapted((*HI, Message("assistant", (call,)), Message.tool(call, "1")), tools=tools)

    assert expected == body["messages"][1]["content"][0]["toolUse"]["input"]
    assert notices == fields


@pytest.mark.parametrize("call_id", ["tooluse_1", "a.b:c-d_e", "has spaces", "x" * 65, "ü", ""])
def test_ids_are_valid_and_the_same_in_the_result(call_id: str) -> None:
    """An id that the API would refuse is changed the same way in the call and its result."""
    call = ToolCall(call_id, "f")
    content = [
        one["content"][0]
        for one in body_of((*HI, Message("assistant", (call,)), Message.tool(call, "1")), tools=(Tool(name="f"),))[
            "messages"
        ][1:]
    ]

    sent = content[0]["toolUse"]["toolUseId"]
    assert sent == content[1]["toolResult"]["toolUseId"]
    assert 1 <= len(sent) <= 64
    assert (sent == call_id) == (call_id in ("tooluse_1", "a.b:c-d_e"))


def test_results_hold_more_than_text() -> None:
    """JSON, pictures and unknown blocks of a result go back as they came."""
    content: list[Any] = [
        {"json": {"a": [1, None]}},
        {"image": {"format": "png", "source": {"bytes": b64(PNG)}}},
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}},
    ]
    result = {"toolResult": {"toolUseId": "a", "content": content, "status": "success"}}
    use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
    spec = {"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}
    turns = [turn({"text": "Hi"}), turn(use, role="assistant"), turn(result)]
    body = {"messages": turns, "toolConfig": {"tools": [spec]}}

    request = read(body)

    assert body == json.loads(WIRE.encode_request(request, ROW).body)
    part = request.messages[2].parts[0]
    assert isinstance(part, ToolResult)
    assert '{"a":[1,null]}' == part.text


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_have_fields() -> None:
    """Each setting that the dialect knows is written to its place, and read from there."""
    given_: dict[str, Any] = {
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ("a", "b"),
        "service_tier": "flex",
        "metadata": {"k": "v"},
        "reasoning": ReasoningSettings(effort="high"),
        "output": OutputFormat(schema=SCHEMA, name="city", description="d"),
    }
    body = body_of(**given_)

    assert {"maxTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["a", "b"]} == body["inferenceConfig"]
    assert ({"type": "flex"}, {"k": "v"}) == (body["serviceTier"], body["requestMetadata"])
    assert "high" == body["outputConfig"]["effort"]
    declared = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert (SCHEMA, "city") == (json.loads(declared["schema"]), declared["name"])
    again = read(body)
    assert given_ == {name: getattr(again, name) for name in given_}


def test_a_schema_keeps_its_spelling() -> None:
    """The schema is a text in this dialect: it goes out with the spaces with which it came, while it means the same."""
    spelled = json.dumps(SCHEMA, indent=1)
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": spelled, "name": "x"}}}
    body = {"messages": [turn({"text": "Hi"})], "outputConfig": {"textFormat": form}}

    assert body == json.loads(WIRE.encode_request(read(body), ROW).body)


@pytest.mark.parametrize(
    ("settings_", "field"),
    [
        ({"top_k": 5}, "top_k"),
        ({"seed": 1}, "seed"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"logprobs": True}, "logprobs"),
        ({"n": 2}, "n"),
        ({"user": "u"}, "user"),
        ({"verbosity": "low"}, "verbosity"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"cache": True}, "cache"),
        ({"metadata": {"k": 5}}, "metadata"),
        ({"reasoning": 2000}, "reasoning"),
        ({"reasoning": "none"}, "reasoning"),
        ({"output": OutputFormat(kind="json_object")}, "output"),
    ],
)
def test_settings_without_a_field_are_said(settings_: dict[str, Any], field: str) -> None:
    """They are left out with a notice that names them."""
    body, fields = adapted(**settings_)

    assert {"messages"} == set(body)
    assert [field] == fields


def test_extra_goes_into_the_body() -> None:
    """What the caller adds is sent as it is, beside what was made; `native` lies below it."""
    more = {"additionalModelRequestFields": {"top_k": 5}, "inferenceConfig": {"topP": 0.1}}
    body = body_of(max_tokens=5, native={NAME: {"guardrailConfig": {"trace": "enabled"}}}, extra=more)

    assert {"maxTokens": 5, "topP": 0.1} == body["inferenceConfig"]
    assert ({"top_k": 5}, {"trace": "enabled"}) == (body["additionalModelRequestFields"], body["guardrailConfig"])


# --- laws -------------------------------------------------------------------------------------------------------------

_BODIES: list[Any] = [
    pytest.param({"messages": [turn({"text": ""})]}, id="an empty text"),
    pytest.param({"messages": [turn({"text": "a"})], "system": [], "inferenceConfig": {}}, id="empty fields"),
    pytest.param({"messages": [turn({"cachePoint": {"type": "default"}}, {"text": "a"})]}, id="a cache point first"),
    pytest.param(
        {"messages": [turn({"text": "a"}, *[{"cachePoint": {"type": "default"}}] * 2)]}, id="two cache points"
    ),
    pytest.param(
        {
            "messages": [
                turn({"guardContent": {"text": {"text": "a", "qualifiers": ["query"]}}}, {"hologram": {"x": 1}})
            ]
        },
        id="guarded content and an unknown block",
    ),
    pytest.param(
        {
            "messages": [
                turn(
                    {"text": "Look."},
                    {"document": {"name": "a", "source": {"content": [{"text": "x"}, {"text": "y"}]}, "context": "c"}},
                    {"document": {"name": "b_c", "format": "txt", "source": {"text": "z"}}},
                    {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}}}},
                    {"image": {"format": "png", "error": {"message": "x"}, "source": {}}},
                )
            ]
        },
        id="sources of every kind",
    ),
    pytest.param(
        {
            "messages": [turn({"text": "a"})],
            "additionalModelRequestFields": {"top_k": 1},
            "promptVariables": {"x": {"text": "y"}},
            "performanceConfig": {"latency": "optimized"},
            "outputConfig": {"effort": "odd"},
            "serviceTier": {"type": "flex", "more": 1},
            "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {}}}], "toolChoice": {"odd": {}}},
        },
        id="fields without a setting",
    ),
    pytest.param(
        {
            "messages": [
                turn({"text": "a"}, role="system"),
                turn({"text": "b"}),
                turn({"citationsContent": {"content": [{"text": "x"}, {"text": "y"}]}}, role="assistant"),
                turn({"reasoningContent": {"reasoningText": {"text": "t"}}}, role="assistant"),
            ]
        },
        id="turns of every kind",
    ),
]


@pytest.mark.parametrize("body", _BODIES)
def test_a_body_is_written_as_it_was_read(body: dict[str, Any]) -> None:
    """Reading and writing again changes nothing, also in what no recording shows."""
    sent = WIRE.encode_request(read(body), ROW)

    assert body == json.loads(sent.body)
    assert [] == [notice for notice in sent.notices if notice.adapted]


@settings(max_examples=40)
@given(request=strategies.fresh_requests)
def test_what_is_written_is_valid(request: ChatRequest) -> None:
    """Whatever is asked, botocore's own model of the service finds nothing wrong with what is sent."""
    try:
        sent = WIRE.encode_request(request.directed(), ROW)
    except ConfigError:
        return
    if request.extra or request.metadata or request.service_tier:  # passed on as they are
        return
    report = ParamValidator().validate({"modelId": "m", **json.loads(sent.body)}, SHAPE).generate_report()

    # That a stop text is empty is the caller's own wish.
    assert [] == [line for line in report.splitlines() if "stopSequences" not in line]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": 5}, "messages"),
        ({"messages": [turn({"text": "a"}, role="tool")]}, "messages[0].role"),
        ({"messages": [turn({"text": 5})]}, "messages[0].content[0]"),
        ({"messages": [turn({"toolUse": {"name": "f"}})]}, "messages[0].content[0].toolUse.toolUseId"),
        ({"messages": [turn({"image": {"format": "png", "source": {"bytes": "#"}}})]}, "messages[0].content[0].image"),
        ({"messages": [], "system": "text"}, "system"),
        ({"messages": [turn({"text": "a"})], "inferenceConfig": {"topP": "x"}}, "top_p"),
        (
            {
                "messages": [turn({"text": "a"})],
                "toolConfig": {"tools": [{"toolSpec": {"name": "a b", "inputSchema": {}}}]},
            },
            "toolConfig.tools[0].toolSpec",
        ),
    ],
)
def test_a_body_that_is_no_request(body: dict[str, Any], field: str) -> None:
    """The error names the place."""
    with pytest.raises(ConfigError) as caught:
        read(body)

    assert str(caught.value.field).startswith(field)
