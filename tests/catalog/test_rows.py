"""Every row of the catalogue, held to what a row must be; and that a new one needs nothing else."""

from __future__ import annotations

import re
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec
import pytest

from dragoman import AsyncClient, ChatRequest, Client, Message, catalog, wire
from dragoman.catalog.models import known_models, sections
from dragoman.errors import ConfigError
from dragoman.routes import Routes
from dragoman.secrets import address_variables
from dragoman.testing import Server, says
from dragoman.types.providers import placeholders

ROWS = catalog.builtin()
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*\Z")

# Sections of `models.json` that no row leads to, and why.
WITHOUT_A_ROW = {
    "anyscale": "was shut down",
    "gigachat": "its keys are exchanged for tokens of half an hour",
    "nlp-cloud": "a dialect of its own",
    "oci": "signs requests in a way of its own",
    "replicate": "a dialect of its own",
    "sagemaker": "endpoints of one's own, without a dialect",
    "sarvam": "its key travels in two headers",
    "scaledown": "no chat",
    "watsonx": "its keys are exchanged for tokens, and a project travels in the body",
}


def tables() -> list[tuple[str, str]]:
    """Name and head line of each table, as the files have them."""
    folder = files("dragoman.catalog").joinpath("providers")
    lines = [line for kind in catalog.FILES for line in folder.joinpath(f"{kind}.toml").read_text("utf-8").splitlines()]
    return [(line[1 : line.index("]")], line) for line in lines if line.startswith("[")]


def test_there_are_more_than_a_hundred() -> None:
    """The catalogue is broad, and no table is read twice."""
    assert 150 <= len(ROWS)
    assert [name for name, _ in tables()] == list(ROWS)


@pytest.mark.parametrize(("name", "line"), tables(), ids=lambda value: value if "[" not in value else "")
def test_every_row_says_what_was_read_for_it(name: str, line: str) -> None:
    """A row without a source is a guess."""
    assert len(line.partition("#")[2].strip()) >= len("recordings"), name


@pytest.mark.parametrize("name", ROWS)
def test_every_row_can_work(name: str) -> None:
    """Its dialects exist, its address parses, and its variables are names that a shell can set."""
    row = ROWS[name]
    example = row.base_url
    for part in placeholders(example):
        example = example.replace(f"{{{part}}}", "part")
    parts = urlsplit(example)

    assert set() == {row.wire, *row.also} - set(wire.names())
    assert parts.hostname
    assert parts.port is None or 0 < parts.port < 65536
    assert ("", "", None) == (parts.query, parts.fragment, parts.username)
    assert all(VARIABLE.match(variable) for variable in (*row.key_variables, *address_variables(row)))
    assert row.display


def test_rows_and_facts_line_up() -> None:
    """Facts about models are found by the name of the row; those that no row leads to are listed, with the reason."""
    assert set(WITHOUT_A_ROW) == set(sections()) - set(ROWS)


@pytest.mark.parametrize(
    ("name", "address", "model", "url"),
    [
        pytest.param(
            "azure-deployments",
            {"resource": "mine"},
            "gpt-6-luna",
            "https://mine.openai.azure.com/openai/deployments/gpt-6-luna/chat/completions?api-version=2024-12-01-preview",
            id="azure-deployments",
        ),
        pytest.param(
            "azure-ai",
            {"resource": "mine"},
            "phi-4",
            "https://mine.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            id="azure-ai",
        ),
        pytest.param(
            "anthropic-foundry",
            {"resource": "mine"},
            "claude-opus-5-5",
            "https://mine.services.ai.azure.com/anthropic/v1/messages",
            id="foundry",
        ),
        pytest.param(
            "cloudflare",
            {"account_id": "abc"},
            "@cf/openai/gpt-oss-120b",
            "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1/chat/completions",
            id="cloudflare",
        ),
        pytest.param(
            "snowflake",
            {"account": "myorg-me"},
            "llama3.1-8b",
            "https://myorg-me.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
            id="snowflake",
        ),
        pytest.param(
            "databricks",
            {"workspace": "dbc-1"},
            "databricks-gpt-oss-120b",
            "https://dbc-1.cloud.databricks.com/serving-endpoints/chat/completions",
            id="databricks",
        ),
        pytest.param(
            "bedrock-mantle",
            {"region": "us-east-1"},
            "openai.gpt-oss-120b",
            "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions",
            id="bedrock-mantle",
        ),
        pytest.param(
            "vertex",
            {"project": "p", "location": "europe-west4"},
            "gemini-3.8-flash",
            "https://europe-west4-aiplatform.googleapis.com/v1beta1/projects/p/locations/europe-west4"
            "/publishers/google/models/gemini-3.8-flash:generateContent",
            id="vertex",
        ),
        pytest.param(
            "vertex-openai",
            {"project": "p", "location": "global"},
            "zai-org/glm-5-maas",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi/chat/completions",
            id="vertex-openai",
        ),
        pytest.param(
            "datarobot", {}, "m", "https://app.datarobot.com/api/v2/genai/llmgw/chat/completions/", id="datarobot"
        ),
        pytest.param(
            "perplexity-agent", {}, "openai/gpt-6-sol", "https://api.perplexity.ai/v1/responses", id="perplexity-agent"
        ),
        pytest.param("kimi-coding", {}, "kimi-k3", "https://api.kimi.com/coding/v1/messages", id="kimi-coding"),
    ],
)
def test_addresses_with_parts_of_ones_own(name: str, address: dict[str, str], model: str, url: str) -> None:
    """Clouds' addresses and paths come out as their own tools and recordings have them."""
    client = Client(providers={name: {"api_key": "a-key-for-tests", "address": address}})

    assert url == client.prepare(f"{name}/{model}", "Hi").url


def test_a_part_of_an_address_is_in_the_providers_own_variable() -> None:
    """`{account}` of `snowflake` is `SNOWFLAKE_ACCOUNT`: no code names it."""
    routes = Routes(environ={"SNOWFLAKE_ACCOUNT": "myorg-me", "CLOUDFLARE_ACCOUNT_ID": "abc"})

    assert "https://myorg-me.snowflakecomputing.com/api/v2/cortex/v1" == routes.provider("snowflake").base_url
    assert routes.provider("cloudflare").base_url.endswith("/accounts/abc/ai/v1")
    with pytest.raises(ConfigError, match=r"set DATABRICKS_WORKSPACE or .*DATABRICKS_HOST"):
        routes.provider("databricks")


def test_a_new_row_is_data_only(server: Server) -> None:
    """Text of five lines makes a provider that answers, on the wire as the row says."""
    text = f"""
        [acme]                                  # this test
        base_url = "{server.base_url("openai-chat")}"
        key_env = "ACME_KEY"
        auth = "api-key"
        quirks = {{ max_tokens_field = "max_completion_tokens", system_role = "system", stream_usage = false }}
    """
    server.script(says("Hello."))
    routes = {name: msgspec.structs.asdict(row) | {"api_key": "k-123"} for name, row in catalog.read_rows(text).items()}

    with Client(providers=routes) as client:
        answer = client.chat("acme/m", [Message("developer", "Be short."), Message.user("Hi")], max_tokens=5)

    (request,) = server.requests
    assert ("Hello.", "acme") == (answer.text, answer.provider)
    assert "k-123" == request.headers["api-key"]
    assert (5, "system") == (request.json["max_completion_tokens"], request.json["messages"][0]["role"])


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.wire == "openai-chat"])
def test_every_compatible_row_sends_what_its_server_can_read(name: str) -> None:
    """The server half reads back what each row's client half writes: cap, instructions and model."""
    parts = dict.fromkeys(placeholders(ROWS[name].base_url), "part")
    client = AsyncClient(providers={name: {"api_key": "a-key-for-tests", "address": parts}})
    turns = (Message.system("Be short."), Message.user("Hi"))

    sent = client.prepare_request(ChatRequest(f"{name}/some/model", turns, max_tokens=7))
    read = wire.get("openai-chat").decode_request(sent.body or b"", path=urlsplit(sent.url).path)

    assert ("some/model", 7, ["system", "user"]) == (read.model, read.max_tokens, [turn.role for turn in read.messages])


def test_other_doors_of_a_provider_lead_to_the_same_facts() -> None:
    """Azure's deployments are Azure's models; another site of a maker has its facts, and prices of its own."""
    from dragoman.catalog.models import find_model

    moonshot, china = find_model("moonshot", "kimi-k3"), find_model("moonshot-cn", "kimi-k3")
    assert known_models("azure") == known_models("azure-deployments")
    assert moonshot is not None
    assert china is not None
    assert moonshot.prices
    assert (moonshot.context, ()) == (china.context, china.prices)
