"""
A good request for each set of rules, and what makes it a bad one: (path, value, place of the problem).

The value `...` takes away what is there.
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]
Case = tuple[tuple[str | int, ...], Any, str]

_SCHEMA: Body = {"type": "object", "properties": {"city": {"type": "string"}}}
_LONG = "x" * 65

# --- chat -------------------------------------------------------------------------------------------------------------


def _chat(call_id: str) -> Body:
    function = {"name": "weather", "arguments": "{}"}
    return {
        "model": "m",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": call_id, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call_id, "content": "sun"},
            {"role": "assistant", "content": "Sunny."},
            {"role": "user", "content": [{"type": "text", "text": "Thanks."}]},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}],
        "tool_choice": "auto",
    }


_CALL = ("messages", 2, "tool_calls", 0)
_FUNCTION = ("tools", 0, "function")
_COMPATIBLE: list[Case] = [
    (("messages",), [], "$.messages"),
    (("messages",), ..., "$.messages"),
    (("messages", 0), "hi", "$.messages[0]"),
    (("messages", 0, "role"), "robot", "$.messages[0].role"),
    (("messages", 0, "content"), [{"type": "image_url"}], "$.messages[0].content[0].type"),
    (("messages", 0, "content"), [], "$.messages[0].content"),
    (("messages", 1, "content"), None, "$.messages[1].content"),
    (("messages", 4, "content"), None, "$.messages[4].content"),
    (("messages", 4, "content"), [{"type": "image_url"}], "$.messages[4].content[0]"),
    (("messages", 3), {"role": "user", "content": "sun"}, "$.messages[2].tool_calls[0].id"),
    (("messages", 3, "tool_call_id"), "other", "$.messages[3].tool_call_id"),
    (("messages", 4), {"role": "tool", "tool_call_id": "call_1", "content": "x"}, "$.messages[4].tool_call_id"),
    ((*_CALL, "id"), "", "$.messages[2].tool_calls[0].id"),
    ((*_CALL, "function", "name"), "a b", "$.messages[2].tool_calls[0].function.name"),
    ((*_CALL, "function", "name"), _LONG, "$.messages[2].tool_calls[0].function.name"),
    ((*_CALL, "function", "arguments"), {}, "$.messages[2].tool_calls[0].function.arguments"),
    ((*_FUNCTION, "name"), "a.b", "$.tools[0].function.name"),
    ((*_FUNCTION, "parameters"), {}, "$.tools[0].function.parameters.type"),
    ((*_FUNCTION, "parameters"), [], "$.tools[0].function.parameters"),
    (("tool_choice",), {"function": {"name": "f"}}, "$.tool_choice"),
]
_OPENAI: list[Case] = [
    *_COMPATIBLE,
    ((*_CALL, "id"), "x" * 41, "$.messages[2].tool_calls[0].id"),
    (("messages", 4, "tool_calls"), [], "$.messages[4].tool_calls"),
    (("messages", 5, "content"), [], "$.messages[5].content"),
    (
        ("messages", 5, "content"),
        [{"type": "input_audio", "input_audio": {"data": "https://e.org/a.mp3"}}],
        "$.messages[5].content[0].input_audio.data",
    ),
    (("messages", 1, "name"), "Ada Lovelace", "$.messages[1].name"),
    (("messages", 1, "name"), _LONG, "$.messages[1].name"),
    ((*_FUNCTION, "parameters"), {"type": "object"}, "$.tools[0].function.parameters.properties"),
    ((*_FUNCTION, "parameters"), {**_SCHEMA, "anyOf": []}, "$.tools[0].function.parameters.anyOf"),
    (("tools",), [], "$.tools"),
    (("tools",), ..., "$.tool_choice"),
    (("temperature",), -1, "$.temperature"),
    (("top_p",), 2, "$.top_p"),
    (("max_tokens",), 0, "$.max_tokens"),
    (("top_logprobs",), 3, "$.top_logprobs"),
]
_MISTRAL: list[Case] = [
    ((*_CALL, "id"), "call_1", "$.messages[2].tool_calls[0].id"),
    (("messages", 4), {"role": "user", "content": "x"}, "$.messages[4].role"),
    (("messages", 5), {"role": "system", "content": "x"}, "$.messages[5].role"),
    (("messages", 5), {"role": "assistant", "content": "x"}, "$.messages[5]"),
    (("messages", 4, "content"), "", "$.messages[4].content"),
    (("messages", 1, "name"), "ada", "$.messages[1].name"),
    (("messages", 0, "role"), "developer", "$.messages[0].role"),
    (("messages", 5, "content", 0, "cache_control"), {}, "$.messages[5].content[0]"),
    (("messages", 5, "content", 0, "type"), "video_url", "$.messages[5].content[0]"),
]
_PERPLEXITY: list[Case] = [
    (("messages", 4), {"role": "system", "content": "x"}, "$.messages[4].role"),
    (("messages", 6), {"role": "user", "content": "x"}, "$.messages[6].role"),
    (("messages", 6), {"role": "assistant", "content": "x"}, "$.messages[6].role"),
    (("messages", 1), {"role": "assistant", "content": "x"}, "$.messages[1].role"),
]
_COHERE: list[Case] = [
    (("messages",), [], "$.messages"),
    (("messages", 0, "role"), "developer", "$.messages[0].role"),
    (("messages", 4, "content"), ..., "$.messages[4].content"),
    (("messages", 1, "content"), None, "$.messages[1].content"),
    (("messages", 5, "content", 0, "type"), "file", "$.messages[5].content[0].type"),
    (("messages", 3, "tool_call_id"), "other", "$.messages[3].tool_call_id"),
    ((*_CALL, "id"), "", "$.messages[2].tool_calls[0].id"),
    ((*_CALL, "function", "name"), "a b", "$.messages[2].tool_calls[0].function.name"),
    ((*_CALL, "function", "arguments"), {}, "$.messages[2].tool_calls[0].function.arguments"),
    (("messages", 4, "tool_calls"), [], "$.messages[4].tool_calls"),
    ((*_FUNCTION, "parameters"), ..., "$.tools[0].function.parameters"),
    ((*_FUNCTION, "name"), "", "$.tools[0].function.name"),
    (("tools",), ..., "$.tool_choice"),
    (("p",), 1, "$.p"),
]
_OLLAMA: list[Case] = [
    (("messages",), "hi", "$.messages"),
    (("messages", 0, "role"), "developer", "$.messages[0].role"),
    (("messages", 1, "content"), [], "$.messages[1].content"),
    (("messages", 1, "images"), ["no base64!"], "$.messages[1].images[0]"),
    ((*_CALL, "function", "arguments"), "{}", "$.messages[2].tool_calls[0].function.arguments"),
    ((*_CALL, "function", "name"), "", "$.messages[2].tool_calls[0].function.name"),
    (("messages", 2), {"role": "user", "content": "x"}, "$.messages[3]"),
    ((*_FUNCTION, "name"), "", "$.tools[0].function.name"),
    ((*_FUNCTION, "parameters"), {"type": "string"}, "$.tools[0].function.parameters.type"),
]


def _ollama() -> Body:
    body = _chat("call_1")
    body["messages"][2]["tool_calls"][0]["function"]["arguments"] = {}
    body["messages"][5]["content"] = "Thanks."
    del body["tool_choice"]
    return body


# --- Responses --------------------------------------------------------------------------------------------------------

_RESPONSES_BODY: Body = {
    "model": "m",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]},
        {"role": "user", "content": "Thanks."},
    ],
    "tools": [{"type": "function", "name": "weather", "parameters": _SCHEMA}],
}
_RESPONSES: list[Case] = [
    (("input",), ..., "$.input"),
    (("input",), [], "$.input"),
    (("input", 0), "hi", "$.input[0]"),
    (("input", 0, "role"), "tool", "$.input[0].role"),
    (("input", 0, "content"), None, "$.input[0].content"),
    (("input", 0, "content", 0, "type"), "output_text", "$.input[0].content[0].type"),
    (("input", 4, "content", 0, "type"), "input_text", "$.input[4].content[0].type"),
    (("input", 2, "name"), "a b", "$.input[2].name"),
    (("input", 2, "arguments"), {}, "$.input[2].arguments"),
    (("input", 2, "call_id"), _LONG, "$.input[2].call_id"),
    (("input", 3, "call_id"), "", "$.input[3].call_id"),
    (("input", 3, "call_id"), "other", "$.input[3].call_id"),
    (("input", 3, "call_id"), "other", "$.input[2]"),
    (("input", 3, "output"), None, "$.input[3].output"),
    (("input", 2), {"role": "user", "content": "x"}, "$.input[1]"),
    (("input", 2), {"role": "assistant", "content": "x"}, "$.input[1]"),
    (("input", 1, "summary"), ..., "$.input[1].summary"),
    (("input", 4, "id"), "rs_1", "$.input[4].id"),
    (("store",), False, "$.input[1].id"),
    (("tools", 0, "name"), "", "$.tools[0].name"),
    (("tools", 0, "parameters"), {}, "$.tools[0].parameters.type"),
    (("tool_choice",), {"type": "function", "name": "f"}, "$.tool_choice"),
    (("temperature",), -1, "$.temperature"),
    (("max_output_tokens",), 3, "$.max_output_tokens"),
    (
        ("input", 0, "content", 0),
        {"type": "input_file", "file_data": "data:audio/mpeg;base64,AA=="},
        "$.input[0].content[0].file_data",
    ),
]
_DEEPSEEK: list[Case] = [(("input", 3), {"role": "assistant", "content": "x"}, "$.input[3]")]

# --- Anthropic --------------------------------------------------------------------------------------------------------

_CLAUDE_BODY: Body = {
    "model": "claude-x",
    "max_tokens": 9_000,
    "system": [{"type": "text", "text": "S"}],
    "messages": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "sun"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            ],
        },
    ],
    "tools": [{"name": "weather", "input_schema": _SCHEMA}],
    "thinking": {"type": "enabled", "budget_tokens": 2_000},
}
_RESULTS = ("messages", 2, "content")
_CLAUDE: list[Case] = [
    (("messages",), [], "$.messages"),
    (("max_tokens",), ..., "$.max_tokens"),
    (("max_tokens",), -1, "$.max_tokens"),
    (("max_tokens",), 2_000, "$.max_tokens"),
    (("messages", 0, "role"), "assistant", "$.messages[0].role"),
    (("messages", 0, "role"), "tool", "$.messages[0].role"),
    (("messages", 0, "content"), "", "$.messages[0].content"),
    (("messages", 0, "content"), [], "$.messages[0].content"),
    (("messages", 0, "content"), 5, "$.messages[0].content"),
    (("messages", 0, "content"), [{"type": "text", "text": " "}], "$.messages[0].content[0].text"),
    (("messages", 0, "content"), [{"type": "tool_use"}], "$.messages[0].content[0]"),
    (("system",), 5, "$.system"),
    (("system", 0), {"type": "image"}, "$.system[0].type"),
    (("system", 0, "text"), "", "$.system[0].text"),
    (("messages", 3), {"role": "assistant", "content": "Sunny. "}, "$.messages[3].content"),
    (("messages", 1, "content", 0, "type"), "image", "$.messages[1].content[0]"),
    ((*_RESULTS, 0, "tool_use_id"), "other", "$.messages[2].content[0].tool_use_id"),
    ((*_RESULTS, 0, "tool_use_id"), "other", "$.messages[1].content[1].id"),
    ((*_RESULTS, 1), {"type": "tool_result", "tool_use_id": "c1"}, "$.messages[2].content[1].tool_use_id"),
    ((*_RESULTS, 2), {"type": "tool_result", "tool_use_id": "c1"}, "$.messages[2].content[2]"),
    (("messages", 1, "content", 2), {"type": "tool_use", "id": "c1"}, "$.messages[1].content[2].id"),
    (("messages", 1, "content", 1, "id"), "a.b", "$.messages[1].content[1].id"),
    (("messages", 1, "content", 1, "name"), "a b", "$.messages[1].content[1].name"),
    (("messages", 1, "content", 1, "input"), "{}", "$.messages[1].content[1].input"),
    ((*_RESULTS, 0, "content", 0, "text"), "", "$.messages[2].content[0].content[0].text"),
    (
        (*_RESULTS, 0),
        {"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": [{"type": "image"}]},
        "$.messages[2].content[0].content[0].type",
    ),
    ((*_RESULTS, 1, "source", "media_type"), "image/tiff", "$.messages[2].content[1].source.media_type"),
    ((*_RESULTS, 1, "source", "data"), "", "$.messages[2].content[1].source.data"),
    ((*_RESULTS, 1, "type"), "document", "$.messages[2].content[1].source.media_type"),
    (("tools", 0, "name"), "a b", "$.tools[0].name"),
    (("tools", 0, "input_schema"), {}, "$.tools[0].input_schema.type"),
    (("tools", 0, "input_schema"), {**_SCHEMA, "oneOf": []}, "$.tools[0].input_schema.oneOf"),
    (("tools", 1), {"name": "weather", "input_schema": _SCHEMA}, "$.tools[1].name"),
    (("tool_choice",), {"type": "tool", "name": "f"}, "$.tool_choice.name"),
    (("tool_choice",), {"type": "any"}, "$.tool_choice"),
    (("messages", 1, "content", 0, "signature"), ..., "$.messages[1].content[0].signature"),
    (("thinking", "budget_tokens"), 1_000, "$.thinking.budget_tokens"),
    (("messages", 1, "content", 0), {"type": "text", "text": "So."}, "$.messages[1].content[0]"),
]

# --- Bedrock ----------------------------------------------------------------------------------------------------------

_BEDROCK_BODY: Body = {
    "system": [{"text": "S"}],
    "messages": [
        {"role": "user", "content": [{"text": "Weather?"}, {"image": {"format": "png", "source": {}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c1", "content": [{"text": "sun"}]}},
                {"document": {"name": "a", "format": "pdf", "source": {}}},
            ],
        },
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": _SCHEMA}}}]},
}
_SPEC = ("toolConfig", "tools", 0, "toolSpec")
_USE = ("messages", 1, "content", 0, "toolUse")
_BEDROCK: list[Case] = [
    (("messages",), [], "$.messages"),
    (("messages", 0, "role"), "assistant", "$.messages[0].role"),
    (("messages", 0, "content"), [], "$.messages[0].content"),
    (("messages", 1, "role"), "user", "$.messages[1].role"),
    (("messages", 0, "content", 0, "text"), "", "$.messages[0].content[0].text"),
    (("messages", 0, "content"), [{"text": " "}], "$.messages[0].content[0].text"),
    (("system", 0, "text"), " ", "$.system[0].text"),
    (("messages", 1, "content", 1), {"image": {"format": "png"}}, "$.messages[1].content[1]"),
    (("messages", 0, "content", 1), {"toolUse": {}}, "$.messages[0].content[1]"),
    ((*_USE, "toolUseId"), "a b", "$.messages[1].content[0].toolUse.toolUseId"),
    ((*_USE, "toolUseId"), "c2", "$.messages[1].content[0].toolUse"),
    ((*_USE, "toolUseId"), "c2", "$.messages[2].content[0].toolResult"),
    ((*_USE, "name"), "a b", "$.messages[1].content[0].toolUse.name"),
    ((*_USE, "input"), "{}", "$.messages[1].content[0].toolUse.input"),
    (("messages", 2, "content", 0, "toolResult", "content"), ..., "$.messages[2].content[0].toolResult.content"),
    (
        ("messages", 2, "content", 0, "toolResult", "content", 0),
        {"cachePoint": {}},
        "$.messages[2].content[0].toolResult.content[0]",
    ),
    (("toolConfig",), ..., "$.toolConfig"),
    (("toolConfig", "tools"), [], "$.toolConfig.tools"),
    ((*_SPEC, "name"), "", "$.toolConfig.tools[0].toolSpec.name"),
    ((*_SPEC, "description"), "", "$.toolConfig.tools[0].toolSpec.description"),
    ((*_SPEC, "inputSchema", "json"), {}, "$.toolConfig.tools[0].toolSpec.inputSchema.json.type"),
    (("toolConfig", "toolChoice"), {"none": {}}, "$.toolConfig.toolChoice"),
    (("toolConfig", "toolChoice"), {"tool": {"name": "f"}}, "$.toolConfig.toolChoice.tool.name"),
    (("messages", 0, "content", 1, "image", "format"), "bmp", "$.messages[0].content[1].image.format"),
    (("messages", 2, "content", 1, "document", "name"), "a.pdf", "$.messages[2].content[1].document.name"),
    (("messages", 2, "content", 2), {"document": {"name": "a"}}, "$.messages[2].content[2].document.name"),
    (("messages", 0, "content"), [{"document": {"name": "b"}}], "$.messages[0]"),
    (("inferenceConfig",), {"temperature": 2}, "$.inferenceConfig.temperature"),
]

# --- Google -----------------------------------------------------------------------------------------------------------

_GEMINI_BODY: Body = {
    "systemInstruction": {"parts": [{"text": "S"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}, {"fileData": {"fileUri": "gs://b/a.png"}}]},
        {
            "role": "model",
            "parts": [{"functionCall": {"id": "c1", "name": "weather", "args": {}}, "thoughtSignature": "s"}],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": {"output": "sun"}}}],
        },
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": _SCHEMA}]}],
}
_ANSWER = ("contents", 1, "parts", 0)
_GIVEN = ("contents", 2, "parts", 0, "functionResponse")
_DECLARED = ("tools", 0, "functionDeclarations", 0)
_GEMINI: list[Case] = [
    (("contents",), [], "$.contents"),
    (("contents", 0, "role"), "assistant", "$.contents[0].role"),
    (("contents", 0, "parts"), [], "$.contents[0].parts"),
    (("contents", 0, "parts", 0), {}, "$.contents[0].parts[0]"),
    (("contents", 0, "parts", 0), {"text": "a", "inlineData": {}}, "$.contents[0].parts[0]"),
    (("contents", 0, "parts", 0), {"inlineData": {"data": "AA=="}}, "$.contents[0].parts[0].inlineData"),
    (("contents", 0, "parts", 1, "fileData", "fileUri"), "file-1", "$.contents[0].parts[1].fileData.fileUri"),
    (("systemInstruction", "parts"), [], "$.systemInstruction.parts"),
    (("systemInstruction", "parts", 0), {"inlineData": {}}, "$.systemInstruction.parts[0]"),
    (("contents", 2, "parts", 0), {"text": "sun"}, "$.contents[1]"),
    (("contents", 2, "parts", 1), {"functionResponse": {"name": "weather"}}, "$.contents[2]"),
    ((*_GIVEN, "id"), "c2", "$.contents[2]"),
    (("contents", 0, "role"), "model", "$.contents[1]"),
    ((*_ANSWER, "functionCall", "name"), "2fa", "$.contents[1].parts[0].functionCall.name"),
    ((*_ANSWER, "functionCall", "args"), "{}", "$.contents[1].parts[0].functionCall.args"),
    ((*_GIVEN, "response"), "sun", "$.contents[2].parts[0].functionResponse.response"),
    ((*_ANSWER, "thoughtSignature"), ..., "$.contents[1].parts[0]"),
    ((*_DECLARED, "name"), "2fa", "$.tools[0].functionDeclarations[0].name"),
    ((*_DECLARED, "parametersJsonSchema"), {}, "$.tools[0].functionDeclarations[0].parametersJsonSchema.type"),
    (
        ("toolConfig",),
        {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "$.toolConfig.functionCallingConfig",
    ),
    (
        ("generationConfig",),
        {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "low"}},
        "$.generationConfig.thinkingConfig",
    ),
]
_INTERACTIONS_BODY: Body = {
    "model": "m",
    "input": [
        {"type": "user_input", "content": [{"type": "text", "text": "Weather?"}]},
        {"type": "thought", "signature": "s"},
        {"type": "function_call", "id": "c1", "name": "weather", "arguments": {}},
        {"type": "function_result", "call_id": "c1", "result": "sun"},
    ],
    "tools": [{"type": "function", "name": "weather", "parameters": _SCHEMA}],
}
_INTERACTIONS: list[Case] = [
    (("input",), [], "$.input"),
    (("input", 0), {"content": []}, "$.input[0].type"),
    (("input", 0, "content"), [], "$.input[0].content"),
    (("input", 0, "content", 0, "type"), "input_text", "$.input[0].content[0].type"),
    (("input", 0, "content", 0, "text"), ..., "$.input[0].content[0].text"),
    (("input", 0, "content", 0), {"type": "image"}, "$.input[0].content[0]"),
    (("input", 2, "id"), "", "$.input[2].id"),
    (("input", 2, "name"), "2fa", "$.input[2].name"),
    (("input", 2, "arguments"), "{}", "$.input[2].arguments"),
    (("input", 3, "result"), ..., "$.input[3].result"),
    (("input", 3, "call_id"), "c2", "$.input[3].call_id"),
    (("input", 3, "call_id"), "c2", "$.input[2]"),
    (("input", 3), {"type": "user_input", "content": [{"type": "text", "text": "?"}]}, "$.input[2]"),
    (("input", 4), {"type": "function_call", "id": "c1", "name": "f", "arguments": {}}, "$.input[4].id"),
    (("input", 1, "signature"), ..., "$.input[1].signature"),
    (("tools", 0, "name"), "", "$.tools[0].name"),
    (("tools", 0, "parameters"), {}, "$.tools[0].parameters.type"),
    (
        ("generation_config",),
        {"tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}}},
        "$.generation_config.tool_choice",
    ),
]

GOOD: dict[str, tuple[Body, str]] = {
    "openai-chat": (_chat("call_1"), ""),
    "compatible-chat": (_chat("call_1"), ""),
    "mistral-chat": (_chat("A1b2C3d4e"), ""),
    "perplexity-chat": (_chat("call_1"), ""),
    "openai-responses": (_RESPONSES_BODY, ""),
    "deepseek-responses": (_RESPONSES_BODY, ""),
    "anthropic-messages": (_CLAUDE_BODY, ""),
    "bedrock-anthropic": ({name: value for name, value in _CLAUDE_BODY.items() if name != "model"}, "claude-x"),
    "vertex-anthropic": ({name: value for name, value in _CLAUDE_BODY.items() if name != "model"}, "claude-x"),
    "bedrock-converse": (_BEDROCK_BODY, "anthropic.claude-x"),
    "gemini-generate": (_GEMINI_BODY, "gemini-3-flash"),
    "gemini-interactions": (_INTERACTIONS_BODY, ""),
    "cohere-chat": (_chat("call_1"), ""),
    "ollama-chat": (_ollama(), ""),
}
CASES: dict[str, list[Case]] = {
    "openai-chat": _OPENAI,
    "compatible-chat": _COMPATIBLE,
    "mistral-chat": _MISTRAL,
    "perplexity-chat": _PERPLEXITY,
    "openai-responses": _RESPONSES,
    "deepseek-responses": _DEEPSEEK,
    "anthropic-messages": [*_CLAUDE, (("model",), "", "$.model")],
    "bedrock-anthropic": _CLAUDE,
    "vertex-anthropic": _CLAUDE,
    "bedrock-converse": _BEDROCK,
    "gemini-generate": _GEMINI,
    "gemini-interactions": [*_INTERACTIONS, (("model",), "", "$.model")],
    "cohere-chat": _COHERE,
    "ollama-chat": _OLLAMA,
}
