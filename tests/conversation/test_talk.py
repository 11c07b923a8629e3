"""What a conversation promises, on both faces."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from dragoman import (
    AsyncClient,
    BusyError,
    Client,
    ConfigError,
    ConversationError,
    LastTurns,
    LeaseLostError,
    Message,
    ServerError,
    StoreError,
    StreamInterrupted,
    TextDelta,
    TokenBudget,
    TurnIdReusedError,
)
from dragoman.testing import calls, events, says, status
from tests.conversation.conftest import STORES, URLS, BlockingTalk, rows_of


@pytest.fixture(params=[kind for kind in STORES if kind != "memory"])
def talk_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Everything here holds for every store that several talks can share."""
    return URLS[request.param](request, tmp_path)


def test_every_turn_sees_what_was_said_before(talk, provider):
    """The model is sent the whole history, in order."""
    assert "1: one" == talk.do("say", "one").text
    assert "3: two" == talk.do("say", "two").text

    assert ["one", "1: one", "two", "3: two"] == talk.history()
    assert 2 == provider.calls


@pytest.mark.parametrize("store", ["memory://", None], ids=["memory", "shared"])
def test_the_same_turn_id_asks_no_model_again(make_talk, provider, store):
    """A retried turn gives the stored answer, plain or as a stream."""
    talk = make_talk(**({"store": store} if store else {}))
    first = talk.do("say", "one", "t1")

    again, streamed = talk.do("say", "one", "t1"), talk.read("one", "t1")

    assert first.text == again.text == streamed.text
    assert first.usage == again.usage == streamed.usage
    assert 1 == provider.calls
    assert ["one", "1: one"] == talk.history()


def test_turn_id_with_other_words_is_refused(talk, provider):
    """An id stands for what was said under it."""
    talk.do("say", "one", "t1")

    with pytest.raises(TurnIdReusedError):
        talk.do("say", "two", "t1")
    assert 1 == provider.calls


def test_the_same_name_is_the_same_conversation(make_talk):
    """Another client goes on where the first one stopped, and each sees what the other said."""
    one, two = make_talk(), make_talk()

    one.do("say", "one")
    assert "3: two" == two.do("say", "two").text
    assert "5: three" == one.do("say", "three").text
    assert one.history() == two.history()


def test_stream_is_committed_before_its_end_is_seen(make_talk):
    """Whoever reads the last event finds the turn in the store."""
    talk, other = make_talk(), make_talk()

    assert "1: one" == talk.read("one").text
    assert ["one", "1: one"] == other.history()


def test_stream_that_is_left_is_interrupted_and_can_be_resumed(talk, provider):
    """What had come stays with the turn, is never in the history, and the turn can be asked again."""
    provider.script(says("a long answer that nobody reads to its end", pace=0.02))
    partial = talk.read("one", "t1", after=6)
    deadline = time.monotonic() + 5
    while not (turns := talk.do("interrupted")) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert ["interrupted"] == [turn.state for turn in turns]
    assert turns[0].text == partial.text != ""
    assert [] == talk.history()
    assert "1: one" == talk.do("resume").text
    assert ["one", "1: one"] == talk.history()
    assert [] == talk.do("interrupted")


def test_stream_that_breaks_is_interrupted(talk, provider):
    """An answer that is cut is kept as what it is."""
    provider.script(events(TextDelta("half "), TextDelta("an answer")))

    with pytest.raises(StreamInterrupted):
        talk.read("one", "t1")
    turn = talk.do("turn", "t1")
    assert "interrupted" == turn.state
    assert turn.text
    assert turn.text not in talk.history()


def test_failed_call_adds_nothing_and_lets_go(make_talk, provider):
    """The history is as it was, the next turn begins at once, and the same id may be tried again."""
    talk = make_talk()
    provider.script(*[status(500, "no")] * 3)
    with pytest.raises(ServerError):
        talk.do("say", "one", "t1", timeout=5)

    assert "failed" == talk.do("turn", "t1").state
    assert [] == talk.history()
    assert "1: one" == talk.do("say", "one", "t1").text


def test_second_writer_waits_by_default(make_talk, provider):
    """Two turns at once are said one after the other, and the second is answered on the first."""
    talk, other = make_talk(), make_talk()
    provider.script(says("slow", latency=0.2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one")
        _until(lambda: provider.calls)
        second = other.do("say", "two")

        assert "slow" == first.result().text
    assert "3: two" == second.text


def test_who_waits_gives_up_at_its_deadline(make_talk, provider):
    """The wait counts as part of the call, and the error says when to try again."""
    talk, other = make_talk(), make_talk()
    assert [] == other.history()  # its store is open
    provider.script(says("slow", latency=0.8))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one")
        _until(lambda: provider.calls)
        with pytest.raises(BusyError) as caught:
            other.do("say", "two", timeout=0.25)
        first.result()

    assert caught.value.retryable
    assert caught.value.retry_after
    assert 1 == provider.calls


def test_reject_says_who_runs(make_talk, provider):
    """A writer that does not wait is told at once, and asks no model."""
    talk, other = make_talk(), make_talk(on_busy="reject")
    provider.script(says("slow", latency=0.2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one", "t1")
        _until(lambda: provider.calls)
        with pytest.raises(BusyError, match="t1"):
            other.do("say", "two")
        first.result()


def test_fork_goes_on_beside(make_talk, provider):
    """A writer that forks is answered on the history before the turn that runs."""
    talk, other = make_talk(), make_talk(on_busy="fork")
    talk.do("say", "zero")
    provider.script(says("slow", latency=0.2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one")
        _until(lambda: 2 == provider.calls)
        beside = other.do("say", "two", "t2")
        first.result()

    assert "3: two" == beside.text
    assert ["zero", "1: zero", "one", "slow"] == other.history()
    assert "t2" == other.do("turn", "t2").branch
    assert "3: two" == other.do("say", "two", "t2").text
    assert ["zero", "1: zero", "two", "3: two"] == make_talk(branch="t2").history()


def test_interrupt_ends_the_turn_that_runs(make_talk, provider):
    """The writer that is interrupted commits nothing; its answer comes with the error."""
    talk, other = make_talk(), make_talk(on_busy="interrupt")
    provider.script(says("slow", latency=0.3))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one", "t1")
        _until(lambda: provider.calls)
        assert "1: two" == other.do("say", "two").text
        with pytest.raises(LeaseLostError) as caught:
            first.result()

    assert "slow" == caught.value.partial.text
    assert ["two", "1: two"] == other.history()


def test_stream_that_lost_its_lease_ends_with_an_error(make_talk, provider):
    """A stream that was interrupted is closed, and its reader never sees an end."""
    talk, other = make_talk(lease=0.3), make_talk(on_busy="interrupt")
    provider.script(says("word " * 200, pace=0.02))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.read, "one", "t1")
        _until(lambda: provider.calls)
        other.do("say", "two")
        with pytest.raises(LeaseLostError):
            first.result()

    assert ["two", "1: two"] == other.history()


def test_lease_is_renewed_while_the_model_thinks(make_talk, provider):
    """A turn may take many times its lease, and nobody takes it over."""
    talk, other = make_talk(lease=0.15), make_talk()
    provider.script(says("slow", latency=0.6))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "one")
        _until(lambda: provider.calls)
        second = other.do("say", "two")

        assert "slow" == first.result().text
    assert "3: two" == second.text


def test_text_is_checkpointed_while_it_comes(make_talk, provider):
    """Another process sees what has come so far, before the end."""
    talk, other = make_talk(), make_talk()
    provider.script(says("word " * 60, pace=0.02))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.read, "one", "t1")
        _until(lambda: (turn := other.do("turn", "t1")) is not None and turn.text)
        running = other.do("turn", "t1")

        assert ("running", True) == (running.state, running.text.startswith("word "))
        assert [] == other.history()
        first.result()
    assert "done" == other.do("turn", "t1").state


def test_instructions_come_first_and_may_change(make_talk, provider):
    """The system prompt is kept, sent first whatever the history, and replaced from the turn on that brings another."""
    make_talk(system="Be brief.").do("say", "one")
    make_talk().do("say", "two")
    make_talk(system="Be kind.").do("say", "three")

    sent = [json.loads(request.body)["messages"] for request in provider.requests]
    assert ["Be brief.", "Be brief.", "Be kind."] == [messages[0]["content"] for messages in sent]
    assert [2, 4, 6] == [len(messages) for messages in sent]
    assert "Be kind." == make_talk().history()[0]


def test_fork_edit_and_undo_share_the_tree(talk, make_talk):
    """A fork goes on apart, an edit takes the place of a turn, and undo takes the last one away."""
    talk.do("say", "one", "t1")
    talk.do("say", "two", "t2")
    fork = make_talk(branch=talk.do("fork", "side", at="t1").branch)

    assert "3: side" == fork.do("say", "side").text
    assert "1: uno" == talk.do("edit", "t1", "uno", "t3").text
    assert ["uno", "1: uno"] == talk.history()
    assert ["one", "1: one", "side", "3: side"] == fork.history()
    fork.do("undo")
    assert ["one", "1: one"] == fork.history()
    assert "3: again" == fork.do("say", "again").text


def test_an_edit_may_be_retried(talk, make_talk, provider):
    """The turn it replaced is gone then; the same id gives the kept answer, whole or as a stream, and asks no model."""
    talk.do("say", "one", "t1")
    talk.do("say", "two", "t2")
    first = talk.do("edit", "t2", "deux", "t3")

    again = make_talk().do("edit", "t2", "deux", "t3")

    assert first.text == again.text
    assert 3 == provider.calls
    assert ["one", "1: one", "deux", "3: deux"] == talk.history()
    with pytest.raises(TurnIdReusedError):
        talk.do("edit", "t2", "other", "t3")
    with pytest.raises(ConversationError) as caught:
        talk.do("edit", "t2", "deux", "t4")
    assert "edits" == caught.value.field


def test_what_is_not_in_the_tree_is_refused(talk):
    """Undo, edit, fork and resume say what they did not find."""
    with pytest.raises(ConversationError):
        talk.do("undo")
    with pytest.raises(ConversationError):
        talk.do("edit", "t9", "x")
    with pytest.raises(ConversationError):
        talk.do("fork", "side", at="t9")
    with pytest.raises(ConversationError):
        talk.do("resume")
    talk.do("fork", "side")
    with pytest.raises(ConversationError):
        talk.do("fork", "side")


def test_window_cuts_and_stays_where_it_cut(make_talk, provider):
    """Once the window is full, whole turns go, down to the low mark; every process then sends the same."""
    options = {"window": LastTurns(4, low=0.5), "system": "Be brief."}
    talk = make_talk(**options)
    for number in range(5):
        talk.do("say", f"n{number}")
    make_talk(**options).do("say", "n5")

    sent = [[m["content"] for m in json.loads(request.body)["messages"]] for request in provider.requests]
    assert [2, 4, 6, 8, 4, 6] == [len(messages) for messages in sent]
    assert {"Be brief."} == {messages[0] for messages in sent}
    assert ["n3", "n4"] == [sent[4][1], sent[4][3]]
    assert sent[4] == sent[5][:4]
    assert 13 == len(talk.history())
    assert 7 == len(talk.do("view"))


def test_token_budget_leaves_the_question(make_talk, provider):
    """However small the budget, the turn that is asked is sent, with the instructions."""
    talk = make_talk(window=TokenBudget(20), system="Be brief.")
    talk.do("say", "one")
    talk.do("say", "word " * 500)

    assert ["system", "user"] == [m["role"] for m in json.loads(provider.requests[-1].body)["messages"]]


def test_run_keeps_the_whole_exchange(talk, provider):
    """Calls and results of a run are one turn, which a later turn is sent, and a retry runs no tool again."""
    booked = []

    def book(city: str) -> str:
        """Book a hotel."""
        booked.append(city)
        return "booked"

    provider.script(says(tools=[("book", {"city": "Rome"})]), says("Done."))
    answer = talk.do("run", "Book it", "t1", tools=[book])
    again = talk.do("run", "Book it", "t1", tools=[book])

    assert "Done." == answer.text == again.text
    assert answer.messages == again.messages
    assert ["Rome"] == booked
    assert "5: thanks" == talk.do("say", "thanks").text


def test_typed_answer_is_typed_again(talk, provider):
    """The stored answer of a turn that asked for a value gives the value."""
    provider.script(says('{"a": 1}'))

    first = talk.do("say", "one", "t1", output=dict[str, int])
    assert {"a": 1} == first.output == talk.do("say", "one", "t1", output=dict[str, int]).output
    assert 1 == provider.calls


@pytest.mark.parametrize("form", ["json", "openai"])
def test_export_comes_back(make_talk, form):
    """What was exported is the same history in another conversation."""
    talk, other = make_talk(system="Be brief."), make_talk("other")
    talk.do("say", "one")

    assert 3 == other.do("import_", talk.do("export", form), form)
    assert talk.history() == other.history()
    assert "4: two" == other.do("say", "two").text


def test_markdown_is_for_reading(talk):
    """Markdown shows who said what; what has no such headings is not read."""
    talk.do("say", "one")

    assert "# ticket\n\n## user\n\none\n\n## assistant\n\n1: one\n" == talk.do("export", "markdown")
    with pytest.raises(ConfigError):
        talk.do("import_", "# x", "markdown")


@pytest.mark.parametrize("data", ["", "{", "[1]", '{"dragoman":"batch"}', b"\xff"])
def test_import_of_something_else_is_refused(talk, data):
    """What is no conversation adds nothing."""
    for form in ("json", "openai"):
        with pytest.raises(ConfigError):
            talk.do("import_", data, form)
    assert [] == talk.history()


def test_erase_leaves_nothing(talk):
    """An erased conversation begins anew, and its turn ids with it."""
    talk.do("say", "one", "t1")

    assert (2, 1) == talk.do("erase")
    assert [] == talk.history()
    assert "1: two" == talk.do("say", "two", "t1").text


def test_conversation_that_was_begun_again_is_not_taken_for_the_old_one(make_talk):
    """What an object remembers of an erased conversation is never sent with the new one."""
    talk, other = make_talk(), make_talk()
    talk.do("say", "old one")
    talk.do("say", "old two")
    other.do("erase")
    other.do("say", "new one")
    other.do("say", "new two")

    assert "5: new three" == talk.do("say", "new three").text
    assert ["new one", "1: new one", "new two", "3: new two", "new three", "5: new three"] == talk.history()


def test_answer_that_could_not_be_kept_comes_with_the_error(make_talk, provider, tmp_path):
    """A store that fails at the commit costs no answer: the error has it."""
    talk = make_talk(store=f"sqlite:///{tmp_path}/talk.db")
    talk.do("say", "one")
    provider.script(says("slow", latency=0.2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(talk.do, "say", "two")
        _until(lambda: 2 == provider.calls)
        (tmp_path / "talk.db").unlink()
        with pytest.raises((StoreError, LeaseLostError)) as caught:
            first.result()

    assert "slow" == caught.value.partial.text


def test_window_that_fails_lets_go(make_talk):
    """A window of the caller's that raises leaves no lease behind."""

    class Broken:
        def leave_out(self, turns, fixed, context):
            raise ZeroDivisionError

    make_talk().do("say", "one")
    with pytest.raises(ZeroDivisionError):
        make_talk(window=Broken()).do("say", "two")
    assert "3: three" == make_talk().do("say", "three", timeout=5).text


async def _cancelled(client, url):
    talk = client.conversation("ticket", model="openai/any", store=url)
    for number in range(30):
        task = asyncio.ensure_future(talk.say("never", f"t{number}"))
        await asyncio.sleep(0.0007 * number)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return await talk.say("last", timeout=10), await talk.history()


def test_cancelled_turns_leave_no_lease(provider, talk_url):
    """Whenever a task is cancelled, the next turn begins long before a lease would have run out."""

    async def main():
        async with AsyncClient(providers=rows_of(provider)) as client:
            return await _cancelled(client, talk_url)

    answer, history = asyncio.run(main())
    assert "last" in answer.text
    assert f"{len(history) - 1}: last" == answer.text


def test_threads_share_one_conversation(provider, talk_url):
    """Twenty threads on one object lose nothing, and each is answered on what was there."""
    talk = BlockingTalk(rows_of(provider), "ticket", {"model": "openai/any", "store": talk_url})
    with ThreadPoolExecutor(5) as pool:
        answers = [answer.text for answer in pool.map(lambda i: talk.do("say", f"n{i}"), range(20))]
    talk.close()

    assert [str(n) for n in range(1, 40, 2)] == sorted((a.partition(":")[0] for a in answers), key=int)


def test_wrong_options_are_refused():
    """A value that cannot be is named before anything is done."""
    client = Client()
    for field, value in {
        "on_busy": "never",
        "lease": 0,
        "window": 7,
        "tenant": "",
        "branch": "",
        "store": "mysql://x",
        "system": 5,
    }.items():
        with pytest.raises(ConfigError) as caught:
            client.conversation("x", **({"model": "sim/echo", field: value}))
        assert field == caught.value.field
    with pytest.raises(ConfigError):
        client.conversation("x", model="sim/echo", store=7)
    with pytest.raises(ConfigError):
        client.conversation("x", model="sim/echo", temperatur=1)
    with pytest.raises(ConfigError):
        client.conversation("x", model="sim/echo").say("x", "")
    with pytest.raises(ConfigError):
        client.conversation("", model="sim/echo")


def test_text_that_no_store_can_hold_is_refused():
    """Half a surrogate pair and a NUL in a name are named before anything is begun."""
    client = Client()
    talk = client.conversation("x", model="sim/echo")
    for wrong in (
        lambda: talk.say("a\ud800b"),
        lambda: talk.say("x", "t\ud800"),
        lambda: talk.say("x", "t\0"),
        lambda: client.conversation("x\ud800", model="sim/echo"),
        lambda: client.conversation("x", model="sim/echo", system="\ud800"),
        lambda: talk.fork(""),
    ):
        with pytest.raises(ConfigError):
            wrong()
    assert [] == talk.history


def test_results_of_tools_may_be_said(talk, provider):
    """An answer that calls a tool is kept, and its results are said as messages of the next turn."""
    provider.script(says(tools=[("look", {})]))
    call = talk.do("say", "look", tools=[{"type": "function", "function": {"name": "look"}}]).tool_calls[0]

    assert "3: " == talk.do("say", [Message.tool(call, "seen")]).text[:3]
    assert 4 == len(talk.history())


def test_model_may_change_between_turns(make_talk, provider):
    """A turn may be said to another model; the history goes with it."""
    provider.on("/v1/messages", calls(lambda chat: says(f"claude {len(chat.messages)}")))
    talk = make_talk(store="memory://")
    talk.do("say", "one")

    assert "1: one" == talk.history()[1]
    assert "3: two" == talk.do("say", "two", model="openai/other").text


def _until(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
