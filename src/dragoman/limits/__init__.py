"""
Limits that several processes share: what `policy.limit` decides about, kept where all of them can reach it.

`host` keeps a scope in a memory-mapped file of this machine, `remote` in Redis or Postgres.  Both are pacers
(`policy.limit.pacer`): the middleware does not know the difference.

Rule: the decision is made here, in Python, by the same functions as in one process; a store only keeps bytes.
"""
