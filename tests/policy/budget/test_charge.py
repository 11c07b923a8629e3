"""What a call is charged after its end, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dragoman import Attempt, ChatResponse, Choice, ConnectError, Message, Reasoning, StreamInterrupted, Text, ToolCall
from dragoman.errors import TimeoutError
from dragoman.policy.budget.charge import charged, charged_for_failure, charged_for_requests
from dragoman.policy.budget.estimate import Estimate
from dragoman.types.usage import Usage

# A prompt of 100 tokens at 2 each; output at 10 a token.
CALL = Estimate(most=100_000, prompt=100, input=2, output=10)
OK = Attempt(provider="p", model="m", outcome="ok")
REFUSED = Attempt(provider="p", model="m", outcome="RateLimitError", status=429)
LOST = Attempt(provider="p", model="m", outcome="StreamInterrupted", maybe_billed=True)


def answer(text: str = "", usage: Usage | None = None, cost: str | None = None) -> ChatResponse:
    parts = (Text(text),) if text else ()
    return ChatResponse(
        message=Message("assistant", parts), usage=usage or Usage(), cost=Decimal(cost) if cost else None
    )


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(answer("hi", cost="0.000005"), 5_000, id="its cost"),
        pytest.param(answer("x" * 40), 200 + 10 * 10, id="no numbers: a prompt, and four letters to a token"),
        pytest.param(answer("x" * 40, Usage(input_tokens=7, output_tokens=3)), 14 + 100, id="fewer than are seen"),
        pytest.param(answer("x" * 40, Usage(input_tokens=7, output_tokens=90)), 14 + 900, id="more than are seen"),
        pytest.param(answer("", Usage(input_tokens=7)), 14, id="nothing was written"),
    ],
)
def test_an_answer(response: ChatResponse, expected: int) -> None:
    """What it cost, else by the numbers, else by its length."""
    assert expected == charged(response, (OK,), CALL)


def test_everything_that_was_written_counts() -> None:
    """Reasoning, calls and the other answers are output, too."""
    parts = (Reasoning("x" * 8), Text("x" * 8), ToolCall(id="1", name="abcd", arguments_json='{"a":1}'))
    other = Choice(message=Message.assistant("x" * 12))
    response = ChatResponse(message=Message("assistant", parts), alternatives=(other,))

    assert 200 + (7 + 3) * 10 == charged(response, (OK,), CALL)


def test_each_request_that_may_have_been_billed_costs_its_prompt() -> None:
    """One that was refused costs nothing."""
    assert 5_000 + 2 * 200 == charged(answer("hi", cost="0.000005"), (LOST, REFUSED, LOST, OK), CALL)
    assert 2 * 200 == charged_for_requests((LOST, REFUSED, LOST), CALL)
    assert 0 == charged_for_requests((), CALL)


def test_a_failure_costs_what_may_have_been_billed() -> None:
    """Refused: nothing.  Lost: the prompt.  Cut: the prompt and what arrived, once."""
    cut = StreamInterrupted("cut", partial=answer("x" * 40), attempts=(LOST, LOST))

    assert 0 == charged_for_failure(ConnectError("no", attempts=(REFUSED, REFUSED)), CALL)
    assert 200 == charged_for_failure(TimeoutError("late", clock="total", attempts=(REFUSED, LOST)), CALL)
    assert 200 + (200 + 100) == charged_for_failure(cut, CALL)
