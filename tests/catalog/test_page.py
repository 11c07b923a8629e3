"""The page that lists all providers says what the catalogue says."""

from __future__ import annotations

import importlib.util

from tests.house.modules import ROOT


def test_the_table_of_providers_is_up_to_date() -> None:
    """After a row is added or changed, `python scripts/provider_table.py` writes the page anew."""
    spec = importlib.util.spec_from_file_location("provider_table", ROOT / "scripts/provider_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (ROOT / "docs/providers.md").read_text("utf-8")

    assert script.written(page) == page
