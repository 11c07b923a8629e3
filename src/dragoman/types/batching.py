"""How a batch is to be run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.requests import SettingsDict

Order = Literal["input"] | None
PathLike = str | os.PathLike[str]
WINDOW: Final = 256
"""Rows under way at once by default; the limits of the provider govern how fast they are sent."""


class BatchDict(SettingsDict, total=False):
    """The keywords of a batch: its own, and all settings, which hold for rows that say nothing else."""

    model: str | None
    template: str | None
    system: str | None
    key: str | None
    order: Order
    window: int
    max_cost: float | str | Decimal | None
    retry_failed: bool


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    A batch's own keywords.

    Attributes:
        model: For all rows, whatever they say; None to take each row's own.
        template: The prompt, with places for a row's fields: `"Classify: {text}"`.
        system: Instructions before each prompt.
        key: Field that is the row's id; `custom_id` or `id` by default.
        order: `input`, or None for results as they come.
        window: Most rows under way at once, 1 or more.
        max_cost: US dollars that the batch may cost, all its runs together.
        retry_failed: Whether rows that failed in an earlier run are tried again.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    model: str | None = None
    template: str | None = None
    system: str | None = None
    key: str | None = None
    order: Order = "input"
    window: int = WINDOW
    max_cost: Any = None
    retry_failed: bool = False

    def __post_init__(self) -> None:
        for name in ("model", "template", "system", "key"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise ConfigError(f"{name} is {value!r}: give a text", field=name)
        if self.order not in ("input", None):
            raise ConfigError(f"order is {self.order!r}: give 'input' or None", field="order")
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise ConfigError(f"window is {self.window!r}: give a whole number, 1 or more", field="window")
        _check_dollars(self.max_cost)

    @property
    def dollars(self) -> Decimal | None:
        """`max_cost`, exact."""
        return None if self.max_cost is None else Decimal(str(self.max_cost))


def _check_dollars(value: object) -> None:
    if value is None:
        return
    try:
        right = not isinstance(value, bool) and Decimal(str(value)) >= 0
    except InvalidOperation:
        right = False
    if not right:
        raise ConfigError(f"max_cost is {value!r}: give US dollars, such as 5 or '0.25'", field="max_cost")


class BatchTask(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be done.

    Attributes:
        source: The rows.
        sink: Path of the output file, or None.
        options: The batch's own keywords.
        settings: For all rows, by name.
    """

    source: Any
    sink: Any
    options: BatchOptions
    settings: dict[str, Any]


def split_keywords(keywords: Mapping[str, Any]) -> tuple[BatchOptions, dict[str, Any]]:
    """Take a batch's own keywords from those that are settings."""
    names: Iterable[str] = BatchOptions.__struct_fields__
    own = {name: keywords[name] for name in names if name in keywords}
    return BatchOptions(**own), {name: value for name, value in keywords.items() if name not in own}
