"""
A process that runs a batch at a provider, to be killed.

`python -m tests.batch.service.work API URL IN OUT [MODE [DEADLINE [BYTES]]]`: BYTES is the longest file that it may
write; at the first byte more the system kills it.  It prints how it ended.

`python -m tests.batch.service.work -` does so many times: for each line on its input, a list of arguments, a child that
has all modules loaded already.  It prints the child's id, and its end.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from dragoman import BatchError, Client, DragomanError

ROWS = 3
"""Rows of one batch."""


def providers(api: str, url: str, **more: Any) -> dict[str, Any]:
    """The provider's row."""
    base = {"azure": f"{url}/openai/v1", **dict.fromkeys(("anthropic", "gemini", "bedrock"), url)}.get(api, f"{url}/v1")
    row: dict[str, Any] = {"base_url": base, "api_key": "k", "batch_options": {"max_rows": ROWS}}
    if api == "bedrock":
        places = {"s3_uri": "s3://bucket/folder", "endpoint_url": url, "s3_endpoint_url": url}
        row["batch_options"] |= {"role_arn": "arn:aws:iam::123456789012:role/batches", "min_rows": 1, **places}
        row |= {"api_key": "AKIDEXAMPLE:wJalrXUtnFEMI-bPxRfiCYEXAMPLE", "address": {"region": "eu-west-1"}}
    return {api: {**row, **more}}


def main(api: str, url: str, source: str, sink: str, mode: str = "provider", deadline: str = "", most: str = "") -> int:
    """Run it."""
    if most:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    more: dict[str, Any] = {"deadline": deadline} if deadline else {}
    with Client(providers=providers(api, url)) as client:
        print("begun", flush=True)
        try:
            print(client.batch(source, sink, mode=mode, poll=0.02, **more).report, flush=True)  # type: ignore[arg-type]
        except (BatchError, DragomanError) as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            return 3
        except KeyboardInterrupt as interrupt:
            print("interrupted", *interrupt.__notes__, flush=True)
            return 130
    return 0


def many() -> int:
    """Do so for each line of the input: a folder, and arguments."""
    from dragoman.batch.service import engine, mistral, openai
    from dragoman.transport import aio

    assert all((engine, mistral, openai, aio))
    for asked in sys.stdin:
        folder, *arguments = json.loads(asked)
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            with Path("said").open("w") as said:
                os.dup2(said.fileno(), 1)
                code = main(*arguments)
                sys.stdout.flush()
            os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(many() if sys.argv[1:] == ["-"] else main(*sys.argv[1:]))
