"""
From the model part of `local/...` to a file and the options with which it is loaded.

    models/tiny.gguf        below the current directory
    /srv/models/tiny.gguf   absolute (so `local//srv/...`)
    ~/models/tiny.gguf      below the home directory
    hf:owner/repo/file.gguf from Hugging Face, kept in its cache; needs `huggingface_hub`
    tiny.gguf?ctx=4096&threads=2

A file that was changed is another one: its time and size are part of what it is.
"""

from __future__ import annotations

import re
import stat
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from dragoman.errors import ConfigError
from dragoman.transport.gguf import unusable

_QUERY: Final = re.compile(r"\?(?=[a-z_]+=)")  # any other question mark belongs to the file's name
_HUB: Final = "hf:"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a model is loaded.  The same file with other options is another model in memory.

    Attributes:
        ctx: Tokens that one call may read and write, rounded up to a multiple of 256; 0 for as many as the model was
            made for, and by default 8,192, or what the model was made for if that is less.
        threads: Threads that compute; llama.cpp's choice by default.
        gpu_layers: Layers put on a GPU; as many as fit by default.
        slots: Calls that are answered at the same time; each has `ctx` tokens of its own.  Further calls wait.
        log: How much llama.cpp writes to standard error: 0 nothing, 1 errors, 3 what it does.
    """

    ctx: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    slots: int = 1
    log: int = 0


_RANGES: Final = {
    "ctx": (0, 2**24),
    "threads": (1, 512),
    "gpu_layers": (0, 10_000),
    "slots": (1, 64),
    "log": (0, 5),
}
_LEAST: Final = 256  # llama.cpp ends the process at very few, and takes multiples of this


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is loaded.

    Attributes:
        name: What it is called: its file with the absolute path, or its `hf:` name.
        path: The file; None as long as it may have to be fetched.
        stamp: Time of the last change in nanoseconds, and size in bytes.
        options: How it is loaded.
    """

    name: str
    path: str | None = None
    stamp: tuple[int, int] = (0, 0)
    options: Options = Options()

    def locate(self) -> Path:
        """
        Return the file, fetched if it is not here yet.

        Raises:
            ConfigError: It cannot be fetched; the message says what to do.
        """
        return Path(self.path) if self.path is not None else _fetch(self.name)


def parse_source(model: str) -> Source:
    """
    Find what a model name means.

    Raises:
        ConfigError: There is no such file, it is none that can be read, or an option is wrong.

    >>> parse_source("hf:owner/repo/tiny.gguf?ctx=512").options.ctx
    512
    """
    parts = _QUERY.split(model, maxsplit=1)
    name, options = parts[0], _options(parts[1] if len(parts) > 1 else "")
    if name.startswith(_HUB):
        _repository(name)
        return Source(name=name, options=options)
    path = Path(name).expanduser().absolute()
    try:
        found = path.stat()
    except (OSError, ValueError) as problem:
        raise unusable(path, f"cannot be used: {getattr(problem, 'strerror', None) or problem}") from problem
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise unusable(path, f"is {what}: name a .gguf file, as in local/models/name.gguf")
    return Source(name=str(path), path=str(path), stamp=(found.st_mtime_ns, found.st_size), options=options)


def _options(query: str) -> Options:
    given: dict[str, int] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _RANGES:
            near = get_close_matches(name, _RANGES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_RANGES)}"
            raise ConfigError(f"a local model has no option {name!r}: {hint}", field=f"model.{name}")
        given[name] = _number(name, text)
    return Options(**given)


def _number(name: str, text: str) -> int:
    low, high = _RANGES[name]
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigError(
            f"the option {name}={text!r} of a local model must be a number from {low} to {high}", field=f"model.{name}"
        )
    if name == "ctx" and 0 < int(text) < _LEAST:
        raise ConfigError(f"ctx={text} is too little: give {_LEAST} or more", field="model.ctx")
    return int(text)


def _repository(name: str) -> tuple[str, str]:
    owner, _, rest = name.removeprefix(_HUB).partition("/")
    repository, _, file = rest.partition("/")
    if not (owner and repository and file):
        raise ConfigError(f"{name!r} is no file at Hugging Face: write hf:owner/repository/file.gguf", field="model")
    return f"{owner}/{repository}", file


def _fetch(name: str) -> Path:
    repository, file = _repository(name)
    try:
        hub = import_module("huggingface_hub")
    except ImportError as problem:
        raise ConfigError(
            f"{name} must be fetched from Hugging Face: pip install huggingface_hub, "
            "or download the file and give its path",
            field="model",
        ) from problem
    try:
        return Path(hub.hf_hub_download(repo_id=repository, filename=file))
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{name} could not be fetched from Hugging Face: {problem}", field="model") from problem
