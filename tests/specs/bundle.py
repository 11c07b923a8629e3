"""
Request schemas of the vendors' published specifications, as validators.

The specifications are megabytes; `tests/specs/*.json` holds only the schemas of the requests that we write, cut out by
`select_specs.py` with their references, without prose.  `Specs(path)` cuts them out of whole specifications instead.

Rule: requests are held to the specifications, answers never: real answers do not satisfy them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import yaml  # type: ignore[import-untyped]

HERE = Path(__file__).parent
Schema = dict[str, Any]
Valid = Callable[[dict[str, Any]], str | None]

# Words for people, and what OpenAPI adds to JSON Schema; none of it decides whether a body is valid.
_PROSE = frozenset(
    (
        *("description", "title", "example", "examples", "deprecated", "externalDocs", "discriminator", "nullable"),
        "$recursiveAnchor",
    )
)
_REF = "#/components/schemas/"


class Source(NamedTuple):
    """
    Where a bundle comes from.

    Attributes:
        file: File name of the whole specification.
        origin: Repository, revision and date.
        licence: Its licence.
        roots: Schemas of which a body must satisfy one.
        folders: Corpus folders whose requests it describes.
    """

    file: str
    origin: str
    licence: str
    roots: tuple[str, ...]
    folders: tuple[str, ...]


SOURCES: dict[str, Source] = {
    "openai-chat": Source(
        "openai.openapi.json",
        "openai/openai-openapi f85dbe223d (2026-08-21)",
        "MIT",
        ("CreateChatCompletionRequest",),
        ("openai-chat",),
    ),
    "openai-responses": Source(
        "openai.openapi.json",
        "openai/openai-openapi f85dbe223d (2026-08-21)",
        "MIT",
        ("CreateResponse",),
        ("openai-responses",),
    ),
    "anthropic-messages": Source(
        "anthropic.openapi.json",
        "tryAGI/Anthropic 8b42a21e6a (2026-08-18), a mirror of Anthropic's own",
        "MIT",
        ("CreateMessageParams", "BetaCreateMessageParams"),
        ("anthropic-messages",),
    ),
    "openai-batches": Source(
        "openai.openapi.json",
        "openai/openai-openapi f85dbe223d (2026-08-21)",
        "MIT",
        ("CreateBatchRequest",),
        ("openai-batches",),
    ),
    "mistral-batches": Source(
        "mistral.openapi.yaml",
        "mistralai/platform-docs-public 222f4ba911 (2026-08-21)",
        "Apache-2.0",
        ("BatchJobIn",),
        ("mistral-batches",),
    ),
    "anthropic-batches": Source(
        "anthropic.openapi.json",
        "tryAGI/Anthropic 8b42a21e6a (2026-08-18), a mirror of Anthropic's own",
        "MIT",
        ("CreateMessageBatchParams",),
        ("anthropic-batches",),
    ),
    "mistral-chat": Source(
        "mistral.openapi.yaml",
        "mistralai/platform-docs-public 222f4ba911 (2026-08-21)",
        "Apache-2.0",
        ("ChatCompletionRequest",),
        ("mistral-chat",),
    ),
    "openrouter-chat": Source(
        "openrouter.openapi.yaml",
        "OpenRouterTeam/typescript-sdk cb9393a896 (2026-08-22)",
        "Apache-2.0",
        ("ChatRequest",),
        ("openrouter-chat",),
    ),
    "ollama-chat": Source(
        "ollama.openapi.yaml",
        "ollama/ollama fb30760996 (2026-08-21)",
        "MIT",
        ("ChatRequest",),
        ("ollama-native-chat",),
    ),
}


class Specs:
    """Validators by corpus folder, from the trimmed bundles or from a folder of whole specifications."""

    def __init__(self, whole: Path | None = None) -> None:
        self._whole = whole
        self.validator = cache(self._validator)

    def _validator(self, folder: str) -> Valid | None:
        name = next((name for name, source in SOURCES.items() if folder in source.folders), None)
        if name is None:
            return None
        schema = json.loads((HERE / f"{name}.json").read_text()) if self._whole is None else cut(name, self._whole)
        validator = jsonschema_rs.validator_for(schema)

        def check(body: dict[str, Any]) -> str | None:
            error = next(iter(validator.iter_errors(body)), None)
            return None if error is None else f"{error.message[:200]} at {'/'.join(map(str, error.instance_path))}"

        return check


def cut(name: str, whole: Path) -> Schema:
    """Cut the request schemas of one bundle out of the whole specification, with all that they refer to."""
    source = SOURCES[name]
    text = (whole / source.file).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = json.loads(text) if source.file.endswith(".json") else yaml.load(text, Loader=loader)
    schemas: dict[str, Any] = document["components"]["schemas"]
    kept: dict[str, Any] = {}
    wanted = list(source.roots)
    while wanted:
        if (root := wanted.pop()) not in kept:
            # OpenAI's uses one word of draft 2019-09, to say that a filter holds filters.
            itself = json.dumps(schemas[root]).replace('"$recursiveRef": "#"', f'"$ref": "{_REF}{root}"')
            kept[root] = _plain(json.loads(itself), wanted)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Request schemas of {source.origin}, licence {source.licence}; prose left out.",
        **_one_of(source.roots),
        "$defs": dict(sorted(kept.items())),
    }


def _one_of(roots: tuple[str, ...]) -> Schema:
    refs = [{"$ref": f"#/$defs/{root}"} for root in roots]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _plain(node: Any, refs: list[str], names: bool = False) -> Any:
    """Copy a schema without prose; `names` says that the keys are property names, which all stay."""
    if isinstance(node, list):
        return [_plain(item, refs) for item in node]
    if not isinstance(node, dict):
        return node
    if not names and isinstance(node.get("$ref"), str):
        refs.append(node["$ref"].removeprefix(_REF))
        return {"$ref": node["$ref"].replace(_REF, "#/$defs/")}
    kept = {
        key: value if key in ("enum", "const", "default") else _plain(value, refs, key == "properties" and not names)
        for key, value in node.items()
        if names or not (key in _PROSE or key.startswith("x-"))
    }
    # OpenAPI 3.0's way to say "or null", which JSON Schema does not know.
    return {"anyOf": [kept, {"type": "null"}]} if not names and node.get("nullable") is True else kept
