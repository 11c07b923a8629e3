"""
Writes the table of providers into `docs/providers.md`, between its two markers.

    python scripts/provider_table.py

A test holds that the page is up to date.
"""

from __future__ import annotations

from pathlib import Path

from dragoman import catalog
from dragoman.catalog.models import known_models
from dragoman.types.providers import Provider

PAGE = Path(__file__).parent.parent / "docs/providers.md"
BEGIN = "<!-- providers: made by scripts/provider_table.py -->"
END = "<!-- end of providers -->"
_TITLES = {
    "makers": "Makers of models",
    "hosts": "Hosts of others' models",
    "gateways": "Gateways",
    "clouds": "Clouds",
    "local": "On this machine",
}


def table() -> str:
    """The table as Markdown: one part for each file of rows."""
    rows = catalog.builtin()
    parts = [f"{len(rows)} providers.\n"]
    for kind in catalog.FILES:
        names = catalog.read_rows((Path(catalog.__file__).parent / f"providers/{kind}.toml").read_text("utf-8"))
        parts.append(f"### {_TITLES[kind]}\n\n| name | | key | dialect | models known |\n|---|---|---|---|---:|")
        parts += [_line(rows[name]) for name in names]
        parts.append("")
    return "\n".join(parts)


def _line(row: Provider) -> str:
    names = ", ".join(f"`{name}`" for name in (row.name, *row.aliases))
    key = f"`{row.key_variables[0]}`" if row.key_variables else "none"
    wires = ", ".join((row.wire, *row.also))
    return f"| {names} | {row.display or row.name} | {key} | {wires} | {len(known_models(row.name)) or '-'} |"


def written(page: str) -> str:
    """The page with the table of today."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n\n{table()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
