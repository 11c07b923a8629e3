"""Batches at a provider's batch API: everything comes back, once, whatever the provider does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman import BatchError, Budget, BudgetError, Client, ConfigError, PermissionDeniedError
from dragoman.batch.journal import read_records
from dragoman.errors import BadRequestError, ContextLengthError, DragomanError, ServerError
from dragoman.testing.batches import Asked, Course
from dragoman.testing.batches.mistral import Mistral
from dragoman.testing.batches.openai import Azure, OpenAI
from dragoman.testing.batches.server import Seen
from dragoman.types.responses import ChatResponse
from tests.batch.rows import expected, line, read, texts, write
from tests.batch.service.answering import but
from tests.batch.service.conftest import Bench

Make = Callable[..., Bench]
APIS = [pytest.param(OpenAI, "openai", id="openai"), pytest.param(Azure, "azure", id="azure")]
APIS.append(pytest.param(Mistral, "mistral", id="mistral"))


@pytest.mark.parametrize(("api", "name"), APIS)
def test_all_rows_come_back_in_the_order_of_the_input(bench: Make, api: Any, name: str) -> None:
    """Seven rows in batches of three: three batches, shuffled results, an output in order, no file left behind."""
    at = bench(api, name=name)
    report = at.run(7)

    assert expected(7) == texts(at.sink)
    assert (7, 0, 3) == (report.done, report.failed, len(at.server.batches))
    assert [3, 3, 1] == [len(batch.rows) for batch in at.server.batches]
    assert (f"7 rows to {name}'s batches",) == report.notes
    assert 3 == at.server.count("DELETE")


@pytest.mark.parametrize(("api", "name"), APIS)
def test_rows_that_expire_go_again_and_no_others(bench: Make, api: Any, name: str) -> None:
    """Of an expired batch, what was done is kept; only the rest is handed in again."""
    at = bench(api, Course(end="expired", answer=but(0, 2, error=None)), name=name)
    report = at.run(3)

    assert expected(3) == texts(at.sink)
    assert [3, 2] == [len(batch.rows) for batch in at.server.batches]
    assert ["hello 0", "hello 2"] == [row.text for row in at.server.batches[1].rows]
    assert 3 == report.done


@pytest.mark.parametrize(("api", "name"), APIS)
def test_an_error_of_a_row_is_its_outcome(bench: Make, api: Any, name: str) -> None:
    """A row that the provider refuses ends in the errors file, as a live call would; the others are answered."""
    error = ContextLengthError("too long", status=400, code="context_length_exceeded")
    at = bench(api, default=Course(answer=but(1, error=error)), name=name)
    report = at.run(3)

    assert (2, 1, {"ContextLengthError": 1}) == (report.done, report.failed, report.errors)
    [failure] = read(at.folder / "out.errors.jsonl")
    assert ("c1", "context_length_exceeded") == (failure["custom_id"], failure["error"]["code"])
    assert line(1, model=f"{name}/m") == failure["row"]
    assert 1 == len(at.server.batches)


def test_an_error_that_may_pass_goes_again(bench: Make) -> None:
    """A 500 within a batch is no outcome: the row goes into another one."""
    at = bench(OpenAI, Course(answer=but(1, error=ServerError("oops", status=500))))
    report = at.run(3)

    assert (3, 0) == (report.done, report.failed)
    assert [3, 1] == [len(batch.rows) for batch in at.server.batches]


def test_three_batches_are_enough(bench: Make) -> None:
    """A row that no batch comes to fails after the third; one that always errs fails with its own error."""
    at = bench(OpenAI, default=Course(end="expired", answer=but(1, error=None)))
    report = at.run(2)
    assert (1, {"ServerError": 1}, 3) == (report.done, report.errors, len(at.server.batches))
    assert "did not come to it in 3 batches" in read(at.folder / "out.errors.jsonl")[0]["error"]["message"]


def test_a_batch_with_nothing_but_errors(bench: Make) -> None:
    """A completed batch may have an errors file alone."""
    at = bench(OpenAI, default=Course(answer=lambda asked: BadRequestError("no", status=400)))
    report = at.run(3)

    assert (0, 3, {"BadRequestError": 3}) == (report.done, report.failed, report.errors)
    assert [] == read(at.sink)


def test_a_queue_that_is_full_is_waited_for(bench: Make) -> None:
    """A batch that failed for want of room, which shows only when it is looked at, is handed in again, smaller."""
    full = Course(looks=0, end="failed", error=("token_limit_exceeded", "Enqueued token limit reached"))
    at = bench(OpenAI, full)
    report = at.run(3)

    assert (3, 0) == (report.done, report.failed)
    assert [3, 1, 1, 1] == [len(batch.rows) for batch in at.server.batches]


def test_a_batch_that_fails_as_a_whole_fails_its_rows(bench: Make) -> None:
    """What is no matter of room is not tried again, and the provider's words are in each row."""
    at = bench(OpenAI, default=Course(looks=0, end="failed", error=("model_not_found", "no such model")))
    report = at.run(2)

    assert ({"BadRequestError": 2}, 1) == (report.errors, len(at.server.batches))
    assert "no such model (model_not_found)" in read(at.folder / "out.errors.jsonl")[0]["error"]["message"]


@pytest.mark.parametrize("status", [400, 403])
def test_a_provider_that_takes_no_batch_ends_the_run(bench: Make, status: int) -> None:
    """Nothing is marked as failed, and the same call goes on when it does."""
    at = bench(OpenAI, hook=lambda moment, seen: status if seen.path == "/v1/batches" and moment == "before" else None)
    with pytest.raises(BadRequestError if status == 400 else PermissionDeniedError):
        at.run(3)
    at.server.hook = None
    assert 3 == at.run(3).done
    assert 1 == len(at.server.batches)


def test_a_create_whose_answer_is_lost_is_not_done_twice(bench: Make) -> None:
    """The connection breaks when the batch is made: it is found by its tag, in the same run."""
    cuts = iter(["cut"])

    def hook(moment: str, seen: Seen) -> Any:
        made = (moment, seen.method, seen.path) == ("after", "POST", "/v1/batches")
        return next(cuts, None) if made else None

    at = bench(OpenAI, hook=hook)
    assert 3 == at.run(3).done
    assert 1 == len(at.server.batches)


def test_a_create_of_which_nobody_knows_is_left_to_the_next_run(bench: Make) -> None:
    """The connection breaks, and then the list cannot be read: the run ends, and the next one finds the batch."""

    def hook(moment: str, seen: Seen) -> Any:
        if seen.path == "/v1/batches" and (moment, seen.method) == ("after", "POST"):
            return "cut"
        return 503 if seen.path == "/v1/batches" and (moment, seen.method) == ("before", "GET") else None

    at = bench(OpenAI, hook=hook)
    with pytest.raises(DragomanError):
        at.run(3)
    at.server.hook = None
    assert 3 == at.run(3).done
    assert 1 == len(at.server.batches)


def test_a_list_of_batches_is_read_to_its_end(bench: Make) -> None:
    """The batch is found although a hundred and more were made after it."""
    lost: list[str] = []

    def hook(moment: str, seen: Seen) -> Any:
        if (moment, seen.method, seen.path) == ("after", "POST", "/v1/batches") and not lost:
            lost.append("cut")
            [made] = at.server.batches
            asked = msgspec.structs.replace(made.extra["asked"], metadata={"dragoman": "another"})
            for _ in range(150):
                other = at.server.house.create("other_", [], dialect="openai-chat")
                other.extra |= {**made.extra, "asked": asked}
                other.state = "ended"
            return "cut"
        return None

    at = bench(OpenAI, hook=hook)
    assert 3 == at.run(3).done
    assert 151 == len(at.server.batches)


def test_troubles_while_waiting_are_passed_over(bench: Make) -> None:
    """A provider that fails to say how a batch stands, or breaks off its results, is asked again."""
    troubles: dict[tuple[str, str], list[Any]] = {
        ("before", "/v1/batches/batch_0002"): [500, 500, 500, 500],
        ("after", "content"): ["cut", "cut"],
    }

    def hook(moment: str, seen: Seen) -> Any:
        for (when, ending), left in troubles.items():
            if moment == when and seen.path.endswith(ending) and left:
                return left.pop()
        return None

    at = bench(OpenAI, hook=hook)
    assert 3 == at.run(3).done
    assert expected(3) == texts(at.sink)
    assert [] == [left for left in troubles.values() if left]


def test_what_it_costs_is_half(bench: Make) -> None:
    """Where the price list has no tier for batches, the usual price is halved, part by part."""
    at = bench(OpenAI)
    facts = {"openai/m": {"prices": [{"input": "2", "output": "8"}]}}
    with at.client(models=facts) as client:
        batch = client.batch(at.rows(2), at.sink, mode="provider", poll=0.02)
        [first, _] = batch.results()
    assert Decimal("0.00003") == first.cost
    assert Decimal("0.00006") == batch.report.cost
    assert {"input": Decimal("0.00002"), "output": Decimal("0.00004")} == batch.report.cost_parts


def test_the_price_lists_own_tier_holds(bench: Make) -> None:
    """A price list that has a tier for batches knows better."""
    at = bench(OpenAI)
    prices = [{"input": "2", "output": "8"}, {"input": "0.2", "output": "0.8", "tier": "batch"}]
    with at.client(models={"openai/m": {"prices": prices}}) as client:
        batch = client.batch(at.rows(1), at.sink, mode="provider", poll=0.02)
    assert Decimal("0.000006") == batch.report.cost


def test_a_budget_holds_batches_too(bench: Make) -> None:
    """What all rows of a batch may cost is reserved before, at the discount; what they did cost is booked."""
    at = bench(OpenAI)
    facts = {"openai/m": {"prices": [{"input": "0", "output": "1000"}], "max_output": 100}}
    budget = Budget(usd="0.2")
    with at.client(models=facts, budget=budget) as client:
        batch = client.batch(at.rows(6, max_tokens=100), at.sink, mode="provider", poll=0.02)
    assert 6 == batch.report.done
    assert Decimal("0.015") == batch.report.cost
    assert Decimal("0.185") == budget.left()
    assert len(at.server.batches) > 1


def test_max_cost_ends_the_run_before_it_is_crossed(bench: Make) -> None:
    """A row that may cost more than is left is not handed in."""
    at = bench(OpenAI)
    facts = {"openai/m": {"prices": [{"input": "0", "output": "1000"}], "max_output": 100}}
    with at.client(models=facts) as client, pytest.raises(BudgetError):
        client.batch(at.rows(3, max_tokens=100), at.sink, mode="provider", poll=0.02, max_cost="0.04")
    assert [] == at.server.batches


def test_typed_values(bench: Make) -> None:
    """A type that is asked for is in the rows, and an answer that is none fails its row."""
    from typing import TypedDict

    class Place(TypedDict):
        city: str

    def answer(asked: Asked) -> ChatResponse:
        said = '{"city": "Rome"}' if asked.text == "hello 0" else '{"town": 1}'
        from dragoman.types.messages import Message

        return ChatResponse(message=Message.assistant(said), finish_reason="stop", model="m")

    at = bench(OpenAI, default=Course(answer=answer))
    with at.client() as client:
        batch = client.batch(at.rows(2), at.sink, mode="provider", poll=0.02, output=Place)
        [good, bad] = batch.results()
    assert {"city": "Rome"} == good.output
    assert bad.error is not None
    assert "SchemaError" == bad.error.kind


def test_rows_that_ask_the_same_are_handed_in_once(bench: Make) -> None:
    """With `dedupe`, twins take the answer of the first."""
    at = bench(OpenAI)
    write(at.folder / "in.jsonl", [line(number, "the same", model="openai/m") for number in range(3)])
    with at.client() as client:
        report = client.batch(at.folder / "in.jsonl", at.sink, mode="provider", poll=0.02, dedupe=True).report
    assert (3, [1]) == (report.done, [len(batch.rows) for batch in at.server.batches])
    assert {"the same"} == {text for _, text in texts(at.sink)}


def test_results_as_they_come(bench: Make) -> None:
    """Without order, rows have places as they come; an error of the row itself is among them."""
    at = bench(OpenAI)
    with at.client() as client:
        batch = client.batch(at.rows(7), at.sink, mode="provider", poll=0.02, order=None, start=False)
        assert {f"c{number}" for number in range(7)} == {row.id for row in batch.results()}
    assert sorted(expected(7)) == sorted(texts(at.sink))


def test_the_same_call_again_costs_nothing(bench: Make) -> None:
    """A batch that is done is not handed in again; an edited row alone is."""
    at = bench(OpenAI)
    at.run(3)
    assert 3 == at.run(3).reused
    assert 1 == len(at.server.batches)
    rows = [line(0, model="openai/m"), line(1, "edited", model="openai/m"), line(2, model="openai/m")]
    write(at.folder / "in.jsonl", rows)
    with at.client() as client:
        client.batch(at.folder / "in.jsonl", at.sink, mode="provider", poll=0.02)
    assert [("c0", "hello 0"), ("c1", "edited"), ("c2", "hello 2")] == texts(at.sink)
    assert [3, 1] == [len(batch.rows) for batch in at.server.batches]


# --- what cannot be ---------------------------------------------------------------------------------------------------


def test_a_provider_without_batches(tmp_path: Path) -> None:
    """Rows that shall be handed in where nobody takes them end the run, and none is marked as failed."""
    with Client() as client, pytest.raises(ConfigError, match="sim has no batch API"):
        client.batch(["a"], tmp_path / "out.jsonl", model="sim/echo", mode="provider")
    assert {1} == {int(record.kind) for record in read_records(tmp_path / "out.jsonl.job")}


def test_an_iterator_cannot_be_handed_in(client: Client) -> None:
    """Rows are read again for what was left: a source that gives them once is refused before anything is sent."""
    with pytest.raises(ConfigError, match="read twice"):
        client.batch(iter(["a"]), model="fake/m", mode="provider")


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        ({"mode": "cheap"}, "mode"),
        ({"deadline": "24h"}, "deadline"),
        ({"mode": "auto", "deadline": "soon"}, "deadline"),
        ({"mode": "auto", "deadline": 0}, "deadline"),
        ({"mode": "auto", "poll": 0}, "poll"),
    ],
)
def test_keywords_that_cannot_work(client: Client, keywords: dict[str, Any], field: str) -> None:
    """Each says which it is."""
    with pytest.raises(ConfigError) as raised:
        client.batch(["a"], model="fake/m", **keywords)
    assert field == raised.value.field


def test_no_room_for_the_journal(bench: Make) -> None:
    """A journal that cannot be written ends the run before anything is sent."""
    at = bench(OpenAI)
    with at.client() as client, pytest.raises(BatchError):
        client.batch(at.rows(1), at.folder / "none" / "out.jsonl", mode="provider")
    assert [] == at.server.batches
