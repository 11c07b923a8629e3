"""The test server, by raw HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any

import pytest
import trustme
import urllib3

from dragoman import wire
from dragoman.errors import ConfigError
from dragoman.testing import Server, calls, echo, events, model_list, raw, response, says, status
from dragoman.testing.routes import ROUTES, route_of
from dragoman.types.events import Finish, TextDelta
from dragoman.types.fold import fold
from dragoman.types.messages import Message, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

CHAT = "/v1/chat/completions"


def ask(text: str = "Hi", **more: Any) -> bytes:
    """A request that every dialect here reads."""
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "m", "max_tokens": 100, "messages": messages, **more}).encode()


def asked(server: Server, name: str, *, stream: bool = False) -> tuple[bytes, str]:
    """Body and path of a request in a dialect."""
    parts = {"project": "p", "location": "l"}
    row = Provider(name="any", base_url=server.base_url(name), wire=name, address=parts)
    request = ChatRequest(model="m", messages=(Message.user("Hi"),), max_tokens=100, stream=stream)
    sent = wire.get(name).encode_request(request, row)
    return sent.body, sent.url.removeprefix(server.url)


class Caller:
    """One connection to a server."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=5)

    def send(self, body: bytes = b"", path: str = CHAT, method: str = "POST") -> tuple[int, dict[str, str], bytes]:
        self.connection.request(method, path, body, {"content-type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def caller(server):
    """A connection that is kept."""
    made = Caller(server)
    yield made
    made.close()


def test_every_wire_has_a_row():
    """The server speaks every dialect that the library speaks."""
    assert set(wire.names()) == {route.wire for route in ROUTES}


@pytest.mark.parametrize("name", wire.names())
def test_an_answer_is_plain_or_streamed_as_asked(server, caller, name):
    """The same step answers both forms, in the dialect of the path; the dialect's client half reads the same values."""
    said = says("so be it", reasoning="hm", tools=[("weather", {"city": "Paris"})], usage=Usage(input_tokens=3))
    server.script(said, said)
    codec = wire.get(name)

    plain_status, plain_headers, plain = caller.send(*asked(server, name))
    stream_status, stream_headers, stream = caller.send(*asked(server, name, stream=True))

    assert (200, 200) == (plain_status, stream_status)
    decoder = codec.decoder()
    answers = [
        codec.decode_response(plain_status, plain_headers, plain),
        fold(decoder.feed(stream) + decoder.close()),
    ]
    for answer in answers:
        assert "so be it" == answer.text
        assert "hm" == answer.reasoning
        assert [("weather", {"city": "Paris"})] == [(call.name, call.arguments) for call in answer.tool_calls]
        assert "tool_calls" == answer.finish_reason
        assert answer.model in ("m", None)  # not every dialect names it
    assert "application/json" == plain_headers["content-type"]
    assert route_of(name).stream_type == stream_headers["content-type"]


@pytest.mark.parametrize("name", wire.names())
@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503])
def test_errors_come_in_the_form_of_the_dialect(server, caller, name, code):
    """`status` answers with its status, words and `retry-after`; the dialect's client half reads them."""
    server.script(status(code, "no luck", retry_after=0.5))

    sent, headers, body = caller.send(*asked(server, name))

    assert code == sent
    assert "0.5" == headers["retry-after"]
    with pytest.raises(Exception, match="no luck") as caught:
        wire.get(name).decode_response(sent, headers, body)
    assert code == caught.value.status
    assert 0.5 == caught.value.retry_after


def test_status_takes_code_headers_and_body(server, caller):
    """The error code is in the body, more headers are sent, and a ready body wins."""
    server.script(status(429, "x", code="insufficient_quota", headers={"x-ratelimit-limit-requests": "7"}))
    server.script(status(502, body=b"<html>", headers={"content-type": "text/html"}))

    _, headers, body = caller.send(ask())
    assert "7" == headers["x-ratelimit-limit-requests"]
    assert "insufficient_quota" == json.loads(body)["error"]["code"]

    sent, headers, body = caller.send(ask())
    assert (502, b"<html>", "text/html") == (sent, body, headers["content-type"])


def test_an_empty_script_says_so(server, caller):
    """Nothing is answered that was not asked for."""
    sent, _, body = caller.send(ask())

    assert 500 == sent
    assert "the script is empty" in json.loads(body)["error"]["message"]


def test_the_default_answers_when_the_script_is_empty(server, caller):
    """Steps first, then the default, any number of times."""
    server.script(says("first"))
    server.default = echo()

    texts = [json.loads(caller.send(ask("again"))[2])["choices"][0]["message"]["content"] for _ in range(3)]

    assert ["first", "again", "again"] == texts
    assert 3 == server.calls
    assert 0 == server.left


def test_requests_are_recorded(server, caller):
    """Method, path, query, headers, body, the decoded request, and the connection of each."""
    server.default = says("x")
    caller.send(ask("Hello", temperature=0.5), CHAT + "?api-version=1")
    caller.send(ask("Hello again"), "/openai/deployments/gpt/chat/completions")
    caller.send(path="/nowhere", method="GET")

    first, second = server.requests
    assert ("POST", CHAT, "api-version=1") == (first.method, first.path, first.query)
    assert "application/json" == first.headers["content-type"]
    assert first.json["temperature"] == first.chat.temperature == 0.5
    assert "Hello again" == second.chat.messages[0].text
    assert first.connection == second.connection
    assert 0 <= server.gap(0, 1) < 5
    assert first.finished_at is not None
    assert first.closed_at is None
    assert ["/nowhere"] == [request.path for request in server.all_requests if request.wire is None]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", 404),
        ("HEAD", "/", 404),
        ("POST", "/v1/audio/speech", 404),
        ("GET", CHAT, 405),
        ("HEAD", CHAT, 405),
    ],
)
def test_other_requests_get_an_error_and_take_no_step(server, caller, method, path, expected):
    """Unknown paths and wrong methods get OpenAI's form of an error, HEAD without a body; the connection lives on."""
    server.script(says("still here"))

    sent, headers, body = caller.send(path=path, method=method)

    assert expected == sent
    assert "application/json" == headers["content-type"]
    assert (b"" == body) if method == "HEAD" else path in json.loads(body)["error"]["message"]
    assert 1 == server.left
    assert 200 == caller.send(ask())[0]


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"model": 3}', b'{"messages": []}', b"\xff"])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_body_that_is_no_request_gets_400_and_takes_no_step(server, caller, path, body):
    """The dialect's own error says what is wrong; the record keeps the reason."""
    server.script(says("x"))

    sent, _, answer = caller.send(body, path)

    assert 400 == sent
    assert json.loads(answer)["error"]["message"]
    assert server.requests[0].error is not None
    assert 1 == server.left


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x00", b"what is this\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_garbage_is_refused_and_the_server_lives(server, caller, data):
    """What is not HTTP gets an answer and a closed connection; the next caller is served."""
    server.script(says("x"))
    with socket.create_connection((server.host, server.port), timeout=5) as garbage:
        garbage.sendall(data)
        answer = b"".join(iter(lambda: garbage.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer
    assert 200 == caller.send(ask())[0]


def test_a_stream_is_one_chunk_for_each_event(server):
    """Each event is written and flushed by itself, at its pace."""
    server.script(says("a b c", pace=0.03))
    pool = urllib3.HTTPConnectionPool(server.host, server.port)
    answer = pool.urlopen("POST", CHAT, body=ask(stream=True), preload_content=False)
    seen = [(time.monotonic(), chunk) for chunk in answer.read_chunked()]
    pool.close()

    texts = [chunk for _, chunk in seen if b'"content":"' in chunk and b'"content":""' not in chunk]
    assert 3 == len(texts)
    assert all(chunk.endswith(b"\n\n") for _, chunk in seen)
    assert seen[-1][0] - seen[0][0] >= 0.03 * (len(seen) - 1) * 0.8


@pytest.mark.parametrize(("size", "expected"), [(None, ["so ", "be it"[:3], "it"]), (4, ["so b", "e it"])])
def test_text_is_cut_as_asked(server, caller, size, expected):
    """One word for each event, or `chunk` characters."""
    server.script(says("so be it", chunk=size))
    decoder = wire.get("openai-chat").decoder()

    found = decoder.feed(caller.send(ask(stream=True))[2])

    assert expected == [event.text for event in found if isinstance(event, TextDelta)]


def test_events_are_sent_as_they_are(server, caller):
    """A stream has exactly these events; without `Finish` it has no end marker."""
    server.script(events(TextDelta("one"), TextDelta("two"), Finish("stop")), events(TextDelta("cut")))

    whole = caller.send(ask(stream=True))[2]
    cut = caller.send(ask(stream=True))[2]

    assert b"[DONE]" in whole
    assert b'"cut"' in cut
    assert b"[DONE]" not in cut


def test_a_plain_request_gets_events_folded(server, caller):
    """Events answer a plain request too."""
    server.script(events(TextDelta("one"), TextDelta("two"), Finish("length")))

    choice = json.loads(caller.send(ask())[2])["choices"][0]

    assert ("onetwo", "length") == (choice["message"]["content"], choice["finish_reason"])


def test_a_ready_response_is_sent_as_it_is(server, caller):
    """Its own id and model stay; what it does not say is not said for it."""
    said = ChatResponse(message=Message.assistant("x"), id="mine", model="other", finish_reason="content_filter")
    server.script(response(said))

    body = json.loads(caller.send(ask())[2])

    assert ("mine", "other") == (body["id"], body["model"])
    assert "content_filter" == body["choices"][0]["finish_reason"]
    assert "usage" not in body


def test_usage_counts_words_unless_given(server, caller):
    """Not given, words are counted; `Usage()` is a provider that says nothing."""
    server.script(says("one two three"), says("x", usage=Usage()))

    assert {"prompt_tokens": 4, "completion_tokens": 3}.items() <= json.loads(caller.send(ask("a b c d"))[2])[
        "usage"
    ].items()
    assert "usage" not in json.loads(caller.send(ask())[2])


def test_raw_bytes_are_sent_as_they_are(server, caller):
    """One piece goes with its length, several as chunks, with any status and headers."""
    server.script(raw(b"\x00\xff", status=207, headers={"Content-Type": "x/y"}), raw(b"ab", b"cd"))

    sent, headers, body = caller.send(ask())
    assert (207, "x/y", "2", b"\x00\xff") == (sent, headers["content-type"], headers["content-length"], body)

    _, headers, body = caller.send(ask())
    assert ("chunked", b"abcd") == (headers["transfer-encoding"], body)


def test_answers_can_be_made_of_the_request(server, caller):
    """A function of the request gives the step, plain or `async def`."""

    async def later(request: Any) -> Any:
        await asyncio.sleep(0)
        return says(f"later {request.model}")

    server.script(calls(lambda request: says(request.messages[0].text.upper())), calls(later))

    assert b"SHOUT" in caller.send(ask("shout"))[2]
    assert b"later m" in caller.send(ask())[2]


def test_an_exception_of_the_tests_own_code_comes_out():
    """It is a 500 for the client, and is raised when the server stops; it is not lost."""

    def broken(request: Any) -> Any:
        raise LookupError("my own bug")

    server = Server(calls(broken)).start()
    caller = Caller(server)
    sent, _, body = caller.send(ask())
    caller.close()

    assert 500 == sent
    assert b"my own bug" in body
    with pytest.raises(LookupError, match="my own bug"):
        server.stop()


def test_standing_answers_take_no_step(server, caller):
    """A path can have an answer of its own; the model list is one."""
    server.on("/api/version", raw(b'{"version":"0.9"}'))
    assert b"0.9" in caller.send(path="/api/version", method="GET")[2]
    assert ["any"] == [row["id"] for row in json.loads(caller.send(path="/v1/models", method="GET")[2])["data"]]

    server.on("/v1/models", model_list("a", "b"))
    assert ["a", "b"] == [row["id"] for row in json.loads(caller.send(path="/v1/models", method="GET")[2])["data"]]
    assert 0 == server.calls


def test_the_moment_at_which_a_client_leaves_is_recorded(server):
    """Closing in the middle of a stream is seen at once, and ends the step."""
    server.script(says("word " * 500, pace=0.02))
    with socket.create_connection((server.host, server.port), timeout=5) as client:
        body = ask(stream=True)
        client.sendall(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body))
        client.recv(1000)
    left = time.monotonic()

    closed = server.requests[0].wait_closed()
    assert closed is not None
    assert closed - left < 0.5
    assert server.requests[0].finished_at is None


def test_a_client_that_leaves_before_the_answer_is_recorded(server):
    """Also when nothing was sent yet."""
    server.script(says("late", latency=30))
    with socket.create_connection((server.host, server.port), timeout=5) as client:
        body = ask()
        client.sendall(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body))
        while not server.requests:
            time.sleep(0.001)

    assert server.requests[0].wait_closed() is not None


def test_pipelined_requests_are_answered_in_order(server):
    """Two requests in one packet get two answers, in order, on one connection."""
    server.script(says("first", latency=0.02), says("second"))
    body = ask()
    one = b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body)
    last = one.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n")
    with socket.create_connection((server.host, server.port), timeout=5) as client:
        client.sendall(one + last)
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert 0 < answer.index(b"first") < answer.index(b"second")


def test_nothing_is_answered_after_connection_close(server):
    """A request behind one that closes the connection takes no step."""
    server.script(says("first"), says("second"))
    body = ask()
    head = b"POST %s HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (CHAT.encode(), len(body))
    with socket.create_connection((server.host, server.port), timeout=5) as client:
        client.sendall((head + body) * 2)
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert 1 == answer.count(b"HTTP/1.1 200 ")
    assert 1 == server.left


def test_many_clients_are_served_at_once(server):
    """A hundred slow answers take about as long as one."""
    server.default = says("x", latency=0.2)
    callers = [Caller(server) for _ in range(100)]
    threads = [threading.Thread(target=caller.send, args=(ask(),)) for caller in callers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    for caller in callers:
        caller.close()

    assert 100 == server.calls == len({request.connection for request in server.requests})
    assert took < 5


def test_a_slow_reader_is_waited_for(server):
    """A client that does not read holds its own stream up, not the server's memory; then it gets everything."""
    text = "x" * 1000
    server.script(events(*[TextDelta(text)] * 5000, Finish("stop")), says("quick"))
    pool = urllib3.HTTPConnectionPool(server.host, server.port)
    slow = pool.urlopen("POST", CHAT, body=ask(stream=True), preload_content=False)
    time.sleep(0.1)
    other = Caller(server)

    assert b"quick" in other.send(ask())[2]
    assert server.requests[0].finished_at is None
    assert 5000 == slow.read().count(text.encode())
    other.close()
    pool.close()


def test_disconnect_breaks_every_connection(server, caller):
    """Idle connections too; the next request needs a new one."""
    server.default = says("x")
    caller.send(ask())
    server.disconnect()

    until = time.monotonic() + 5
    while server.connections and time.monotonic() < until:
        time.sleep(0.001)

    with pytest.raises(ConnectionError):
        caller.send(ask())


def test_it_serves_https():
    """With a context it serves TLS, and its url says so."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with Server(says("safe"), tls=context) as server, urllib3.PoolManager(ssl_context=trusting) as pool:
        assert server.url.startswith("https://")
        assert b"safe" in pool.request("POST", server.base_url("openai-chat") + "/chat/completions", body=ask()).data


def test_base_urls_have_the_form_of_the_sdks():
    """OpenAI's ends in /v1, Anthropic's is the bare host; another name is an error that lists them."""
    with Server() as server:
        assert f"{server.url}/v1" == server.base_url("openai-chat") == server.base_url()
        assert server.url == server.base_url("anthropic-messages")
        with pytest.raises(ConfigError, match="openai-chat"):
            server.base_url("smoke-signals")


def test_start_and_stop():
    """Stopping twice is fine, starting twice is not; it starts in milliseconds and frees its port."""
    server = Server(default=says("x"))
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 5
    with pytest.raises(ConfigError):
        server.start()
    port = server.port
    server.stop()
    server.stop()
    with pytest.raises(OSError):
        socket.create_connection((server.host, port), timeout=1)
    with server:
        caller = Caller(server)
        assert 200 == caller.send(ask())[0]
        caller.close()


def test_it_works_in_async_code():
    """`async with` too."""

    async def main() -> int:
        async with Server(says("x")) as server:
            caller = Caller(server)
            sent, _, _ = await asyncio.to_thread(caller.send, ask())
            caller.close()
            return sent

    assert 200 == asyncio.run(main())


@pytest.mark.parametrize(
    "make",
    [lambda: status(200), lambda: says(latency=-1), lambda: echo(pace=-1), lambda: says("x", chunk=0)],
    ids=["status", "latency", "pace", "chunk"],
)
def test_a_step_that_makes_no_sense_is_refused_when_it_is_made(make):
    """The error comes where the mistake is, and names the argument."""
    with pytest.raises(ConfigError) as caught:
        make()

    assert caught.value.field


def test_tools_are_pairs_or_calls():
    """Arguments may be a value or JSON text; ids are counted; a ready call is taken as it is."""
    made = says(tools=[("a", {"x": 1}), ("b", '{"y": 2'), ToolCall("mine", "c")]).response

    assert [("call_0", "a", '{"x":1}'), ("call_1", "b", '{"y": 2'), ("mine", "c", "{}")] == [
        (call.id, call.name, call.arguments_json) for call in made.tool_calls
    ]
