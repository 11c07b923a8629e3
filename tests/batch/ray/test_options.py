"""What is wrong with the options of a batch on Ray is said before anything starts."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, ConfigError, Fallback, Retry
from dragoman.batch.afar.carrying import code_of
from dragoman.batch.ray.carrying import carried
from dragoman.types.batching import BatchOptions
from dragoman.types.placement import Placement, placement_of
from tests.batch.ray.cluster import SECRET

ARGUMENTS: dict[str, Any] = {
    "providers": {},
    "models": None,
    "timeouts": None,
    "retry": Retry(),
    "limit": "process",
    "limits": None,
    "breaker": "plans",
    "proxy": None,
    "tls": None,
    "strict": False,
}


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        pytest.param({"engine": "dask"}, "engine", id="engine"),
        pytest.param({"workers": 2}, "workers", id="workers of no engine"),
        pytest.param({"ray": {}}, "ray", id="ray of no engine"),
        pytest.param({"engine": "ray", "workers": 0}, "workers", id="no workers"),
        pytest.param({"engine": "ray", "workers": True}, "workers", id="workers as a truth"),
        pytest.param({"engine": "ray", "ray": "auto"}, "ray", id="no dict"),
        pytest.param({"engine": "ray", "ray": {"adress": "auto"}}, "ray['adress']", id="name"),
        pytest.param({"engine": "ray", "ray": {"address": 6379}}, "ray['address']", id="address"),
        pytest.param({"engine": "ray", "ray": {"num_cpus": -1}}, "ray['num_cpus']", id="cpus"),
        pytest.param({"engine": "ray", "ray": {"lease": 0.5}}, "ray['lease']", id="lease"),
        pytest.param({"engine": "ray", "ray": {"wait": 0}}, "ray['wait']", id="wait"),
        pytest.param({"engine": "ray", "ray": {"resources": {"TPU": "many"}}}, "ray['resources']", id="resources"),
        pytest.param({"engine": "ray", "ray": {"runtime_env": []}}, "ray['runtime_env']", id="runtime_env"),
        pytest.param({"engine": "ray", "mode": "auto"}, "engine", id="mode"),
    ],
)
def test_bad_options_name_their_field(keywords: dict[str, Any], field: str) -> None:
    """Nothing is sent and Ray is not started."""
    with pytest.raises(ConfigError) as raised:
        BatchOptions(**keywords)
    assert field == raised.value.field


def test_defaults() -> None:
    """Two workers, each with a CPU, on the cluster that the environment names, or on this machine."""
    assert Placement(workers=2, num_cpus=1.0) == placement_of("ray", None, None)
    assert placement_of("local", None, None) is None


def test_a_cluster_that_is_not_there_is_said_soon() -> None:
    """Ray itself tries for minutes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Client() as client, pytest.raises(ConfigError, match="nobody answers") as raised:
            client.batch(["a"], model="sim/echo", engine="ray", ray={"address": address})
    assert "ray['address']" == raised.value.field


def test_keys_travel_as_the_places_where_they_are() -> None:
    """A reference goes as it is, the value of a variable as its name, and any other key stays."""
    from dragoman.secrets import veiled

    providers = {
        "one": {"base_url": "http://one", "api_key": "env:ONE_KEY"},
        "two": {"base_url": "http://two", "api_key": SECRET},
        "three": {"base_url": "http://three", "api_key": [SECRET, "file:/run/key"]},
        "four": {"base_url": "http://four", "api_key": f"{SECRET}-other"},
        "five": {"base_url": "http://five"},
    }
    made = carried({**ARGUMENTS, "providers": veiled(providers)}, {"TWO_KEY": SECRET})

    assert frozenset({"four"}) == made.kept
    assert SECRET.encode() not in made.data
    for place in (b"env:ONE_KEY", b"env:TWO_KEY", b"file:/run/key"):
        assert place in made.data


def test_an_argument_that_cannot_travel_is_named() -> None:
    """What holds on to this process has no meaning in another."""
    with socket.socket() as held, pytest.raises(ConfigError) as raised:
        carried({**ARGUMENTS, "models": {"a/b": held}}, {})
    assert "models" == raised.value.field


def test_plans_stay_here() -> None:
    """A client with plans, middleware and observers runs batches: what does not travel holds in the driver."""
    with Client(routes={"fast": Fallback("sim/echo", "sim/echo")}) as client:
        assert 1 == client.batch(["a"], model="sim/echo").report.done


def test_code_has_a_name() -> None:
    """It is the same each time."""
    assert 12 == len(code_of())
    assert code_of() == code_of()


def test_what_is_said_for_one_run_is_not_in_the_journal(tmp_path: Path) -> None:
    """Who resumes a batch may do so elsewhere, and what Ray is told is kept in no file."""
    with Client() as client:
        client.batch(["a"], tmp_path / "out.jsonl", model="sim/echo")
    written = (tmp_path / "out.jsonl.job").read_bytes()
    for name in (b'"engine"', b'"workers"', b'"ray"'):
        assert name not in written
