"""A real llama.cpp server that writes at random what the grammar allows: every answer is a value of its type."""

from __future__ import annotations

import pytest

from dragoman import Client
from tests.structured.grammars import TYPES, WIRES, ask, client_of, served


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(tmp_path_factory.mktemp("grammar")) as address, client_of(address) as made:
        yield made


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", TYPES)
def test_what_a_grammar_allows_is_a_value(client: Client, wire: str, name: str) -> None:
    """Two random answers of each of ten types, through each dialect of the server, without a second attempt."""
    for seed in (1, 2):
        ask(client, wire, TYPES[name], seed)
