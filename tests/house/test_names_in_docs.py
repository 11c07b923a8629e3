"""
What the documents name is there: commands and their options, and names, attributes and keywords of Python.

Code that is run shows that by itself; this is about words in sentences, tables, and code that is shown only.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import click
import msgspec
import pytest

import dragoman
from dragoman import testing
from dragoman.cli.app import dragoman as command_line
from tests.house.documents import documents, program
from tests.house.mentions import mentioned_commands, mentioned_python, replacements
from tests.house.modules import ROOT

PAGES = [*documents(), *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
MIGRATIONS = sorted((ROOT / "docs").glob("from-*.md"))

# What a word before a dot stands for, in every page.
KINDS: dict[str, tuple[Any, ...]] = {
    "client": (dragoman.Client, dragoman.AsyncClient),
    "talk": (dragoman.Conversation, dragoman.AsyncConversation),
    "batch": (dragoman.Batch, dragoman.AsyncBatch),
    "answer": (dragoman.ChatResponse, dragoman.RunResponse, dragoman.EmbedResponse),
    "stream": (dragoman.Stream, dragoman.AsyncStream, dragoman.RunStream, dragoman.AsyncRunStream),
    "budget": (dragoman.Budget,),
    "report": (dragoman.BatchReport,),
    "server": (testing.Server,),
    "dragoman": (dragoman,),
}
_PLACEHOLDER = re.compile(r"\.\.\.|^dragoman |^[A-Z_]{3,}\b|^[\w-]+/$|/[A-Z]+$|^\.\w+$|:FILE|^[\w-]+$")


def name(path: Any) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_commands_are_known(path):
    """Every command that a page names is one, and takes the options that it is shown with."""
    wrong = {mention.line: fault for mention in mentioned_commands(path) if (fault := wrong_in(mention.text))}

    assert {} == wrong


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_python_names_are_there(path):
    """Every attribute and keyword of ours that a page names in its prose exists."""
    wrong = [f"{mention.line}: {fault}" for mention, tree in mentioned_python(path) for fault in unknown_in(tree)]

    assert [] == wrong


@pytest.mark.parametrize("path", MIGRATIONS, ids=name)
def test_what_takes_the_place_of_other_code_is_run(path):
    """What a page puts in the place of another library's code stands in the program that the page is."""
    code = _bare(program(path))

    shown = [mention for mention in replacements(path) if not _PLACEHOLDER.search(mention.text)]
    assert shown
    assert [] == [f"{mention.line}: {mention.text}" for mention in shown if _bare(mention.text) not in code]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("keys set openai --no-test", None, id="right"),
        pytest.param("-m sim/echo TEXT", None, id="a prompt"),
        pytest.param("keys put openai", "dragoman keys has no command 'put'", id="no such command"),
        pytest.param("keys set --never", "dragoman keys set has no option '--never'", id="no such option"),
        pytest.param("nothing here", "dragoman has no command 'nothing'", id="no such word"),
    ],
)
def test_wrong_commands_are_found(text, fault):
    """The check sees a command and an option that are not there."""
    assert fault == wrong_in(text)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("client.chat(a, b, temperature=1, timeout=3)", [], id="right"),
        pytest.param("client.ask(a)", ["client has no 'ask'"], id="attribute"),
        pytest.param("Client(colour=1)", ["Client takes no 'colour'"], id="keyword"),
        pytest.param("client.chat(a, b, max_token=1)", ["client.chat takes no 'max_token'"], id="setting"),
        pytest.param("dragoman.wire.nothing", ["dragoman.wire has no 'nothing'"], id="module"),
        pytest.param("dragoman.nothing()", ["there is no dragoman.nothing"], id="function"),
        pytest.param("dragoman.limit", [], id="a logger"),
        pytest.param("Their(colour=1).thing", [], id="not ours"),
    ],
)
def test_wrong_names_are_found(text, faults):
    """The check sees an attribute and a keyword that are not there."""
    assert faults == list(unknown_in(ast.parse(text)))


# --- commands -------------------------------------------------------------------------------------------------------


def wrong_in(text: str) -> str | None:
    """What is wrong with the words behind `dragoman`, or None."""
    words = [word.rstrip(",.:") for word in text.split()]
    command, path = _command(words)
    if isinstance(command, str):
        return command
    context = click.Context(command)
    known = {option for parameter in command.get_params(context) for option in _options(parameter)}
    for word in words:
        option = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", option) and option not in known:
            return f"{path} has no option {option!r}"
    return None


def _command(words: list[str]) -> tuple[click.Command | str, str]:
    command: click.Command = command_line
    path = "dragoman"
    for word in words:
        if not isinstance(command, click.Group):
            break
        if not re.fullmatch(r"[a-z][a-z-]*", word):  # TEXT, an option, a reference: what is asked, or the usual command
            break
        found = command.get_command(click.Context(command), word)
        if found is None and getattr(command, "_bare", False):
            break
        if found is None:
            return f"{path} has no command {word!r}", path
        command, path = found, f"{path} {word}"
    return _meant(command, words), path


def _meant(command: click.Command, words: list[str]) -> click.Command:
    """The command that a group calls where none is named."""
    if not isinstance(command, click.Group):
        return command
    if command is command_line and set(words) & {"--version", "--help", "-V", "-h"}:
        return command
    usual = "ask" if command is command_line else getattr(command, "_usual", None)
    found = command.get_command(click.Context(command), usual) if usual else None
    return found or command


def _options(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts] if isinstance(parameter, click.Option) else []


# --- Python ---------------------------------------------------------------------------------------------------------


def unknown_in(tree: ast.AST) -> Iterator[str]:
    """What of ours is named in code and is not there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dragoman":
            yield from _not_imported(node)
        elif isinstance(node, ast.Attribute):
            yield from _not_an_attribute(node)
        elif isinstance(node, ast.Call):
            yield from _not_taken(node)


def _not_imported(node: ast.ImportFrom) -> Iterator[str]:
    module = import_module(node.module or "")
    for alias in node.names:
        if not _has(module, alias.name):
            yield f"{node.module} has no {alias.name!r}"


def _not_an_attribute(node: ast.Attribute) -> Iterator[str]:
    owners = _owners(node.value)
    if dragoman in owners:  # `dragoman.call` may be a logger, an attribute of a span, or a file: only calls are names
        return
    if owners and not any(_has(owner, node.attr) for owner in owners):
        yield f"{ast.unparse(node.value)} has no {node.attr!r}"


def _owners(node: ast.expr) -> tuple[Any, ...]:
    """What an expression stands for, as far as that is known: classes whose instances it may be, or a module."""
    if isinstance(node, ast.Name):
        return KINDS.get(node.id, ())
    if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("dragoman."):
        return tuple(found for owner in _owners(node.value) if inspect.ismodule(found := _member(owner, node.attr)))
    return ()


def _not_taken(node: ast.Call) -> Iterator[str]:
    if ast.unparse(node.func).startswith("dragoman.") and not _functions(node.func):
        yield f"there is no {ast.unparse(node.func)}"
    functions = [function for function in _functions(node.func) if callable(function)]
    for keyword in node.keywords:
        if keyword.arg and functions and not any(_takes(function, keyword.arg) for function in functions):
            yield f"{ast.unparse(node.func)} takes no {keyword.arg!r}"


def _functions(node: ast.expr) -> list[Any]:
    if isinstance(node, ast.Name):
        return [getattr(home, node.id) for home in (dragoman, testing) if node.id in dir(home)]
    if isinstance(node, ast.Attribute):
        return [_member(owner, node.attr) for owner in _owners(node.value) if _has(owner, node.attr)]
    return []


def _takes(function: Callable[..., Any], keyword: str) -> bool:
    if isinstance(function, type) and issubclass(function, msgspec.Struct) and "__init__" not in vars(function):
        return keyword in function.__struct_fields__
    parameters = inspect.signature(function).parameters
    more = [one for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD]
    return keyword in parameters or any(keyword in _keywords(function, str(one.annotation)) for one in more)


def _keywords(function: Callable[..., Any], annotation: str) -> frozenset[str]:
    """The names in `**keywords: Unpack[SomeDict]`."""
    home = import_module(function.__module__)
    described = getattr(home, annotation.removeprefix("Unpack[").removesuffix("]"))
    return frozenset(described.__required_keys__ | described.__optional_keys__)


def _has(owner: Any, attribute: str) -> bool:
    if inspect.ismodule(owner):
        return _member(owner, attribute) is not None
    instance = {*getattr(owner, "__annotations__", ()), *getattr(owner, "__slots__", ())}
    return hasattr(owner, attribute) or attribute in instance or _set_in_init(owner, attribute)


def _member(owner: Any, attribute: str) -> Any:
    if hasattr(owner, attribute) or not inspect.ismodule(owner):
        return getattr(owner, attribute, None)
    try:
        return import_module(f"{owner.__name__}.{attribute}")
    except ModuleNotFoundError:
        return None


def _set_in_init(owner: Any, attribute: str) -> bool:
    if isinstance(owner, type) and issubclass(owner, msgspec.Struct):
        return False
    return f"self.{attribute}" in inspect.getsource(owner)


def _bare(code: str) -> str:
    return re.sub(r"\s+", "", code)
