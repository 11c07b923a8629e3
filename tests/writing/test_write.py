"""`write` and `write_stream` over sockets: the text is whole, and what it took is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    ChatRequest,
    ChatResponse,
    Client,
    ConfigError,
    ContentFilterError,
    Fallback,
    Finish,
    Message,
    Opaque,
    ProviderEvent,
    RefusalError,
    SchemaError,
    StreamInterrupted,
    TextDelta,
    TimeoutError,
    TruncatedError,
    Usage,
    UsageUpdate,
)
from dragoman.errors import DragomanError, ServerError
from dragoman.testing import Server, calls, events, response, says, status
from tests.writing.texts import CODE, JSON, MARKDOWN, TEXTS, Author, TokenAuthor, tokens

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")
MODEL = "x/gemini-3.8-flash"


def row(server: Server, wire: str = "openai-chat") -> dict[str, dict[str, str]]:
    return {"x": {"base_url": server.base_url(wire), "wire": wire, "auth": "none"}}


class Written:
    """What a client has written, by one of four ways."""

    def __init__(self, answer: ChatResponse, streamed: str) -> None:
        self.answer = answer
        self.streamed = streamed


def blocking(providers: Any, *args: Any, **options: Any) -> Written:
    with Client(providers=providers, **options.pop("client", {})) as client:
        answer = client.write(*args, **options)
    return Written(answer, answer.text)


def blocking_stream(providers: Any, *args: Any, **options: Any) -> Written:
    with Client(providers=providers, **options.pop("client", {})) as client:
        with client.write_stream(*args, **options) as stream:
            text = "".join(stream.text)
        return Written(stream.response, text)


def awaiting(providers: Any, *args: Any, **options: Any) -> Written:
    async def write() -> Written:
        async with AsyncClient(providers=providers, **options.pop("client", {})) as client:
            answer = await client.write(*args, **options)
            return Written(answer, answer.text)

    return asyncio.run(write())


def awaiting_stream(providers: Any, *args: Any, **options: Any) -> Written:
    async def write() -> Written:
        async with AsyncClient(providers=providers, **options.pop("client", {})) as client:
            async with client.write_stream(*args, **options) as stream:
                text = "".join([piece async for piece in stream.text])
            return Written(stream.response, text)

    return asyncio.run(write())


WAYS = (blocking, blocking_stream, awaiting, awaiting_stream)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("overlap", [0, 12])
@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("wire", WIRES)
def test_a_text_is_written_to_its_end(wire: str, form: Any, overlap: int, way: Callable[..., Written]) -> None:
    """A text that is cut every so many tokens comes out whole, on every dialect and face, and all of it is counted."""
    author = Author(TEXTS[form], per=37, overlap=overlap)
    with Server(default=author.step) as server:
        made = way(row(server, wire), MODEL, "Write it.", format=form)

    rounds = -(-len(author.pieces) // 37)
    answer = made.answer
    assert (TEXTS[form], TEXTS[form]) == (answer.text, made.streamed)
    assert (rounds, rounds, "stop") == (server.calls, len(answer.attempts), answer.finish_reason)
    assert (10 * rounds, len(author.pieces)) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert rounds - 1 == sum("asked for the rest" in notice.text for notice in answer.notices)


@pytest.mark.parametrize("per", [2, 3, 11])
def test_it_may_be_cut_very_often(per: int) -> None:
    """Hundreds of rounds are joined as two are."""
    text = "".join(tokens(MARKDOWN)[:100])
    with Server(default=Author(text, per=per).step) as server:
        assert text == blocking(row(server), "x/m", "Write it.", max_rounds=200).answer.text


def test_a_stream_shows_its_seams_and_one_end() -> None:
    """Events of all rounds come as one answer: a mark at each seam, usage that adds up, one finish."""
    with (
        Server(default=Author(CODE, per=80).step) as server,
        Client(providers=row(server)) as client,
        client.write_stream("x/m", "Write it.", format="code") as stream,
    ):
        seen = list(stream)

    seams = [event.data["seam"] for event in seen if isinstance(event, ProviderEvent) and "seam" in event.data]
    assert [len("".join(tokens(CODE)[:80]))] == [seam["at"] for seam in seams][:1]
    assert seen[-1] == Finish("stop", "stop")
    assert 1 == sum(isinstance(event, Finish) for event in seen)
    used = [event.usage.output_tokens or 0 for event in seen if isinstance(event, UsageUpdate)]
    assert used == sorted(used)
    assert len(tokens(CODE)) == used[-1]


# --- by dialect -------------------------------------------------------------------------------------------------------


def test_gemini_goes_on_by_its_token() -> None:
    """A pause with a token is gone on with by that token, and by the same question."""
    author = TokenAuthor(MARKDOWN, per=50)
    with Server(default=author.step) as server:
        answer = blocking(row(server, "gemini-generate"), MODEL, "Write it.").answer

    assert MARKDOWN == answer.text
    assert ["user"] * server.calls == [request.chat.messages[-1].role for request in server.requests]


def test_a_pause_is_sent_back_as_it_came() -> None:
    """Anthropic's pause_turn: the blocks of the answer go back unchanged, and nothing is asked."""
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "bees"}}
    paused = ChatResponse(
        message=Message("assistant", (Opaque("anthropic-messages", block),)),
        finish_reason="pause",
        finish_details={"container": {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}},
    )
    with Server(response(paused), says("Bees are insects.")) as server:
        answer = blocking(row(server, "anthropic-messages"), "x/m", "Bees?").answer

    again = server.requests[1].chat
    assert "Bees are insects." == answer.text
    assert ["user", "assistant"] == [message.role for message in again.messages]
    assert (block,) == tuple(part.data for part in again.messages[-1].parts)
    assert "container_1" == again.native["anthropic-messages"]["container"]


def test_claude_goes_on_with_its_own_words_where_it_can() -> None:
    """The words so far are the beginning of its answer; a model that takes none is asked in a turn of the user."""
    roles: dict[str, list[str]] = {}
    for model in ("claude-haiku-4-5", "claude-haiku-5-5"):
        with Server(default=Author(CODE, per=90).step) as server:
            claude = {"anthropic": {"base_url": server.base_url("anthropic-messages"), "api_key": "k"}}
            assert CODE == blocking(claude, f"anthropic/{model}", "Write it.", format="code").answer.text
            roles[model] = [message.role for message in server.requests[-1].chat.messages]

    assert ["user", "assistant"] == roles["claude-haiku-4-5"]
    assert "user" == roles["claude-haiku-5-5"][-1]


def test_responses_get_their_items_back() -> None:
    """Reasoning goes back with the words that it led to, as OpenAI wants it."""
    steps = (says("One and ", reasoning="Hm.", finish="length"), says("two.", reasoning="Ah."))
    with Server(*steps) as server:
        answer = blocking(row(server, "openai-responses"), "x/m", "Count.").answer

    parts = [type(part).__name__ for part in server.requests[1].chat.messages[1].parts]
    assert "One and two." == answer.text
    assert ["Reasoning", "Text"] == parts


def test_an_answer_that_the_caller_began_is_gone_on_with() -> None:
    """There are never two turns of the model in a row."""
    with Server(says("two ", finish="length"), says("three")) as server:
        asked = [Message.user("Count."), Message.assistant("one ")]
        answer = blocking(row(server), "x/m", asked).answer

    assert "two three" == answer.text
    assert ["Count.", "one two "] == [message.text for message in server.requests[1].chat.messages[:2]]


def test_plans_go_on_elsewhere() -> None:
    """A round that fails on one target is asked of the next, and the text is one."""
    with Server(says("One ", finish="length"), status(400, "no"), says("two.")) as server:
        plan = Fallback("x/a", "x/b", on=(DragomanError,))
        answer = blocking(row(server), plan, "Count.").answer

    assert "One two." == answer.text


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_that_ends_too_early_is_gone_on_with() -> None:
    """A model that stops before its JSON is whole is asked for the rest; one that is cut behind it is done."""
    with Server(says('```json\n{"a": [1, 2,', finish="stop"), says(" 3]}\n```", finish="length")) as server:
        answer = blocking(row(server), "x/m", "JSON.", format="json").answer

    assert ('{"a": [1, 2, 3]}', 2) == (answer.text, server.calls)


def test_what_is_no_json_is_an_error() -> None:
    """A value that cannot be JSON, and words instead of one, are told with what came."""
    for words in ('{"a" = 1}', "I cannot do that."):
        with Server(says(words)) as server, pytest.raises(SchemaError) as caught:
            blocking(row(server), "x/m", "JSON.", format="json")
        assert caught.value.partial is not None


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "rounds"),
    [({"max_rounds": 2}, 2), ({"max_tokens_total": 70}, 2), ({"max_cost": 0.0004}, 1)],
    ids=["rounds", "tokens", "cost"],
)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_limit_ends_it_with_what_was_written(way: Callable[..., Written], limit: Any, rounds: int) -> None:
    """No further round is begun, and the error has everything."""
    priced = {MODEL: {"prices": [{"input": "10", "output": "10"}]}}
    with Server(default=Author(MARKDOWN, per=40).step) as server, pytest.raises(TruncatedError) as caught:
        way(row(server), MODEL, "Write it.", client={"models": priced}, **limit)

    partial = caught.value.partial
    assert partial is not None
    assert ("".join(tokens(MARKDOWN)[: rounds * 40]), rounds) == (partial.text, server.calls)
    assert (rounds, 40 * rounds) == (len(caught.value.attempts), partial.usage.output_tokens)
    assert next(iter(limit)) in caught.value.message


def test_no_more_tokens_are_asked_for_than_are_left() -> None:
    """The cap of each round is what is left of all."""
    with Server(default=Author(MARKDOWN, per=40).step) as server, pytest.raises(TruncatedError):
        blocking(row(server), "x/m", "Write it.", max_tokens_total=100, max_tokens=80)

    assert [80, 60, 20] == [request.chat.max_tokens for request in server.requests]


def test_costs_that_nobody_knows_are_no_limit() -> None:
    """Who gives a limit on costs is told that they are not known, after what that took."""
    with Server(default=Author(MARKDOWN, per=40).step) as server, pytest.raises(TruncatedError, match="not known"):
        blocking(row(server), "x/m", "Write it.", max_cost=1)
    assert 1 == server.calls


def test_the_time_is_that_of_all_rounds() -> None:
    """`timeout` ends the whole text, with what was written."""
    with Server(default=Author(MARKDOWN, per=40, pace=0.02).step) as server, pytest.raises(TimeoutError) as caught:
        blocking(row(server), "x/m", "Write it.", timeout=0.5)

    assert (0.5, "total") == (caught.value.limit, caught.value.clock)
    assert caught.value.partial is not None
    assert MARKDOWN.startswith(caught.value.partial.text)
    assert len(caught.value.partial.text) > 20


# --- reasoning --------------------------------------------------------------------------------------------------------


def _thinks(need: int) -> Callable[[ChatRequest], Any]:
    """A model that needs so many tokens before its first word."""

    def answer(chat: ChatRequest) -> Any:
        effort = chat.reasoning.effort if chat.reasoning else None
        if effort != "low" and (chat.max_tokens or 0) < need:
            used = Usage(input_tokens=5, output_tokens=chat.max_tokens or 50, reasoning_tokens=chat.max_tokens or 50)
            return says("", finish="length", usage=used)
        return says("Done.")

    return answer


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"max_tokens": 100}, "max_tokens"), ({}, "reasoning"), ({"reasoning": "high"}, "reasoning")],
)
def test_a_model_that_only_thinks_gets_more_room_once(settings: Any, field: str) -> None:
    """The cap is raised, or the effort lowered where there is none; and it is told."""
    with Server(default=calls(_thinks(400))) as server:
        answer = blocking(row(server), "x/m", "Write it.", **settings).answer

    assert ("Done.", 2) == (answer.text, server.calls)
    assert [field] == [notice.field for notice in answer.notices if "before the first word" in notice.text]


def test_a_model_that_goes_on_thinking_is_an_error() -> None:
    """All went to reasoning, twice: the error says so, and what to do."""
    with Server(default=calls(_thinks(10**9))) as server, pytest.raises(TruncatedError, match="reasoning") as caught:
        blocking(row(server), "x/m", "Write it.", max_tokens=100)

    assert 2 == server.calls
    assert "max_tokens" in caught.value.message
    assert caught.value.partial is not None
    assert 4096 + 100 == caught.value.partial.usage.output_tokens


def test_a_model_that_only_repeats_itself_is_stopped() -> None:
    """Two rounds that bring nothing new are enough."""
    words = "The quick brown fox jumps over the lazy dog, again and again. "
    with Server(default=says(words, finish="length")) as server, pytest.raises(TruncatedError, match="repeats"):
        blocking(row(server), "x/m", "Write it.")
    assert 3 == server.calls


# --- what can go wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("step", "error"),
    [
        (status(500, "down"), ServerError),
        (says("", finish="refusal"), RefusalError),
        (events(TextDelta("more words")), StreamInterrupted),
    ],
    ids=["status", "refusal", "cut"],
)
def test_an_error_in_the_middle_keeps_what_was_written(
    way: Callable[..., Written], step: Any, error: type[DragomanError]
) -> None:
    """Whatever ends a text, its words are in the error, and all requests in the ledger."""
    with Server(says("One and two and ", finish="length"), step) as server, pytest.raises(error) as caught:
        way(row(server, "anthropic-messages"), "x/m", "Count.", client={"retry": None})

    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("One and two and ")
    assert ("more words" in caught.value.partial.text) == (error is StreamInterrupted)
    assert 2 == len(caught.value.attempts)


def test_a_filter_ends_it_with_what_was_written() -> None:
    """What a provider's filter stops is an error, too."""
    steps = (says("One and ", finish="length"), says("", finish="content_filter"))
    with Server(*steps) as server, pytest.raises(ContentFilterError) as caught:
        blocking(row(server), "x/m", "Count.")
    assert caught.value.partial is not None
    assert "One and " == caught.value.partial.text


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"format": "html"}, "format"),
        ({"max_rounds": 0}, "max_rounds"),
        ({"max_tokens_total": "many"}, "max_tokens_total"),
        ({"max_cost": -1}, "max_cost"),
        ({"checkpoint": 3}, "checkpoint"),
        ({"checkpoint": "/no/such/folder/file"}, "checkpoint"),
        ({"words": 100}, "words"),
        ({"outline": True, "format": "json"}, "format"),
        ({"n": 2}, "n"),
        ({"output": {"type": "object"}}, "output"),
        ({"tools": [len]}, None),
        ({"temprature": 1}, "temprature"),
    ],
)
def test_bad_input_is_told_before_anything_is_sent(options: Any, field: str | None) -> None:
    """The error names the field."""
    with Server() as server, pytest.raises((ConfigError, DragomanError)) as caught:
        blocking(row(server), "x/m", "Write it.", **options)
    assert 0 == server.calls
    assert field is None or field == caught.value.field


def test_leaving_a_stream_closes_the_upstream() -> None:
    """The server sees the end of the connection at once, in whichever round."""
    author = Author(MARKDOWN, per=40, pace=0.02)
    with Server(default=author.step) as server, Client(providers=row(server)) as client:
        with client.write_stream("x/m", "Write it.") as stream:
            for event in stream:
                if isinstance(event, ProviderEvent) and "seam" in event.data:
                    break
            next(iter(stream.text))
        partial = stream.partial
    assert partial is not None
    assert MARKDOWN.startswith(partial.text)
    assert "unknown" == partial.finish_reason
    assert 2 == server.calls


def test_a_cancelled_task_stops() -> None:
    """Cancelling ends the wait and the request; no task is left."""

    async def cancelled() -> int:
        with Server(default=Author(MARKDOWN, per=40, pace=0.02).step) as server:
            async with AsyncClient(providers=row(server)) as client:
                task = asyncio.create_task(client.write("x/m", "Write it."))
                await asyncio.sleep(0.4)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                return len(asyncio.all_tasks())

    assert 1 == asyncio.run(cancelled())


def test_json_is_joined_over_the_wire_with_words_around_it() -> None:
    """A model that wraps every piece anew is unwrapped, in every round."""
    author = Author(JSON, per=61, wrap=lambda words: f"```json\n{words}\n```")
    with Server(default=author.step) as server:
        assert JSON == blocking(row(server), "x/m", "JSON.", format="json").answer.text
