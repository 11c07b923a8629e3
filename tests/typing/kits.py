"""Both faces of a kit take what its coroutine takes, and give its result; one is awaited."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from dragoman import AsyncClient, Client, Fallback, kits
from dragoman.kits import (
    CodeResult,
    MailResult,
    PolishResult,
    ReportResult,
    RewriteEstimate,
    Simulation,
    SupportReply,
    TranslateResult,
    aio,
)


def blocking(client: Client) -> None:
    """Arguments, defaults and results are those of the coroutines."""
    translated = kits.translate(Path("a.md"), to="German", model="openai/m", parallel=2, client=client)
    assert_type(translated, TranslateResult)
    assert_type(kits.estimate_translation("text", to="German", model="openai/m"), RewriteEstimate)
    assert_type(kits.polish("text", model="openai/m", level="strong", max_cost="0.5"), PolishResult)
    assert_type(kits.estimate_polishing("text", model="openai/m"), RewriteEstimate)
    assert_type(kits.mail("Say thanks", model=Fallback("openai/m", "anthropic/m"), format="text"), MailResult)
    assert_type(kits.report("Of bees", model="openai/m", sources={"a": "text"}), ReportResult)
    assert_type(kits.code("Add", model="openai/m", files={"a.py": ""}, dry_run=True), CodeResult)
    with kits.Support(model="openai/m", client=client) as desk:
        assert_type(desk.open("1").reply("Hello"), SupportReply)
        assert_type(desk.simulate("angry.toml"), Simulation)


async def asynchronous(client: AsyncClient) -> None:
    """The same words, awaited."""
    assert_type(await aio.translate("text", to="German", model="openai/m", client=client), TranslateResult)
    assert_type(await aio.estimate_translation("text", to="German", model="openai/m"), RewriteEstimate)
    assert_type(await aio.polish("text", model="openai/m"), PolishResult)
    assert_type(await aio.estimate_polishing("text", model="openai/m"), RewriteEstimate)
    assert_type(await aio.mail("Say thanks", model="openai/m"), MailResult)
    assert_type(await aio.report("Of bees", model="openai/m"), ReportResult)
    assert_type(await aio.code("Add", model="openai/m"), CodeResult)
    async with aio.Support(model="openai/m", client=client) as desk:
        assert_type(await desk.open("1").reply("Hello"), SupportReply)


def wrong() -> None:
    """What a coroutine does not take is told; that these comments are needed is checked, too."""
    kits.translate("text")  # type: ignore[call-arg]  # pyright: ignore
    kits.mail("text", model="openai/m", length="long")  # type: ignore[arg-type]  # pyright: ignore
    _ = aio.polish("text", model="openai/m", nope=1)  # type: ignore[call-arg]  # pyright: ignore
