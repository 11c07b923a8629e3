"""
Question: what does it cost to get a typed value, and to watch one while it is written?

Same bytes, same local server, same type (an order of twenty items); each peer in a process and an environment of its
own, asked for a schema in OpenAI's strict form.  A streamed value comes in pieces of eight characters, and each piece
is looked at as a partial value.  `dragoman_chat` is the same answer as text: the difference is what typing costs.

    python bench/parse.py [--rounds N]         writes results/parse-<commit>.json

Does not show: model quality, network, TLS, retries.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ITEMS = 20
PLAIN_CALLS, STREAMS = 300, 10
VALUE = {
    "number": "A-17",
    "items": [{"name": f"article number {i}", "count": i + 1, "price": i * 1.25} for i in range(ITEMS)],
    "paid": True,
}
TEXT = json.dumps(VALUE)
PIECE = 8

Once = Callable[[], int]
"""Does it once, and returns how many items it saw."""


# --- the server -------------------------------------------------------------------------------------------------------


def _plain() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None}, "finish_reason": "stop"}
    body = json.dumps(_answer("chat.completion", choice)).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _answer(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 12, "completion_tokens": 300, "total_tokens": 312}
    head = {"id": "chatcmpl-bench", "object": kind, "created": 1760000000, "model": "bench-1"}
    return {**head, "choices": [choice], **({"usage": usage} if kind == "chat.completion" else {})}


def _stream() -> bytes:
    deltas: list[dict[str, Any]] = [{"content": TEXT[at : at + PIECE]} for at in range(0, len(TEXT), PIECE)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [b"data: %b\n\n" % json.dumps(_answer("chat.completion.chunk", choice)).encode() for choice in choices]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in (*events, b"data: [DONE]\n\n"))
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n\r\n"
    )


async def _serve() -> None:
    plain, stream = _plain(), _stream()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = json.loads(await reader.readexactly(length))
                writer.write(stream if body.get("stream") else plain)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


# --- the peers --------------------------------------------------------------------------------------------------------


def _dragoman(url: str, *, typed: bool = True) -> tuple[Once, Once]:
    import msgspec

    from dragoman import Client

    item = msgspec.defstruct("Item", [("name", str), ("count", int), ("price", float)])
    order: Any = msgspec.defstruct("Order", [("number", str), ("items", list[item]), ("paid", bool)])
    client = Client(providers={"bench": {"base_url": url, "api_key": "k"}}, limit=None, retry=None)

    def plain() -> int:
        if not typed:
            return client.chat("bench/m", "An order.").text.count("article")
        return len(client.parse("bench/m", "An order.", output=order).output.items)

    def stream() -> int:
        seen = 0
        if not typed:
            with client.stream("bench/m", "An order.") as events:
                return "".join(events.text).count("article")
        with client.stream("bench/m", "An order.", output=order) as events:
            for partial in events.partials:
                seen = len(partial.items or ())
        return seen

    return plain, stream


def _models() -> tuple[Any, Any]:
    import pydantic

    class Item(pydantic.BaseModel):
        name: str
        count: int
        price: float

    order = pydantic.create_model("Order", number=(str, ...), items=(list[Item], ...), paid=(bool, ...))
    return Item, order


def _openai(url: str) -> tuple[Once, Once]:
    from openai import OpenAI

    _, order = _models()
    client = OpenAI(base_url=url, api_key="k", max_retries=0)
    messages: Any = [{"role": "user", "content": "An order."}]

    def plain() -> int:
        done = client.chat.completions.parse(model="m", messages=messages, response_format=order)
        return len(done.choices[0].message.parsed.items)

    def stream() -> int:
        seen = 0
        with client.chat.completions.stream(model="m", messages=messages, response_format=order) as events:
            for event in events:
                if event.type == "content.delta" and event.parsed is not None:
                    seen = len(event.parsed.get("items") or ())
        return seen

    return plain, stream


def _instructor(url: str) -> tuple[Once, Once]:
    import instructor
    from openai import OpenAI

    _, order = _models()
    client = instructor.from_openai(OpenAI(base_url=url, api_key="k", max_retries=0), mode=instructor.Mode.JSON_SCHEMA)
    messages: Any = [{"role": "user", "content": "An order."}]

    def plain() -> int:
        return len(client.create(model="m", messages=messages, response_model=order, max_retries=0).items)

    def stream() -> int:
        seen = 0
        for partial in client.create_partial(model="m", messages=messages, response_model=order, max_retries=0):
            seen = len(partial.items or ())
        return seen

    return plain, stream


def _pydantic_ai(url: str) -> tuple[Once, Once]:
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    _, order = _models()
    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="k"))
    agent: Any = Agent(model, output_type=NativeOutput(order))
    runner = asyncio.Runner()

    async def one() -> int:
        return len((await agent.run("An order.")).output.items)

    async def streamed() -> int:
        seen = 0
        async with agent.run_stream("An order.") as events:
            async for partial in events.stream_output(debounce_by=None):
                seen = len(partial.items or ())
        return seen

    return (lambda: runner.run(one())), (lambda: runner.run(streamed()))


# Peer to its environment and what it does.
PEERS: dict[str, tuple[str, Callable[[str], tuple[Once, Once]]]] = {
    "dragoman": ("ours", _dragoman),
    "dragoman_chat": ("ours", lambda url: _dragoman(url, typed=False)),
    "openai": ("openai", _openai),
    "instructor": ("instructor", _instructor),
    "pydantic-ai": ("pydantic-ai", _pydantic_ai),
}


# --- one sample -------------------------------------------------------------------------------------------------------


def measure(peer: str, url: str) -> dict[str, float]:
    """Microseconds of CPU for one value, and for one that is watched."""
    plain, stream = PEERS[peer][1](url)
    return {"plain_us": _timed(plain, PLAIN_CALLS), "partials_us": _timed(stream, STREAMS)}


def _timed(once: Once, count: int) -> float:
    for _ in range(max(2, count // 10)):
        if once() != ITEMS:
            raise SystemExit("the value is not whole")
    start = time.process_time()
    for _ in range(count):
        once()
    return (time.process_time() - start) / count * 1e6


def _sample(peer: str, url: str) -> dict[str, float]:
    from environments import python_of

    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [str(python_of(PEERS[peer][0])), str(HERE / "parse.py"), "--peer", peer, "--url", url]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{peer}: {done.stderr}")
    sample: dict[str, float] = json.loads(done.stdout)
    return sample


# --- all of them ------------------------------------------------------------------------------------------------------


def _summary(samples: list[dict[str, float]]) -> dict[str, Any]:
    return {
        key: {
            "min": round(min(sample[key] for sample in samples), 1),
            "median": round(statistics.median(sample[key] for sample in samples), 1),
        }
        for key in samples[0]
    }


def main(rounds: int) -> None:
    """Let the peers take turns, and keep what came out."""
    from environments import ready, rows, versions
    from run import commit, machine  # bench/run.py: the same facts as of every other question

    needed = {environment for environment, _ in PEERS.values()}
    for name, requirement in rows():
        if name in needed:
            ready(name, requirement)
    facts = machine()
    taken: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
    server = subprocess.Popen(
        [sys.executable, str(HERE / "parse.py"), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        for number in range(rounds):
            for peer, samples in taken.items():
                samples.append(_sample(peer, url))
            print(f"bench: parse, round {number + 1} of {rounds}", file=sys.stderr)
        assert server.stdin is not None
        server.stdin.close()
    report = {
        "question": "What does it cost to get a typed value, and to watch one while it is written?",
        "unit": f"microseconds of CPU for a value of {ITEMS} items; watched, in {-(-len(TEXT) // PIECE)} pieces",
        "rounds": rounds,
        "peers": {peer: _summary(samples) for peer, samples in taken.items()},
        "versions": {name: versions(name) for name in sorted(needed)},
        "machine": facts,
    }
    path = HERE / "results" / f"parse-{commit()}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for peer, row in report["peers"].items():
        print(f"{peer:16}", "  ".join(f"{key} {value['min']:10.1f}" for key, value in row.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--url")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_serve())
    elif given.peer:
        print(json.dumps(measure(given.peer, given.url)))
    else:
        main(given.rounds)
