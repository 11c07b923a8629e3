"""
A value that is still being written, as a typed view.

Rule: what is shown stays: a field that is there will be the same in the whole value, a text only grows, a list only
gets longer.  What could still become something else (a number, a date, a choice) is not there before it is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from dragoman.structured.kinds import bare, element_of, fields_of, is_list, value_of
from dragoman.structured.reader import UNKNOWN, Node, Reader
from dragoman.structured.wrong import errors_of
from dragoman.types.shapes import VALUE, Shape, read_custom

T = TypeVar("T")

_UNFIT: Final = object()


class Partial(Generic[T]):
    """
    The fields of an object that are there so far.

    A field of the type is an attribute, None while it is not there.  `partial["name"]` and `"name" in partial` ask for
    what is there, and `dict(partial)` gives all of it.  There are no other names, so that none is in the way of a
    field's.  Fields that are whole have their own types; an object that is not whole is a `Partial`, a list that is not
    is a list of what is there of it.

    >>> partial = Partial({"name": "Ad"}, {"name", "age"})
    >>> partial.name, partial.age, dict(partial)
    ('Ad', None, {'name': 'Ad'})
    """

    __slots__ = ("__known", "__there")

    def __init__(self, there: Mapping[str, Any], known: Iterable[str] | None = None) -> None:
        self.__there = dict(there)
        self.__known = None if known is None else frozenset(known)

    def __getitem__(self, name: str) -> Any:
        return self.__there[name]

    def __contains__(self, name: object) -> bool:
        return name in self.__there

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.__there.items())

    def __len__(self) -> int:
        return len(self.__there)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or (name not in self.__there and (self.__known is None or name not in self.__known)):
            raise AttributeError(f"there is no field {name!r}")
        return self.__there.get(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partial) and self.__there == cast("Partial[Any]", other).__there

    __hash__ = None  # type: ignore[assignment]  # it has mutable parts

    def __repr__(self) -> str:
        return f"Partial({self.__there!r})"


class Growing:
    """
    Follows a value while its text comes.

    Attributes:
        items: Elements of the first list at the top (or of the value itself, if it is one) that became whole since
            they were last taken; each with its place, as plain values.
    """

    def __init__(self, shape: Shape | None) -> None:
        self._shape = shape
        self._kind = shape.kind if shape is not None else None
        self._wrapped = shape is not None and shape.wrapped
        self._reader = Reader(self._whole)
        self._watched: Node | None = None
        self.items: list[tuple[int, Any]] = []

    def feed(self, text: str) -> bool:
        """Take text; returns whether it changed anything that is shown."""
        root = self._reader.root
        if self._reader.broken or (root is not None and root.done):
            return False
        self._reader.feed(text)
        return self._reader.root is not None

    @property
    def item_kind(self) -> Any:
        """The type of the elements that are followed; None if it is not known."""
        kind = self._kind
        if not self._wrapped:
            fields = (fields_of(kind) or {}).values()
            kind = next((inner for _, inner in fields if is_list(inner)), None)
        return element_of(kind, 0)

    def snapshot(self) -> Any:
        """What is there of the value: a `Partial`, or for a value that is no object what there is of it, or None."""
        root = self._reader.root
        if root is None:
            return None
        if not self._wrapped:
            return self._view(root, self._kind)
        shown = self._display(root).get(VALUE)
        if shown is not None or root.key != VALUE:
            return shown
        return self._open_member(root, self._kind)

    # --- what becomes whole -------------------------------------------------------------------------------------

    def _whole(self, open_nodes: tuple[Node, ...], member: Any) -> None:
        node = open_nodes[-1]
        if isinstance(node.value, list) and self._follows(open_nodes):
            self.items.append((len(node.value) - 1, member))
        kind = self._kind_of(open_nodes)
        shown = self._display(node)
        inner = self._member_kind(node, kind)
        value = _converted(member, inner)
        if isinstance(shown, list):
            listed = cast("list[Any]", shown)
            if value is not _UNFIT and len(listed) == len(node.value) - 1:
                listed.append(value)
        elif value is not _UNFIT:
            fields = fields_of(kind) or {}
            assert node.key is not None  # it has a member
            shown[fields[node.key][0] if node.key in fields else node.key] = value

    def _follows(self, open_nodes: tuple[Node, ...]) -> bool:
        """Whether the last node is the list whose elements are given out."""
        if len(open_nodes) != 2:
            return False
        if self._watched is None and (not self._wrapped or open_nodes[0].key == VALUE):
            self._watched = open_nodes[1]
        return self._watched is open_nodes[1]

    def _kind_of(self, open_nodes: tuple[Node, ...]) -> Any:
        """The type of the last of the open nodes."""
        node = open_nodes[-1]
        if node.kind is UNKNOWN:
            if len(open_nodes) == 1:
                node.kind = None if self._wrapped else self._kind
            else:
                node.kind = self._member_kind(open_nodes[-2], self._kind_of(open_nodes[:-1]))
        return node.kind

    def _member_kind(self, node: Node, kind: Any) -> Any:
        """The type of the member that is being written."""
        if node is self._reader.root and self._wrapped:
            return self._kind if node.key == VALUE else None
        if isinstance(node.value, list):
            return element_of(kind, len(node.value) - (node.child is None and node.text is None and bool(node.value)))
        fields = fields_of(kind)
        if fields is None:
            return value_of(kind)
        return fields[node.key][1] if node.key in fields else None

    # --- what is shown ------------------------------------------------------------------------------------------

    def _display(self, node: Node) -> Any:
        if node.shown is None:
            node.shown = [] if isinstance(node.value, list) else {}
        return node.shown

    def _view(self, node: Node, kind: Any) -> Any:
        shown = self._display(node)
        fields = fields_of(kind)
        if isinstance(shown, list):
            listed = cast("list[Any]", shown)
            member = self._open_member(node, element_of(kind, len(node.value)))
            complete = len(listed) == len(node.value)
            return [*listed, member] if member is not None and complete else [*listed]
        there = cast("dict[str, Any]", dict(shown))
        if node.key is not None and not node.done and node.key not in node.value:
            inner = fields[node.key][1] if fields and node.key in fields else (None if fields else value_of(kind))
            member = self._open_member(node, inner)
            if member is not None:
                there[fields[node.key][0] if fields and node.key in fields else node.key] = member
        made: Partial[Any] = Partial(there, {name for name, _ in fields.values()} if fields is not None else None)
        return made

    def _open_member(self, node: Node, kind: Any) -> Any:
        if node.child is not None:
            return self._view(node.child, kind)
        if node.text is not None and (kind is None or kind is Any or bare(kind) is str):
            return "".join(node.text)
        return None


def _converted(member: Any, kind: Any) -> Any:
    if kind is None:
        return member
    try:
        return msgspec.convert(member, kind, dec_hook=read_custom)
    except (msgspec.ValidationError, ValueError, TypeError, RecursionError):
        return _UNFIT  # the whole value will say what is wrong


def item_of(member: Any, kind: Any, place: int) -> tuple[Any, tuple[str, ...]]:
    """An element of a list as its type, or what is wrong with it."""
    value = _converted(member, kind)
    if value is not _UNFIT:
        return value, ()
    return None, errors_of(member, kind, f"$[{place}]")
