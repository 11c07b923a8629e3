"""Servers on this machine are recognised by their replies, and nobody is told anything before."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from dragoman import catalog
from dragoman.cli.detect import Sight, look
from dragoman.errors import ConfigError
from tests.cli.machine import LM_STUDIO, OLLAMA, Machine, http, openai_list, paths

ROWS = catalog.builtin()


def sight(**ports: int) -> Sight:
    """Look at these ports only."""
    return look(ROWS, {"DRAGOMAN_DETECT_PORTS": ",".join(f"{name}={port}" for name, port in ports.items())})


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("provider", "table", "models", "path"),
    [
        pytest.param("ollama", OLLAMA, ("qwen3:8b", "gemma3:4b"), "/v1", id="ollama"),
        pytest.param("lmstudio", LM_STUDIO, ("warm", "cold"), "/v1", id="lmstudio"),
        pytest.param("lmstudio", {"/v1/models": openai_list("a")}, ("a",), "/v1", id="lmstudio-v1"),
        pytest.param(
            "llamacpp", {"/v1/models": openai_list("a.gguf", owner="llamacpp")}, ("a.gguf",), "/v1", id="llama"
        ),
        pytest.param("vllm", {"/v1/models": openai_list("m", "bge-reranker")}, ("m",), "/v1", id="vllm"),
        pytest.param("sglang", {"/v1/models": openai_list("m")}, ("m",), "/v1", id="sglang"),
        pytest.param("jan", {"/v1/models": openai_list("m")}, ("m",), "/v1", id="jan"),
        pytest.param("docker", {"/engines/v1/models": openai_list("ai/q")}, ("ai/q",), "/engines/v1", id="docker"),
    ],
)
def test_a_model_server_is_recognised(provider: str, table: dict[str, Any], models: tuple[str, ...], path: str) -> None:
    """A server with the right replies is found, with the models that can chat, the best first."""
    with Machine(paths(table)) as machine:
        seen = sight(**{provider: machine.port})

    assert [provider] == [server.provider for server in seen.servers]
    assert models == seen.servers[0].models
    assert f"http://127.0.0.1:{machine.port}{path}" == seen.servers[0].base_url
    assert f"127.0.0.1:{machine.port}" == seen.servers[0].address


IMPOSTORS = {
    "web-page": http("<html>hello</html>", kind="text/html"),
    "web-page-as-json": http("<html>hello</html>"),
    "other-json": http('{"status":"ok"}'),
    "json-list": http('["a"]'),
    "error-as-200": http('{"error":{"message":"no"}}'),
    "data-without-object": http('{"data":[{"id":"a"}]}'),
    "models-of-another-kind": http('{"object":"list","data":[{"id":"a","object":"file"}]}'),
    "id-of-another-type": http('{"object":"list","data":[{"id":7,"object":"model"}]}'),
    "wants-a-key": http(json.dumps(openai_list("a")), "401 Unauthorized"),
    "redirect": http("", "302 Found", extra="location: http://127.0.0.1:1/v1/models\r\n"),
    "deep-json": http("[" * 100_000),
    "too-long": http('{"object":"list","data":[' + " " * 1_100_000 + "]}"),
    "not-http": b"220 mail.example ESMTP\r\n",
    "nothing": b"",
    "cut": http(json.dumps(openai_list("a")))[:-5],
    "no-models": http(json.dumps(openai_list())),
    "embeddings-only": http(json.dumps(openai_list("nomic-embed-text"))),
}


@pytest.mark.parametrize("answer", IMPOSTORS.values(), ids=IMPOSTORS)
@pytest.mark.parametrize("provider", ["ollama", "lmstudio", "vllm"])
def test_what_only_listens_at_the_port_is_left_alone(provider: str, answer: bytes) -> None:
    """An impostor is not used, and all that it ever got is a GET without key or prompt."""
    with Machine(lambda request: answer) as machine:
        seen = sight(**{provider: machine.port})

    assert () == seen.servers
    assert 1 == len(seen.notes)
    for request in machine.seen:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"GET /")
        assert b"" == body
        assert b"authorization" not in head.lower()
        assert b"key" not in head.lower()


def test_silence_and_dripping_hold_nobody_up() -> None:
    """Servers that accept and say nothing, or a byte at a time, hold nobody up; the good one beside them is found."""
    with (
        Machine(lambda request: time.sleep(8) or b"") as silent,
        Machine(lambda request: http(json.dumps(openai_list("m"))), drip=0.05) as dripping,
        Machine(paths({"/v1/models": openai_list("good")})) as good,
    ):
        started = time.monotonic()
        seen = sight(vllm=silent.port, llamacpp=dripping.port, jan=good.port)
        took = time.monotonic() - started

    assert ["jan"] == [server.provider for server in seen.servers]
    assert took < 5


def test_the_order_of_preference_does_not_depend_on_who_answers_first() -> None:
    """Ollama comes first although it answers last."""

    def slow(request: bytes) -> bytes:
        time.sleep(0.05)
        return paths(OLLAMA)(request)

    with Machine(slow) as ollama, Machine(paths({"/v1/models": openai_list("m")})) as vllm:
        seen = sight(vllm=vllm.port, ollama=ollama.port)

    assert ["ollama", "vllm"] == [server.provider for server in seen.servers]


def test_nobody_there_is_said() -> None:
    """A closed port is noted, for --why."""
    port = closed_port()

    assert Sight((), (f"vllm at 127.0.0.1:{port}: nothing there",)) == sight(vllm=port)


def test_it_can_be_turned_off() -> None:
    """DRAGOMAN_NO_DETECT=1 asks nobody."""
    with Machine(paths(OLLAMA)) as machine:
        ports = f"ollama={machine.port}"
        seen = look(ROWS, {"DRAGOMAN_NO_DETECT": "1", "DRAGOMAN_DETECT_PORTS": ports})

    assert () == seen.servers
    assert [] == machine.seen


def test_ollama_host_is_asked_if_it_is_here() -> None:
    """OLLAMA_HOST moves the question; the other servers are still asked at their own ports."""
    rows = {"ollama": ROWS["ollama"]}
    with Machine(paths(OLLAMA)) as machine:
        seen = look(rows, {"OLLAMA_HOST": f"0.0.0.0:{machine.port}"})

    assert [f"http://127.0.0.1:{machine.port}/v1"] == [server.base_url for server in seen.servers]


@pytest.mark.parametrize("host", ["box.example:11434", "192.0.2.7", "https://127.0.0.1:11434"])
def test_another_machine_is_never_asked(host: str) -> None:
    """Looking around stays on loopback addresses, and asks no name server."""
    seen = look({"ollama": ROWS["ollama"]}, {"OLLAMA_HOST": host})

    assert Sight((), ("ollama: its address is not on this machine, so it was not asked",)) == seen


@pytest.mark.parametrize("text", ["ollama", "ollama=", "ollama=x", "ollama=70000", "acme=1", "ollama=0"])
def test_ports_that_are_none_are_an_error(text: str) -> None:
    """A slip in DRAGOMAN_DETECT_PORTS is said, not passed over."""
    with pytest.raises(ConfigError, match="DRAGOMAN_DETECT_PORTS"):
        look(ROWS, {"DRAGOMAN_DETECT_PORTS": text})
