"""
A process that asks until its budget is used up: `python budget_worker.py STORE USD`.

Each answer that was paid for is a line on standard output, written at once.
"""

from __future__ import annotations

import sys

from dragoman import Budget, BudgetError, Client

# 16 tokens of output at a thousand dollars a million: every call costs what is reserved for it, 16 thousandths.
FACTS = {"sim/lorem": {"prices": [{"input": "0", "output": "1000"}], "context": 1000}}


def main(store: str, usd: str) -> None:
    """Ask and ask."""
    with Client(models=FACTS, budget=Budget(usd=usd, store=store, name="shared")) as client:
        try:
            while True:
                answer = client.chat("sim/lorem", "Go on.", max_tokens=16)
                print(answer.cost, flush=True)
        except BudgetError:
            print("no more", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
