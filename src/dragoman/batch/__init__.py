"""
Batches: any number of rows, each asked once, whatever happens in between.

`source` reads rows, `rows` makes requests of them, `engine` asks, `journal` keeps what came, `lines` puts it into
bytes, `index` finds it again, `job` holds them together.  The clients reach it through `verbs.batch`.
"""
