"""
Makes `src/dragoman/catalog/models.json` from two well-kept open data sets.

    python scripts/refresh_models.py LITELLM_WHEEL GENAI_PRICES_WHEEL

Both wheels come from PyPI (`pip download --no-deps litellm genai-prices`), both are MIT; their licence lines stand in
`src/dragoman/catalog/MODELS-LICENCE.md`.  litellm's table has windows, caps, abilities, prices and retirement dates;
genai-prices has prices for the providers that it leaves out (OpenRouter and a few more).

Only text in, text out: models for chat, completion and embedding.  What is not known is left out, never guessed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/dragoman/catalog/models.json"
TABLE = "litellm/model_prices_and_context_window_backup.json"
MODES = {"chat": "chat", "responses": "chat", "completion": "completion", "embedding": "embedding"}

# Their provider to our row; others have the same name in both, but for `_` and `-`.
# None: leads to no row of ours and never will (a subscription behind OAuth, no language model).
PROVIDERS = {
    "azure_text": None,
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "bigmodel": "zhipu",
    "chatgpt": None,
    "cohere_chat": "cohere",
    "fal_ai": None,
    "featherless_ai": "featherless",
    "fireworks_ai": "fireworks",
    "fireworks_ai-embedding-models": "fireworks",
    "friendliai": "friendli",
    "github_copilot": None,
    "gradient_ai": "digitalocean",
    "lambda_ai": "lambda",
    "meta_llama": "llama-api",
    "microsoft_365_copilot": None,
    "nvidia_nim": "nvidia",
    "qwen_ai_platform": "dashscope-cn",
    "qwencloud": "dashscope",
    "sample_spec": None,
    "text-completion-codestral": "codestral",
    "text-completion-inception": "inception",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "vertex",
    "vertex_ai-ai21_models": "vertex-openai",
    "vertex_ai-anthropic_models": "vertex-anthropic",
    "vertex_ai-deepseek_models": "vertex-openai",
    "vertex_ai-embedding-models": "vertex",
    "vertex_ai-language-models": "vertex",
    "vertex_ai-llama_models": "vertex-openai",
    "vertex_ai-minimax_models": "vertex-openai",
    "vertex_ai-mistral_models": "vertex-openai",
    "vertex_ai-moonshot_models": "vertex-openai",
    "vertex_ai-openai_models": "vertex-openai",
    "vertex_ai-qwen_models": "vertex-openai",
    "vertex_ai-text-models": None,
    "vertex_ai-zai_models": "vertex-openai",
}

# Those of a row that only its Responses API serves, where that is another row.
RESPONSES = {"perplexity": "perplexity-agent"}

# Their flag to our ability; both yes and no are kept.
ABILITIES = {
    "supports_function_calling": "tools",
    "supports_tool_choice": "tool_choice",
    "supports_forced_tool_use": "forced_tools",
    "supports_parallel_function_calling": "parallel_tools",
    "supports_vision": "images",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio",
    "supports_video_input": "video",
    "supports_audio_output": "audio_out",
    "supports_reasoning": "reasoning",
    "thinking_always_on": "reasoning_always",
    "supports_adaptive_thinking": "adaptive_reasoning",
    "supports_legacy_thinking": "budget_reasoning",
    "supports_response_schema": "json_schema",
    "supports_prompt_caching": "cache",
    "supports_assistant_prefill": "prefill",
    "supports_sampling_params": "sampling",
    "supports_system_messages": "system",
    "supports_mid_conversation_system": "later_system",
    "supports_web_search": "web_search",
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# Their price to ours, USD per token; what may follow in the name is `_above_200k_tokens` and a tier, in this order.
PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "cache_creation_input_token_cost_above_12hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_reasoning_token": "reasoning",
}
TIERS = {"batches": "batch", "flex": "flex", "priority": "priority", "ultrafast": "ultrafast", "fast": "fast"}
PRICE = re.compile(
    rf"({'|'.join(sorted(PRICES, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(?:_({'|'.join(TIERS)}))?\Z"
)


def million(price: float | str | Decimal) -> str:
    """USD per token to a decimal text of USD per million."""
    # Twelve digits: the table holds what float arithmetic left of decimal prices (0.9499999999999999).
    return format((Decimal(f"{float(price):.12g}") * 1_000_000).normalize(), "f")


def bands(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Prices of a row, by tier and by the length of the prompt above which they hold."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for name, value in row.items():
        match = PRICE.match(name)
        if match and isinstance(value, int | float):
            key = (TIERS.get(match[3] or "", ""), int(match[2] or 0) * 1000)
            found.setdefault(key, {})[PRICES[match[1]]] = million(value)
    made = []
    for (tier, above), prices in sorted(found.items()):
        made.append({**({"tier": tier} if tier else {}), **({"above": above} if above else {}), **prices})
    return made


def efforts(row: dict[str, Any]) -> list[str]:
    """Effort levels that a model takes; empty where the table does not say."""
    if row.get("reasoning_effort_levels"):
        return list(row["reasoning_effort_levels"])
    said = {level: row.get(f"supports_{level}_reasoning_effort") for level in EFFORTS}
    if all(value is None for value in said.values()):
        return []
    usual = {"low": True, "medium": True, "high": True}
    return [level for level in EFFORTS if said[level] or (said[level] is None and usual.get(level))]


def facts(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of a model, in our words; unknown fields are left out."""
    yes = sorted(ours for theirs, ours in ABILITIES.items() if row.get(theirs) is True)
    no = sorted(ours for theirs, ours in ABILITIES.items() if row.get(theirs) is False)
    endpoints = row.get("supported_endpoints") or []
    only_responses = row.get("mode") == "responses" or (
        "/v1/responses" in endpoints and "/v1/chat/completions" not in endpoints
    )
    known = {
        "kind": MODES[row["mode"]] if row["mode"] != "chat" else None,
        "context": _whole(row.get("max_input_tokens")),
        "max_output": _whole(row.get("max_output_tokens")) if row["mode"] != "embedding" else None,
        "dimensions": _whole(row.get("output_vector_size")),
        "retires": row.get("deprecation_date"),
        "efforts": efforts(row),
        "only_responses": only_responses or None,
        "yes": yes,
        "no": no,
        "prices": bands(row),
    }
    return {name: value for name, value in known.items() if value}


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None


def from_litellm(table: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield provider, model and facts."""
    for key, row in table.items():
        theirs = row.get("litellm_provider", "")
        ours = PROVIDERS.get(theirs, theirs.replace("_", "-"))
        if ours is None or row.get("mode") not in MODES or key == "sample_spec":
            continue
        prefixes = (f"{theirs}/", f"{theirs.split('-')[0]}/", f"{theirs.replace('_', '-')}/", f"{ours}/")
        name = key.split("/", 1)[1] if key.startswith(prefixes) else key
        if ours == "bedrock" and name.count("/") > 1:  # price rows of one region and commitment, not model names
            continue
        known = facts(row)
        if known.get("only_responses"):
            ours = RESPONSES.get(ours, ours)
        yield ours, name, known


def from_genai_prices(wheel: Path, wanted: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield provider, model and facts for providers that the first table lacks; read in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        code = _GENAI.format(folder=folder, wanted=sorted(wanted))
        rows = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    for theirs, model, context, prices in rows:
        band = {ours: prices[name] for name, ours in _GENAI_PRICES.items() if prices.get(name) is not None}
        known = {"context": context, "prices": [band] if band else None}
        yield wanted[theirs], model, {name: value for name, value in known.items() if value}


_GENAI_PRICES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
}
_GENAI = """
import json, sys
sys.path.insert(0, {folder!r})
from genai_prices.data import providers
from genai_prices.types import ModelPrice

def flat(value):
    return str(getattr(value, "base", value)) if value is not None else None

rows = []
for provider in providers:
    if provider.id in {wanted!r}:
        for model in provider.models:
            # Of prices with dates, the one that holds without any.
            prices = model.prices
            if not isinstance(prices, ModelPrice):
                prices = next((p.prices for p in prices if p.constraint is None), None)
            names = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
            named = {{name: flat(getattr(prices, name, None)) for name in names}}
            rows.append([provider.id, model.id, model.context_window, named])
print(json.dumps(rows))
"""
WANTED = {"openrouter": "openrouter", "arcee": "arcee", "avian": "avian", "doubleword": "doubleword"}


def main(litellm: Path, genai: Path) -> None:
    """Write the file."""
    with zipfile.ZipFile(litellm) as archive:
        table = json.loads(archive.read(TABLE))
    models: dict[str, dict[str, Any]] = {}
    for provider, name, known in from_litellm(table):
        models.setdefault(provider, {}).setdefault(name, known)
    for provider, name, known in from_genai_prices(genai, WANTED):
        models.setdefault(provider, {}).setdefault(name, known)
    ordered = {provider: dict(sorted(rows.items())) for provider, rows in sorted(models.items())}
    sources = [re.match(r"[^-]+-[^-]+", wheel.name)[0] for wheel in (litellm, genai)]  # type: ignore[index]
    lines = [json.dumps({"sources": sources}, separators=(",", ":"))[:-1]]
    for provider, rows in ordered.items():
        lines.append(f",{json.dumps(provider)}:{json.dumps(rows, separators=(',', ':'))}")
    TARGET.write_text("\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{sum(map(len, ordered.values()))} models of {len(ordered)} providers, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
