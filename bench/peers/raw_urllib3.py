"""urllib3 and msgspec by hand: what the library under us costs, with no errors, clocks or completion evidence."""

from __future__ import annotations

from collections.abc import Callable

LABEL = "raw urllib3 + msgspec"
ENVIRONMENT = "ours"
IMPORT = "import urllib3, msgspec"
HEADERS = {"content-type": "application/json", "authorization": "Bearer k"}


def call(url: str) -> Callable[[], str]:
    import msgspec
    import urllib3
    from raw_shapes import Completion, asked

    pool, decode = urllib3.PoolManager(retries=False), msgspec.json.Decoder(Completion).decode

    def once() -> str:
        reply = pool.request("POST", f"{url}/v1/chat/completions", body=asked(False), headers=HEADERS)
        return decode(reply.data).choices[0].message.content

    return once


def stream(url: str) -> Callable[[], int]:
    import urllib3
    from raw_shapes import Texts, asked

    pool = urllib3.PoolManager(retries=False)

    def once() -> int:
        texts = Texts()
        address = f"{url}/v1/chat/completions"
        reply = pool.request("POST", address, body=asked(True), headers=HEADERS, preload_content=False)
        while piece := reply.read1(65536):
            texts.feed(piece)
        reply.release_conn()
        return texts.count

    return once
