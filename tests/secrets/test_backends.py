"""Each scheme finds the key in a real place of its kind, and says what is wrong where it does not."""

from __future__ import annotations

import pytest

from dragoman.errors import ConfigError
from dragoman.secrets import Reference, parse_reference
from dragoman.secrets.lookup import look_up
from tests.secrets.backends import SCHEMES, Places
from tests.secrets.sinks import all_logs, found, shown

KEY = "canary-7f3a-Key+of/No=one"
DAMAGED = {
    "newline": "canary-7f3a-first-line\ncanary-7f3a-second-line",
    "non-ascii": "canary-7f3a-ключ-密钥-é",
    "space": "canary-7f3a with-a-space",
}


def reference(text: str) -> Reference:
    parsed = parse_reference(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_key_is_found_and_stays_unseen(scheme: str, places: Places) -> None:
    """What was put there comes back, and no logger of any library has said it at DEBUG."""
    where = reference(getattr(places, scheme)(KEY))

    with all_logs() as logs:
        secret = look_up(where, places.environ, "openai")

    assert KEY == secret.reveal()
    assert [] == found(KEY, logs())
    assert [] == found(KEY, repr(where) + where.text)


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_damaged_key_is_refused_unseen(scheme: str, damage: str, places: Places) -> None:
    """The error names the reference and what is wrong with the key; nothing of the key is anywhere."""
    text = DAMAGED[damage]
    where = reference(getattr(places, scheme)(text))

    with all_logs() as logs, pytest.raises(ConfigError, match=f"{scheme}:.* holds? has a") as caught:
        look_up(where, places.environ, "openai", "OPENAI_API_KEY")

    assert "OPENAI_API_KEY" == caught.value.field
    assert [] == found(text, shown(caught.value))
    assert [] == found(text, logs())
