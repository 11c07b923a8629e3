"""
The public names: what callers may import, and that each says what it is.

The list below is the contract of DESIGN.md section 5.  Names may be added to the package; none of these may go.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType
from typing import Any

import pytest

import dragoman
from dragoman import errors
from tests.house.modules import SOURCE

CONTRACT = {
    "faces": "Client AsyncClient Stream AsyncStream",
    "values": "Message ChatRequest ChatResponse Settings Timeouts Usage Provider",
    "parts": "Text Image Audio File Reasoning ToolCall ToolResult Refusal",
    "events": "Event TextDelta ReasoningDelta ToolCallStart ToolCallDelta ToolCallEnd UsageUpdate Finish",
    "functions": "fold tool load_dotenv wire",
    "config errors": "ConfigError UnknownProviderError UnknownModelError MissingKeyError UnsupportedError",
    "transport errors": "TransportError ConnectError TimeoutError StreamInterrupted",
    "status errors": "StatusError BadRequestError AuthenticationError PermissionDeniedError NotFoundError"
    " RateLimitError QuotaError OverloadedError ServerError ContextLengthError ContentFilterError",
    "answer errors": "WireError OutputError SchemaError TruncatedError RefusalError",
    "own errors": "DragomanError RefusedLocally BudgetError CircuitOpenError DeadlineError",
    "conversation errors": "ConversationError BusyError TurnIdReusedError LeaseLostError StoreError",
    "batch errors": "BatchError ManifestError SourceError",
}


def public_classes() -> Iterator[tuple[str, type]]:
    """Every public class, by name."""
    for name in dragoman.__all__:
        value = getattr(dragoman, name)
        if inspect.isclass(value) and value.__module__.startswith("dragoman."):
            yield name, value


def methods(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class itself defines and callers may use: methods and properties without an underscore."""
    for name, value in vars(owner).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if not name.startswith("_") and (inspect.isfunction(function) or isinstance(value, property)):
            yield name, function


@pytest.mark.parametrize("names", CONTRACT.values(), ids=CONTRACT)
def test_contract(names):
    """Each name is importable from `dragoman` and listed there."""
    assert set() == set(names.split()) - set(dragoman.__all__)
    assert all(getattr(dragoman, name) is not None for name in names.split())


def test_names_are_sorted_and_unique():
    """The list of public names can be read, and a double entry would be seen."""
    assert sorted(set(dragoman.__all__)) == list(dragoman.__all__)


def test_every_error_is_public():
    """Whatever can be raised can be caught by a name of the root."""
    tree = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert set() == tree - set(dragoman.__all__)


def test_type_checkers_are_told_the_same_names():
    """The stub beside the lazy root lists what the root loads, no more and no less."""
    stub = ast.parse((SOURCE / "dragoman" / "__init__.pyi").read_text("utf-8"))
    told = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert set(dragoman.__all__) == told - {None}


def test_type_checkers_are_told_the_same_homes():
    """The stub takes each name from the module that the root takes it from."""
    stub = ast.parse((SOURCE / "dragoman" / "__init__.pyi").read_text("utf-8"))
    for node in stub.body:
        if isinstance(node, ast.ImportFrom) and node.module not in (None, "dragoman"):
            home = import_module(node.module)
            assert all(getattr(dragoman, alias.name) is getattr(home, alias.name) for alias in node.names)


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt name fails as it does for any module."""
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = dragoman.Clinet


def test_every_public_callable_says_what_it_is():
    """Each public class and function, and each of their public methods and properties, has a docstring."""
    values = {name: getattr(dragoman, name) for name in dragoman.__all__}
    silent = [name for name, value in values.items() if isinstance(value, type | FunctionType) and not value.__doc__]
    silent += [
        f"{name}.{member}"
        for name, owner in public_classes()
        for member, value in methods(owner)
        if not inspect.getdoc(value)
    ]
    assert [] == silent


@pytest.mark.parametrize(("blocking", "asynchronous"), [("Client", "AsyncClient"), ("Stream", "AsyncStream")])
def test_both_faces_have_the_same_verbs(blocking, asynchronous):
    """What one face can do, the other can, under the same name; only closing follows each world's own custom."""
    renamed = {"close": "aclose"}
    one = {renamed.get(name, name) for name in dir(getattr(dragoman, blocking)) if not name.startswith("_")}
    other = {name for name in dir(getattr(dragoman, asynchronous)) if not name.startswith("_")}

    assert one == other
