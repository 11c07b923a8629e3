"""The objects of `chat.completions`, `embeddings` and `models`."""

from __future__ import annotations

from typing import Any

from dragoman.compat.openai.objects import BaseModel, deep, listed


class TopLogprob(BaseModel, empty="bytes"):
    pass


class ChatCompletionTokenLogprob(BaseModel, inner={"top_logprobs": listed(TopLogprob)}, empty="bytes"):
    pass


class ChoiceLogprobs(
    BaseModel,
    inner={"content": listed(ChatCompletionTokenLogprob), "refusal": listed(ChatCompletionTokenLogprob)},
    empty="content refusal",
):
    pass


class Function(BaseModel, empty="arguments name"):
    pass


class Custom(BaseModel):
    pass


class ChatCompletionMessageToolCall(BaseModel, inner={"function": Function, "custom": Custom}):
    pass


class ChatCompletionMessage(
    BaseModel,
    inner={
        "tool_calls": listed(ChatCompletionMessageToolCall),
        "function_call": Function,
        "audio": deep,
        "annotations": listed(deep),
    },
    empty="content refusal annotations audio function_call tool_calls",
):
    pass


class ParsedChatCompletionMessage(ChatCompletionMessage, empty="parsed"):
    pass


class Choice(BaseModel, inner={"message": ChatCompletionMessage, "logprobs": ChoiceLogprobs}, empty="logprobs"):
    pass


class ParsedChoice(Choice, inner={"message": ParsedChatCompletionMessage}):
    pass


class PromptTokensDetails(BaseModel, empty="audio_tokens cached_tokens"):
    pass


class CompletionTokensDetails(
    BaseModel, empty="accepted_prediction_tokens audio_tokens reasoning_tokens rejected_prediction_tokens"
):
    pass


class CompletionUsage(
    BaseModel,
    inner={"completion_tokens_details": CompletionTokensDetails, "prompt_tokens_details": PromptTokensDetails},
    empty="completion_tokens_details prompt_tokens_details",
):
    pass


class Answer(BaseModel):
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


class ChatCompletion(
    Answer,
    inner={"choices": listed(Choice), "usage": CompletionUsage},
    empty="metadata moderation service_tier system_fingerprint usage",
):
    pass


class ParsedChatCompletion(ChatCompletion, inner={"choices": listed(ParsedChoice)}):
    pass


class ChoiceDeltaToolCall(BaseModel, inner={"function": Function}, empty="id function type"):
    pass


class ChoiceDelta(
    BaseModel,
    inner={"tool_calls": listed(ChoiceDeltaToolCall), "function_call": Function, "audio": deep},
    empty="audio content function_call refusal role tool_calls",
):
    pass


class ChunkChoice(BaseModel, inner={"delta": ChoiceDelta, "logprobs": ChoiceLogprobs}, empty="finish_reason logprobs"):
    pass


class ChatCompletionChunk(
    BaseModel,
    inner={"choices": listed(ChunkChoice), "usage": CompletionUsage},
    empty="moderation obfuscation service_tier system_fingerprint usage",
):
    pass


class EmbeddingUsage(BaseModel):
    pass


class Embedding(BaseModel):
    pass


class CreateEmbeddingResponse(Answer, inner={"data": listed(Embedding), "usage": EmbeddingUsage}):
    pass


class Model(BaseModel, empty="shutdown_date"):
    pass
