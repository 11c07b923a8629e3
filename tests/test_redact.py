"""Secrets never print: what is registered or looks like a key is in no text that we build."""

from __future__ import annotations

import json
import threading
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.redact import MASK, SECRET_HEADERS, redact, redact_headers, register

# Every registered secret stays registered for the process, so those of this file begin with what no other text has.
_PREFIX = "zq7!"
secrets = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("/+=%\"'\\ &"), min_size=4, max_size=16
).map(_PREFIX.__add__)

_SHAPES = (
    "sk-abcdefghijklmnop1234",
    "sk-proj-abcdefghijklmnop_1234-xyz",
    "sk-ant-api03-abcdefghijklmnop",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "gsk_abcdefghijklmnop1234",
    "xai-abcdefghijklmnop1234",
    "pplx-abcdefghijklmnop1234",
    "nvapi-abcdefghijklmnop1234",
    "hf_abcdefghijklmnop1234",
    "ghp_abcdefghijklmnop1234",
    "AIzaSyA-abcdefghijklmnopqrstuvwxyz12345",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop",
)
_PROSE = (
    "the task-oriented dialogue-system-for-everyone is done",
    "sk-8 and hf_hub are short",
    "risk-management-department-of-the-bank",
    "tokens: 128000, model: gpt-6.2-astra, id: chatcmpl-DA5WAwZtVNWlzOvbyYNVPetxqejQt",
    "claude-sonnet-4-5-20250929",
    "",
)


@settings(max_examples=60)
@given(secret=secrets, before=st.text(max_size=8), after=st.text(max_size=8))
def test_a_registered_secret_is_in_no_text(secret: str, before: str, after: str) -> None:
    """A secret is replaced wherever it stands, also as JSON, as part of an address and as Python shows it."""
    register(secret)

    echoes = (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret), repr(secret)[1:-1])
    for echo in echoes:
        assert echo not in redact(f"{before} {echo} {after}"), echo


def test_lower_case_percent_escapes_hide_nothing() -> None:
    """Servers that echo an address with lower-case escapes do not show the secret."""
    register("zq7!pass/word+1=")

    assert "zq7" not in redact("GET /v1?key=zq7%21pass%2fword%2b1%3d")


@pytest.mark.parametrize("key", _SHAPES)
@pytest.mark.parametrize(
    "around", ["{}", "key={}", '{{"api_key": "{}"}}', "Incorrect API key provided: {}.", "({})", "https://x:{}@h"]
)
def test_what_looks_like_a_key_is_replaced(key: str, around: str) -> None:
    """A vendor's key shape is replaced although nobody registered it."""
    shown = redact(around.format(key))

    assert key not in shown
    assert MASK in shown


@pytest.mark.parametrize("text", _PROSE)
def test_prose_stays_as_it_is(text: str) -> None:
    """Ordinary words, model names and ids of answers are not masked."""
    assert text == redact(text)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BASIC", "Basic"])
def test_an_authorization_value_is_replaced(scheme: str) -> None:
    """Whatever stands behind Bearer or Basic is a credential."""
    assert f"authorization: {scheme} {MASK}" == redact(f"authorization: {scheme} dXNlcjpwYXNzd29yZA==")


def test_a_secret_inside_another_is_covered_by_the_longer() -> None:
    """Of two secrets that begin alike the longer one is replaced whole."""
    register("zq7!first")
    register("zq7!first-and-more")

    assert f"a {MASK} b {MASK}" == redact("a zq7!first-and-more b zq7!first")


def test_a_secret_of_several_lines_is_covered_line_by_line() -> None:
    """A private key printed line by line shows none of its lines."""
    register("zq7!-begin-key\nMIIEvQIBADANBgkq\nzq7!-end-key")

    assert "MIIEvQIBADANBgkq" not in redact("line 2: MIIEvQIBADANBgkq")


def test_short_values_mask_nothing() -> None:
    """A value of a few letters is no secret; it would blank out ordinary words."""
    register("the")

    assert "the end" == redact("the end")


def test_redacting_twice_changes_nothing() -> None:
    """A text that was redacted stays as it is."""
    once = redact(f"key {_SHAPES[0]}, Bearer {_SHAPES[1]}")

    assert once == redact(once)


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_headers_with_credentials_are_masked_by_name(name: str) -> None:
    """The value of such a header is masked whatever it looks like, however the name is written."""
    assert {name.title(): MASK, "accept": "*/*"} == redact_headers({name.title(): "abc", "accept": "*/*"})


def test_other_headers_are_masked_by_value() -> None:
    """A key in a header that is not known for it is masked by its shape."""
    assert {"x-debug": f"k={MASK}"} == redact_headers({"x-debug": f"k={_SHAPES[0]}"})


def test_registering_from_many_threads_loses_none() -> None:
    """Secrets registered at the same time are all replaced afterwards."""
    many = [f"zq7!thread-{i}-secret" for i in range(40)]
    threads = [threading.Thread(target=register, args=(secret,)) for secret in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(secret not in redact(f"a {secret} b") for secret in many)
