"""
The header of a GGUF file, read to find out whether the file is whole.

llama.cpp checks much of this by itself, but it says only that it failed, and some numbers make it end the process.  So
a file is looked at before it is handed over: its beginning only, never the weights.

Rule: what is read is bounded, by the file's size and by `_MOST` bytes, whatever its counts say.

Sources: the GGUF specification (ggml/docs/gguf.md), versions 2 and 3; sizes of the types: the `gguf` package 0.19.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct, error
from typing import IO, Any, Final

import msgspec

from dragoman.errors import ConfigError

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MOST: Final = 256 * 1024 * 1024  # the largest vocabularies take 20 MB
_STEP: Final = 1024 * 1024
# llama.cpp (LLAMA_MAX_LAYERS) ends the process at more of them, and at none.
_LAYERS: Final = range(1, 513)

_U32, _U64 = Struct("<I"), Struct("<Q")
_STRING, _ARRAY = 8, 9
# Value types of the metadata, by number.
_SCALARS: Final = {
    number: Struct(f"<{code}") for number, code in zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True)
}

# Tensor types by number: values in a block, bytes of a block.  Of a type that is not here only the begin is checked.
TYPE_SIZES: Final = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 40),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
    40: (64, 36),
    41: (128, 18),
}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a header says of its model.

    Attributes:
        architecture: llama.cpp's name of it (`"llama"`, `"qwen3"`).
        context: Tokens that the model was made to read, or None if it does not say.
    """

    architecture: str
    context: int | None = None


class _Damaged(Exception):
    """The bytes are no header; the text says why."""


def read_header(path: Path) -> Header:
    """
    Read the header of a model file, and check that the file holds what it says.

    Raises:
        ConfigError: The file cannot be read, is no GGUF file, or is damaged or cut off.
    """
    try:
        with path.open("rb") as file:
            return _header(_Reader(file, path.stat().st_size))
    except OSError as problem:
        raise unusable(path, f"cannot be read: {problem.strerror or problem}") from problem
    except _Damaged as problem:
        raise unusable(path, str(problem)) from problem
    except error as problem:
        raise unusable(path, f"its header is damaged ({problem}): download it again") from problem


def unusable(path: Path, why: str) -> ConfigError:
    """The error for a model file that cannot be used."""
    return ConfigError(f"the model file {str(path)!r} {why}", field="model")


def _header(reader: _Reader) -> Header:
    if reader.take(4) != _MAGIC:
        raise _Damaged("is no GGUF file: give one that llama.cpp can read")
    version = reader.number(_U32)
    if version not in _VERSIONS:
        raise _Damaged(f"has GGUF version {version}: versions 2 and 3 can be read")
    tensors, pairs = reader.number(_U64), reader.number(_U64)
    facts = {reader.text(): reader.value(reader.number(_U32)) for _ in range(pairs)}
    end = max(_ends(reader, tensors), default=0)
    align = facts.get("general.alignment", 32)
    if not isinstance(align, int) or align < 1:
        raise _Damaged("its header is damaged (alignment): download it again")
    needed = -(-reader.at // align) * align + end if end else reader.at
    if needed > reader.size:
        raise _Damaged(f"is cut off: it has {reader.size:,} bytes of {needed:,}; download it again")
    return _facts(facts)


def _facts(facts: dict[str, Any]) -> Header:
    name = facts.get("general.architecture")
    if not isinstance(name, str) or not name:
        raise _Damaged("does not name its architecture: it is no model that llama.cpp can run")
    layers, context = facts.get(f"{name}.block_count", 1), facts.get(f"{name}.context_length")
    if layers not in _LAYERS:
        raise _Damaged(f"says that it has {layers} layers: it is damaged, download it again")
    return Header(architecture=name, context=context if isinstance(context, int) and context > 0 else None)


def _ends(reader: _Reader, count: int) -> Iterator[int]:
    """Where each tensor ends, from the begin of the data."""
    for _ in range(count):
        name = reader.text()
        values = 1
        for _ in range(reader.number(_U32)):
            values *= reader.number(_U64)
        kind, begin = reader.number(_U32), reader.number(_U64)
        block, size = TYPE_SIZES.get(kind, (1, 0))
        if values % block:
            raise _Damaged(f"its tensor {name!r} has a damaged shape: download it again")
        yield begin + values // block * size


class _Reader:
    """
    Reads a file from its begin, in order.

    Attributes:
        size: Of the file, in bytes.
        at: How much was read.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._data = b""
        self._next = 0
        self.size = size
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self.at += count
        if self.at > min(self.size, _MOST):
            raise _Damaged("is cut off or damaged, its header does not end: download it again")
        if self._next + count > len(self._data):
            self._data = self._data[self._next :] + self._file.read(max(count, _STEP))
            self._next = 0
        taken = self._data[self._next : self._next + count]
        self._next += count
        return taken

    def number(self, form: Struct) -> Any:
        """The next number."""
        return form.unpack(self.take(form.size))[0]

    def text(self) -> str:
        """The next text."""
        return self.take(self.number(_U64)).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """The next value of the metadata; None for an array, which is passed over."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._pass_over(self.number(_U32), self.number(_U64))
        if kind not in _SCALARS:
            raise _Damaged(f"its header is damaged (value type {kind}): download it again")
        return self.number(_SCALARS[kind])

    def _pass_over(self, kind: int, count: int) -> None:
        if kind in _SCALARS:
            self.take(_SCALARS[kind].size * count)
            return
        if kind != _STRING:
            raise _Damaged(f"its header is damaged (array of type {kind}): download it again")
        for _ in range(count):  # each takes 8 bytes at least, so a count that lies ends at the file's end
            self.take(self.number(_U64))
