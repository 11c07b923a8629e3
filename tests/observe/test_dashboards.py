"""The dashboard and the alert rules ask for what is exported, and Prometheus understands them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from dragoman.observe import Prometheus
from dragoman.observe.names import METRICS, series
from tests.house.modules import ROOT

GRAFANA = ROOT / "deploy" / "grafana" / "dragoman.json"
RULES = ROOT / "deploy" / "prometheus" / "dragoman-rules.yml"
CONFIGURATION = ROOT / "deploy" / "prometheus" / "prometheus.yml"

_NAME = re.compile(r"\b(?:dragoman|openai)_[a-z_]+\b")
_BY = re.compile(r"\bby \(([^)]*)\)")
_MATCHER = re.compile(r"(\w+) *(?:=~|!~|!=|=)")
_LABELS = {name: {*metric.labels, "le"} for metric in METRICS for name in series(metric)}


def queries() -> Iterator[tuple[str, str]]:
    """(where it stands, PromQL) of every panel and rule."""
    dashboard: dict[str, Any] = json.loads(GRAFANA.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


ALL = [pytest.param(query, id=f"{where}-{number}") for number, (where, query) in enumerate(queries())]


def test_the_files_are_what_the_script_writes() -> None:
    """Nobody has changed them by hand."""
    command = [sys.executable, str(ROOT / "scripts" / "dashboards.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr), done.stderr


@pytest.mark.parametrize("query", ALL)
def test_every_query_names_exported_metrics(query: str) -> None:
    """Each name is a series of a family that is exported, and each label one that it has."""
    names = set(_NAME.findall(query))
    labels = {label.strip() for listed in _BY.findall(query) for label in listed.split(",")}
    labels |= {label for inside in re.findall(r"\{([^}]*)\}", query) for label in _MATCHER.findall(inside)}

    assert names
    assert set() == names - set(_LABELS)
    assert set() == labels - set().union(*(_LABELS[name] for name in names))


def test_every_metric_is_shown_somewhere() -> None:
    """No family is exported that nobody looks at."""
    asked = {name for _, query in queries() for name in _NAME.findall(query)}

    assert [] == [metric.name for metric in METRICS if asked.isdisjoint(series(metric))]


def test_the_table_of_metrics_is_what_is_registered() -> None:
    """A registry has the families of the table, with their types and labels."""
    registry = CollectorRegistry()
    Prometheus(registry)
    registered = {(family.name, family.type) for family in registry.collect()}

    assert {(metric.name.removesuffix("_total"), metric.kind) for metric in METRICS} == registered


@pytest.mark.parametrize(("what", "path"), [("rules", RULES), ("config", CONFIGURATION)])
def test_promtool_understands(what: str, path: Path) -> None:
    """Grammar, durations and templates of the rules are right."""
    done = subprocess.run(["promtool", "check", what, str(path)], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


_CASES = """
rule_files: [%s]
tests:
  - interval: 1m
    input_series:
      - series: dragoman_requests_total{provider="openai",model="m",operation="chat",status="ok"}
        values: 0+60x30
      - series: dragoman_requests_total{provider="openai",model="m",operation="chat",status="server"}
        values: 0+10x30
      - series: dragoman_requests_total{provider="groq",model="m",operation="chat",status="ok"}
        values: 0+60x30
      - series: dragoman_requests_total{provider="groq",model="m",operation="chat",status="left"}
        values: 0+60x30
    alert_rule_test:
      - eval_time: 20m
        alertname: DragomanCallsFail
        exp_alerts:
          - exp_labels: {severity: critical, provider: openai, model: m}
            exp_annotations:
              summary: >-
                14.29%% of the calls to openai/m fail; the label status of dragoman_requests_total says how.
"""


def test_an_alert_rises_for_failures_and_not_for_readers_who_leave(tmp_path: Path) -> None:
    """Ten of seventy calls that fail are an alert; half of the streams left by their readers are none."""
    cases = tmp_path / "cases.yml"
    cases.write_text(_CASES % RULES, "utf-8")
    done = subprocess.run(["promtool", "test", "rules", str(cases)], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_documents_name_every_metric() -> None:
    """What is exported is written down, and nothing else is."""
    table = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.MULTILINE))

    assert {metric.name for metric in METRICS} == table
