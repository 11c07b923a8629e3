"""
Writes the Grafana dashboard, the alert rules and the scrape configuration into `deploy/`.

    python scripts/dashboards.py            writes them
    python scripts/dashboards.py --check    says whether they are up to date

Every query stands here once.  A test holds each to the metrics that are exported, and promtool to its grammar.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from dashboard_rows import ALERTS, PANELS, Panel

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
_ABOUT = "# Written by scripts/dashboards.py: change it there.\n"


# --- Grafana ----------------------------------------------------------------------------------------------------------


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "uid": "dragoman",
        "title": "Dragoman",
        "tags": ["llm"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _variable("provider", ""), _variable("model", 'provider=~"$provider"')]},
        "panels": _placed(),
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "data source", "type": "datasource", "query": "prometheus"}


def _variable(label: str, chosen: str) -> dict[str, Any]:
    query = f"label_values(dragoman_requests_total{{{chosen}}}, {label})"
    return {
        "name": label,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _placed() -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > 24:
            x, y = 0, y + 8
        placed.append(_panel(number, panel, x, y))
        x += panel.width
    return placed


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": source, "expr": expr, "legendFormat": legend}
            for at, (legend, expr) in enumerate(panel.queries)
        ],
    }


# --- Prometheus -------------------------------------------------------------------------------------------------------


def rules() -> dict[str, Any]:
    """The alert rules as Prometheus reads them."""
    return {
        "groups": [
            {
                "name": "dragoman",
                "rules": [
                    {
                        "alert": alert.name,
                        "expr": alert.expr,
                        "for": alert.wait,
                        "labels": {"severity": alert.severity},
                        "annotations": {"summary": alert.summary},
                    }
                    for alert in ALERTS
                ],
            }
        ]
    }


def configuration() -> dict[str, Any]:
    """A configuration of Prometheus that scrapes one process."""
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": ["dragoman-rules.yml"],
        "scrape_configs": [{"job_name": "dragoman", "static_configs": [{"targets": ["127.0.0.1:9464"]}]}],
    }


def files() -> dict[Path, str]:
    """Path to text of everything that is written."""
    prometheus = DEPLOY / "prometheus"
    return {
        DEPLOY / "grafana" / "dragoman.json": json.dumps(dashboard(), indent=1) + "\n",
        prometheus / "dragoman-rules.yml": _ABOUT + yaml.safe_dump(rules(), sort_keys=False, width=1000),
        prometheus / "prometheus.yml": _ABOUT + yaml.safe_dump(configuration(), sort_keys=False, width=1000),
    }


def main() -> int:
    """Write, or look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = [path for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    if check:
        for path in old:
            print(f"{path.relative_to(ROOT)} is not up to date: python scripts/dashboards.py", file=sys.stderr)
        return 1 if old else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
