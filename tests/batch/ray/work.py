"""
A process that runs a batch on Ray: `python -m tests.batch.ray.work JSON`, and prints one JSON object of how it ended.

JSON has the keywords of the batch, and `url`, `source`, `sink`, and `client` for the keywords of the client.  It is a
process of its own so that it can be killed, and so that the tests' own has no threads of Ray's.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from dragoman import Client, DragomanError
from tests.batch.ray.cluster import KEY


def main(told: dict[str, Any]) -> dict[str, Any]:
    """Run it."""
    url, source, sink, client = (told.pop(name, None) for name in ("url", "source", "sink", "client"))
    row = {"base_url": url, "api_key": f"env:{KEY}", "wire": "openai-chat"}
    since = time.monotonic()
    with Client(**{"providers": {"fake": row}, **(client or {})}) as made:
        batch = made.batch(source, sink, start=False, **told)
        try:
            batch.run()
        except DragomanError as error:
            return {"error": type(error).__name__, "field": error.field, "message": str(error), **_figures(batch)}
        except KeyboardInterrupt as interrupt:
            return {"error": "KeyboardInterrupt", "message": " ".join(interrupt.__notes__), **_figures(batch)}
        finally:
            print(f"{time.monotonic() - since:.2f} s", file=sys.stderr)
        return _figures(batch)


def _figures(batch: Any) -> dict[str, Any]:
    report = batch.report
    return {
        "done": report.done,
        "failed": report.failed,
        "attempts": report.attempts,
        "cost": str(report.cost),
        "rate": report.rows_per_second,
        "seconds": report.seconds,
        "notes": list(report.notes),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
