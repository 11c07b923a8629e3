"""The faults as data, and the server that plays them."""

from __future__ import annotations

import runpy
import socket
import time

import pytest

from dragoman import ConfigError, errors
from dragoman.testing import Server, says
from dragoman.testing.faults import FAULTS, TEXT, Fault, fault
from dragoman.testing.routes import ROUTES
from tests.faults.asking import PATIENT, ask
from tests.faults.judging import findings
from tests.house.modules import ROOT

_BODY = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


@pytest.mark.parametrize("one", FAULTS.values(), ids=lambda one: one.name)
def test_a_fault_is_whole(one: Fault) -> None:
    """Each says what it is and where it was seen, happens somewhere, and expects errors that exist."""
    expected = [expects for expects in (one.plain, one.stream) if expects is not None]

    assert one.meaning.endswith(".")
    assert one.source
    assert expected
    assert one.wires
    assert one.wires <= {route.wire for route in ROUTES}
    assert all(hasattr(errors, name) for expects in expected for name in expects.errors)


def test_there_are_enough_cases() -> None:
    """Two dialects and two faces make at least 140 cases, many times over."""
    assert len(FAULTS) >= 140


def test_an_unknown_fault_is_answered_with_near_names() -> None:
    """A misspelt name is an error that names what was meant."""
    with pytest.raises(ConfigError, match="did you mean cut_in_text") as caught:
        fault("cut_in_txt")

    assert "fault" == caught.value.field


def test_a_fault_of_another_dialect_is_an_error() -> None:
    """Asked for a wire in which it cannot happen, the fault says so."""
    with pytest.raises(ConfigError, match="cannot happen in openai-chat") as caught:
        fault("pings_only", "openai-chat")

    assert "wire" == caught.value.field


def test_a_request_that_the_fault_cannot_happen_to_is_answered() -> None:
    """A plain call meets a fault of streams: it gets the ordinary answer."""
    outcome = ask(fault("cut_in_tool_arguments"), "openai-chat", streamed=False, timeouts=PATIENT, face="blocking")

    assert outcome.response is not None
    assert TEXT.text == outcome.response.text


@pytest.mark.parametrize("face", ["blocking", "async"])
@pytest.mark.parametrize("name", ["cut_in_text", "html", "quota", "retry_after_seconds", "status_500", "one_packet"])
def test_pacing_does_not_change_what_a_fault_comes_to(name: str, face: str) -> None:
    """A client that paces itself, as all do by default, ends as one that does not."""
    outcome = ask(fault(name), "openai-chat", streamed=True, timeouts=PATIENT, face=face, limit="process")

    assert [] == findings(FAULTS[name], outcome, streamed=True)


def test_the_answer_that_is_broken_can_be_chosen() -> None:
    """`answer` takes the place of the ordinary one."""
    words = says("These words, and no others.").response
    outcome = ask(fault("gzip", answer=words), "cohere-chat", streamed=False, timeouts=PATIENT, face="blocking")

    assert outcome.response is not None
    assert words.text == outcome.response.text


def test_the_pieces_of_an_answer_leave_at_once() -> None:
    """No piece waits for the acknowledgement of the one before, which takes a system 40 ms."""
    with Server(default=fault("one_packet")) as server, socket.create_connection((server.host, server.port)) as client:
        begun = time.monotonic()
        for _ in range(150):
            client.sendall(_REQUEST)
            received = b""
            while b"here it ends" not in received:
                received += client.recv(65536)
        assert time.monotonic() - begun < 4.5


def test_the_server_counts_what_came_and_when_it_was_left() -> None:
    """A client that leaves a stalled answer is in the records: one request, and the moment of leaving."""
    with Server(default=fault("stall_before_answer")) as server:
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(_REQUEST)
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
        left_at = server.all_requests[0].wait_closed(2)

    assert left_at is not None
    assert 1 == len(server.all_requests)


def test_a_reset_is_a_reset() -> None:
    """`reset_before_answer` sends RST, not an orderly end."""
    with (
        Server(default=fault("reset_before_answer")) as server,
        socket.create_connection((server.host, server.port)) as client,
    ):
        client.sendall(_REQUEST)
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_the_page_of_faults_is_written_from_them() -> None:
    """docs/faults.md says what the faults say; `python scripts/fault_table.py` writes it."""
    script = runpy.run_path(str(ROOT / "scripts" / "fault_table.py"))

    assert script["page"]() == (ROOT / "docs" / "faults.md").read_text("utf-8")
