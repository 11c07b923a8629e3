"""Which proxy is used: a table, because tools differ and nobody remembers."""

from __future__ import annotations

import pickle

import pytest

from dragoman.errors import ConfigError
from dragoman.redact import redact
from dragoman.transport.proxy import check_proxies, parse_proxy, proxy_for

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


SCHEMES = {"http": P, "all": Q, "no": "10.0.0.0/8, a.example:8080"}


@pytest.mark.parametrize(
    ("url", "passed", "expected"),
    [
        ("http://b.example/", SCHEMES, P),
        ("https://b.example/", SCHEMES, Q),
        ("http://localhost/", SCHEMES, P),
        ("http://10.1.2.3/", SCHEMES, None),
        ("https://a.example:8080/", SCHEMES, None),
        ("https://a.example/", SCHEMES, Q),
        ("https://b.example/", {"http": P}, None),
        ("https://b.example/", {"https": "", "all": P}, None),
        ("https://b.example/", {}, None),
        ("http+unix://%2Frun%2Fx.sock/v1", SCHEMES, None),
        ("http+unix://%2Frun%2Fx.sock/v1", P, None),
    ],
)
def test_an_explicit_proxy_by_scheme(url, passed, expected):
    """One for each scheme, one for the rest, exceptions; the environment is not looked at, this machine is none."""
    environ = {"http_proxy": "http://env:1", "https_proxy": "http://env:1"}

    assert expected == proxy_for(url, environ, passed)


@pytest.mark.parametrize("passed", [3, ["http://p:1"], {"ftp": P}, {"http": None}, {"no": ["a"]}, {1: P}, True])
def test_what_is_no_proxy_is_refused(passed):
    """When the transport is made."""
    with pytest.raises(ConfigError) as caught:
        check_proxies(passed)

    assert "proxy" == caught.value.field


def test_mapped_addresses_are_what_they_map():
    """`::ffff:10.0.0.1` is 10.0.0.1, for exceptions and for this machine."""
    environ = {"all_proxy": P, "no_proxy": "10.0.0.0/8"}

    assert proxy_for("http://[::ffff:10.0.0.1]/", environ, None) is None
    assert proxy_for("http://[::ffff:127.0.0.1]/", environ, None) is None
    assert P == proxy_for("http://[::ffff:11.0.0.1]/", environ, None)


@pytest.mark.parametrize(
    ("url", "socks", "encrypted", "takes_names"),
    [
        ("http://p:1", False, False, True),
        ("https://p:1", False, True, True),
        ("socks4://p:1", True, False, False),
        ("socks4a://p:1", True, False, True),
        ("socks5://p:1", True, False, False),
        ("socks5h://p:1", True, False, True),
    ],
)
def test_kinds_of_proxies(url, socks, encrypted, takes_names):
    """What each scheme means."""
    proxy = parse_proxy(url)

    assert (socks, encrypted, takes_names) == (proxy.socks, proxy.encrypted, proxy.takes_names)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("p.example", ("http", "p.example", 80, None, None)),
        ("p.example:3128", ("http", "p.example", 3128, None, None)),
        ("http://[::1]:3128", ("http", "::1", 3128, None, None)),
        ("http://us%40er:p%3Ass@p:1", ("http", "p", 1, "us@er", "p:ss")),
        ("socks5h://p", ("socks5h", "p", 1080, None, None)),
        ("https://p", ("https", "p", 443, None, None)),
    ],
)
def test_a_proxy_is_taken_apart(url, expected):
    """Scheme, host, port, credentials."""
    assert expected == tuple(parse_proxy(url))


@pytest.mark.parametrize(
    "url",
    [
        "ssh://u:secret-word@p:1",
        "ftp://u:secret-word@p",
        "http://u:secret-word@",
        "http://u:secret-word@p:x",
        "socks5://u:secret-word-%C3%A9@p",
        f"socks5://u:secret-word{'x' * 255}@p",
        f"socks5://{'u' * 256}:secret-word@p",
    ],
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
