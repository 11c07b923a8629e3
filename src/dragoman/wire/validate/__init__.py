"""
What providers refuse about the form of a request, before a provider has to say so.

`problems` looks at a body as JSON and names each place that breaks a documented rule: roles and their order, results
right after their calls, ids and names of the right letters, nothing empty where that is refused.  Values that only a
model can judge (does it see pictures, is it long enough) are not looked at.

Rule: what a provider was recorded to accept has no problems.  Each rule stands in one function with its source.

Names are those of the wires, and of servers that imitate one: `compatible-chat` is what every known server of OpenAI's
dialect holds to, `mistral-chat` and `perplexity-chat` are stricter than that; `openai-chat` is OpenAI itself, and so is
`openai-responses`, of which `deepseek-responses` is a stricter one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.wire.lenient import is_object
from dragoman.wire.validate.rules import Asked, Problem, Rule

__all__ = ["Problem", "names", "problems"]

_MODULES: Final = {
    "openai-chat": "openai_chat",
    "compatible-chat": "compatible_chat",
    "mistral-chat": "mistral_chat",
    "perplexity-chat": "perplexity_chat",
    "openai-responses": "openai_responses",
    "deepseek-responses": "deepseek_responses",
    "anthropic-messages": "anthropic_messages",
    "bedrock-anthropic": "anthropic_messages",
    "vertex-anthropic": "anthropic_messages",
    "bedrock-converse": "bedrock_converse",
    "gemini-generate": "gemini_generate",
    "gemini-interactions": "gemini_interactions",
    "cohere-chat": "cohere_chat",
    "ollama-chat": "ollama_chat",
}


def names() -> tuple[str, ...]:
    """What there are rules for."""
    return tuple(_MODULES)


def problems(wire: str, body: Any, *, model: str = "") -> list[Problem]:
    """
    Everything about the form of a request that its provider refuses; empty for a request of the right form.

    Args:
        wire: Name of the dialect, or of servers that imitate one.
        body: The body as JSON.
        model: Name of the model, for dialects whose body does not name it.

    Raises:
        ConfigError: There are no rules of that name.

    >>> [str(problem) for problem in problems("openai-chat", {"model": "m", "messages": []})]
    ['$.messages: give at least one']
    """
    if wire not in _MODULES:
        raise ConfigError(f"there are no rules for {wire!r}: there are {', '.join(_MODULES)}", field="wire")
    if not is_object(body):
        return [Problem("$", "give a JSON object")]
    rules: tuple[Rule, ...] = import_module(f"{__name__}.{_MODULES[wire]}").RULES
    asked = Asked(body, model or str(body.get("model") or ""))
    return [problem for rule in rules for problem in rule(asked)]
