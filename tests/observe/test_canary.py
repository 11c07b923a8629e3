"""A marked key appears in nothing that is seen of a call: log, wire dump, metric, span, log store."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dragoman import Client, DragomanError, Retry, Timeouts, background
from dragoman.observe import LogStore, Prometheus, exposition
from dragoman.testing import Server, raw
from dragoman.testing.faults import FAULTS, fault
from dragoman.testing.steps import Step
from dragoman.transport.dump import VARIABLE
from tests.observe.test_otel import Telemetry

CANARY = "canary-7f3a91c2-marked-key"
QUICK = {"retry": Retry(base=0.001, cap=0.001), "timeouts": Timeouts(first_event=0.2, idle=0.2, total=0.4)}


def _echo_plain() -> Step:
    body = {
        "id": CANARY,
        "model": CANARY,
        "choices": [{"message": {"role": "assistant", "content": f"your key is {CANARY}"}, "finish_reason": "stop"}],
    }
    return raw(json.dumps(body).encode(), headers={"x-request-id": CANARY, "x-ratelimit-remaining-requests": CANARY})


def _echo_stream() -> Step:
    pieces: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": f"key {CANARY[:9]}"}}]
    pieces += [
        {"delta": {"content": CANARY[9:]}},
        {"delta": {"content": CANARY}},
        {"delta": {}, "finish_reason": "stop"},
    ]
    lines = "".join(
        f"data: {json.dumps({'id': CANARY, 'model': CANARY, 'choices': [{'index': 0, **piece}]})}\n\n"
        for piece in pieces
    )
    data = f"{lines}data: [DONE]\n\n".encode()
    return raw(*(data[at : at + 37] for at in range(0, len(data), 37)), headers={"x-request-id": CANARY})


def _echo_error(code: int) -> Step:
    error = {"message": f"wrong key {CANARY}", "type": CANARY, "code": CANARY}
    return raw(json.dumps({"error": error}).encode(), status=code, headers={"x-request-id": CANARY})


class Sinks:
    """Everything that sees a call."""

    def __init__(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        self._folder = folder
        self._caplog = caplog
        self._registry = CollectorRegistry()
        self._telemetry = Telemetry()
        self.store = LogStore(folder / "logs.db")
        self.observe = [
            Prometheus(self._registry, key=lambda call: CANARY),
            self._telemetry.observer(content=True),
            self.store,
        ]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Name and contents of each."""
        background.flush(5)
        self.store.close()
        yield "log", self._caplog.text + repr([vars(record) for record in self._caplog.records])
        yield "metrics", exposition(self._registry).decode()
        yield "spans", "".join(span.to_json() for span in self._telemetry.spans())
        yield "otel metrics", repr(self._telemetry.metrics())
        for path in self._folder.iterdir():
            yield path.name, path.read_bytes().decode("utf-8", "replace")


@pytest.fixture
def sinks(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sinks]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "wire.log"))
    with caplog.at_level(logging.DEBUG):
        made = Sinks(tmp_path, caplog)
        yield made
        made.store.close()


def ask(*verbs: Callable[..., Any]) -> list[str]:
    """Ask by each verb, whatever comes of it; return the errors in words."""
    errors: list[str] = []
    for verb in verbs:
        try:
            verb("openai/gpt-5.6-luna", f"is {CANARY} my key?", metadata={"note": CANARY})
        except DragomanError as error:
            errors.append(str(error))
    return errors


def rows(server: Server) -> dict[str, Any]:
    return {"openai": {"base_url": server.base_url(), "api_key": CANARY}}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(_echo_plain(), id="plain"),
        pytest.param(_echo_stream(), id="stream"),
        *(pytest.param(_echo_error(code), id=f"status-{code}") for code in (400, 401, 403, 429, 500)),
    ],
)
def test_a_server_that_repeats_the_key(make_face: Any, server: Server, sinks: Sinks, step: Step) -> None:
    """In a body, in pieces of a stream, in headers, ids and error codes: 0 occurrences anywhere."""
    server.default = step
    face = make_face(providers=rows(server), observe=sinks.observe, **QUICK)
    errors = ask(face.chat, face.events)
    found = {name: CANARY in text for name, text in sinks.texts()}

    assert {"log", "metrics", "spans", "otel metrics", "wire.log", "logs.db"} <= set(found)
    assert [] == [name for name, there in found.items() if there]
    assert CANARY not in "".join(errors)


def test_every_fault(server: Server, sinks: Sinks) -> None:
    """Whatever goes wrong, no sink has the key."""
    errors: list[str] = []
    once = {**QUICK, "retry": None, "limit": None}
    with Client(providers=rows(server), observe=sinks.observe, **once) as client:
        for name, one in FAULTS.items():
            if "openai-chat" not in one.wires or name.startswith("stall") or "slow" in name:
                continue
            server.default = fault(name)
            errors += ask(client.chat, lambda *asked, **settings: client.stream(*asked, **settings).drain())

    assert [] == [name for name, text in sinks.texts() if CANARY in text]
    assert CANARY not in "".join(errors)


def test_a_key_where_a_model_belongs(make_face: Any, server: Server, sinks: Sinks) -> None:
    """A key that is pasted as the name of a model is masked by its shape."""
    pasted = "sk-proj-abcdefghijklmnop1234"
    with pytest.raises(DragomanError):
        make_face(providers=rows(server), observe=sinks.observe, **QUICK).chat(f"openai/{pasted}", "Hi")

    assert [] == [name for name, text in sinks.texts() if pasted in text and name != "wire.log"]
