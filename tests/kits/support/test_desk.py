"""Whole dialogues on both faces: masked, grounded, checked, kept once, handed over."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, ConfigError, ServerError, TurnIdReusedError
from dragoman.kits import Scenario, Support
from dragoman.kits.support.kit import Fixed
from dragoman.observe.logstore import LogStore
from dragoman.testing import Server, echo, says, status
from tests.kits.support.desks import draft, rows
from tests.kits.support.worker import SAID

PERSONAL = (
    "Ann Lee",
    "ann@acme.example",
    "+49 30 5550123",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "5550123",
)
WHOLE = (
    "I am Ann Lee, ann@acme.example, +49 30 5550123, card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00. "
    "How long can I send it back?"
)
RETURNS = (1, "within 30 days of delivery")


def sent(provider: Server) -> str:
    """All that reached the provider."""
    heads = [f"{request.path} {request.headers}" for request in provider.all_requests]
    return "\n".join([*heads, *(request.body.decode() for request in provider.all_requests)])


def mail_of(provider: Server) -> str:
    """The placeholder of the mail address, as the provider saw it."""
    said = provider.requests[-1].chat.messages[-1].text  # type: ignore[union-attr]
    return next(word.strip(".,") for word in said.split() if word.startswith("[EMAIL_"))


def test_dialogue_is_masked_grounded_and_restored(make_desk, provider):
    """Nothing personal reaches the provider or the store, and the customer sees their own words again."""
    desk = make_desk(names=["Ann Lee"])
    provider.script(draft("You have 30 days.", RETURNS))
    first = desk.reply(WHOLE, "m1")
    placeholder = mail_of(provider)
    provider.script(draft(f"We write to {placeholder}.", answered=True))
    second = desk.reply("Then write to me, please.", "m2")

    assert "You have 30 days." == first.text
    assert ("returns.md", "within 30 days of delivery") == (first.citations[0].source, first.citations[0].quote)
    assert {"name": 1, "email": 1, "phone": 1, "card": 1, "iban": 1} == first.masked
    assert first.ok
    assert first.escalate is None
    assert "en" == first.language
    assert "We write to ann@acme.example." == second.text
    assert [WHOLE, "You have 30 days.", "Then write to me, please.", second.text] == desk.transcript()
    for value in PERSONAL:
        assert value not in sent(provider)
        assert value not in "\n".join(desk.kept())


def test_false_claim_is_asked_again(make_desk, provider):
    """A number that is in no passage is named to the model, and its second answer is taken."""
    provider.script(draft("You have 60 days.", RETURNS), draft("You have 30 days.", RETURNS))
    reply = make_desk().reply("How long can I return it?")

    assert "You have 30 days." == reply.text
    assert (2, 2, ()) == (reply.requests, provider.calls, reply.findings)
    assert "'60 days' is in no passage" in provider.requests[1].chat.messages[-1].text
    assert ["How long can I return it?", "You have 30 days."] == make_desk_history(provider, reply)


def make_desk_history(provider: Server, reply: Any) -> list[str]:
    """What stood last in the question of the model, and the reply."""
    said = provider.requests[0].chat.messages[-1].text  # type: ignore[union-attr]
    return [said.splitlines()[-1], reply.text]


def test_answer_that_never_passes_is_handed_over(make_desk, provider):
    """After the last attempt the customer gets the policy's words, a person the ticket, and nobody the false answer."""
    provider.script(*[draft("Sie haben 60 Tage.", RETURNS)] * 3)
    desk = make_desk()
    reply = desk.reply("Wie lange kann ich es zurückschicken? Ich bin nicht zufrieden mit der Farbe.")

    assert reply.text.startswith("Ich gebe das an")
    assert ("failed_checks", "checks") == (reply.escalate.reason, reply.escalate.by)
    assert (False, False, "Sie haben 60 Tage.") == (reply.ok, reply.answered, reply.refused)
    assert ["number"] == [finding.check for finding in reply.findings]
    assert "60" not in "".join(desk.kept())


@pytest.mark.parametrize("said", ["no json at all", "{}", '{"text": 7}'])
def test_what_is_no_reply_is_handed_over(make_desk, provider, said):
    """A model that cannot keep to the form does not stop the desk."""
    provider.script(*[says(said)] * 3)
    reply = make_desk().reply("How long can I return it?")

    assert ("failed_checks", ["form"]) == (reply.escalate.reason, [finding.check for finding in reply.findings])
    assert reply.text.startswith("I am handing this over")


def test_rules_hand_over_whatever_the_model_says(make_desk, provider):
    """A customer who asks for a person gets one, and the summary has what the customer said, in the clear."""
    provider.script(draft("Let me help you first."))
    reply = make_desk().reply("I want a real person to write to ann@acme.example!")

    assert ("asked_for_human", "rule") == (reply.escalate.reason, reply.escalate.by)
    assert "ann@acme.example" in reply.escalate.summary
    assert "A colleague takes this over" in provider.requests[0].chat.messages[-1].text
    assert ["escalation"] == [finding.check for finding in reply.findings]
    assert reply.ok


def test_model_hands_over_with_a_summary(make_desk, provider):
    """What the model says of a hand-over is typed."""
    provider.script(draft("A colleague will look.", escalate="angry", summary="Third broken cup."))
    reply = make_desk().reply("The third cup came broken. I am really not amused.")

    assert ("angry", "model", "Third broken cup.") == (
        reply.escalate.reason,
        reply.escalate.by,
        reply.escalate.summary,
    )


def test_second_question_without_an_answer_is_handed_over(make_desk, provider):
    """What was not answered is counted across messages, also by a desk that was not there for the first."""
    provider.script(*[draft("I do not know this.", answered=False)] * 3)
    desk = make_desk()

    assert desk.reply("Do you sell gift cards?").escalate is None
    assert "unknown" == desk.reply("And do you wrap them?").escalate.reason


def test_short_question_is_searched_with_the_one_before(make_desk, provider):
    """`And how long?` is about what was asked before, and what is personal is in no search."""
    asked: list[str] = []

    class Seen(Fixed):
        def search(self, query: str, k: int, /) -> Any:
            asked.append(query)
            return super().search(query, k)

    provider.script(*[draft("I will find out.")] * 2)
    desk = make_desk(knowledge=Seen(["Shipping takes 3 days."]))
    desk.reply("How much is shipping for ann@acme.example?")
    desk.reply("And how long?")

    assert "How much is shipping for" in asked[1]
    assert "And how long?" in asked[1]
    assert not [query for query in asked if "EMAIL" in query or "ann@" in query]


def test_message_id_gives_the_kept_reply(make_desk, provider, tmp_path):
    """The same message again, from another desk of another client, asks no model and is the same reply."""
    store = f"sqlite:///{tmp_path}/t.db"
    provider.script(draft("You have 30 days.", RETURNS))
    first = make_desk(store=store, names=["Ann Lee"]).reply(WHOLE, "m1")
    again = make_desk(store=store, names=["Ann Lee"]).reply(WHOLE, "m1")

    assert (first.text, first.citations, first.masked, 1) == (again.text, again.citations, again.masked, provider.calls)
    assert (False, True, 0) == (first.replayed, again.replayed, again.requests)
    with pytest.raises(TurnIdReusedError):
        make_desk(store=store).reply("Something else", "m1")


def test_failure_of_the_model_leaves_no_trace(make_desk, provider):
    """A dead provider is an error, and the same message may come again."""
    desk = make_desk()
    provider.script(status(500), draft("You have 30 days.", RETURNS))
    with pytest.raises(ServerError):
        desk.reply("How long can I return it?", "m1")

    assert [] == desk.kept()
    assert "You have 30 days." == desk.reply("How long can I return it?", "m1").text
    assert 2 == len(desk.kept())


def test_personal_values_are_kept_only_if_asked(make_desk, provider, tmp_path):
    """Another process puts values back only where they were kept on purpose, and erasing takes them, too."""
    for keep in (False, True):
        store = f"sqlite:///{tmp_path}/{keep}.db"
        provider.script(draft("Noted."))
        make_desk(store=store, keep_personal=keep).reply("I am ann@acme.example, please note.", "m1")
        placeholder = mail_of(provider)
        provider.script(*[draft(f"It is {placeholder}.")] * 3)
        other = make_desk(store=store, keep_personal=keep)
        reply = other.reply("What was my address again?", "m2")

        assert ("It is ann@acme.example." if keep else "I am handing") == reply.text[: 24 if keep else 12]
        assert keep is (b"ann@acme.example" in everything(tmp_path, f"{keep}.db"))
        other.erase()
        assert b"ann@acme.example" not in everything(tmp_path, f"{keep}.db")


def everything(folder: Path, name: str) -> bytes:
    """All bytes of a store."""
    return b"".join(path.read_bytes() for path in folder.glob(f"{name}*"))


def test_history_from_elsewhere_is_masked_too(make_desk, provider, tmp_path):
    """A ticket that was begun in the open is masked on its way out."""
    store = f"sqlite:///{tmp_path}/t.db"
    with Client() as client:
        client.conversation("t1", model="sim/echo", store=store).import_(
            [{"role": "user", "content": "I am ann@acme.example"}, {"role": "assistant", "content": "Hello."}], "openai"
        )
    provider.script(draft("I will find out."))
    make_desk(store=store).reply("Where is my parcel?")

    assert "ann@acme.example" not in sent(provider)
    assert "I am [EMAIL_" in sent(provider)


@pytest.mark.parametrize("moment", ["asking", "checked"])
def test_killed_desk_is_resumed_by_another(make_desk, provider, tmp_path, moment):
    """After kill -9 while the model thinks, or after a first draft was refused, the message is answered once."""
    store = f"sqlite:///{tmp_path}/t.db"
    slow = says(json.dumps({"text": "You have 30 days."}), latency=30)
    provider.script(*([draft("You have 60 days.", RETURNS)] if moment == "checked" else []), slow)
    calls = 2 if moment == "checked" else 1
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), store, provider.base_url(), "1"]
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}, cwd=tmp_path
    )
    try:
        while provider.calls < calls:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()

    provider.script(draft("You have 30 days.", RETURNS))
    desk = make_desk(store=store, names=["Ann Lee"])
    reply = desk.reply(SAID, "m1")

    assert ("You have 30 days.", calls + 1) == (reply.text, provider.calls)
    assert 2 == len(desk.kept())
    for value in PERSONAL:
        assert value not in sent(provider)
        assert value.encode() not in everything(tmp_path, "t.db")


def test_nothing_personal_is_in_logs_spans_or_stores(provider, tmp_path, caplog):
    """Log store with content, Python's logging at DEBUG, spans with content and the tickets: none has a value."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from dragoman.observe.otel import OpenTelemetry

    caplog.set_level(logging.DEBUG)
    spans = InMemorySpanExporter()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    log = LogStore(tmp_path / "log.db", content=True)
    provider.script(draft("Write to bob@acme.example.", (1, "30 days")), draft("You have 30 days.", (1, "30 days")))
    with Client(
        providers=rows(provider), retry=None, observe=[log, OpenTelemetry(tracer_provider=tracing, content=True)]
    ) as client:
        desk = Support(
            model="fake/m",
            names=["Ann Lee"],
            client=client,
            store=f"sqlite:///{tmp_path}/t.db",
            knowledge=Fixed(["30 days"]),
        )
        desk.open("t1").reply(WHOLE, "m1")
    log.close()
    tracing.shutdown()

    seen = "\n".join([caplog.text, *(span.to_json() for span in spans.get_finished_spans())])
    kept = everything(tmp_path, "t.db") + everything(tmp_path, "log.db")
    assert "[EMAIL_" in kept.decode("utf-8", "replace")
    assert spans.get_finished_spans()
    for value in PERSONAL:
        assert value not in seen
        assert value.encode() not in kept
    rows_kept = sqlite3.connect(tmp_path / "t.db")
    rows_kept.close()


def test_other_peoples_data_are_no_answer(make_desk, provider):
    """An address that nobody gave is a leak: the answer is refused, and what is kept of it is masked."""
    provider.script(*[draft("The other customer is bob@acme.example.", RETURNS)] * 3)
    desk = make_desk()
    reply = desk.reply("Who else has returned one?")

    assert {"leak"} == {finding.check for finding in reply.findings}
    assert "bob@" not in reply.text + reply.refused + "".join(desk.kept())


def test_scenario_is_played_and_judged(make_desk, provider):
    """A scripted customer talks to the desk; what is not as expected is told."""
    provider.script(draft("You have 30 days.", RETURNS), draft("A colleague takes over."))
    wanted = {"escalate": "legal", "says": ["30 days"], "never": ["promise"], "language": "en"}
    played = make_desk().simulate(
        {"name": "law", "turns": ["How long do I have?", "My lawyer will call you."], "expect": wanted}
    )

    assert played.ok, str(played)
    assert ["You have 30 days.", "A colleague takes over."] == [one.reply.text for one in played.exchanges]

    provider.script(draft("I promise: you have 30 days.", RETURNS), draft("You have 30 days, no promise.", RETURNS))
    wanted = {"escalate": "angry", "never": ["promise"], "says": ["sixty"], "answered": False}
    played = make_desk().simulate({"name": "wrong", "turns": ["How long do I have?"], "expect": wanted})
    assert ["expect"] * 4 == [finding.check for finding in played.findings]


def test_model_plays_the_customer(make_desk, provider):
    """A model plays until it is content, and sees the desk's replies as the other side's."""
    provider.script(says("How long can I return it?"), draft("You have 30 days.", RETURNS), says("[DONE]"))
    played = make_desk().simulate(Scenario(name="model", customer="You want to return a cup."))

    assert ["How long can I return it?"] == [one.customer for one in played.exchanges]
    last = provider.requests[-1].chat.messages
    assert [("assistant", "How long can I return it?"), ("user", "You have 30 days.")] == [
        (message.role, message.text) for message in last[-2:]
    ]


def test_files_of_a_user_hold(make_desk, provider, tmp_path):
    """Persona and policy are files; what stands in their heads is held to, and what stands below is told."""
    (tmp_path / "persona.md").write_text('+++\nname = "Otto"\nlanguages = ["de"]\n+++\nSei kurz.\n', "utf-8")
    (tmp_path / "policy.md").write_text('+++\nforbidden = ["leider"]\nmax_words = 5\n+++\nKein Rabatt.\n', "utf-8")
    provider.script(
        draft("Leider nein."), draft("Das sind hier viel zu viele Wörter."), draft("Das ist nicht möglich.")
    )
    desk = make_desk(persona=tmp_path / "persona.md", policy=str(tmp_path / "policy.md"))
    reply = desk.reply("Can I have a discount, please?")

    assert ("Das ist nicht möglich.", 3) == (reply.text, provider.calls)
    system = provider.requests[0].chat.messages[0].text
    assert "You are Otto" in system
    assert "Sei kurz." in system
    assert "Kein Rabatt." in system


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"persona": "nothing.md"}, "persona"),
        ({"persona": "+++\nnme = 1\n+++\n"}, "persona"),
        ({"policy": "+++\nnot toml\n+++\n"}, "policy"),
        ({"policy": "+++\n[escalate]\nbored = []\n+++\n"}, "policy"),
        ({"policy": '+++\nkeep = ["("]\n+++\n'}, "policy"),
        ({"policy": "+++\nmax_words = 0\n+++\n"}, "policy"),
        ({"policy": 7}, "policy"),
        ({"knowledge": 7}, "knowledge"),
        ({"passages": 0}, "passages"),
        ({"attempts": True}, "attempts"),
        ({"names": "Ann"}, "names"),
        ({"languages": "de"}, "languages"),
        ({"client": 7}, "client"),
        ({"prompts": "nowhere"}, "prompts"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], field: str):
    """A wrong argument or file is an error that names it, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        Support(model="sim/echo", **options)
    assert field == caught.value.field


@pytest.mark.parametrize("text", ["", "  ", None, 7])
def test_empty_message_is_refused(make_desk, text):
    """A message without words is an error, and asks nobody."""
    with pytest.raises(ConfigError) as caught:
        make_desk().reply(text)
    assert "text" == caught.value.field


def test_search_that_must_be_awaited_needs_the_async_face(make_desk, provider):
    """On the blocking face it is an error that says so; on the other it is awaited."""

    class Slow:
        async def search(self, query: str, k: int, /) -> Any:
            return Fixed(["30 days"]).search(query, k)

    provider.default = echo()
    provider.script(draft("You have 30 days.", (1, "30 days")))
    desk = make_desk(knowledge=Slow())
    if desk.face == "async":
        assert "You have 30 days." == desk.reply("How long?").text
    else:
        with pytest.raises(ConfigError):
            desk.reply("How long?")
