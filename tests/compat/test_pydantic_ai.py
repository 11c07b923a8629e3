"""The conversation store of pydantic-ai's harness on ours, beside the harness's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart
from pydantic_ai.models.test import TestModel
from pydantic_ai_harness.step_persistence.conversations import (
    ConversationConflict,
    ConversationSummary,
    SqliteConversationStore,
)

from dragoman import Client
from dragoman.compat.pydantic_ai import ConversationStore

Check = Callable[[Any], Coroutine[Any, Any, None]]


@pytest.fixture(params=["memory", "sqlite", "theirs"])
def check(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Check], None]:
    """Run a check against ours, and against theirs, which says whether the check is right."""

    async def run(work: Check) -> None:
        if request.param == "theirs":
            await work(SqliteConversationStore(database=tmp_path / "theirs.db"))
            return
        store = ConversationStore("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/talk.db")
        await work(store)
        await store.aclose()

    return lambda work: asyncio.run(run(work))


async def talked(history: list[ModelMessage] | None = None, text: str = "Hi") -> list[ModelMessage]:
    """What an agent with a tool and instructions said."""
    agent = Agent(TestModel(), instructions="Be nice.", system_prompt="You help.")

    @agent.tool_plain
    def look(city: str) -> dict[str, str]:
        return {"city": city}

    return (await agent.run(text, message_history=history)).all_messages()


def test_messages_come_back(check: Callable[[Check], None]) -> None:
    """What was saved is loaded as it was, turn after turn, and a stale save is a conflict."""

    async def work(store: Any) -> None:
        first = await talked()
        stale = await store.save(summary=ConversationSummary(id="c", workspace="/w"), messages=first)
        saved = await store.get(conversation_id="c")
        assert (first, 1, len(first)) == (saved.messages, saved.summary.revision, saved.summary.message_count)
        second = await talked(saved.messages, "And now?")
        summary = await store.save(summary=saved.summary, messages=second)
        assert (second, 2) == ((await store.get(conversation_id="c")).messages, summary.revision)
        with pytest.raises(ConversationConflict):
            await store.save(summary=stale, messages=first)
        shorter = [ModelRequest(parts=[UserPromptPart("Summary")]), *second[-1:]]
        await store.save(summary=summary, messages=shorter)
        assert shorter == (await store.get(conversation_id="c")).messages
        with pytest.raises(LookupError):
            await store.get(conversation_id="other")

    check(work)


def test_naming_archiving_and_deleting(check: Callable[[Check], None]) -> None:
    """Names and archives do not touch the revision; a user's name wins; what changed is not deleted."""

    async def work(store: Any) -> None:
        summary = await store.save(summary=ConversationSummary(id="c", workspace="/w"), messages=await talked())
        assert await store.name(source=summary, title="Generated", tokens=7)
        assert not await store.name(source=summary, title="Again")
        [listed] = await store.listing(query="GENERATED")
        assert ("Generated", 1, 7) == (listed.title, listed.revision, listed.naming_tokens)
        assert await store.name(source=listed, title="Mine", manual=True)
        assert [] == await store.listing(query="nothing has this")
        assert 1 == len(await store.listing(query="hi"))
        assert (await store.set_archived(conversation_id="c", archived=True)).archived_at
        assert ([], 1) == (await store.listing(archived=False), len(await store.listing(archived=True)))
        with pytest.raises(LookupError):
            await store.set_archived(conversation_id="no", archived=True)
        again = await store.save(summary=summary, messages=await talked(None, "New"))
        assert ("Mine", None) == (again.title, again.archived_at)
        with pytest.raises(ConversationConflict):
            await store.delete(source=summary)
        await store.delete(source=again)
        assert [] == await store.listing()
        assert not await store.name(source=again, title="Late")
        with pytest.raises(ConversationConflict):
            await store.save(summary=again, messages=[])

    check(work)


def test_writers_that_race_are_told(check: Callable[[Check], None]) -> None:
    """Of two saves that follow the same revision one wins, and the other is a conflict."""

    async def work(store: Any) -> None:
        summary = ConversationSummary(id="c", workspace="/w")
        messages = await talked()
        results = await asyncio.gather(
            *(store.save(summary=summary, messages=messages) for _ in range(2)), return_exceptions=True
        )
        assert [ConversationConflict] == [type(result) for result in results if isinstance(result, Exception)]

    check(work)


def test_a_save_writes_what_is_new(tmp_path: Path) -> None:
    """The bytes of a save do not grow with the history."""

    async def work() -> int:
        store = ConversationStore(f"sqlite:///{tmp_path}/talk.db")
        summary, messages = ConversationSummary(id="c", workspace="/w"), list[ModelMessage]()
        for number in range(60):
            messages = [*messages, ModelRequest(parts=[UserPromptPart(f"{number} " + "word " * 200)])]
            summary = await store.save(summary=summary, messages=messages)
        await store.aclose()
        return sum(len(str(message.parts[0].content)) for message in messages)  # type: ignore[union-attr]

    text = asyncio.run(work())
    assert sum(file.stat().st_size for file in tmp_path.glob("talk.db*")) < 5 * text


def test_a_client_of_ours_goes_on(tmp_path: Path) -> None:
    """The same conversation is open to `Client.conversation`."""
    url = f"sqlite:///{tmp_path}/talk.db"

    async def fill() -> None:
        store = ConversationStore(url)
        await store.save(summary=ConversationSummary(id="c", workspace="/w"), messages=await talked())
        await store.aclose()

    asyncio.run(fill())
    with Client() as client:
        talk = client.conversation("c", model="sim/echo", store=url)
        assert "Go on" == talk.say("Go on").text
        assert ["system", "user", "assistant", "tool", "assistant", "user", "assistant"] == [
            message.role for message in talk.history
        ]
