"""Agents of openai-agents remember in our stores, as the library's own tests would have it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, function_tool
from agents.memory import Session as Protocol
from agents.memory import SessionSettings
from hypothesis import given
from openai import AsyncOpenAI

from dragoman import Client, ConfigError
from dragoman.compat.likeness import difference, restored
from dragoman.compat.openai_agents import Session
from dragoman.testing import Server, says
from tests.strategies import json_objects, json_values

ITEMS: list[Any] = [
    {"role": "user", "content": "Hi"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "yo", "annotations": [], "logprobs": []}],
    },
    {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "abc"},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1", "status": "completed"},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "42"}]},
    {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "compaction", "id": "cm", "encrypted_content": "z"},
]


@pytest.fixture(params=["memory://", "sqlite:///{}/talk.db"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Session:
    return Session("ticket", request.param.format(tmp_path))


def test_items_come_back_as_they_were(session: Session) -> None:
    """Every item is given back as it was added, the last n if asked, and popped one by one."""

    async def go() -> None:
        await session.add_items(ITEMS[:3])
        await session.add_items(ITEMS[3:])
        await session.add_items([])
        assert ITEMS == await session.get_items()
        assert ITEMS[-2:] == await session.get_items(2)
        assert [] == await session.get_items(0)
        for item in reversed(ITEMS):
            assert item == await session.pop_item()
        assert await session.pop_item() is None
        await session.add_items(ITEMS[:1])
        await session.clear_session()
        assert [] == await session.get_items()
        await session.aclose()

    asyncio.run(go())
    assert isinstance(session, Protocol)


def test_the_limit_of_its_settings_holds(tmp_path: Path) -> None:
    """`SessionSettings.limit` is how many items are given by default."""

    async def go() -> None:
        session = Session("a", "memory://", session_settings=SessionSettings(limit=1))
        await session.add_items(ITEMS[:2])
        assert ITEMS[1:2] == await session.get_items()
        await session.aclose()

    asyncio.run(go())


def test_two_sessions_lose_nothing(tmp_path: Path) -> None:
    """Two workers that add at the same time are both kept, each list in one piece."""

    async def go() -> None:
        sessions = [Session("a", f"sqlite:///{tmp_path}/talk.db") for _ in range(2)]
        pairs = [[{"role": "user", "content": f"{n}"}, {"role": "user", "content": f"{n}"}] for n in range(20)]
        await asyncio.gather(*(sessions[n % 2].add_items(pair) for n, pair in enumerate(pairs)))
        texts = [item["content"] for item in await sessions[0].get_items()]
        assert sorted(texts[::2]) == sorted(texts[1::2]) == sorted(str(n) for n in range(20))
        assert texts[::2] == texts[1::2]
        for session in sessions:
            await session.aclose()

    asyncio.run(go())


def test_what_is_no_item_is_refused(session: Session) -> None:
    """Nothing is added when one of the items is none."""

    async def go() -> None:
        for wrong in (5, {"role": "nobody", "content": "x"}, {"role": "user", "content": {1, 2}}):
            with pytest.raises(ConfigError) as caught:
                await session.add_items([ITEMS[0], wrong])
            assert (caught.value.field or "").startswith("items[1]")
        assert [] == await session.get_items()
        await session.aclose()

    asyncio.run(go())


def test_an_agent_goes_on_where_it_was(session: Session) -> None:
    """A real agent with a tool sees its history in the next run."""

    @function_tool
    def look(city: str) -> str:
        """Look at the weather."""
        return f"Snow in {city}"

    async def go(server: Server) -> None:
        async with AsyncOpenAI(api_key="test-key-0001", base_url=server.base_url("openai-chat")) as client:
            agent = Agent(name="a", model=OpenAIChatCompletionsModel("any", client), tools=[look])
            config = RunConfig(tracing_disabled=True)
            await Runner.run(agent, "Weather?", session=session, run_config=config)
            result = await Runner.run(agent, "Thanks", session=session, run_config=config)
            assert "You are welcome." == result.final_output
        assert 6 == len(await session.get_items())
        await session.aclose()

    with Server() as server:
        server.script(says(tools=[("look", {"city": "Oslo"})]), says("It snows."), says("You are welcome."))
        asyncio.run(go(server))
        seen = server.requests[-1].chat
        assert seen is not None
        assert ["user", "assistant", "tool", "assistant", "user"] == [message.role for message in seen.messages]


def test_a_client_of_ours_goes_on(tmp_path: Path) -> None:
    """The same conversation is open to `Client.conversation`."""
    url = f"sqlite:///{tmp_path}/talk.db"

    async def fill() -> None:
        session = Session("a", url)
        await session.add_items([ITEMS[0], ITEMS[2]])
        await session.aclose()

    asyncio.run(fill())
    with Client() as client:
        talk = client.conversation("a", model="sim/echo", store=url)
        assert "Go on" == talk.say("Go on").text
        assert ["Hi", "yo", "Go on", "Go on"] == [message.text for message in talk.history]


@given(wanted=json_objects | json_values, have=json_objects | json_values)
def test_a_difference_gives_back(wanted: Any, have: Any) -> None:
    """What was taken apart is put together again."""
    again = restored(have, difference(wanted, have))

    assert repr(wanted) == repr(again) or wanted == again
