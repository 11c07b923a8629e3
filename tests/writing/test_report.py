"""Reports: a plan, its sections, and one document of them."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from dragoman import ChatRequest, Client, RefusalError, SchemaError, TruncatedError
from dragoman.testing import Server, Step, calls, says, status
from dragoman.writing.headings import Headings
from dragoman.writing.outline import Outline, Section, parse_outline, section_request
from tests.writing.test_checkpoint import killed, worker
from tests.writing.test_write import WAYS, awaiting, blocking, row
from tests.writing.texts import tokens

TITLES = ("Hives", "Honey", "Winter", "Swarms", "Flowers", "Wax")
PLAN = {"title": "Bees", "sections": [{"title": title, "brief": f"On {title}.", "words": 80} for title in TITLES]}
_ASKED = re.compile(r"Now write section (\d+)")


def body(number: int) -> str:
    """What the model writes for a section: with headings as it likes them."""
    level = "#" * (1 + number % 3)
    return (
        f"{level} {number}. {TITLES[number - 1]}\n\nThis is all about {TITLES[number - 1].lower()}, part {number}.\n\n"
        f"{level}# {number}.1 First thing of {number}\n\nIt goes on for a while, as number {number} does.\n\n"
        f"```python\n# a comment {number}\nx = {number}\n```\n\n{level}## Deeper\n\nThe end of {number}.\n\n"
    )


def expected(number: int) -> str:
    """What stands in the report for it."""
    return (
        f"This is all about {TITLES[number - 1].lower()}, part {number}.\n\n"
        f"### First thing of {number}\n\nIt goes on for a while, as number {number} does.\n\n"
        f"```python\n# a comment {number}\nx = {number}\n```\n\n#### Deeper\n\nThe end of {number}."
    )


REPORT = "# Bees\n\n" + "\n\n".join(f"## {TITLES[at - 1]}\n\n{expected(at)}" for at in range(1, 7)) + "\n"


def author(chat: ChatRequest, per: int = 40, pace: float = 0.0, plan: str | None = None) -> Step:
    """Plan, or go on with the section that is asked for."""
    question = next(
        message.text
        for message in reversed(chat.messages)
        if "this text" in message.text or "Now write section" in message.text
    )
    found = _ASKED.search(question)
    if found is None:
        return says(plan or f"Here you are:\n```json\n{json.dumps(PLAN)}\n```", pace=pace)
    pieces = tokens(body(int(found[1])))
    said = "".join(message.text for message in chat.messages if message.role == "assistant")
    at, length = 0, 0
    while length < len(said):
        length += len(pieces[at])
        at += 1
    last = at + per >= len(pieces)
    return says("".join(pieces[at : at + per]), finish="stop" if last else "length", chunk=7, pace=pace)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_report_is_planned_and_written(way: Any) -> None:
    """Every section is written past the cap, and the document has one form of headings."""
    with Server(default=calls(author)) as server:
        made = way(row(server), "x/m", "A report on bees.", outline=True)

    answer = made.answer
    assert (REPORT, REPORT) == (answer.text, made.streamed)
    assert (server.calls, "stop") == (len(answer.attempts), answer.finish_reason)
    used = answer.usage.output_tokens
    assert used is not None
    assert used > len(REPORT.split())


def test_sections_may_be_written_at_once() -> None:
    """On the async face so many are under way together; the document is the same."""
    lock, now, most = threading.Lock(), [0], [0]

    async def slow(chat: ChatRequest) -> Step:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        await asyncio.sleep(0.03)
        with lock:
            now[0] -= 1
        return author(chat)

    with Server(default=calls(slow)) as server:
        assert REPORT == awaiting(row(server), "x/m", "A report on bees.", outline=True, parallel=3).answer.text
        assert 3 == most[0]
        assert REPORT == blocking(row(server), "x/m", "A report on bees.", outline=True, parallel=3).answer.text


def test_sections_may_be_numbered() -> None:
    """Sections and the headings in them have numbers of ours, and none of the model's."""
    with Server(default=calls(author)) as server:
        text = blocking(row(server), "x/m", "A report on bees.", outline=True, numbering=True, words=500).answer.text
        plan = server.requests[0].chat.messages[-1].text

    assert "about 500 words" in plan
    headings = [line for line in text.splitlines() if re.match(r"#+ (?!a comment)", line)]
    assert ["# Bees", "## 1. Hives", "### 1.1 First thing of 1", "#### Deeper", "## 2. Honey"] == headings[:5]


def test_the_plan_has_a_schema_where_the_model_takes_one() -> None:
    """A model that is known to hold to a schema is asked so; for others the plan is read from what they write."""
    asked: dict[bool, Any] = {}
    for known in (True, False):
        facts = {"x/m": {"yes": ["json_schema"]} if known else {"context": 8000}}
        with Server(default=calls(author)) as server:
            blocking(row(server), "x/m", "A report on bees.", outline=True, client={"models": facts})
            asked[known] = server.requests[0].chat.output
    assert "json_schema" == asked[True].kind
    assert asked[False] is None


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        (json.dumps(PLAN), TITLES),
        (f"Sure!\n```json\n{json.dumps(PLAN, indent=2)}\n```\nGood luck.", TITLES),
        (json.dumps({"outline": ["1. Hives", "2. Honey"]}), ("Hives", "Honey")),
        (json.dumps({"sections": [{"name": "Hives", "about": "x"}, {"nothing": 1}]}), ("Hives",)),
        ("# Bees\n\n## 1. Hives\n\n## 2. Honey\n", ("Hives", "Honey")),
        ("1. **Hives**: where they live\n2. **Honey** - what they make\n", ("Hives", "Honey")),
        ("- Hives\n- Honey", ("Hives", "Honey")),
    ],
)
def test_plans_are_read_from_what_models_make_of_them(text: str, titles: tuple[str, ...]) -> None:
    """JSON, JSON in a fence, and lists."""
    outline = parse_outline(text)
    assert outline is not None
    assert titles == tuple(section.title for section in outline.sections)


@pytest.mark.parametrize(
    "text", ["", "I would begin with the hives.", "{}", '{"sections": []}', '{"sections": [1]}', "{"]
)
def test_what_is_no_plan_is_none(text: str) -> None:
    """Nothing is made up."""
    assert parse_outline(text) is None


def test_a_report_without_a_plan_is_an_error() -> None:
    """It has the model's words, and nothing was written."""
    with Server(says("I cannot plan.")) as server, pytest.raises(SchemaError, match="I cannot plan") as caught:
        blocking(row(server), "x/m", "A report on bees.", outline=True)
    assert (1, 1) == (server.calls, len(caught.value.attempts))


def test_a_refused_plan_is_a_refusal() -> None:
    """As it is for a text."""
    with Server(says("", finish="refusal")) as server, pytest.raises(RefusalError):
        blocking(row(server, "anthropic-messages"), "x/m", "A report on bees.", outline=True)


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_error_in_a_section_keeps_the_others(parallel: int) -> None:
    """What was written before is in the error, in the form of the report."""
    seen: list[str] = []

    def failing(chat: ChatRequest) -> Step:
        seen.append(chat.messages[-1].text)
        return author(chat) if len(seen) < 12 else status(400, "no more")

    with Server(default=calls(failing)) as server, pytest.raises(Exception, match="no more") as caught:
        awaiting(row(server), "x/m", "A report on bees.", outline=True, parallel=parallel)
    partial = caught.value.partial
    assert partial.text.startswith(f"# Bees\n\n## Hives\n\n{expected(1)}\n\n## Honey\n\n")


@pytest.mark.parametrize("limit", [{"max_tokens_total": 160}, {"max_rounds": 1}])
def test_limits_hold_for_reports(limit: dict[str, int]) -> None:
    """Tokens are counted over all sections, rounds in each."""
    with Server(default=calls(author)) as server, pytest.raises(TruncatedError, match=next(iter(limit))) as caught:
        blocking(row(server), "x/m", "A report on bees.", outline=True, **limit)
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("# Bees\n\n## Hives\n\nThis is all about hives")


def test_prompts_do_not_grow_with_the_report() -> None:
    """A report of fifty long sections: what goes into a prompt is bounded, and every plan and end is in it."""
    sections = tuple(Section(f"Part {number}", "It is about something.", 1000) for number in range(1, 51))
    outline = Outline("A report", sections)
    written: dict[int, str] = {}
    sizes: list[int] = []
    for number in range(1, 51):
        asked = section_request(ChatRequest("x/m", "Write."), outline, number, written)  # type: ignore[arg-type]
        sizes.append(len(asked.messages[-1].text))
        written[number] = f"Words of {number}. " * 500

    assert 50_000 * 5 < sum(map(len, written.values()))
    assert max(sizes) < 25_000
    assert written[49].strip()[-100:] in asked.messages[-1].text


def test_a_killed_report_goes_on(tmp_path: Path) -> None:
    """Killed in the plan and in sections: the report is the same, and whole sections are not written again."""
    checkpoint = tmp_path / "report.jsonl"
    for after in (1, 40, 90, 140, 190):
        with Server(default=calls(lambda chat: author(chat, pace=0.002))) as server:
            killed(worker(server, checkpoint, "async", "outline"), server, after)
    with Server(default=calls(author)) as server:
        text, errors = worker(server, checkpoint, "async", "outline").communicate(timeout=60)
        assert (REPORT, b"") == (text.decode(), errors)
        plans = [request for request in server.requests if "plan it" in request.chat.messages[-1].text]
    assert len(plans) <= 1


def test_a_finished_report_is_not_written_again(tmp_path: Path) -> None:
    """The same call gives it from the file."""
    checkpoint = tmp_path / "report.jsonl"
    with Server(default=calls(author)) as server, Client(providers=row(server)) as client:
        with pytest.raises(TruncatedError):
            client.write("x/m", "A report on bees.", outline=True, checkpoint=checkpoint, max_tokens_total=200)
        first = client.write("x/m", "A report on bees.", outline=True, checkpoint=checkpoint)
        asked = server.calls
        assert first.text == client.write("x/m", "A report on bees.", outline=True, checkpoint=checkpoint).text

    assert REPORT == first.text
    assert asked == server.calls == len(first.attempts)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("number", range(1, 7))
def test_headings_fit_into_the_report(number: int, chunk: int) -> None:
    """Whatever level a section begins with, and however it comes."""
    headings, text = Headings(TITLES[number - 1]), body(number)
    made = "".join(headings.feed(text[at : at + chunk]) for at in range(0, len(text), chunk)) + headings.close()
    assert expected(number) == made


@pytest.mark.parametrize(
    "text", ['{"title": "\\ud800", "sections": ["a"]}', "{" * 30_000, '{"a":' * 5_000 + "1" + "}" * 5_000]
)
def test_garbage_is_no_plan(text: str):
    """What a model makes of braces is no error of the decoder, and is read in a moment."""
    assert parse_outline(text) is None
