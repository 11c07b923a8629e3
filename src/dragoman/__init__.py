"""
Dragoman: the interpreter between Python code and every language model.

>>> from dragoman import Client
>>> Client().chat("sim/echo", "Hello").text
'Hello'

Names are loaded when they are first used, so that importing this package costs almost nothing.  `__init__.pyi` says
the same to type checkers; a test holds the two together.
"""

from importlib import import_module
from typing import Any

from dragoman._version import __version__ as __version__

_SUBMODULES = ("catalog", "errors", "kits", "knowledge", "observe", "testing", "tools", "wire")

_HOMES = {
    "client": "AsyncClient Client",
    "conversation.window": "LastTurns TokenBudget",
    "conversation.windows.native": "ProviderNative",
    "conversation.windows.pin": "Pin",
    "conversation.windows.results": "DropOldToolResults",
    "conversation.windows.summarise": "Summarise",
    "errors": """
        AuthenticationError BadRequestError BatchError BudgetError BusyError CircuitOpenError
        ConfigError ConnectError ContentFilterError ContextLengthError ConversationError
        DeadlineError DragomanError LeaseLostError ManifestError MissingKeyError ModelNotFoundError
        NotFoundError OutputError OverloadedError PermissionDeniedError QuotaError RateLimitError
        RefusalError RefusedLocally RunError RunLimitError SchemaError ServerError SourceError StatusError
        StoreError StreamInterrupted TimeoutError ToolError TransportError TruncatedError TurnIdReusedError
        UnknownModelError UnknownProviderError UnsupportedError WireError
    """,
    "knowledge.aio": "AsyncKnowledgeBase",
    "knowledge.base": "KnowledgeBase",
    "policy.base": "Context Ending Handler Middleware Opened",
    "policy.cache.cache": "Cache CacheStats",
    "policy.cache.similar": "Semantic",
    "policy.budget.budget": "Budget BudgetBalance",
    "policy.limit.bucket": "Limit",
    "policy.retry": "Retry",
    "policy.route.breaker": "Breaker",
    "policy.route.plans": "Balance Fallback Hedge Target",
    "secrets": "Secret load_dotenv",
    "stream": "AsyncStream Stream",
    "transport.tls_value": "TLS",
    "structured.partial": "Partial",
    "types.attempts": "Attempt",
    "types.batches": "BatchEstimate BatchFailure BatchReport BatchRow",
    "types.batching": "BatchOptions",
    "types.cards": "ModelCard TokenCount",
    "types.cost": "Cost",
    "types.embeddings": "EmbedResponse",
    "types.events": """
        AudioDelta CitationDelta Event Finish MessageNative PartAdded PartEnd ProviderEvent
        ReasoningDelta RefusalDelta Start TextDelta ToolCallDelta ToolCallEnd ToolCallStart
        UsageUpdate
    """,
    "types.fold": "fold",
    "types.http": "HttpRequest Notice RawResponse",
    "types.messages": """
        Audio CacheMark Citation File Image Message Opaque Part Reasoning Refusal Text TokenLogprob
        ToolCall ToolResult
    """,
    "types.providers": "Provider Quirks",
    "types.requests": "ChatRequest OutputFormat ReasoningSettings Settings SettingsDict",
    "types.responses": "ChatResponse Choice",
    "types.runs": "RoundStarted RunEvent RunResponse ToolEnded ToolStarted",
    "types.shapes": "OneOf Regex",
    "types.timeouts": "Timeouts",
    "types.tools": "Tool ToolFunction tool",
    "types.turns": "Turn",
    "types.usage": "Usage",
    "types.windows": "Explanation",
    "verbs.batch": "AsyncBatch Batch",
    "verbs.conversations.aio": "AsyncConversation",
    "verbs.conversations.blocking": "Conversation",
    "verbs.run_stream": "AsyncRunStream RunStream",
}

_HOME_OF = {name: f"dragoman.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(["__version__", *_SUBMODULES, *_HOME_OF])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"dragoman.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dragoman' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
