"""Addresses that have parts of one's own: a region, a project, a location."""

from __future__ import annotations

import pytest

from dragoman import catalog
from dragoman.errors import ConfigError
from dragoman.routes import Routes
from dragoman.secrets import find_address, find_base_url
from dragoman.types.providers import Provider

ROWS = catalog.builtin()


@pytest.mark.parametrize(
    ("name", "environ", "expected"),
    [
        ("bedrock", {"AWS_REGION": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock", {"AWS_DEFAULT_REGION": "us-east-2"}, "https://bedrock-runtime.us-east-2.amazonaws.com"),
        ("bedrock", {"AWS_REGION": "a", "AWS_BEDROCK_BASE_URL": "https://x.example"}, "https://x.example"),
        ("bedrock-anthropic", {"ANTHROPIC_BEDROCK_BASE_URL": "https://x.example"}, "https://x.example"),
        ("vertex-anthropic", {}, "https://aiplatform.googleapis.com/v1"),
        (
            "vertex-anthropic",
            {"GOOGLE_CLOUD_LOCATION": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1",
        ),
        ("vertex-anthropic", {"CLOUD_ML_REGION": "eu"}, "https://aiplatform.eu.rep.googleapis.com/v1"),
        (
            "azure-entra",
            {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"},
            "https://r.openai.azure.com/openai/v1",
        ),
    ],
)
def test_parts_come_from_the_environment(name: str, environ: dict[str, str], expected: str) -> None:
    """The vendors' own variables fill the row's address; a whole address outranks them."""
    assert expected == find_base_url(ROWS[name], environ)


def test_the_callers_part_outranks_the_environments() -> None:
    """A row may name its region itself, beside or in place of a variable."""
    routes = Routes({"bedrock": {"address": {"region": "eu-west-1"}}}, {"AWS_REGION": "us-east-1"})

    assert "https://bedrock-runtime.eu-west-1.amazonaws.com" == routes.provider("bedrock").base_url


def test_an_address_of_ones_own_has_parts_too() -> None:
    """Names in a base URL that the caller gave are filled as well."""
    routes = Routes({"mine": {"base_url": "https://{region}.example"}}, {"AWS_REGION": "eu-west-1"})

    assert "https://eu-west-1.example" == routes.provider("mine").base_url


def test_a_missing_part_names_its_variables() -> None:
    """The error says what to set."""
    with pytest.raises(ConfigError, match="AWS_REGION or AWS_DEFAULT_REGION") as caught:
        find_base_url(ROWS["bedrock"], {})

    assert "base_url" == caught.value.field


@pytest.mark.parametrize("value", ["evil.example/", "a@b", "", "-x", "a b", "x?y", "x#y"])
def test_a_part_cannot_change_the_host(value: str) -> None:
    """A value that could lead a credential elsewhere is refused, and its place is named."""
    row = Provider(name="b", base_url="https://{region}.example", address={"region": value})

    with pytest.raises(ConfigError) as caught:
        find_address(row, {})

    assert "address.region" == caught.value.field
