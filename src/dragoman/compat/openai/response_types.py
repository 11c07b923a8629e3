"""The objects of `responses`."""

from __future__ import annotations

from typing import Any

from dragoman.compat.openai.chat_types import Answer
from dragoman.compat.openai.objects import BaseModel, deep, kinds, listed


class ResponseOutputText(BaseModel, inner={"annotations": listed(deep), "logprobs": listed(deep)}, empty="logprobs"):
    pass


class ParsedResponseOutputText(ResponseOutputText, empty="parsed"):
    pass


class ResponseOutputRefusal(BaseModel):
    pass


content = kinds({"output_text": ResponseOutputText, "refusal": ResponseOutputRefusal}, deep)
parsed_content = kinds({"output_text": ParsedResponseOutputText, "refusal": ResponseOutputRefusal}, deep)


class ResponseOutputMessage(BaseModel, inner={"content": listed(content)}, empty="phase"):
    pass


class ParsedResponseOutputMessage(ResponseOutputMessage, inner={"content": listed(parsed_content)}):
    pass


class ResponseFunctionToolCall(BaseModel, empty="id async_ caller namespace status"):
    pass


class ParsedResponseFunctionToolCall(ResponseFunctionToolCall, empty="parsed_arguments"):
    pass


class ResponseReasoningItem(
    BaseModel, inner={"summary": listed(deep), "content": listed(deep)}, empty="content encrypted_content status"
):
    pass


_ITEMS = {"function_call": ResponseFunctionToolCall, "reasoning": ResponseReasoningItem}
item = kinds({"message": ResponseOutputMessage, **_ITEMS}, deep)
parsed_item = kinds(
    {"message": ParsedResponseOutputMessage, **_ITEMS, "function_call": ParsedResponseFunctionToolCall}, deep
)


class InputTokensDetails(BaseModel, empty="cached_tokens"):
    pass


class OutputTokensDetails(BaseModel, empty="reasoning_tokens"):
    pass


class ResponseUsage(
    BaseModel, inner={"input_tokens_details": InputTokensDetails, "output_tokens_details": OutputTokensDetails}
):
    """What an answer used.  Providers of other dialects may name two numbers only: the rest follows, or is None."""

    def __init__(self, fields: dict[str, Any]) -> None:
        total = sum(fields.get(name) or 0 for name in ("input_tokens", "output_tokens"))
        usual: dict[str, Any] = {"input_tokens_details": {}, "output_tokens_details": {}, "total_tokens": total}
        super().__init__(usual | fields)


_OPTIONAL = """
    error incomplete_details instructions metadata temperature top_p background completed_at conversation
    max_output_tokens max_tool_calls moderation previous_response_id prompt prompt_cache_key
    prompt_cache_retention reasoning safety_identifier service_tier status text top_logprobs truncation usage user
"""


class Response(
    Answer,
    inner={
        "output": listed(item),
        "usage": ResponseUsage,
        "error": deep,
        "incomplete_details": deep,
        "reasoning": deep,
        "text": deep,
    },
    empty=_OPTIONAL,
):
    """A whole answer of `responses`."""

    @property
    def output_text(self) -> str:
        """All texts of all messages, joined."""
        return "".join(
            part.text
            for item in self.output
            if item.type == "message"
            for part in item.content
            if part.type == "output_text"
        )


class ParsedResponse(Response, inner={"output": listed(parsed_item)}):
    @property
    def output_parsed(self) -> Any:
        """The value of the first text that has one, or None."""
        for item in self.output:
            for part in item.content if item.type == "message" else ():
                if part.type == "output_text" and part.parsed is not None:
                    return part.parsed
        return None


class ResponseStreamEvent(BaseModel, inner={"response": Response, "item": item, "part": content, "annotation": deep}):
    pass
