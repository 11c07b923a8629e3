"""What all kits share: prompts that can be edited, one coroutine with two faces."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client, ConfigError, kits
from dragoman.kits.faces import AnyClient, asker, awaited, blocking
from dragoman.kits.findings import Finding, KitResult
from dragoman.kits.prompts import fill


async def shout(text: str, *, client: AnyClient = None) -> str:
    """A kit: asks the model, and says it louder."""
    answer = await asker(client).chat("sim/echo", text)
    return answer.text.upper()


def test_one_coroutine_serves_both_faces():
    """It is called, or awaited; with a client or without; also inside of a running loop."""

    async def inside() -> list[str]:
        async with AsyncClient() as client:
            return [await awaited(shout)("one", client=client), await awaited(shout)("two"), blocking(shout)("three")]

    with Client() as client:
        assert "HELLO" == blocking(shout)("hello", client=client)
    assert "HELLO" == blocking(shout)("hello")
    assert ["ONE", "TWO", "THREE"] == asyncio.run(inside())


@pytest.mark.parametrize("client", [7, "x", AsyncClient])
def test_client_that_is_none_is_refused(client: Any):
    """What is no client is an error that names the argument."""
    with pytest.raises(ConfigError) as caught:
        blocking(shout)("hello", client=client)
    assert "client" == caught.value.field


def test_error_of_a_kit_comes_out():
    """What the model's client raises is raised where the kit was called."""

    async def fails(*, client: AnyClient = None) -> str:
        return (await asker(client).chat("nobody/nothing", "x")).text

    with pytest.raises(ConfigError):
        blocking(fails)()


def test_places_are_filled_once():
    """What is put into a place is not read as a template; braces are doubled; a place without a value is an error."""
    assert "Say {b} and {x}." == fill("Say {a} and {{x}}.", {"a": "{b}", "b": "never"})
    for wrong in ("{a}", "{", "}", "{ a }", "{a.b}", "{0}"):
        with pytest.raises(ConfigError):
            fill(wrong, {"b": ""})


def test_result_is_ok_without_errors():
    """A warning leaves a result usable, an error does not."""
    warning = Finding(check="length", message="long", severity="warning")
    error = Finding(check="number", message="42 is missing", where="line 3")

    assert KitResult(text="x").ok
    assert KitResult(text="x", findings=(warning,)).ok
    assert not KitResult(text="x", findings=(warning, error)).ok
    assert "line 3: 42 is missing [number]" == str(error)


def test_prompts_folder_must_be_there(tmp_path: Path):
    """A folder that is not there is named."""
    from dragoman.kits.prompts import Prompts

    with pytest.raises(ConfigError):
        Prompts("translation", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(lambda: kits.translate("x", to="de", model="sim/echo", style=3), "style", id="style"),
        pytest.param(lambda: kits.translate("x", to="de", model="sim/echo", skip=3), "skip", id="skip"),
        pytest.param(lambda: kits.translate("x", to="de", model="sim/echo", prompts=3), "prompts", id="prompts"),
        pytest.param(lambda: kits.translate("x", to="de", model="sim/echo", settings=3), "settings", id="settings"),
        pytest.param(lambda: kits.polish("x", model="sim/echo", tone=3), "tone", id="tone"),
        pytest.param(lambda: kits.mail("x", model="sim/echo", points=[3]), "points", id="points"),
        pytest.param(lambda: kits.mail("x", model="sim/echo", points=3), "points", id="one-point"),
        pytest.param(lambda: kits.mail("x", model="sim/echo", tolerance="x"), "tolerance", id="tolerance"),
        pytest.param(lambda: kits.mail("x", model="sim/echo", language=3), "language", id="language"),
        pytest.param(lambda: kits.report("x", model="sim/echo", sources=3), "sources", id="sources"),
        pytest.param(lambda: kits.report("x", model="sim/echo", sources={"a": 3}), "sources", id="source"),
        pytest.param(lambda: kits.report("x", model="sim/echo", outline=[3]), "outline", id="outline"),
        pytest.param(lambda: kits.code("x", language="python", model="sim/echo", files=3), "files", id="files"),
        pytest.param(lambda: kits.Support(model="sim/echo", knowledge=None, languages=3), "languages", id="languages"),
        pytest.param(lambda: kits.Support(model="sim/echo", knowledge=None).open("t", names=[3]), "names", id="names"),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(call: Any, field: str):
    """No TypeError from somewhere inside: the error says which argument it is."""
    with pytest.raises(ConfigError) as caught:
        call()

    assert field == caught.value.field
