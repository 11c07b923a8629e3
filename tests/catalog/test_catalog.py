"""The table of providers, and the way from a reference to its row."""

from __future__ import annotations

import msgspec
import pytest

from dragoman import catalog, wire
from dragoman.errors import ConfigError, UnknownModelError, UnknownProviderError
from dragoman.types.providers import Provider

ROWS = catalog.builtin()


@pytest.mark.parametrize("name", ROWS)
def test_every_row_speaks_a_wire_that_exists_and_needs_a_key_or_says_why_not(name: str) -> None:
    """A row names a known dialect, and has key variables unless it needs no key."""
    row = ROWS[name]

    assert name == row.name
    assert row.wire in wire.names()
    assert row.key_variables or row.auth == "none"
    assert not row.base_url.endswith("/")


def test_no_alias_is_a_name_or_another_rows_alias() -> None:
    """Every name leads to one row only."""
    aliases = [alias for row in ROWS.values() for alias in row.aliases]

    assert len(aliases) == len(set(aliases))
    assert set() == set(aliases) & set(ROWS)


def test_only_servers_of_ones_own_and_the_simulator_work_without_a_key() -> None:
    """A row without an obligatory key stays on this machine."""
    free = {row.base_url for row in ROWS.values() if row.quirks.key_optional}

    assert all(url.startswith(("http://127.0.0.1:", "sim://", "local://")) for url in free)


def test_every_remote_address_is_encrypted() -> None:
    """A key never travels in the clear by default."""
    assert all(row.base_url.startswith("https://") for row in ROWS.values() if not row.quirks.key_optional)


def test_the_callers_copy_is_the_callers_own() -> None:
    """Changing what builtin() returned changes nothing for others."""
    mine = catalog.builtin()
    mine.clear()

    assert catalog.builtin() == ROWS


def test_a_row_with_a_wrong_field_is_refused() -> None:
    """A table that does not fit the fields of a provider does not load."""
    with pytest.raises(msgspec.ValidationError, match="base_url"):
        catalog.read_rows("[acme]\nbase_url = 1")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        pytest.param("openai/gpt-6-luna", ("openai", "gpt-6-luna"), id="slash"),
        pytest.param("openai:gpt-6-luna", ("openai", "gpt-6-luna"), id="colon"),
        pytest.param("ollama/gemma3:4b", ("ollama", "gemma3:4b"), id="colon-in-the-model"),
        pytest.param("ollama:gemma3:4b", ("ollama", "gemma3:4b"), id="colon-twice"),
        pytest.param("openrouter/deepseek/deepseek-v4:free", ("openrouter", "deepseek/deepseek-v4:free"), id="maker"),
        pytest.param("openrouter:deepseek/deepseek-v4:free", ("openrouter", "deepseek/deepseek-v4:free"), id="both"),
        pytest.param("fireworks/accounts/fireworks/models/x", ("fireworks", "accounts/fireworks/models/x"), id="path"),
        pytest.param("ollama/hf.co/unsloth/Qwen3:Q4", ("ollama", "hf.co/unsloth/Qwen3:Q4"), id="registry"),
        pytest.param("google/gemini-3.8-flash", ("gemini", "gemini-3.8-flash"), id="alias"),
        pytest.param("qwen:qwen3.8-max", ("dashscope", "qwen3.8-max"), id="alias-colon"),
        pytest.param("hf/openai/gpt-oss-120b", ("huggingface", "openai/gpt-oss-120b"), id="alias-maker"),
        pytest.param(" OpenAI/gpt-6-luna ", ("openai", "gpt-6-luna"), id="case-and-space"),
        pytest.param("sim/flaky?429=0.2", ("sim", "flaky?429=0.2"), id="simulator"),
        pytest.param("sim/script:talks/a.yaml", ("sim", "script:talks/a.yaml"), id="simulator-file"),
    ],
)
def test_a_reference_is_split_only_at_a_known_provider(ref: str, expected: tuple[str, str]) -> None:
    """The first slash or colon splits, if a provider stands before it; the rest is the model's name."""
    assert expected == catalog.parse_model(ref, ROWS)


@pytest.mark.parametrize(
    ("ref", "error", "says"),
    [
        pytest.param("llama3.1:8b", UnknownModelError, "ollama/llama3.1:8b or openrouter/llama3.1:8b", id="bare-tag"),
        pytest.param("gpt-6-luna", UnknownModelError, "openai/gpt-6-luna", id="bare-openai"),
        pytest.param("claude-opus-5", UnknownModelError, "anthropic/claude-opus-5", id="bare-anthropic"),
        pytest.param("deepseek-v4:free", UnknownModelError, "deepseek/deepseek-v4:free", id="bare-deepseek"),
        pytest.param("opnai/gpt-6", UnknownProviderError, "did you mean openai/gpt-6?", id="slip"),
        pytest.param("opnai:gpt-6", UnknownModelError, "openai/gpt-6", id="slip-colon"),
        pytest.param("antropic/claude-opus-5", UnknownProviderError, "anthropic/claude-opus-5", id="slip-2"),
        pytest.param("meta-llama/x", UnknownProviderError, "openrouter/meta-llama/x", id="maker-without-server"),
        pytest.param("acme/x", UnknownProviderError, "there are openai, anthropic, ", id="nothing-near"),
        pytest.param("openai/", UnknownModelError, "names no model", id="no-model"),
        pytest.param("openai", UnknownModelError, "names no model", id="provider-only"),
        pytest.param("/gpt-6", UnknownProviderError, "no provider is called ''", id="no-provider"),
        pytest.param("  ", UnknownModelError, "empty", id="empty"),
        pytest.param(None, ConfigError, "NoneType", id="not-a-text"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_to_write(ref: str, error: type[ConfigError], says: str) -> None:
    """The error has the class that the contract names, points at `model`, and shows near matches."""
    with pytest.raises(error) as caught:
        catalog.parse_model(ref, ROWS)

    assert error is type(caught.value)
    assert says in str(caught.value)
    assert caught.value.field == "model"


def test_names_alone_are_enough() -> None:
    """Whoever has only names can still split."""
    assert catalog.parse_model("acme/a/b:c", {"acme"}) == ("acme", "a/b:c")
    with pytest.raises(UnknownModelError, match="there are acme"):
        catalog.parse_model("x:y", {"acme"})


def test_a_name_wins_over_an_alias() -> None:
    """A provider that someone adds under a name that was an alias is the one that is meant."""
    rows = ROWS | {"google": Provider(name="google", base_url="https://models.example/v1")}

    assert catalog.parse_model("google/x", rows) == ("google", "x")


@pytest.mark.parametrize("name", ["openai", "OpenAI", " openai "])
def test_a_provider_is_found_by_any_of_its_names(name: str) -> None:
    """Case and space around it do not matter; an alias leads to the row."""
    assert "openai" == catalog.parse_provider(name, ROWS)
    assert "anthropic" == catalog.parse_provider("claude", ROWS)


def test_a_provider_that_is_none_has_near_matches() -> None:
    """A slip is named, and what is no text is refused."""
    with pytest.raises(UnknownProviderError, match="did you mean openai"):
        catalog.parse_provider("opnai", ROWS)
    with pytest.raises(ConfigError, match="give the name"):
        catalog.parse_provider(3, ROWS)  # type: ignore[arg-type]
