"""
The environments of `peers.txt`, made once: one virtual environment per line, below `bench/.peers`.

The Python is the one that runs this, so all peers share it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
FOLDER = HERE / ".peers"
# What packages bring besides themselves, and pip's own.
_NOT_COUNTED = ("pip", "setuptools", "_distutils_hack", "pkg_resources", "distutils-precedence.pth")


def rows() -> Iterator[tuple[str, str]]:
    """(environment, requirement) of each line."""
    for line in (HERE / "peers.txt").read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, requirement = line.split()
            yield name, requirement


def python_of(name: str) -> Path:
    """The interpreter of an environment."""
    return FOLDER / name / "bin" / "python"


def ready(name: str, requirement: str) -> None:
    """Make an environment unless it is there."""
    stamp = FOLDER / name / "stamp"
    wanted = f"{requirement}\n{sys.version}\n{ROOT}\n"
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    print(f"bench: installing {requirement} into {name}", file=sys.stderr)
    base = os.path.realpath(sys.executable)
    subprocess.run([base, "-m", "venv", "--clear", str(FOLDER / name)], check=True)
    what = ["-e", f"{ROOT}{requirement[1:]}"] if requirement[0] == "." else requirement.split(";")
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    subprocess.run([str(python_of(name)), "-m", "pip", "install", "-qq", *what], check=True, env=quiet)
    stamp.write_text(wanted, "utf-8")


_FREEZE = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"


def versions(name: str) -> dict[str, str]:
    """Installed distributions and their versions, without pip's own."""
    done = subprocess.run([str(python_of(name)), "-c", _FREEZE], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return {key: found[key] for key in sorted(found, key=str.lower) if key not in ("pip", "setuptools")}


def megabytes(name: str) -> float:
    """Size of what is installed, without compiled `.pyc` files; an editable install counts by its sources."""
    (site,) = (FOLDER / name / "lib").glob("python*/site-packages")
    roots = [path for path in site.iterdir() if not path.name.startswith(_NOT_COUNTED)]
    if any(path.name.startswith("dragoman-") for path in roots):
        roots.append(ROOT / "src")
    return sum(_size(path) for path in roots) / 1e6


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
