"""
Values that settings take: names of degrees, how to think, the form of an answer.

Rule: here they are only described; `setting_checks` makes them of what callers write.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Verbosity = Literal["low", "medium", "high"]
Priority = Literal["interactive", "normal", "batch"]
Reuse = bool | Literal["refresh"] | float


class ReasoningSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    How much the model should think.

    Attributes:
        effort: `none` to `max`; mapped to what the model knows.
        budget_tokens: Cap on reasoning tokens, for models that take one.
        summary: `auto`, `concise`, `detailed`, `summarized` or `omitted`: how much of the reasoning is shown.
    """

    effort: Effort | None = None
    budget_tokens: int | None = None
    summary: str | None = None


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    The form that the answer must have.

    Attributes:
        kind: `text`, `json_object` (any JSON object) or `json_schema`.
        schema: The JSON Schema, for `json_schema`.
        name: Its name, which some providers require.
        description: What it is for.
        strict: Ask the provider to hold the model to it.
        type: What the answer is read as, and given as `.output`: a type, or a JSON Schema.  Then the schema is sent in
            the form that the provider takes.  None for a format that is sent as it is, and whose answer is not read.
    """

    kind: Literal["text", "json_object", "json_schema"] = "json_schema"
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    type: Any = None
