"""Files of earlier versions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from dragoman import Client

FIRST = Path(__file__).with_name("first_schema.sql")


def test_file_of_the_first_schema_opens_and_goes_on(tmp_path):
    """What the first version wrote is read as it was, and turns follow."""
    path = tmp_path / "talk.db"
    with sqlite3.connect(path) as db:
        db.executescript(FIRST.read_text())
    db.close()

    with Client() as client:
        talk = client.conversation("ticket-42", model="sim/echo", store=f"sqlite:///{path}")
        side = client.conversation("ticket-42", model="sim/echo", store=f"sqlite:///{path}", branch="side")

        assert ["Be brief.", "one", "one", "two " * 200, "two " * 200, "three", "three"] == [
            message.text for message in talk.history
        ]
        assert ["Be brief.", "one", "one", "aside", "aside"] == [message.text for message in side.history]
        assert ("interrupted", "a b ") == (talk.turn("t5").state, talk.turn("t5").text)
        assert "two " * 200 == talk.say("two " * 200, "t2").text
        assert ["Be brief.", "three", "three"] == [message.text for message in talk.view()][:1] + [
            message.text for message in talk.view()
        ][-2:]
        talk.resume("t5")
        assert "a b c d e f" == talk.history[-1].text
