"""Sentences in English."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "ask.no_block": "dragoman: the answer has no code block",
    "ask.ended.length": "· the answer was cut at the output limit (more: -o max_tokens=N)",
    "ask.no_model_asked": "no model was asked",
    "ask.free": "free",
    "ask.cost_unknown": "cost not known",
    "schema.fits": "✓ {count} satisfy the schema",
    "schema.no_line": "· no short form: {why}",
    "config.stranger": "· {path}: nobody reads {name}",
    "config.empty": "· nothing is configured: dragoman config set model provider/model",
    "config.unset": "· {key} is not set",
    "config.written": "✓ {key} is set in {path}",
    "config.removed": "✓ {key} is removed from {path}",
    "env.no_key": "· no key for {provider}: dragoman keys set {provider}",
    "template.kept": "✓ {path}",
    "template.removed": "✓ removed {path}",
    "template.yours": "yours",
}
