"""Keys and base URLs in environment variables."""

from __future__ import annotations

import pytest

from dragoman import catalog
from dragoman.errors import ConfigError
from dragoman.secrets import find_base_url, find_key, found_in, key_variables
from dragoman.types.providers import Provider

ROWS = catalog.builtin()
ACME = Provider(name="acme-ai.v2", base_url="https://llm.acme.example/v1")


def test_the_first_variable_that_is_set_holds_the_key() -> None:
    """Several variables are tried in the row's order; an empty one counts as unset."""
    environ = {"GEMINI_API_KEY": "", "GOOGLE_API_KEY": "key-of-google"}

    assert found_in(ROWS["gemini"], environ) == "GOOGLE_API_KEY"
    key = find_key(ROWS["gemini"], environ)
    assert key is not None
    assert key.reveal() == "key-of-google"


def test_no_variable_no_key() -> None:
    """Another provider's key is nobody else's."""
    assert find_key(ROWS["openai"], {"ANTHROPIC_API_KEY": "x", "OPENAI_API_KEY": ""}) is None


def test_a_row_without_variables_has_one_by_its_name() -> None:
    """A provider that a user adds is looked up under its own name; one without authentication is not looked up."""
    assert key_variables(ACME) == ("ACME_AI_V2_API_KEY",)
    assert key_variables(ROWS["sim"]) == ()


def test_a_damaged_key_names_its_variable() -> None:
    """A newline from a pasted key is found where it stands."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY has a line break at its end") as caught:
        find_key(ROWS["openai"], {"OPENAI_API_KEY": "sk-of-no-one\n"})
    assert "sk-of-no-one" not in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "environ", "expected"),
    [
        pytest.param("openai", {}, "https://api.openai.com/v1", id="row"),
        pytest.param("openai", {"OPENAI_BASE_URL": ""}, "https://api.openai.com/v1", id="empty"),
        pytest.param("openai", {"OPENAI_BASE_URL": "http://gw:8787/v1/"}, "http://gw:8787/v1", id="base-url"),
        pytest.param("openai", {"OPENAI_BASE_URL": "http://gw:8787"}, "http://gw:8787", id="as-it-stands"),
        pytest.param("openai", {"OPENAI_API_BASE": "http://old/v1"}, "http://old/v1", id="api-base"),
        pytest.param(
            "openai",
            {"OPENAI_API_BASE": "http://old/v1", "OPENAI_BASE_URL": "http://new/v1"},
            "http://new/v1",
            id="wins",
        ),
        pytest.param("groq", {"GROQ_BASE_URL": "https://g.example/v1"}, "https://g.example/v1", id="any-provider"),
        pytest.param("dashscope-cn", {"DASHSCOPE_CN_BASE_URL": "https://d/v1"}, "https://d/v1", id="dashed-name"),
        pytest.param("anthropic", {"ANTHROPIC_BASE_URL": "https://a.example"}, "https://a.example", id="anthropic"),
        pytest.param("gemini", {"GOOGLE_GEMINI_BASE_URL": "https://g.example"}, "https://g.example", id="gemini"),
        pytest.param(
            "gemini-openai",
            {"GOOGLE_GEMINI_BASE_URL": "https://g.example"},
            "https://g.example/v1beta/openai",
            id="gemini-bare-host",
        ),
        pytest.param(
            "azure",
            {"AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com/"},
            "https://res.openai.azure.com/openai/v1",
            id="azure",
        ),
        pytest.param(
            "azure",
            {"AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com/openai"},
            "https://res.openai.azure.com/openai/v1",
            id="azure-part-of-the-path",
        ),
        pytest.param("lmstudio", {"LM_STUDIO_API_BASE": "http://box:1234/v1"}, "http://box:1234/v1", id="lm-studio"),
        pytest.param("ollama", {"OLLAMA_BASE_URL": "http://box:1"}, "http://box:1/v1", id="ollama-base-url"),
        pytest.param(
            "ollama",
            {"OLLAMA_BASE_URL": "http://a:1/v1", "OLLAMA_HOST": "b"},
            "http://a:1/v1",
            id="own-url-wins",
        ),
    ],
)
def test_a_base_url_comes_from_its_variable(provider: str, environ: dict[str, str], expected: str) -> None:
    """*_BASE_URL wins over *_API_BASE, which wins over the row; a variable for a bare host gets the row's path."""
    assert expected == find_base_url(ROWS[provider], environ)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("box", "http://box:11434/v1", id="host"),
        pytest.param("box:8000", "http://box:8000/v1", id="host-port"),
        pytest.param(":8000", "http://127.0.0.1:8000/v1", id="port"),
        pytest.param("0.0.0.0", "http://127.0.0.1:11434/v1", id="anywhere"),
        pytest.param("0.0.0.0:8000", "http://127.0.0.1:8000/v1", id="anywhere-port"),
        pytest.param("http://0.0.0.0:8000", "http://127.0.0.1:8000/v1", id="anywhere-url"),
        pytest.param("[::]:8000", "http://[::1]:8000/v1", id="anywhere-v6"),
        pytest.param("::1", "http://[::1]:11434/v1", id="v6"),
        pytest.param("[::1]", "http://[::1]:11434/v1", id="v6-brackets"),
        pytest.param("http://box", "http://box/v1", id="scheme-brings-its-port"),
        pytest.param("http://box:11434/", "http://box:11434/v1", id="url"),
        pytest.param("https://box.example/ollama", "https://box.example/ollama/v1", id="prefix"),
        pytest.param("http://box:11434/v1", "http://box:11434/v1", id="whole-base-url"),
        pytest.param("https://box.example/ollama/v1", "https://box.example/ollama/v1", id="whole-with-prefix"),
        pytest.param(" box ", "http://box:11434/v1", id="spaces"),
    ],
)
def test_ollama_host_is_read_in_all_its_forms(host: str, expected: str) -> None:
    """OLLAMA_HOST means what it means to ollama itself; an address to listen at is this machine."""
    assert expected == find_base_url(ROWS["ollama"], {"OLLAMA_HOST": host})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param("gw.example/v1", "does not begin with http", id="no-scheme"),
        pytest.param("ftp://gw.example", "does not begin with http", id="other-scheme"),
        pytest.param("http://", "does not begin with http", id="no-host"),
        pytest.param("http://gw:99999/v1", "is no address", id="port"),
        pytest.param("http://[::1", "is no address", id="bracket"),
        pytest.param("http://me:passw0rd@gw/v1", "credentials travel only in headers", id="password"),
        pytest.param("http://gw/v1?key=passw0rd", "query", id="query"),
        pytest.param("http://g w/v1", "spaces", id="space"),
        pytest.param("http://gw/v1\r\nx: y", "line breaks", id="line-break"),
    ],
)
def test_an_unusable_address_is_refused(value: str, says: str) -> None:
    """The error names the variable and shows an example, not the value, which may hold a password."""
    with pytest.raises(ConfigError) as caught:
        find_base_url(ROWS["openai"], {"OPENAI_BASE_URL": value})

    assert says in str(caught.value)
    assert "https://api.openai.com/v1" in str(caught.value)
    assert caught.value.field == "OPENAI_BASE_URL"
    assert "passw0rd" not in str(caught.value)


def test_a_bad_host_variable_is_refused_too() -> None:
    """OLLAMA_HOST with a port that is none is an error, not another server."""
    with pytest.raises(ConfigError, match="OLLAMA_HOST is no address"):
        find_base_url(ROWS["ollama"], {"OLLAMA_HOST": "box:port"})


def test_azure_without_an_address_says_which_variable_to_set() -> None:
    """There is no Azure OpenAI for everybody: the resource must be named."""
    with pytest.raises(ConfigError, match="AZURE_OPENAI_ENDPOINT") as caught:
        find_base_url(ROWS["azure"], {"AZURE_OPENAI_API_KEY": "k"})
    assert caught.value.field == "base_url"
