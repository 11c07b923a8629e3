"""
What was handed in, as the journal keeps it.

    intent      these rows are about to go into a batch of this tag          durable before anything is sent
    submitted   the provider has it, by this name
    ended       it has come to an end there
    closed      nothing more is to be done about it: its results are in the journal, or it never was

Rule: after a crash at any instant these four say what is to be done: an intent alone is looked for by its tag, what was
submitted is waited for, what has ended is read (again), what is closed is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.batch.journal import NO_KEY, Journal, Kind, Record
from dragoman.batch.service.base import Sent, State

KEY_BYTES: Final = 16


class Intent(msgspec.Struct, kw_only=True):
    """
    A batch that is about to be made.

    Attributes:
        tag: Its name for ever.
        provider: Name of the provider's row.
        wire: Dialect of its rows.
        model: The bare model.
        keys: Of its rows, one after another.
        at: When, in seconds since 1970.
        most: Nano-dollars that it can cost, or None.
    """

    tag: str
    provider: str
    wire: str
    model: str
    keys: bytes
    at: float
    most: int | None = None


class _Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    tag: str
    sent: Sent | None = None
    state: State | None = None
    counted: bool = True


class Entry:
    """
    One batch.

    Attributes:
        intent: Without its keys, which stay in the journal.
        count: How many rows it has.
        sent: As the provider knows it, once it does.
        ended: Whether it has come to an end there.
        closed: Whether nothing more is to be done about it.
        counted: Whether having been in it counts as a try for its rows.
    """

    __slots__ = ("_at", "closed", "count", "counted", "ended", "intent", "sent")

    def __init__(self, intent: Intent, at: int) -> None:
        self.count = len(intent.keys) // KEY_BYTES
        self.intent = msgspec.structs.replace(intent, keys=b"")
        self.sent: Sent | None = None
        self.ended = self.closed = False
        self.counted = True
        self._at = at

    def keys(self, journal: Journal) -> Iterator[bytes]:
        """Keys of its rows, in the order of its lines."""
        keys = msgspec.json.decode(journal.read(self._at).payload, type=Intent).keys
        for at in range(0, len(keys), KEY_BYTES):
            yield keys[at : at + KEY_BYTES]


class Logbook:
    """All batches of one journal."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def all(self) -> list[Entry]:
        """All, in the order in which they were made."""
        return list(self._entries.values())

    @property
    def open(self) -> list[Entry]:
        """Those about which something is to be done."""
        return [entry for entry in self._entries.values() if not entry.closed]

    # --- reading ------------------------------------------------------------------------------------------------------

    def recall(self, record: Record) -> None:
        """Take a record of a journal that is read."""
        if record.kind == Kind.INTENT:
            intent = msgspec.json.decode(record.payload, type=Intent)
            self._entries[intent.tag] = Entry(intent, record.at)
        else:
            step = msgspec.json.decode(record.payload, type=_Step)
            self._take(record.kind, step, self._entries[step.tag])

    def _take(self, kind: Kind, step: _Step, entry: Entry) -> None:
        if kind == Kind.SUBMITTED:
            entry.sent = step.sent
        elif kind == Kind.ENDED:
            entry.ended = True
        else:
            entry.closed, entry.counted = True, step.counted

    # --- writing: durable once the journal is synced ------------------------------------------------------------------

    def intend(self, journal: Journal, intent: Intent) -> Entry:
        """A batch is about to be made."""
        at = journal.append(Kind.INTENT, 0, NO_KEY, msgspec.json.encode(intent))
        entry = self._entries[intent.tag] = Entry(intent, at)
        return entry

    def submitted(self, journal: Journal, entry: Entry, sent: Sent) -> None:
        """The provider has it."""
        self._step(journal, Kind.SUBMITTED, entry, _Step(tag=entry.intent.tag, sent=sent))

    def ended(self, journal: Journal, entry: Entry, state: State) -> None:
        """It has come to an end."""
        self._step(journal, Kind.ENDED, entry, _Step(tag=entry.intent.tag, state=state))

    def close(self, journal: Journal, entry: Entry, *, counted: bool) -> None:
        """
        Nothing more is to be done about it.

        Args:
            journal: Where it is written.
            entry: The batch.
            counted: Whether having been in it counts as a try for the rows that it did not settle.
        """
        self._step(journal, Kind.CLOSED, entry, _Step(tag=entry.intent.tag, counted=counted))

    def _step(self, journal: Journal, kind: Kind, entry: Entry, step: _Step) -> None:
        journal.append(kind, 0, NO_KEY, msgspec.json.encode(step))
        self._take(kind, step, entry)
