"""
Keys that open nothing, for programs that look for one: where a tape plays, none is needed.

Rule: only the variables of those providers to which the recordings went, and only where the program would find none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from dragoman import catalog
from dragoman.types.providers import placeholders

STAND_IN: Final = "played-from-a-cassette"


def stand_ins(hosts: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return variables to set, so that a program finds a key for each provider that was recorded.

    Args:
        hosts: To which the recordings went.
        environ: The variables that are set.
    """
    rows = catalog.builtin().values()
    asked = (row for row in rows if row.key_variables and any(_is_at(row.base_url, host) for host in hosts))
    return {row.key_variables[0]: STAND_IN for row in asked if not any(environ.get(name) for name in row.key_variables)}


def _is_at(base_url: str, host: str) -> bool:
    """Whether a host is the one of a base URL, whose `{placeholders}` may be anything."""
    name = re.escape(urlsplit(base_url).netloc.partition(":")[0])
    for one in placeholders(base_url):
        name = name.replace(re.escape(f"{{{one}}}"), "[^/]+")
    return re.fullmatch(name, host) is not None
