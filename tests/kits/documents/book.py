"""
A book in Markdown with everything that is hard in it, made of a seed.

Every word is ASCII, so that a pseudo-translation can be taken back, and the book must be the same, byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_TEXT = (
    "the pump valve and pressure of a system must be checked before every start because small leaks grow when nobody "
    "looks at them operators write what they see into a log that others read later with care"
)
_WORDS = _TEXT.split()


def _sentence(rng: random.Random, least: int = 4, most: int = 16) -> str:
    words = rng.choices(_WORDS, k=rng.randint(least, most))
    for _ in range(rng.randint(0, 3)):
        words.insert(rng.randint(0, len(words)), rng.choice(_INLINE)(rng))
    return " ".join(words).capitalize() if words[0] in _WORDS else " ".join(words)


def _text(rng: random.Random) -> str:
    return " ".join(f"{_sentence(rng)}." for _ in range(rng.randint(1, 5)))


_INLINE: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"`code_{r.randint(1, 999)}(x)`",
    lambda r: f"``a ` b {r.randint(1, 9)}``",
    lambda r: f"[the guide](https://docs.example/p{r.randint(1, 99)}?a=1&b=2)",
    lambda r: f'[more](../a_b_{r.randint(1, 99)}.md "Title of it")',
    lambda r: f"![a picture of {r.choice(_WORDS)}](img/p{r.randint(1, 9)}.png)",
    lambda r: "[see there][ref]",
    lambda r: "[`tool`](x.html#y)",
    lambda r: f"<https://auto.example/{r.randint(1, 99)}>",
    lambda r: f"https://plain.example/{r.randint(1, 99)},",
    lambda r: "ops@plant.example",
    lambda r: f"**bold {r.choice(_WORDS)}**",
    lambda r: f"*light {r.choice(_WORDS)}*",
    lambda r: f"~~old {r.choice(_WORDS)}~~",
    lambda r: f"{r.randint(1, 999):,}.{r.randint(1, 99)}",
    lambda r: str(r.randint(1900, 2100)),
    lambda r: "{name}",
    lambda r: "{{ site.title }}",
    lambda r: "${HOME}",
    lambda r: "%(count)d",
    lambda r: "%s",
    lambda r: "{n, plural, one {# item} other {# items}}",
    lambda r: "<b>strong</b>",
    lambda r: '<span title="A hint" class="x y">span</span>',
    lambda r: "<br/>",
    lambda r: "$x_1^2 + y$",
    lambda r: "&nbsp;&amp;",
    lambda r: r"\*not light\*",
    lambda r: "[^1]",
    lambda r: "a < b",
    lambda r: "100%",
)


def _paragraph(rng: random.Random) -> str:
    lines = [_text(rng) for _ in range(rng.randint(1, 3))]
    return rng.choice(("\n", "\n", "  \n", "\\\n")).join(lines)


def _list(rng: random.Random) -> str:
    mark = rng.choice(("- ", "* ", "1. ", "- [ ] ", "- [x] "))
    items = [f"{mark}{_sentence(rng)}" for _ in range(rng.randint(2, 6))]
    if rng.random() < 0.4:
        items.insert(1, f"  - {_sentence(rng)}\n    {_sentence(rng)}")
    return "\n".join(items)


def _quote(rng: random.Random) -> str:
    return "\n".join(f"> {_text(rng)}" for _ in range(rng.randint(1, 3)))


def _table(rng: random.Random) -> str:
    width = rng.randint(2, 4)
    head = "| " + " | ".join(rng.choice(_WORDS) for _ in range(width)) + " |"
    rows = ["| " + " | ".join(_sentence(rng, 1, 4) for _ in range(width)) + " |" for _ in range(rng.randint(1, 5))]
    return "\n".join([head, "|" + " :--- |" * width, *rows])


def _code(rng: random.Random) -> str:
    fence = rng.choice(("```", "~~~", "````"))
    return f"{fence}python\n# {_sentence(rng)}\nx = '{{name}}'\n\nif x:\n    print(x)\n{fence}"


def _html(rng: random.Random) -> str:
    return (
        f'<div class="note" title="Careful now">\n<p>{_sentence(rng)}</p>\n<img src="a.png" alt="A wide view">\n</div>'
    )


def _comment(rng: random.Random) -> str:
    return f"<!-- {_sentence(rng)}\nsecond line -->"


def _script(rng: random.Random) -> str:
    return "<script>\nif (a < b) { run('x'); }\n</script>"


def _setext(rng: random.Random) -> str:
    return f"{_sentence(rng)}\n{rng.choice('=-') * 8}"


_BLOCKS: tuple[Callable[[random.Random], str], ...] = (
    *([_paragraph] * 8),
    _list,
    _list,
    _quote,
    _table,
    _code,
    _html,
    _comment,
    _script,
    _setext,
    lambda r: "    indented code with words\n    and more of it",
    lambda r: "$$\nE = mc^2\n$$",
    lambda r: "***",
    lambda r: f"[^1]: {_sentence(r)}",
    lambda r: f"{'#' * r.randint(2, 4)} {_sentence(r, 2, 6)}",
)


def book(seed: int, pages: int) -> str:
    """A book of so many pages, of 350 words or so each."""
    rng = random.Random(seed)
    blocks = ["---\ntitle: The book\ntags: [a, b]\n---", "[ref]: https://ref.example/x 'The reference'"]
    words = 0
    while words < pages * 350:
        if rng.random() < 0.04:
            blocks.append(f"# {_sentence(rng, 2, 6)} {{#id-{len(blocks)}}}")
        blocks.append(rng.choice(_BLOCKS)(rng))
        words += len(blocks[-1].split())
    return "\n\n".join(blocks) + "\n"
