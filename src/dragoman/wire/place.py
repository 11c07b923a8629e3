"""
Where a part of a request stands, for what is said of it when it cannot be carried.

Rule: nothing is dropped in silence; every part that is adapted or left out is named by its path.
"""

from __future__ import annotations

import msgspec

from dragoman.types.http import Notice


class Place(msgspec.Struct, frozen=True):
    """
    Where a part stands.

    Attributes:
        field: Its path in the request, for notices.
        role: Of its message; `tool` for what a tool gave back.
        replay: Its native state may be sent: the target wrote it, or people did.
        notices: Where what could not be carried is said.
    """

    field: str
    role: str
    replay: bool
    notices: list[Notice]

    def note(self, text: str, below: str = "") -> None:
        """Say that this part was adapted."""
        self.notices.append(Notice(f"{self.field}{below}", text))

    def inside(self, index: int, role: str) -> Place:
        """The place of a part of this part: what a tool gave back."""
        return Place(f"{self.field}.parts[{index}]", role, self.replay, self.notices)
