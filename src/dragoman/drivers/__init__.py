"""
The one place that talks to SQLite, Redis and Postgres, for both faces.

A driver is shared by any number of threads, tasks, event loops and forked children.  Each method takes the `runtime`
of the call, which says which face asks, and `until`, a time on that runtime's clock: whatever the server does, the
call is over by then.  What goes wrong is a `StoreError` that says whether anything may have been done.
"""
