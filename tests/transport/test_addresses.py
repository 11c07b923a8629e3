"""URLs, names and deadlines, without a network."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from dragoman.errors import ConfigError
from dragoman.transport.address import Origin, split
from dragoman.transport.base import Clockout
from dragoman.transport.dial import alternating
from dragoman.transport.names import Lookup, earlier, is_literal, lookup


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://a.example", Origin("http", "a.example", 80), "/"),
        ("HTTPS://A.Example:8443/x", Origin("https", "a.example", 8443), "/x"),
        (
            "https://a.example/m%3A0/b%2Fc?q=a%20b&r=%C3%A9#frag",
            Origin("https", "a.example", 443),
            "/m%3A0/b%2Fc?q=a%20b&r=%C3%A9",
        ),
        ("http://a.example/é?ü", Origin("http", "a.example", 80), "/%C3%A9?%C3%BC"),
        ("http://[fd00::1]:1/", Origin("http", "fd00::1", 1), "/"),
        ("http://bücher.example/", Origin("http", "xn--bcher-kva.example", 80), "/"),
        ("http://a.example/v1/x:y@z", Origin("http", "a.example", 80), "/v1/x:y@z"),
        ("http://a_b.example./...", Origin("http", "a_b.example.", 80), "/..."),
        ("http+unix://%2Frun%2FA%20b.sock/v1?x", Origin("http+unix", "/run/A b.sock", 0), "/v1?x"),
    ],
)
def test_a_url_is_taken_apart(url, origin, target):
    """What is encoded stays so; what cannot stand in a request line is encoded."""
    assert (origin, target) == split(url)


_UNUSABLE = [
    *("http://h/a\nb", "http://h/\x7f", "http://a b/", "h", "", "file:///x", "http://h:x/", f"http://{'é' * 70}/"),
    *("http://h/a/../b", "http://h/%2e%2E/b", "http://h/a/.", "http://h/..%2fb"),
    *(
        "http://a..b/",
        f"http://{'a' * 64}/",
        "http://h%00/",
        "http://127.0.0.1%2f/",
        "http+unix://x/",
        "unix:///x.sock",
    ),
]


@pytest.mark.parametrize("url", _UNUSABLE)
def test_a_url_that_cannot_be_used_is_refused(url):
    """Before anything is opened."""
    with pytest.raises(ConfigError, match="URL"):
        split(url)


def test_an_origin_shows_its_port_where_it_matters():
    """The scheme's own port is left out of URLs."""
    assert ("http://a", "https://a", "http://a:443", "http://[::1]:81") == tuple(
        Origin(*parts).url
        for parts in [("http", "a", 80), ("https", "a", 443), ("http", "a", 443), ("http", "::1", 81)]
    )


def test_the_earlier_deadline():
    """None is no deadline."""
    assert (None, 1.0, 2.0, 1.0) == (earlier(None, None), earlier(1.0, None), earlier(None, 2.0), earlier(2.0, 1.0))


def test_literal_addresses_ask_nobody():
    """They are known without a thread."""
    threads = threading.active_count()

    assert ["127.0.0.1"] == [item[4][0] for item in lookup("127.0.0.1", 80).wait(None)]
    assert ["::1"] == [item[4][0] for item in lookup("::1", 80).wait(None)]
    assert threads >= threading.active_count()
    assert [True, True, False, False] == [is_literal(host) for host in ("1.2.3.4", "fd00::1", "localhost", "1.2")]


def test_a_resolver_that_does_not_answer_is_left_behind():
    """The wait ends at the deadline."""
    began = time.monotonic()
    with pytest.raises(Clockout) as caught:
        Lookup().wait(began + 0.1)

    assert 0.09 <= time.monotonic() - began < 2.0
    assert not caught.value.sent


def test_a_lookup_tells_all_who_asked():
    """Before and after it is done."""
    running, told = Lookup(), []
    running.on_done(lambda _: told.append("before"))
    running.run("127.0.0.1", 80)
    running.on_done(lambda _: told.append("after"))

    assert ["before", "after"] == told


def test_a_name_that_is_none_is_an_error_of_the_system():
    """Also one that cannot be encoded."""
    for name in ("nowhere.invalid", "a" * 64 + ".example"):
        with pytest.raises(OSError, match=r"."):
            lookup(name, 80).wait(time.monotonic() + 5)


def test_the_families_take_turns():
    """So that a dead IPv6 costs one head start and not one for each address."""
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (str(i), 80)) for i, family in enumerate([six, six, six, four])]

    assert ["0", "3", "1", "2"] == [item[4][0] for item in alternating(found)]
