"""
A process that runs a batch, to be killed: `python -m tests.batch.work URL IN OUT [BYTES [dedupe]]`.

BYTES is the longest file that it may write, as if the disk were full.  It prints how it ended.
"""

from __future__ import annotations

import resource
import sys

from dragoman import BatchError, Client


def main(url: str, source: str, sink: str, most: str = "", dedupe: str = "") -> int:
    """Run it."""
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), resource.RLIM_INFINITY))
    with Client(providers={"fake": {"base_url": url, "api_key": "k", "wire": "openai-chat"}}) as client:
        print("begun", flush=True)
        try:
            print(client.batch(source, sink, window=32, dedupe=bool(dedupe)).report, flush=True)
        except BatchError as error:
            print(f"BatchError: {error}", flush=True)
            return 3
        except KeyboardInterrupt as interrupt:
            print("interrupted", *interrupt.__notes__, flush=True)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
