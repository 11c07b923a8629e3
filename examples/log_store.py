"""Keep calls in a file, and find them again."""

from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman import Client
from dragoman.observe import LogStore
from dragoman.observe.logfile import Filter

with TemporaryDirectory() as folder:
    store = LogStore(Path(folder) / "calls.db")
    with Client(observe=[store]) as client:
        client.chat("sim/echo", "The weather in Paris")
        client.chat("sim/echo", "北京的天气怎么样")
    store.close()

    for _, row in store.file.last(10, Filter(words=("天气",))):
        print(row.id, row.status, row.prompt)
    for total in store.file.totals("model"):
        print(total.name, total.calls, "calls", total.output_tokens, "tokens")
    store.close()
