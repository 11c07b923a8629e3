"""A credential never shows itself, and cannot travel if it is damaged."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable

import msgspec
import pytest

from dragoman.errors import ConfigError
from dragoman.redact import redact
from dragoman.secrets import Secret, check_key
from dragoman.secrets.secret import check_secret

TEXT = "no-vendors-shape-4711-of-key"

SHOWS: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda secret: f"{secret:>40}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "in-a-list": lambda secret: str([secret, {"key": secret}]),
    "dir": lambda secret: str([getattr(secret, name) for name in dir(secret) if not name.startswith("_Secret")]),
}


@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_no_way_of_printing_shows_it(show: Callable[[Secret], str]) -> None:
    """repr, str, format and attributes are all masked."""
    assert TEXT not in show(Secret(TEXT))


def test_it_is_revealed_only_on_request_and_masked_from_then_on() -> None:
    """reveal() gives the text, and every text that is built afterwards has it masked."""
    text = "another-secret-that-is-used-once"
    assert f"the server said {text}" == redact(f"the server said {text}")

    assert text == Secret(text).reveal()
    assert redact(f"the server said {text}") == "the server said [redacted]"


def test_it_is_not_pickled_and_not_encoded() -> None:
    """Neither pickle nor JSON carries it to a file or another process; the refusals do not show it."""
    with pytest.raises(TypeError) as pickled:
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError) as encoded:
        msgspec.json.encode({"key": Secret(TEXT)})

    assert TEXT not in str(pickled.value) + str(encoded.value)


def test_no_protocol_of_pickle_gets_at_it() -> None:
    """Nor do the hooks that pickle and copy look for, called by hand."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Secret(TEXT), protocol)
        with pytest.raises(TypeError):
            Secret(TEXT).__reduce_ex__(protocol)
    with pytest.raises(TypeError):
        Secret(TEXT).__getstate__()


def test_only_a_text_is_one() -> None:
    """Something else is refused where it is made, and not shown."""
    with pytest.raises(ConfigError, match="a Secret of bytes") as caught:
        Secret(TEXT.encode())  # type: ignore[arg-type]
    assert TEXT not in str(caught.value)


def test_a_text_that_no_encoding_has_is_no_trap() -> None:
    """Half a surrogate pair, as variables with broken bytes have it, is compared, named and refused unseen."""
    broken = Secret(f"{TEXT}\udcff")

    assert broken == Secret(f"{TEXT}\udcff")
    assert broken.fingerprint() != Secret(TEXT).fingerprint()
    assert TEXT not in redact(f"said {broken.reveal()}")
    with pytest.raises(ConfigError, match="no visible ASCII at its end"):
        check_secret(broken, "openai")


def test_copies_are_the_same_secret() -> None:
    """Copying a configuration that holds it works, and equality is by value."""
    secret = Secret(TEXT)

    assert copy.deepcopy([secret]) == [copy.copy(secret)] == [Secret(TEXT)]
    assert Secret("other") != secret
    assert secret != TEXT
    assert len({secret, Secret(TEXT)}) == 1


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(f"{TEXT}\n", "a line break at its end", id="newline-at-end"),
        pytest.param(f"{TEXT}\r\n", "a line break at its end", id="crlf-at-end"),
        pytest.param(f"{TEXT}\r\nx-evil: 1", "a line break in it", id="header-injection"),
        pytest.param(f" {TEXT}", "a space at its start", id="space-at-start"),
        pytest.param(f"{TEXT}\t", "a space at its end", id="tab-at-end"),
        pytest.param(f"{TEXT}é", "no visible ASCII at its end", id="non-ascii"),
        pytest.param(f"“{TEXT}”", "no visible ASCII at its start", id="curly-quotes"),
        pytest.param(f"{TEXT}\u200b{TEXT}", "no visible ASCII in it", id="zero-width"),
        pytest.param(f"{TEXT}\x00", "no visible ASCII at its end", id="nul"),
        pytest.param("", "is empty", id="empty"),
        pytest.param(b"bytes", "is bytes", id="bytes"),
        pytest.param(None, "is NoneType", id="none"),
    ],
)
def test_a_damaged_key_is_refused_without_being_shown(value: object, says: str) -> None:
    """The error says what is wrong, where and where the key came from; the key is not in it nor in its traceback."""
    with pytest.raises(ConfigError) as caught:
        check_key(value, "openai", "OPENAI_API_KEY")

    printed = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(list(printed.format())[2:]) + repr(caught.value.__dict__)  # without the frame of this test
    assert says in str(caught.value)
    assert caught.value.field == "OPENAI_API_KEY"
    assert caught.value.provider == "openai"
    assert TEXT not in shown


def test_a_good_key_is_returned_as_it_is() -> None:
    """Nothing is stripped or changed."""
    assert check_key(TEXT, "openai") == TEXT
