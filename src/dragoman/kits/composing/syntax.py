"""
Whether a file is what its name says.

Python, JSON and TOML are read by the standard library, YAML where a reader is installed, shell by `bash -n` where there
is one.  Other languages are not looked at.

Rule: nothing is run.  `ast.parse` builds a tree, and `bash -n` reads without executing.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from dragoman.kits.findings import Finding

_SECONDS: Final = 10


def check_syntax(files: Mapping[str, str]) -> list[Finding]:
    """What cannot be read, file by file."""
    findings: list[Finding] = []
    for path, text in files.items():
        reader = _reader(path, text)
        if reader is not None and (why := reader(text)):
            findings.append(Finding(check="syntax", message=why, where=path))
    return findings


def _reader(path: str, text: str) -> Callable[[str], str] | None:
    name = path.rpartition("/")[2]
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if not ending and text.startswith("#!"):
        first = text.partition("\n")[0]
        ending = "py" if "python" in first else "sh" if first.rstrip().endswith(("bash", "/sh", " sh")) else ""
    return _READERS.get(ending)


def _python(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that will once be wrong is none yet
            ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it cannot be read: {error}"
    return ""


def _json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _toml(text: str) -> str:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _yaml(text: str) -> str:
    if find_spec("yaml") is None:
        return ""
    yaml = import_module("yaml")
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):  # events only: no value is built
            pass
    except yaml.YAMLError as error:
        return " ".join(str(error).split())
    return ""


def _shell(text: str) -> str:
    bash = shutil.which("bash")
    if bash is None:
        return ""
    try:
        read = subprocess.run(
            [bash, "--norc", "--noprofile", "-n"],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": "", "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return "bash did not read it in time"
    return read.stderr.decode(errors="replace").strip().partition("\n")[0] if read.returncode else ""


_READERS: Final[dict[str, Callable[[str], str]]] = {
    **dict.fromkeys(("py", "pyi"), _python),
    "json": _json,
    "toml": _toml,
    **dict.fromkeys(("yaml", "yml"), _yaml),
    **dict.fromkeys(("sh", "bash"), _shell),
}
