"""
Nothing in the checkout names the machine it was made on.

A path or a registry's host that one machine has makes the same checkout fail on the next, and tells strangers about us.
The words are put together here, so that this file passes its own test.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.house.modules import ROOT

_HOSTS = (
    ("pypi", "org"),
    ("pypi", "python", "org"),
    ("pythonhosted", "org"),
    ("registry", "npmjs", "org"),
    ("proxy", "golang", "org"),
    ("deb", "debian", "org"),
    ("crates", "io"),
)
_FOLDERS = ("root", "home", "work", "Users", "mnt", "opt")

FORBIDDEN = re.compile(
    "|".join(
        [
            *(r"\b" + r"\.".join(host) + r"\b" for host in _HOSTS),
            r"(?<![\w./:~$}-])/(?:" + "|".join(_FOLDERS) + r")/\w",
            r"\b[A-Z]:\\\\?(?:" + "|".join(_FOLDERS) + r")\b",
        ]
    )
)
# Recorded traffic is evidence and stays as it came.
_RECORDED = ("tests/corpus/sample/",)


def tracked() -> Iterator[Path]:
    """Every file that is, or would be, part of the repository."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if not name.startswith(_RECORDED) and (ROOT / name).is_file():
            yield ROOT / name


def test_the_pattern_sees_what_it_should_see():
    """The test itself: a build machine's path and a registry's host are noticed, an address's path is not."""
    assert FORBIDDEN.search("open('/" + "root/x')")
    assert FORBIDDEN.search("https://" + "pypi." + "org/simple")
    assert not FORBIDDEN.search("https://llm.acme.example/home/page")


def test_no_tracked_file_names_a_machine():
    """No absolute path of a build machine and no registry's host stands in any file."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert [] == found
