"""
Where templates are, and what they say.

A template is Markdown, and may begin with a few lines of TOML between lines of `+++`, or of `name: value` between lines
of `---`:

    ---
    about: A haiku
    system: You are a poet.
    model: anthropic/claude-haiku-5-5
    schema: title, lines[]
    options.temperature: 0.9
    defaults.season: spring
    ---
    Write a haiku on {input} in {season}.

Rule: the user's templates (`~/.config/dragoman/templates/*.md`) stand before the built-in ones.  A template is data: it
can name a model and settings, and nothing that runs.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError

_NAME: Final = re.compile(r"[^\W_][\w.-]{0,63}\Z")
_HEAD: Final = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(.*?)\r?\n?\1[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_PLACE: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_TEXTS: Final = ("about", "model", "system", "schema")
_TABLES: Final = ("options", "defaults")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """
    One template.

    Attributes:
        name: What it is called.
        text: With its places.
        about: What it is for.
        model: Who is to be asked, unless -m says otherwise.
        system: Instructions; it may have places, too.
        schema: As --schema.
        options: Settings, as -o.
        defaults: Values of places that -p need not give.
        path: Of the user's file; None for one that is built in.
    """

    name: str
    text: str
    about: str = ""
    model: str | None = None
    system: str | None = None
    schema: str | None = None
    options: dict[str, Any] = {}
    defaults: dict[str, str] = {}
    path: Path | None = None

    @property
    def places(self) -> list[str]:
        """Names of its places, `input` aside."""
        found = _PLACE.finditer(f"{self.system or ''} {self.text}")
        return [name for name in dict.fromkeys(place[1] for place in found if place[1]) if name != "input"]


def folder(environ: Mapping[str, str]) -> Path:
    """Where the user's templates are."""
    base = environ.get("XDG_CONFIG_HOME") or ""
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return home / "dragoman" / "templates"


def checked_name(name: str) -> str:
    """
    Return a name that is one file of the folder.

    Raises:
        ConfigError: It is none.
    """
    if not _NAME.match(name):
        raise ConfigError(f"a template cannot be called {name!r}: take letters, digits, - and _", field="template")
    return name


def names(environ: Mapping[str, str]) -> list[str]:
    """Names of all templates, in order."""
    return sorted({path.stem for path in _own(environ)} | _builtin().keys())


def find(name: str, environ: Mapping[str, str]) -> Template:
    """
    Read a template.

    Raises:
        ConfigError: There is none of that name (near ones are named), or its file is wrong.
    """
    checked_name(name)
    path = folder(environ) / f"{name}.md"
    if path.is_file():
        return parse(name, _read(path), path)
    builtin = _builtin()
    if name in builtin:
        return parse(name, builtin[name].read_text("utf-8"))
    known = names(environ)
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    words = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise ConfigError(f"there is no template {name!r}: {words}", field="template")


def source(name: str, environ: Mapping[str, str]) -> str:
    """
    The text of a template's file.

    Raises:
        ConfigError: As `find`.
    """
    template = find(name, environ)
    return _read(template.path) if template.path is not None else _builtin()[name].read_text("utf-8")


def parse(name: str, text: str, path: Path | None = None) -> Template:
    """
    Make a template of its file.

    Raises:
        ConfigError: The head is wrong; the message names the file and the line.
    """
    where = str(path or f"the template {name}")
    found = _HEAD.match(text)
    if found is None:
        return Template(name=name, text=text.strip("\n"), path=path)
    head = _toml(found[2], where) if found[1] == "+++" else _lines(found[2], where)
    return Template(name=name, text=text[found.end() :].strip("\n"), path=path, **_checked(head, where))


def written(options: Mapping[str, Any]) -> dict[str, str]:
    """Settings as `-o` writes them."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in options.items()
    }


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: the head is not TOML: {error}", field="template") from error


def _lines(text: str, where: str) -> dict[str, Any]:
    head: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 2):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not colon or line[:1].isspace():
            raise ConfigError(f"{where}, line {number}: write name: value, or TOML between +++ lines", field="template")
        _put(head, name, _unquoted(value))
    return head


def _put(head: dict[str, Any], name: str, value: str) -> None:
    table, dot, inner = name.partition(".")
    if dot and table in _TABLES:
        head.setdefault(table, {})[inner] = _json(value) if table == "options" else value
    else:
        head[name] = value


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _json(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _checked(head: dict[str, Any], where: str) -> dict[str, Any]:
    for name, value in head.items():
        kind = str if name in _TEXTS else dict if name in _TABLES else None
        if kind is None:
            near = get_close_matches(name, (*_TEXTS, *_TABLES), n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join((*_TEXTS, *_TABLES))}"
            raise ConfigError(f"{where}: the head has {name!r}: {known}", field="template")
        if not isinstance(value, kind):
            raise ConfigError(f"{where}: {name} is no {'text' if kind is str else 'table'}", field="template")
    if "defaults" in head:
        head["defaults"] = {key: str(value) for key, value in cast("dict[str, Any]", head["defaults"]).items()}
    return head


def _own(environ: Mapping[str, str]) -> Iterator[Path]:
    place = folder(environ)
    return (path for path in place.glob("*.md") if _NAME.match(path.stem)) if place.is_dir() else iter(())


def _builtin() -> dict[str, Any]:
    from importlib.resources import files  # 10 ms that a question without a template need not spend

    found = files("dragoman.cli.template").joinpath("builtin").iterdir()
    return {entry.name.removesuffix(".md"): entry for entry in found if entry.name.endswith(".md")}


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the template {path} cannot be read: {getattr(error, 'strerror', None) or error}", field="template"
        ) from error
