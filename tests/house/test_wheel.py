"""
The wheel, as a user gets it: built once, installed alone, run.

The environment is made of exactly what the wheel's metadata asks for, followed to the end and copied from where the
tests run, so nothing is downloaded and nothing of the developers' tools can be leant on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house.modules import ROOT

# What an install may cost, dragoman itself included: docs/decisions/0053.
MAX_DISTRIBUTIONS = 14
MAX_BYTES = 19_000_000


def build(folder: Path) -> Path:
    """Build the wheel of this checkout and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def required(of: Distribution) -> Iterator[str]:
    """Names of the distributions that one needs without extras, here."""
    for line in of.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def closure(root: Distribution) -> dict[str, Distribution]:
    """All that a distribution needs, by name, itself not included."""
    found: dict[str, Distribution] = {}
    open_names = list(required(root))
    while open_names:
        one = distribution(open_names.pop())
        if one.name not in found:
            found[one.name] = one
            open_names += required(one)
    return found


def copy(one: Distribution, site: Path) -> None:
    """Copy the installed files of a distribution, except scripts and caches."""
    for file in one.files or ():
        if file.parts[0] != ".." and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


class Installed:
    """A virtual environment with the wheel and what it needs; `site` is its site-packages."""

    def __init__(self, folder: Path) -> None:
        self.wheel = build(folder / "dist")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
        paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
        self.site = Path(sysconfig.get_path("purelib", "venv", paths))
        self.python = Path(sysconfig.get_path("scripts", "venv", paths)) / Path(sys.executable).name
        with zipfile.ZipFile(self.wheel) as archive:
            archive.extractall(self.site)
        (info,) = self.site.glob("dragoman-*.dist-info")
        self.needs = closure(Distribution.at(info))
        for one in self.needs.values():
            copy(one, self.site)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line of the wheel with an empty environment, away from the checkout."""
        start = "import sys; from importlib.metadata import entry_points as e; sys.argv[0] = 'dragoman'; "
        start += "(point,) = e(group='console_scripts', name='dragoman'); sys.exit(point.load()())"
        return subprocess.run(
            [str(self.python), "-I", "-c", start, *arguments],
            cwd=self.site.parent,
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("wheel"))


def test_the_installed_command_gives_its_version(installed):
    """The entry point exists and needs nothing but the wheel's own dependencies."""
    done = installed.run("--version")

    assert (0, "") == (done.returncode, done.stderr), done.stderr
    assert distribution("dragoman").version in done.stdout


def test_the_installed_command_answers(installed):
    """A simulated answer comes out of the wheel: every file that a call needs is in it."""
    done = installed.run("-m", "sim/echo", "hello from the wheel")

    assert 0 == done.returncode, done.stderr
    assert "hello from the wheel" in done.stdout


def test_the_wheel_is_typed_and_licensed(installed):
    """Type checkers may trust the annotations, and the licence travels with the code."""
    names = zipfile.ZipFile(installed.wheel).namelist()

    assert "dragoman/py.typed" in names
    assert "dragoman/__init__.pyi" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_has_only_the_package(installed):
    """No test, benchmark or document is installed into anybody's site-packages."""
    roots = {name.partition("/")[0] for name in zipfile.ZipFile(installed.wheel).namelist()}

    assert {"dragoman", f"dragoman-{distribution('dragoman').version}.dist-info"} == roots


def test_an_install_stays_small(installed):
    """At most 14 distributions and 19 MB without what Python compiles of them, counted as for the peers."""
    files = [path for path in installed.site.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    size = sum(path.stat().st_size for path in files)

    assert len(installed.needs) + 1 <= MAX_DISTRIBUTIONS
    assert size <= MAX_BYTES
