"""A real Prometheus scrapes a process of ours, and answers what the dashboard asks."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from dragoman import Client
from dragoman.observe import Prometheus
from dragoman.testing import Server, says, status
from tests.observe.test_dashboards import CONFIGURATION, RULES, queries


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Scraper:
    """Prometheus, in a process of its own, which looks at one target every 0.2 seconds."""

    def __init__(self, folder: Path, target: int) -> None:
        self.port = free_port()
        configuration: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text("utf-8"))
        configuration["global"] = {
            "scrape_interval": "200ms",
            "evaluation_interval": "200ms",
            "scrape_timeout": "200ms",
        }
        configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{target}"]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), "utf-8")
        (folder / RULES.name).write_text(RULES.read_text("utf-8"), "utf-8")
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self, query: str) -> dict[str, Any]:
        """Answer of the query API."""
        answer: dict[str, Any] = self.get(f"/api/v1/query?{urlencode({'query': query})}")
        return answer

    def get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def wait_for(self, query: str) -> list[Any]:
        """The result of a query, as soon as it has one."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                result: list[Any] = self.ask(query)["data"]["result"]
            except OSError:  # it is still starting
                result = []
            if result:
                return result
            time.sleep(0.1)
        raise AssertionError(f"no answer to {query}")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def scraper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraper]:
    """A Prometheus that scrapes a process in which calls were made."""
    registry = CollectorRegistry()
    exporter, thread = start_http_server(0, "127.0.0.1", registry)
    with Server(status(500), default=says("one two three")) as server:
        rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
        with Client(providers=rows, observe=[Prometheus(registry)]) as client:
            for _ in range(5):
                client.chat("openai/gpt-5.6-luna", "Hi")
            client.stream("openai/gpt-5.6-luna", "Hi").drain()
    running = Scraper(tmp_path_factory.mktemp("prometheus"), exporter.server_port)
    yield running
    running.close()
    exporter.shutdown()
    exporter.server_close()
    thread.join()


def test_it_has_what_was_counted(scraper: Scraper) -> None:
    """The number that the process counted is the number that Prometheus answers."""
    (calls,) = scraper.wait_for('openai_calls_total{model="gpt-5.6-luna",status="ok"}')
    (seconds,) = scraper.wait_for("sum(openai_response_seconds_count)")
    (again,) = scraper.wait_for('dragoman_retries_total{reason="server"}')

    assert ["6", "6", "1"] == [calls["value"][1], seconds["value"][1], again["value"][1]]


def test_it_answers_every_query(scraper: Scraper) -> None:
    """Each query of the dashboard and the rules is one that Prometheus can evaluate."""
    scraper.wait_for("openai_calls_total")
    chosen = {"$provider": ".*", "$model": ".*", "$__rate_interval": "1m", "$__range": "1h"}
    for where, query in queries():
        asked = re.sub(r"\$\w+", lambda found: chosen[found[0]], query)
        assert "success" == scraper.ask(asked)["status"], where


def test_it_has_loaded_the_rules(scraper: Scraper) -> None:
    """All alerts are there, and evaluated without an error."""
    scraper.wait_for("openai_calls_total")
    (group,) = scraper.get("/api/v1/rules")["data"]["groups"]

    assert len([where for where, _ in queries() if where.startswith("Dragoman")]) == len(group["rules"])
    assert {"unknown", "ok"} >= {rule["health"] for rule in group["rules"]}
