"""
Budgets: what may be spent, reserved before a call and settled after it.

Read in this order: `money` (integers, never floats), `book` (what is written down, pure), `prompt` and `estimate` (the
most that a call can cost), `charge` (what it did cost), `ledger` and the four that keep a book (`memory`, `sqlite`,
`redis`, `postgres`), `budget` (the public value), `budgeting` (the middleware).

Rule: nothing is sent before its worst case is reserved, in every book that holds it.
"""
