"""The objects of `chat.completions`, `embeddings` and `models`."""

from __future__ import annotations

from typing import Any

from dragoman.compat.openai.shapes import Shape, deep, listed


class TopLogprob(Shape):
    _empty = ("bytes",)


class ChatCompletionTokenLogprob(Shape):
    _inner = {"top_logprobs": listed(TopLogprob)}
    _empty = ("bytes",)


class ChoiceLogprobs(Shape):
    _inner = {"content": listed(ChatCompletionTokenLogprob), "refusal": listed(ChatCompletionTokenLogprob)}
    _empty = ("content", "refusal")


class Function(Shape):
    _empty = ("arguments", "name")


class Custom(Shape):
    pass


class ChatCompletionMessageToolCall(Shape):
    _inner = {"function": Function, "custom": Custom}


class ChatCompletionMessage(Shape):
    _inner = {
        "tool_calls": listed(ChatCompletionMessageToolCall),
        "function_call": Function,
        "audio": deep,
        "annotations": listed(deep),
    }
    _empty = ("content", "refusal", "annotations", "audio", "function_call", "tool_calls")


class ParsedChatCompletionMessage(ChatCompletionMessage):
    _empty = (*ChatCompletionMessage._empty, "parsed")


class Choice(Shape):
    _inner = {"message": ChatCompletionMessage, "logprobs": ChoiceLogprobs}
    _empty = ("logprobs",)


class ParsedChoice(Choice):
    _inner = {**Choice._inner, "message": ParsedChatCompletionMessage}


class PromptTokensDetails(Shape):
    _empty = ("audio_tokens", "cached_tokens")


class CompletionTokensDetails(Shape):
    _empty = ("accepted_prediction_tokens", "audio_tokens", "reasoning_tokens", "rejected_prediction_tokens")


class CompletionUsage(Shape):
    _inner = {"completion_tokens_details": CompletionTokensDetails, "prompt_tokens_details": PromptTokensDetails}
    _empty = ("completion_tokens_details", "prompt_tokens_details")


class Answer(Shape):
    """
    A whole answer.

    Attributes:
        dragoman: The same as Dragoman's own value: cost, ledger, notices; not a field, so it is in no dump.
    """

    _dragoman: Any = None
    _request_id: str | None = None

    @property
    def dragoman(self) -> Any:
        return self._dragoman


class ChatCompletion(Answer):
    _inner = {"choices": listed(Choice), "usage": CompletionUsage}
    _empty = ("metadata", "moderation", "service_tier", "system_fingerprint", "usage")


class ParsedChatCompletion(ChatCompletion):
    _inner = {**ChatCompletion._inner, "choices": listed(ParsedChoice)}


class ChoiceDeltaToolCall(Shape):
    _inner = {"function": Function}
    _empty = ("id", "function", "type")


class ChoiceDelta(Shape):
    _inner = {"tool_calls": listed(ChoiceDeltaToolCall), "function_call": Function, "audio": deep}
    _empty = ("audio", "content", "function_call", "refusal", "role", "tool_calls")


class ChunkChoice(Shape):
    _inner = {"delta": ChoiceDelta, "logprobs": ChoiceLogprobs}
    _empty = ("finish_reason", "logprobs")


class ChatCompletionChunk(Shape):
    _inner = {"choices": listed(ChunkChoice), "usage": CompletionUsage}
    _empty = ("moderation", "obfuscation", "service_tier", "system_fingerprint", "usage")


class EmbeddingUsage(Shape):
    pass


class Embedding(Shape):
    pass


class CreateEmbeddingResponse(Answer):
    _inner = {"data": listed(Embedding), "usage": EmbeddingUsage}


class Model(Shape):
    _empty = ("shutdown_date",)
