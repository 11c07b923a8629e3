"""
Users' code, read by mypy and pyright and never run: what a caller's type checker must infer of the public names.

`assert_type` says what must be inferred.  A line that must be an error bears an ignore comment, and both checkers
complain of one that is not needed.
"""
