"""What a notebook shows of answers, conversations, batches and usage."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, ChatResponse, Client, Message, StreamInterrupted, Usage, notebook
from dragoman.observe.logfile import LogFile, Row
from dragoman.testing import Server, raw, says
from dragoman.types.batches import BatchEstimate, BatchReport
from dragoman.types.shown import markdown, table_html

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def shown(value: Any, form: str = "markdown") -> str:
    """What IPython asks a value for."""
    told = getattr(value, f"_repr_{form}_")()
    assert isinstance(told, str)
    return told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# Title\n\n**bold** [link](https://a)", "# Title\n\n**bold** [link](https://a)", id="markdown"),
        pytest.param("<b>x</b>", "&lt;b>x&lt;/b>", id="tag"),
        pytest.param("`<b>` <b>", "`<b>` &lt;b>", id="code in a line"),
        pytest.param("```html\n<b>\n```\n<i>", "```html\n<b>\n```\n&lt;i>", id="block"),
        pytest.param("````\n```\n<b>\n````\n<i>", "````\n```\n<b>\n````\n&lt;i>", id="longer fence"),
        pytest.param("```\n<b>", "```\n<b>\n```", id="cut within a block"),
        pytest.param("`` ` <b>", "`` ` &lt;b>", id="no code"),
        pytest.param("![x](https://evil.example/?q=secret)", "\\![x](https://evil.example/?q=secret)", id="picture"),
        pytest.param("1 < 2 & 3", "1 &lt; 2 & 3", id="signs"),
    ],
)
def test_a_models_text_can_neither_run_nor_load_anything(text: str, expected: str) -> None:
    """Markdown stays; tags and pictures become text; code stays as it is."""
    assert expected == markdown(text)


def test_an_answer_shows_itself() -> None:
    """The text, then who gave it and what it took."""
    answer = ChatResponse(
        message=Message.assistant("Because."),
        finish_reason="length",
        usage=Usage(input_tokens=1234, output_tokens=5),
        cost=Decimal("0.0123"),
        provider="openai",
        model="m`x",
    )

    text, _, figures = shown(answer).split("\n\n")[0], None, shown(answer).split("---\n")[1]
    assert "Because." == text
    assert "`openai/m x` · 1,234 in · 5 out · \\$0.0123 · ended by length" == figures


def test_a_simulated_answer_says_so() -> None:
    """Nobody takes it for a model's."""
    assert shown(Client().chat("sim/echo", EVIL)).startswith("**SIMULATED**")


def test_a_conversation_shows_what_was_said() -> None:
    """Its turns, with what they say made harmless."""
    talk = Client().conversation("ticket-42", model="sim/echo", system="Be brief.")
    talk.say(EVIL)

    told = shown(talk)

    assert ["system", "user", "assistant"] == re.findall(r"^\*\*(\w+)\*\*$", told, re.MULTILINE)
    assert "<script" not in told


def test_reports_and_estimates_are_tables() -> None:
    """Figures, errors by class, and why it stopped; every cell is text."""
    report = BatchReport(rows=10, done=6, failed=1, cost=Decimal("0.5"), errors={EVIL: 1}, stopped=EVIL)
    estimate = BatchEstimate(
        rows=10, input_tokens=1000, output_tokens=None, cost_low=Decimal("0.1"), cost_high=None, sampled=10
    )

    assert '<progress value="7" max="10"' in shown(report, "html")
    assert "<td>7 of 10</td>" in shown(report, "html")
    assert "<script" not in shown(report, "html")
    assert "$0.1000 to ?" in shown(estimate, "html")


def test_usage_is_a_table() -> None:
    """What the provider did not say is left out."""
    told = shown(Usage(input_tokens=1500, output_tokens=2), "html")

    assert "<td>1,500</td>" in told
    assert "cache" not in told


def test_cells_are_escaped() -> None:
    """Heads and cells."""
    assert "<script" not in table_html((EVIL,), [(EVIL,)])


def test_the_log_is_a_table(tmp_path: Path) -> None:
    """Calls added up; it is a sequence, too."""
    path = tmp_path / "logs.db"
    file = LogFile(path)
    file.add([Row(id="A", at=1.0, operation="chat", asked=EVIL, status="ok", seconds=1.0, cost=0.5)])
    file.close()

    table = notebook.usage("model", path=path)

    assert (1, EVIL) == (len(table), table[0].name)
    assert "$0.5000" in shown(table, "html")
    assert "<script" not in shown(table, "html")
    assert 0 == len(notebook.usage("model", since=60, path=path))


def test_outside_of_a_notebook_a_stream_is_printed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Piece by piece on standard output, and the answer is returned."""
    server.script(says("one two three"))
    with Client(providers={"openai": {"base_url": server.base_url(), "api_key": "k" * 20}}) as client:
        answer = client.stream("openai/m", "hi").display()

    assert ("one two three", "one two three\n") == (answer.text, capsys.readouterr().out)
    assert not notebook.in_notebook()


def test_what_came_stays_when_a_stream_breaks(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is raised, and the text is on the screen."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    server.script(raw((head + 'data: {"choices":[{"index":0,"delta":{"content":"begun"}}]}\n\n').encode()))
    with (
        Client(providers={"openai": {"base_url": server.base_url(), "api_key": "k" * 20}}, retry=None) as client,
        pytest.raises(StreamInterrupted),
    ):
        client.stream("openai/m", "hi").display()

    assert "begun\n" == capsys.readouterr().out


def test_async_streams_are_displayed(capsys: pytest.CaptureFixture[str]) -> None:
    """The same on the other face."""

    async def main() -> str:
        async with AsyncClient() as client:
            return (await client.stream("sim/echo", "one two").display()).text

    assert ("one two", "one two\n") == (asyncio.run(main()), capsys.readouterr().out)


def test_a_batch_is_run_with_its_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is returned, and shown at the end."""
    with Client() as client:
        report = notebook.run(client.batch(["a", "b"], tmp_path / "out.jsonl", model="sim/echo", start=False))

    assert 2 == report.done
    assert "2 of 2 rows done" in capsys.readouterr().out


def test_an_async_batch_likewise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the other face."""

    async def main() -> int:
        async with AsyncClient() as client:
            batch = await client.batch(["a", "b"], tmp_path / "out.jsonl", model="sim/echo", start=False)
            return (await notebook.run_async(batch)).done

    assert 2 == asyncio.run(main())
    assert "2 of 2 rows done" in capsys.readouterr().out


def test_ipython_is_never_loaded() -> None:
    """Not by showing anything."""
    code = (
        "import sys; from dragoman import Client; answer = Client().stream('sim/echo', 'hi').display();"
        "answer._repr_markdown_(); assert 'IPython' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert (0, "hi\n") == (done.returncode, done.stdout), done.stderr


CELLS = """
from dragoman import Client, notebook
assert notebook.in_notebook()
client = Client()
client.stream("sim/echo", "<b>hi</b> there").display()
###
client.chat("sim/echo", "hello")
###
client.batch(["a", "b"], "out.jsonl", model="sim/echo")
report = notebook.run(client.batch(["c"], "more.jsonl", model="sim/echo", start=False))
###
await __import__("dragoman").AsyncClient().stream("sim/echo", "awaited").display()
"""


def test_in_a_real_kernel(tmp_path: Path) -> None:
    """A Jupyter kernel shows the stream in one output that changes, and values by themselves."""
    code = f"""
import nbformat
from nbclient import NotebookClient
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in {CELLS.split("###")!r}])
book.metadata["kernelspec"] = {{"name": "python3", "display_name": "x", "language": "python"}}
NotebookClient(book, timeout=60, kernel_name="python3").execute()
import json
print(json.dumps([[output for output in cell.outputs] for cell in book.cells]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    import json

    stream, answer, batch, awaited = json.loads(done.stdout)
    (first, *_) = [output for output in stream if output["output_type"] == "display_data"]
    assert "&lt;b>hi&lt;/b> there" in first["data"]["text/markdown"]
    assert "sim" in first["data"]["text/markdown"]
    assert 1 == len([output for output in stream if output["output_type"] == "display_data"])
    assert "hello" in answer[0]["data"]["text/markdown"]
    assert any("<progress" in output["data"].get("text/html", "") for output in batch if "data" in output)
    assert "awaited" in awaited[0]["data"]["text/markdown"]
