"""What every command does on an installation without extras."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dragoman.cli.app import dragoman as root
from tests.cli.program import Program

ROOT = Path(__file__).parents[2]
# The modules of every library that is in an extra, by what they are called in code.
EXTRAS = (
    "python_socks", "botocore", "google.auth", "keyring", "pyrage", "azure", "hvac", "prometheus_client",
    "opentelemetry", "certifi", "truststore", "mcp", "jsonschema_rs", "httpx2", "redis", "cryptography", "psycopg",
    "psycopg_pool", "bpe_openai", "xllamacpp", "rich", "prompt_toolkit", "pyarrow", "pypdf", "IPython", "numpy",
)  # fmt: skip


def names(group: click.Group, context: click.Context, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, and every one below it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from names(command, context, (*path, name))


ALL = sorted(names(root, click.Context(root)))


def without_extras(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code where no library of an extra can be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}));"
    return subprocess.run(
        [sys.executable, "-c", block + code, *arguments],
        input="sk-nobodys-key-1234567890",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_help_works() -> None:
    """Each command and subcommand explains itself with nothing but the core."""
    code = (
        "import json, io, contextlib; from dragoman.cli.main import run; told = {}\n"
        "for path in json.loads(sys.argv[1]):\n"
        "    out = io.StringIO()\n"
        "    with contextlib.redirect_stdout(out): code = run([*path, '--help'])\n"
        "    told[' '.join(path)] = [code, out.getvalue()]\n"
        "print(json.dumps(told))"
    )
    done = without_extras(code, json.dumps(ALL))

    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    wrong = [name for name, (code, out) in told.items() if code != 0 or not out.startswith(f"Usage: dragoman {name}")]
    assert [] == wrong
    assert len(ALL) == len(told)


@pytest.mark.parametrize("path", [path for path in ALL if path[-1] == "list"], ids=" ".join)
def test_every_list_has_json(dragoman: Program, path: tuple[str, ...]) -> None:
    """One JSON value on standard output, whatever there is to list."""
    result = dragoman(*path, "--json")

    assert 0 == result.code, result.err
    assert isinstance(json.loads(result.out), list | dict)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("ask", "-m", "sim/echo", "--schema", '{"type": "object"}', "x"), "schema"),
        (("schema", "check", '{"type": "object"}', __file__), "schema"),
        (("ask", "-m", "openai/m", "--proxy", "socks5://127.0.0.1:9", "--retries", "0", "x"), "socks"),
        (("conv", "list", "--store", "postgresql://127.0.0.1:9/x"), "postgres"),
        (("conv", "list", "--store", "redis://127.0.0.1:9"), "redis"),
        (("keys", "set", "openai", "--store", "keyring"), "keyring"),
        (("keys", "set", "openai", "--store", "age"), "age"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_extra_names_itself(tmp_path: Path, arguments: tuple[str, ...], extra: str) -> None:
    """The message says what to install, and there is such an extra."""
    code = (
        "import os; os.environ.update(OPENAI_API_KEY='sk-nobodys-key-1234567890', HOME=sys.argv[1]);"
        "from dragoman.cli.main import run; sys.exit(run(sys.argv[2:]))"
    )
    done = without_extras(code, str(tmp_path), *arguments)

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert done.returncode in (1, 2, 5), done.stderr
    assert f"dragoman[{extra}]" in done.stderr
    assert extra in declared
    assert "Traceback" not in done.stderr


def test_a_wheel_has_the_templates() -> None:
    """The built-in templates are files of the package."""
    from importlib.resources import files

    folder = files("dragoman.cli.template").joinpath("builtin")

    assert 9 <= len([entry for entry in folder.iterdir() if entry.name.endswith(".md")])
