"""
The vendors' own SDKs as clients of the batch servers, and the vendors' specifications as judges of our requests.

What the SDKs accept and turn into the right objects is the API; what the specifications accept is a request.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from mistralai.client import Mistral as MistralSdk

from dragoman.errors import BadRequestError
from dragoman.testing.batches import Asked, BatchServer, Course
from dragoman.testing.batches.base import echoed
from dragoman.testing.batches.mistral import Mistral
from dragoman.testing.batches.openai import OpenAI
from tests.batch.service.conftest import Bench
from tests.specs.bundle import Specs

Make = Callable[..., Bench]


def _lines(*texts: str, **more: Any) -> bytes:
    rows = [
        {"custom_id": f"r{number}", **more, "body": {"messages": [{"role": "user", "content": text}]}}
        for number, text in enumerate(texts)
    ]
    if more:
        for row in rows:
            row["body"]["model"] = "gpt-x"
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _answer(asked: Asked) -> Any:
    return BadRequestError("no", status=400, code="bad") if asked.text == "bad" else echoed(asked)


def test_openai() -> None:
    """Upload, create, look until it is over, read answers and errors, list by pages, cancel, delete."""
    asked = _lines("one", "bad", "two", method="POST", url="/v1/chat/completions")
    courses = (Course(looks=2, answer=_answer), Course(looks=100))
    with BatchServer(OpenAI, *courses) as server, openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client:
        file = client.files.create(file=("in.jsonl", asked), purpose="batch")
        assert ("batch", len(asked), "in.jsonl") == (file.purpose, file.bytes, file.filename)
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"dragoman": "t"}
        )
        states = [batch.status]
        while batch.status != "completed":
            batch = client.batches.retrieve(batch.id)
            states.append(batch.status)
        assert ["validating", "validating", "in_progress", "completed"] == states
        assert batch.request_counts is not None
        assert {"total": 3, "completed": 2, "failed": 1} == batch.request_counts.to_dict()
        good = [json.loads(line) for line in client.files.content(batch.output_file_id or "").iter_lines()]
        bad = [json.loads(line) for line in client.files.content(batch.error_file_id or "").iter_lines()]
        assert {"r0": "one", "r2": "two"} == {
            row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"] for row in good
        }
        assert [("r1", 400)] == [(row["custom_id"], row["response"]["status_code"]) for row in bad]
        other = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        assert [other.id, batch.id] == [listed.id for listed in client.batches.list(limit=1)]
        assert {"dragoman": "t"} == next(b for b in client.batches.list() if b.id == batch.id).metadata
        assert "cancelling" == client.batches.cancel(other.id).status
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)
        with pytest.raises(openai.ConflictError):
            client.batches.cancel(batch.id)


def _mistral(server: BatchServer) -> MistralSdk:
    return MistralSdk(api_key="k", server_url=server.url)


def test_mistral() -> None:
    """The same by Mistral's own SDK."""
    asked = _lines("one", "bad", "two")
    with BatchServer(Mistral, Course(looks=2, answer=_answer), Course(looks=100)) as server, _mistral(server) as client:
        file = client.files.upload(file={"file_name": "in.jsonl", "content": asked}, purpose="batch")
        job = client.batch.jobs.create(
            endpoint="/v1/chat/completions", input_files=[file.id], model="m", metadata={"dragoman": "t"}
        )
        states = [job.status]
        while job.status != "SUCCESS":
            job = client.batch.jobs.get(job_id=job.id)
            states.append(job.status)
        assert ["QUEUED", "QUEUED", "RUNNING", "SUCCESS"] == states
        assert (3, 2, 1) == (job.total_requests, job.succeeded_requests, job.failed_requests)
        content = client.files.download(file_id=str(job.output_file)).read()
        rows = [json.loads(line) for line in content.splitlines()]
        assert {"r0", "r2"} == {row["custom_id"] for row in rows}
        other = client.batch.jobs.create(endpoint="/v1/chat/completions", input_files=[file.id], model="m")
        listed = client.batch.jobs.list(page_size=1)
        assert [other.id] == [one.id for one in listed.data or []]
        assert "CANCELLATION_REQUESTED" == client.batch.jobs.cancel(job_id=other.id).status
        assert client.files.delete(file_id=file.id).deleted


@pytest.mark.parametrize(("api", "name"), [(OpenAI, "openai"), (Mistral, "mistral")])
def test_what_is_asked_is_what_the_specification_says(bench: Make, api: Any, name: str) -> None:
    """The request that makes a batch, and each row of its file, satisfy the vendor's own schemas."""
    made, row = Specs().validator(f"{name}-batches"), Specs().validator(f"{name}-chat")
    assert made is not None
    assert row is not None
    at = bench(api, name=name)
    at.run(3, deadline="5h", temperature=0.5, max_tokens=9)
    [batch] = at.server.batches
    assert made(json.loads(batch.extra["body"])) is None
    for asked in batch.rows:
        assert row(json.loads(asked.body)) is None
    wrong = json.loads(batch.extra["body"]) | {"endpoint": 5}
    assert made(wrong) is not None
