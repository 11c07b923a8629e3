"""
What `import dragoman` does to the process: nothing but importing.

A fresh interpreter watches itself through an audit hook, which sees every open and socket, a thread starter that
counts, and an `os.environ` that writes down what it is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_WATCH = """
import _thread, json, os, sys

opened, touched, asked = [], [], []
MODULES = (".py", ".pyc", ".so", ".pyd")


def watch(event, arguments):
    if event == "open" and not str(arguments[0]).endswith(MODULES):
        opened.append(str(arguments[0]))
    elif event.startswith(("socket.", "subprocess.", "os.fork", "os.exec", "os.putenv", "os.posix_spawn")):
        touched.append(event)


def watched(start):
    def starter(*arguments, **keywords):
        touched.append("thread")
        return start(*arguments, **keywords)
    return starter


for name in ("start_new_thread", "start_joinable_thread"):  # the second is what threading calls since Python 3.13
    if hasattr(_thread, name):
        setattr(_thread, name, watched(getattr(_thread, name)))
        if "threading" in sys.modules:
            setattr(sys.modules["threading"], f"_{{name}}", getattr(_thread, name))


class Asked(type(os.environ)):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)


os.environ.__class__ = Asked
before = set(sys.modules)
sys.addaudithook(watch)
{statement}
report = {{
    "opened": opened,
    "touched": touched,
    "asked": asked,
    "modules": sorted(set(sys.modules) - before),
}}
print(json.dumps(report))
"""

STATEMENTS = [
    pytest.param("import dragoman", id="package"),
    pytest.param("import dragoman; [getattr(dragoman, name) for name in dragoman.__all__]", id="every name"),
]


def watched(statement: str) -> dict[str, list[str]]:
    """Run `statement` in a fresh interpreter and return what it did."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCH.format(statement=statement)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert 0 == done.returncode, done.stderr
    report: dict[str, list[str]] = json.loads(done.stdout)
    return report


def test_the_watch_sees_what_it_should_see():
    """The test itself: a read file, a socket, a thread and a variable are all noticed."""
    report = watched(
        "import os, socket, threading; open('/dev/null'); socket.socket().close(); os.getenv('X');"
        "thread = threading.Thread(target=int); thread.start(); thread.join()"
    )
    assert "/dev/null" in report["opened"]
    assert {"socket.__new__", "thread"} <= set(report["touched"])
    assert "X" in report["asked"]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_importing_opens_nothing(statement):
    """No socket, thread or process, no file beyond the modules themselves, and no environment variable."""
    report = watched(statement)

    assert [] == report["touched"]
    assert [] == report["opened"]
    assert [] == report["asked"]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_importing_leaves_heavy_libraries_alone(statement):
    """The HTTP libraries and the command line's are imported by the first call that needs them, and not before."""
    heavy = {"aiohttp", "urllib3", "click", "pytest"}

    assert set() == heavy & set(watched(statement)["modules"])


def test_a_client_is_made_without_the_network():
    """Making clients reads the catalogue's rows, no facts of models, and starts, opens and asks nothing else."""
    report = watched("import dragoman; dragoman.Client(); dragoman.AsyncClient()")

    assert [] == report["touched"]
    assert [] == report["asked"]
    assert {"providers"} >= {os.path.basename(os.path.dirname(path)) for path in report["opened"]}
