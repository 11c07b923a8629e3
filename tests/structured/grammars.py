"""
A real llama.cpp server that writes at random whatever the grammar of a schema allows, and ten types to ask it for.

The model has a token for each byte, and all that the grammar allows are alike to it, but for those that begin the
call of the answer's tool, which it likes to begin with.  Texts and lists of the types are bounded, because chance alone
seldom ends them.
"""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec

from dragoman import Client, OneOf, Regex
from dragoman.structured.reading import ANSWER
from tests.llamacpp.model import write_model

SERVE: Final = Path(__file__).parents[1] / "llamacpp" / "serve.py"

Short = Annotated[str, msgspec.Meta(max_length=8)]


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Item(msgspec.Struct):
    name: Short
    count: Annotated[int, msgspec.Meta(ge=0, le=99)]
    colour: Colour | None = None


class Order(msgspec.Struct):
    id: UUID
    items: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=2)]
    paid: bool = False


class Cat(msgspec.Struct, tag=True):
    lives: Annotated[int, msgspec.Meta(ge=1, le=9)]


class Dog(msgspec.Struct, tag=True):
    name: Short


class Point(NamedTuple):
    x: Annotated[int, msgspec.Meta(ge=-9, le=9)]
    y: Annotated[int, msgspec.Meta(ge=-9, le=9)]


class Address(TypedDict, total=False):
    street: Short
    number: Annotated[int, msgspec.Meta(ge=1, le=999)]


TYPES: Final[dict[str, Any]] = {
    "struct": Item,
    "nested": Order,
    "tagged union": Cat | Dog,
    "named tuple": Point,
    "typed dict": Address,
    "literal": Literal["yes", "no", "maybe"],
    "regex": Regex("[A-Z]{3}-[0-9]{2,4}"),
    "one of": OneOf(1, 2, 3),
    "list of booleans": Annotated[list[bool], msgspec.Meta(min_length=2, max_length=4)],
    "schema": {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "note": {"type": ["string", "null"], "maxLength": 5}},
        "required": ["ok", "note"],
        "additionalProperties": False,
    },
}
_SCHEMAS: Final = {"anthropic-messages": "tool"}
_CALL: Final = ("<tool_call>", "\n", '{"name":', f'▁"{ANSWER}",', '▁"arguments":')
WIRES: Final = ("openai-chat", "openai-responses", "anthropic-messages")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Root address of the server."""
    write_model(folder / "random.gguf", answer=_CALL, context=4096)
    command = [sys.executable, str(SERVE), str(folder / "random.gguf"), "4096"]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        if not found.startswith("http://127.0.0.1:"):
            process.kill()
            raise RuntimeError(f"llama.cpp did not start: {(folder / 'server.log').read_text()[-2000:]}")
        try:
            yield found
        finally:
            process.kill()


def client_of(address: str) -> Client:
    """A client for which each wire of the server is a provider."""
    bases = {"openai-chat": f"{address}/v1", "openai-responses": f"{address}/v1", "anthropic-messages": address}
    rows = {
        # llama.cpp's Messages API knows no schemas for answers, but those of tools.
        name: {"base_url": base, "auth": "none", "wire": name, "quirks": {"schemas": _SCHEMAS.get(name, "grammar")}}
        for name, base in bases.items()
    }
    return Client(providers=rows, limit=None, retry=None)


def ask(client: Client, wire: str, kind: Any, seed: int) -> Any:
    """One value, written at random; only one answer is allowed."""
    return client.parse(
        f"{wire}/random", "Answer.", output=kind, attempts=1, temperature=0.25, seed=seed, max_tokens=1500
    ).output
