"""Markdown drawn while it comes: the same whatever the pieces are, complete, in linear time, and never redrawn."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.cli.render.blocks import Splitter
from dragoman.cli.render.flow import Flow
from dragoman.cli.render.paint import Painter

PAGE = """# A title with *emphasis*

A paragraph with **bold text**, `code * here`, [a link](https://example.com/a_b) and snake_case; 2 * 3 and List<String>.
It goes on over two lines and is long enough to be wrapped.

中文段落：这是一个很长的段落，用来测试宽字符的换行。它应该在终端的右边换行，而不是超出。**加粗**也在，还有 `代码`。😀

- first item with **bold**
- second item
  - nested with `code`
- third

1. One:
   ```python
   def f(x):
       return x * 2  # **not bold**
   ```
2. Two
10. Ten

> A quote with *words*
> that goes on

| Name | 数量 |
|------|----:|
| 苹果 | 3 |

```python
class A:
    '''Doc *with* stars.'''

    def f(self): ...
```

Setext heading
==============

![a picture](https://example.com/p.png) and an unclosed *star here. And [1] footnote[^1].

[ref]: https://example.com

    indented code

Last line"""
SNAPSHOT = """A title with emphasis

A paragraph with bold text, code * here, a link
(https://example.com/a_b) and snake_case; 2 * 3 and
List<String>. It goes on over two lines and is long enough
to be wrapped.

中文段落：这是一个很长的段落，用来测试宽字符的换行。它应该在
终端的右边换行，而不是超出。加粗也在，还有 代码。😀

 • first item with bold
 • second item
    • nested with code
 • third
 1 One:

    def f(x):
        return x * 2  # **not bold**
 2 Two
 10 Ten

▌ A quote with words that goes on

 Name  数量
 ──────────
 苹果     3

 class A:
     '''Doc *with* stars.'''

     def f(self): ...

Setext heading

a picture (https://example.com/p.png) and an unclosed *star
here. And [1] footnote[^1].

[ref]: https://example.com

 indented code

Last line
"""
INLINE = ["``", "**", "*", "_", "`", "[", "](", ")", "![", "\\", "&amp;", "<b>", "$x$", "2 * 3 "]
MARKS = ["# ", "- ", "1. ", "> ", "\n```\n", "|", "---", "=", "\n", "\n\n", "  ", "    "]
WORDS = [*MARKS, *INLINE, "word ", "long-word ", "中文", "。", "😀", "a"]


def drawn(pieces: list[str], widths: list[int], *, colour: bool = False) -> str:
    """What is written when a text comes in pieces, on a terminal whose width changes with each."""
    out: list[str] = []
    at = [widths[0]]
    environ = {} if colour else {"NO_COLOR": "1"}
    flow = Flow(Painter(environ), out.append, lambda: at[0])
    for number, piece in enumerate(pieces):
        at[0] = widths[number % len(widths)]
        flow.feed(piece)
    flow.close()
    return "".join(out)


def cut(text: str, seed: int) -> list[str]:
    """A text in random pieces."""
    rnd, pieces = random.Random(seed), []
    while text:
        size = rnd.randint(1, 12)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def visible(text: str) -> str:
    return "".join(text.split()).replace("▌", "")


def test_a_page_as_a_snapshot():
    """Headings, lists, code, quotes, tables, links and wide characters, as they stand on 61 columns."""
    assert SNAPSHOT == drawn([PAGE], [61])


@pytest.mark.parametrize("seed", range(25))
def test_pieces_do_not_matter(seed):
    """Wherever the text is cut, the same is drawn."""
    assert SNAPSHOT == drawn(cut(PAGE, seed), [61])


@pytest.mark.parametrize("seed", range(25))
def test_a_resize_loses_and_doubles_nothing(seed):
    """While the width changes, every visible character is written once, in order."""
    assert visible(SNAPSHOT) == visible(drawn(cut(PAGE, seed), [80, 80, 80, 30, 30, 50]))


def test_nothing_is_ever_redrawn():
    """What is written are letters, colours and line feeds: no cursor is moved, no line erased."""
    written = drawn(cut(PAGE, 1), [80, 40], colour=True)

    assert re.findall("\x1b", written)
    assert "" == re.sub(r"\x1b\[[0-9;]*m", "", written).translate(dict.fromkeys(range(32, 0x110000))).strip("\n")


def test_no_line_is_wider_than_the_terminal():
    """Words, wide characters and emoji are wrapped before the edge."""
    painter = Painter({"NO_COLOR": "1"})
    text = "中文和 English 混排 and 👨‍👩‍👧 family, " * 20

    for pieces in ([text], cut(text, 2)):
        assert 40 > max(painter.width(line) for line in drawn(pieces, [40]).splitlines())


def test_words_are_shown_before_their_paragraph_ends():
    """Nobody waits for the end of a paragraph; what is open (a word, emphasis) is held."""
    out: list[str] = []
    flow = Flow(Painter({"NO_COLOR": "1"}), out.append, lambda: 80)

    flow.feed("Some words **and bo")
    assert "Some words" == "".join(out)
    flow.feed("ld** mo")
    assert "Some words and bold" == "".join(out)
    flow.close()
    assert "Some words and bold mo\n" == "".join(out)


def test_code_is_shown_line_by_line_and_coloured():
    """A fence that is still open shows its whole lines."""
    out: list[str] = []
    flow = Flow(Painter({"TERM": "xterm"}), out.append, lambda: 80)

    flow.feed("```python\nx = 1\ny")

    assert "x = 1" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(out))
    assert "\x1b[" in "".join(out)


@pytest.mark.parametrize("width", [12, 30, 200])
def test_a_table_with_no_room_is_shown_as_written(width):
    """Where a table does not fit, its cells are there all the same."""
    cells = [f"cell{chr(97 + number)}" for number in range(15)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (cells, ["---"] * 15, cells))

    shown = visible(drawn([table], [width]))

    assert [2] * 15 == [shown.count(cell) for cell in cells]


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=40), seed=st.integers(0, 1000))
def test_no_letter_is_lost_whatever_is_written(words, seed):
    """Letters of a text, Markdown or not, all appear, in order, whole or in pieces, whatever the width does."""
    text = "".join(words)
    letters = [char for char in text.replace("&amp;", "&") if char.isalpha()]

    for written in (drawn([text], [50]), drawn(cut(text, seed), [50]), drawn(cut(text, seed), [50, 20])):
        shown = iter(written)
        assert all(letter in shown for letter in letters), written


@given(text=st.text(alphabet="ab#-*`>1.| \n\t=~", max_size=80), seed=st.integers(0, 1000))
def test_blocks_are_the_text(text, seed):
    """Blocks in order are the text without blank lines, however it is cut."""
    whole = Splitter()
    blocks = [*whole.feed(text), *whole.close()]
    pieces = Splitter()
    cuts = [block for piece in cut(text, seed) for block in pieces.feed(piece)] + pieces.close()

    assert visible(text) == visible("".join(block.source for block in blocks))
    assert blocks == cuts


@pytest.mark.parametrize(
    "unit",
    ["word **bold** `code` so on. ", "这是一个很长的段落，", "*a ", "[a", "`a `` ", "- item\n", "  - nested\n", "-"],
)
def test_the_work_is_linear(unit):
    """Eight times the text takes about eight times as long, in pieces of four characters."""

    def seconds(count: int) -> float:
        text = unit * count
        started = time.process_time()
        drawn([text[i : i + 4] for i in range(0, len(text), 4)], [80])
        return time.process_time() - started

    seconds(20)
    assert seconds(3200) < 32 * max(seconds(400), 0.01)
