"""
Spend no more than one means to.

    python examples/budget.py

The simulator is given a price here, so that there is something to spend.
"""

from __future__ import annotations

from dragoman import Budget, BudgetError, Client

PRICES = {"sim/lorem": {"prices": [{"input": "1", "output": "4"}], "max_output": 1_000}}

budget = Budget(usd="0.005", per="hour")

with Client(models=PRICES, budget=budget) as client:
    for number in range(1, 100):
        try:
            answer = client.chat("sim/lorem", "Tell me something.", max_tokens=300)
        except BudgetError as error:
            print(f"call {number} was not sent: {error.message}")
            break
        parts = answer.cost_parts
        print(f"call {number} cost ${answer.cost}: input ${parts.input}, output ${parts.output}")

balance = budget.balance()
print(f"spent ${balance.spent} of ${balance.limit}, renews in {balance.renews_in:.0f} s")
