"""Which proxy is used: a table, because tools differ and nobody remembers."""

from __future__ import annotations

import pickle

import pytest

from dragoman.errors import ConfigError
from dragoman.redact import redact
from dragoman.transport.proxy import parse_proxy, proxy_for

P, Q = "http://p:1", "http://q:2"


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        pytest.param("http://a.example/", {}, None, id="nothing set"),
        pytest.param("http://a.example/", {"http_proxy": P}, P, id="http"),
        pytest.param("https://a.example/", {"http_proxy": P}, None, id="http is not for https"),
        pytest.param("https://a.example/", {"HTTPS_PROXY": P}, P, id="upper case"),
        pytest.param("https://a.example/", {"https_proxy": P, "HTTPS_PROXY": Q}, P, id="lower case wins"),
        pytest.param("https://a.example/", {"https_proxy": "", "HTTPS_PROXY": Q}, None, id="empty means direct"),
        pytest.param("https://a.example/", {"https_proxy": "", "all_proxy": Q}, None, id="empty hides all_proxy"),
        pytest.param("https://a.example/", {"all_proxy": Q}, Q, id="all"),
        pytest.param("http://a.example/", {"ALL_PROXY": Q, "http_proxy": P}, P, id="special before all"),
        pytest.param("http://a.example/", {"HTTP_PROXY": P}, P, id="upper case http"),
        pytest.param("http://a.example/", {"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, None, id="cgi"),
        pytest.param("http://a.example/", {"http_proxy": P, "REQUEST_METHOD": "GET"}, P, id="cgi, lower case"),
        pytest.param("https://a.example/", {"https_proxy": f" {P} "}, P, id="spaces"),
        pytest.param("http://localhost:8080/", {"all_proxy": P}, None, id="localhost"),
        pytest.param("http://x.localhost/", {"all_proxy": P}, None, id="below localhost"),
        pytest.param("http://127.1.2.3/", {"all_proxy": P}, None, id="loopback"),
        pytest.param("http://[::1]/", {"all_proxy": P}, None, id="loopback 6"),
        pytest.param("http://10.0.0.1/", {"all_proxy": P}, P, id="a private network is not loopback"),
    ],
)
def test_the_environment_chooses(url, environ, expected):
    """Variables, their case, and this machine."""
    assert expected == proxy_for(url, environ, None)


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("a.example", "*", True),
        ("a.example", "a.example", True),
        ("a.example", "A.Example.", True),
        ("b.a.example", "a.example", True),
        ("b.a.example", ".a.example", True),
        ("a.example", ".a.example", True),
        ("b.a.example", "*.a.example", True),
        ("ba.example", "a.example", False),
        ("a.example.org", "a.example", False),
        ("a.example", "b.example, a.example", True),
        ("a.example", "b.example a.example", True),
        ("a.example", ",, ,", False),
        ("a.example:8080", "a.example:8080", True),
        ("a.example:8080", "a.example:80", False),
        ("a.example", "a.example:80", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:81", "10.1.2.3:80", False),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "10.1.2.3/99", False),
        ("10.example", "10.0.0.0/8", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "fd00::1", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]:8080", "[fd00::1]:8080", True),
        ("[fd00::1]:8080", "[fd00::1]:80", False),
        ("[fd00::1]", "fd00:0:0::1", True),
        ("[fe00::1]", "fd00::/8", False),
    ],
)
def test_no_proxy(host, no_proxy, direct):
    """Suffixes, ports, addresses, networks."""
    assert (None if direct else P) == proxy_for(f"http://{host}/", {"http_proxy": P, "no_proxy": no_proxy}, None)


def test_an_explicit_proxy_is_for_everything():
    """Neither the environment nor this machine's name changes it; the empty text means none."""
    environ = {"http_proxy": P, "no_proxy": "*"}

    assert Q == proxy_for("http://localhost/", environ, Q)
    assert proxy_for("http://a.example/", environ, "") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("p.example", ("http", "p.example", 80, None, None)),
        ("p.example:3128", ("http", "p.example", 3128, None, None)),
        ("http://[::1]:3128", ("http", "::1", 3128, None, None)),
        ("http://us%40er:p%3Ass@p:1", ("http", "p", 1, "us@er", "p:ss")),
        ("socks5h://p", ("socks5h", "p", 1080, None, None)),
    ],
)
def test_a_proxy_is_taken_apart(url, expected):
    """Scheme, host, port, credentials."""
    assert expected == tuple(parse_proxy(url))


@pytest.mark.parametrize(
    "url", ["ssh://u:secret-word@p:1", "ftp://u:secret-word@p", "http://u:secret-word@", "http://u:secret-word@p:x"]
)
def test_a_proxy_that_cannot_be_used_is_a_config_error(url):
    """The error names the field and shows no credential."""
    with pytest.raises(ConfigError) as caught:
        parse_proxy(url)

    assert "proxy" == caught.value.field
    assert "secret-word" not in str(caught.value)
    assert "secret-word" not in repr(pickle.loads(pickle.dumps(caught.value)))


def test_a_proxys_password_is_never_shown():
    """Not in its repr, and from now on in no text that is built."""
    proxy = parse_proxy("http://user:hunter2hunter2@p:1")

    assert "Proxy(http://p:1)" == repr(proxy)
    assert "hunter2" not in redact("failed with user:hunter2hunter2@p and " + (proxy.authorization or ""))
    assert (proxy.authorization or "").split()[1] not in redact(proxy.authorization or "")
