"""
Values as a notebook shows them: Markdown, and HTML tables.

A model's text is foreign.  As Markdown it may set headings, lists, tables and code, and nothing else: tags are shown
instead of obeyed, and a picture is a link, since loading one tells its server what the answer says.

Rule: what comes from outside is escaped here and nowhere else.

Source: CommonMark 0.31.2, sections 4.5, 6.1 and 6.4; Jupyter, "Rich display".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dragoman.types.batches import BatchEstimate, BatchReport
    from dragoman.types.messages import Message
    from dragoman.types.responses import ChatResponse
    from dragoman.types.usage import Usage

_FENCE: Final = re.compile(r"(?: {0,3})(`{3,}(?=[^`]*\Z)|~{3,})")
_SPAN: Final = re.compile(r"(`+)(?!`)(.*?[^`])\1(?!`)", re.DOTALL)
# Turns of a conversation that are shown; the earlier ones are counted.
_TURNS: Final = 40


def markdown(text: str) -> str:
    """
    A model's text as Markdown that can neither run nor load anything.

    >>> markdown("<b>x</b> `<b>` ![p](http://a/b)")
    '&lt;b>x&lt;/b> `<b>` \\\\![p](http://a/b)'
    """
    pieces: list[str] = []
    plain: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line.rstrip("\r\n"))
        if fence:
            pieces.append(line)
            bare = line.strip()
            if found and len(bare) >= len(fence) and set(bare) == {fence[0]}:
                fence = ""
        elif found:
            pieces += [_inert("".join(plain)), line]
            plain, fence = [], found[1]
        else:
            plain.append(line)
    tail = "" if not fence else "\n" + fence  # what is cut within a block must not swallow what stands below
    return "".join(pieces) + _inert("".join(plain)) + tail


def _inert(text: str) -> str:
    """Text outside of code blocks; code within a line stays as it is."""
    made: list[str] = []
    at = 0
    for span in _SPAN.finditer(text):
        made += [_tagless(text[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*made, _tagless(text[at:])])


def _tagless(text: str) -> str:
    return text.replace("<", "&lt;").replace("![", "\\![")


def response_markdown(response: ChatResponse) -> str:
    """An answer, and below it who gave it and what it took."""
    parts = ["**SIMULATED**: no model was asked."] if response.simulated else []
    parts.append(markdown(response.text))
    if response.refusal:
        parts.append(f"*The model refused:* {markdown(response.refusal)}")
    parts += [f"- calls `{_code(call.name)}`" for call in response.tool_calls]
    parts.append(f"---\n{' · '.join(_figures(response))}")
    parts += [f"- {_tagless(str(notice))}" for notice in response.notices if notice.adapted]
    return "\n\n".join(part for part in parts if part)


def _figures(response: ChatResponse) -> Iterable[str]:
    who = "/".join(name for name in (response.provider, response.model) if name)
    if who:
        yield f"`{_code(who)}`"
    yield f"{_count(response.usage.input_tokens)} in"
    yield f"{_count(response.usage.output_tokens)} out"
    yield "cost not known" if response.cost is None else f"\\${response.cost:.4f}"  # $ begins a formula
    if response.finish_reason != "stop":
        yield f"ended by {response.finish_reason}"
    if response.cached:
        yield "from the cache"


def history_markdown(name: str, messages: Sequence[Message]) -> str:
    """What was said, the last turns of it."""
    shown = messages[-_TURNS:]
    left = len(messages) - len(shown)
    parts = [f"**`{_code(name)}`**"]
    parts += [f"*{left} earlier messages*"] if left else []
    for message in shown:
        others = [type(part).__name__.lower() for part in message.parts if not hasattr(part, "text")]
        body = markdown(message.text) + "".join(f"\n\n*[{kind}]*" for kind in others)
        parts.append(f"**{message.role}**\n\n{body}")
    return "\n\n".join(parts)


def usage_html(usage: Usage) -> str:
    """Tokens as a table; what the provider did not say is left out."""
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    counts = [(name.replace("_", " "), getattr(usage, f"{name}_tokens")) for name in names]
    return table_html(("tokens", ""), [(name, f"{count:,}") for name, count in counts if count is not None])


def report_html(report: BatchReport) -> str:
    """How a batch stands: a bar, and figures."""
    settled, rows = report.done + report.failed, report.rows
    bar = "" if not rows else f'<progress value="{settled}" max="{rows}" style="width:24em"></progress>'
    figures = [
        ("rows", f"{settled:,}" + ("" if rows is None else f" of {rows:,}")),
        ("failed", f"{report.failed:,}"),
        ("cost", f"${report.cost:.4f}" + ("" if report.projected is None else f" of ${report.projected:.4f}")),
        ("speed", f"{report.rows_per_second:,.1f} rows/s, {report.tokens_per_minute:,.0f} tokens/min"),
        *((kind, f"{count:,}") for kind, count in sorted(report.errors.items())),
    ]
    figures += [("left", _time(report.eta_seconds))] if report.eta_seconds is not None and report.left else []
    figures += [(name, words) for name, words in (("waits", report.waiting), ("stopped", report.stopped)) if words]
    return bar + table_html(("batch", ""), figures)


def estimate_html(estimate: BatchEstimate) -> str:
    """What a batch will take."""
    low, high = (("?" if cost is None else f"${cost:.4f}") for cost in (estimate.cost_low, estimate.cost_high))
    figures = [
        ("rows", f"{estimate.rows:,}"),
        ("tokens in", f"{estimate.input_tokens:,}"),
        ("tokens out, at most", _count(estimate.output_tokens)),
        ("cost", f"{low} to {high}"),
        ("rows that were looked at", f"{estimate.sampled:,}"),
    ]
    return table_html(("estimate", ""), figures)


def table_html(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """
    A table; every cell is text.

    >>> table_html(("a",), [("<b>",)])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(str(name))}</th>" for name in heads)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _code(text: str) -> str:
    """Text between backticks."""
    return re.sub(r"[`\s]+", " ", text)


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
