"""
Recorded requests against `dragoman.wire.validate`: what a provider accepted has no problems, what it refused for its
form has some.
"""

from __future__ import annotations

import re

from dragoman.wire.validate import problems
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording

# Folders of servers whose rules are not those of their wire.
_RULES = {
    "openai-chat": "openai-chat",
    "azure-chat": "openai-chat",
    "mistral-chat": "mistral-chat",
    "perplexity-chat": "perplexity-chat",
    "deepseek-responses": "deepseek-responses",
}
_IMITATORS = {"openai-chat": "compatible-chat"}
_MODEL = re.compile(r"models?/([^/:]+)")

# What a provider refused for its form, and not for a model, a key or what an address leads to.
REFUSED = {
    "openai-chat/chat-bad-request.0.0960851dca02.json": "$.temperature",
    "openai-chat/chat-no-messages.0.0bfdc912f161.json": "$.messages",
    "anthropic-messages/anthropic_completion_error.0.ac0d80aabfe7.json": "$.messages[0]",
    "openai-responses/test_openai_responses_model_http_error.0.ed5c4916b600.json": "$.temperature",
    "openai-responses/test_openai_responses_thinking_with_modified_history.1.2704bd48fd0d.json": "$.input[1]",
    "openai-responses/test_multimodal_tool_return_matrix_tool_return_content-url_force_downl.2.e559581f917f.json": (
        "$.input[4].content[0].file_data"
    ),
    "deepseek-responses/test_deepseek_responses_rejects_interleaved_function_calls.0.90bfea8c9b58.json": "$.input[2]",
}


def check_form(recording: Recording, dialect: Dialect) -> list[str]:
    """What is wrong with the form of an accepted request; for a refused one, that nothing was found."""
    if recording.asked is None:
        return []
    name = _RULES.get(recording.folder, _IMITATORS.get(dialect.wire, dialect.wire))
    named = _MODEL.search(recording.asked_path)
    found = problems(name, recording.asked, model=named[1] if named else "")
    wanted = REFUSED.get(recording.name)
    if wanted is not None and wanted not in [problem.path for problem in found]:
        return [f"the provider refused {wanted}: found {', '.join(map(str, found)) or 'nothing'}"]
    return [str(problem) for problem in found] if recording.status == 200 else []
