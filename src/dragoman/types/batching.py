"""How a batch is to be run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import inf
from typing import Any, Final, Literal, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.embeddings import InputKind
from dragoman.types.placement import EngineName, Placement, placement_of
from dragoman.types.requests import SettingsDict

Order = Literal["input", "prefix"] | None
Verb = Literal["chat", "parse", "embed"]
Mode = Literal["live", "provider", "auto"]
PathLike = str | os.PathLike[str]
WINDOW: Final = 256
"""Rows under way at once by default; the limits of the provider govern how fast they are sent."""


POLL: Final = 5.0
"""Seconds before a provider is asked how a batch stands."""

_HOUR: Final = 3600
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": _HOUR, "d": 24 * _HOUR}
_MOST: Final = 9_000_000  # of a budget
_HALF: Final = re.compile(r"[\ud800-\udfff]").search
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*").fullmatch


class BatchDict(SettingsDict, total=False):
    """The keywords of a batch: its own, and all settings, which hold for rows that say nothing else."""

    model: str | None
    template: str | None
    system: str | None
    key: str | None
    order: Order
    window: int
    max_cost: float | str | Decimal | None
    outage: float
    retry_failed: bool
    verb: Verb
    dimensions: int | None
    kind: InputKind | None
    dedupe: bool
    job: PathLike | None
    mode: Mode
    deadline: float | str | None
    poll: float
    engine: EngineName
    workers: int | None
    ray: Mapping[str, Any] | None


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    A batch's own keywords.

    Attributes:
        model: For all rows, whatever they say; None to take each row's own.
        template: The prompt, with places for a row's fields: `"Classify: {text}"`.
        system: Instructions before each prompt.
        key: Field that is the row's id; `custom_id` or `id` by default.
        order: `input`; `prefix`, the same, but rows whose prompts begin alike are asked one after the other, so that a
            provider's prompt cache has them; or None for results as they come.
        window: Most rows under way at once, 1 or more.
        max_cost: US dollars that the batch may cost, all its runs together.
        outage: Seconds that rows wait for a provider that is down, before the run ends without marking any as failed.
        retry_failed: Whether rows that failed in an earlier run are tried again.
        verb: What rows ask for that say nothing else: `chat`, `parse` (typed values, with `output=`) or `embed`.
        dimensions: Length of the vectors; the model's own by default.
        kind: What the texts of vectors are for, as `Client.embed` takes it.
        dedupe: Whether rows that ask the same are paid once.
        job: Path of a journal, which ends in `.job`, for a batch without an output.
        mode: `live` asks each row now; `provider` hands rows in at the provider's own batch API, at half the price and
            within hours; `auto` does the second where it can and is worth it, and the first for the rest.
        deadline: When all must be answered, counted from the first batch that is handed in: seconds, or a text such as
            `90m`, `24h`, `2d`.  With `auto`, what is not there by then less the time that it takes is asked live.
        poll: Seconds before a provider is asked how a batch stands, the first time; later up to twelve times as long.
        engine: Who asks: `local`, this process; `processes`, worker processes of this machine, where one processor is
            not enough for how fast the provider answers; `ray`, workers on a Ray cluster.
        workers: How many workers; by default one for each processor, 2 to 4, and 2 on Ray.
        ray: Where those of Ray are, by the names that `Placement` has: `{"address": "auto", "num_cpus": 0.5}`.

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
    outage: float = 600.0
    retry_failed: bool = False
    verb: Verb = "chat"
    dimensions: int | None = None
    kind: InputKind | None = None
    dedupe: bool = False
    job: Any = None
    mode: Mode = "live"
    deadline: Any = None
    poll: float = POLL
    engine: EngineName = "local"
    workers: int | None = None
    ray: Any = None

    def __post_init__(self) -> None:
        for name in ("model", "template", "system", "key"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip() or _HALF(value)):
                raise ConfigError(f"{name} is {value!r}: give a text", field=name)
        if self.order not in ("input", "prefix", None):
            raise ConfigError(f"order is {self.order!r}: give 'input', 'prefix' or None", field="order")
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise ConfigError(f"window is {self.window!r}: give a whole number, 1 or more", field="window")
        _check_dollars(self.max_cost)
        self._check_verb()
        self._check_mode()
        _check_journal(self.job)
        if isinstance(self.outage, bool) or not isinstance(self.outage, int | float) or not 0 <= self.outage < inf:
            raise ConfigError(f"outage is {self.outage!r}: give seconds, 0 or more", field="outage")

    def _check_verb(self) -> None:
        if self.verb not in get_args(Verb):
            raise ConfigError(f"verb is {self.verb!r}: give 'chat', 'parse' or 'embed'", field="verb")
        if not isinstance(self.dedupe, bool):
            raise ConfigError(f"dedupe is {self.dedupe!r}: give True or False", field="dedupe")
        size = self.dimensions
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ConfigError(f"dimensions is {size!r}: give a whole number, 1 or more", field="dimensions")
        if self.kind is not None and self.kind not in get_args(InputKind):
            raise ConfigError(f"kind is {self.kind!r}: there are {', '.join(get_args(InputKind))}", field="kind")

    def _check_mode(self) -> None:
        if self.mode not in get_args(Mode):
            raise ConfigError(f"mode is {self.mode!r}: give 'live', 'provider' or 'auto'", field="mode")
        if self.deadline is not None and self.mode == "live":
            raise ConfigError("a deadline is for mode='auto' and 'provider': live rows are asked now", field="deadline")
        seconds_of(self.deadline)
        if isinstance(self.poll, bool) or not isinstance(self.poll, int | float) or not 0 < self.poll <= _HOUR:
            raise ConfigError(f"poll is {self.poll!r}: give seconds, more than 0 and up to an hour", field="poll")
        if self.placement is not None and self.mode != "live":
            raise ConfigError(f"engine={self.engine!r} asks each row now: leave out mode", field="engine")

    @property
    def placement(self) -> Placement | None:
        """Where the workers are; None for this process."""
        return placement_of(self.engine, self.workers, self.ray)

    @property
    def deadline_seconds(self) -> float | None:
        """`deadline` in seconds."""
        return seconds_of(self.deadline)

    @property
    def dollars(self) -> Decimal | None:
        """`max_cost`, exact."""
        return None if self.max_cost is None else Decimal(str(self.max_cost))


def seconds_of(deadline: object) -> float | None:
    """
    A deadline in seconds; None for none.

    Raises:
        ConfigError: It is neither a number nor a text such as `24h`.

    >>> seconds_of("90m"), seconds_of(30)
    (5400.0, 30.0)
    """
    if deadline is None:
        return None
    if isinstance(deadline, int | float) and not isinstance(deadline, bool) and 0 < deadline < inf:
        return float(deadline)
    found = _SPAN(deadline) if isinstance(deadline, str) else None
    if found is None or not float(found[1]):
        raise ConfigError(f"deadline is {deadline!r}: give seconds, or a text such as '90m' or '24h'", field="deadline")
    return float(found[1]) * _UNITS[found[2]]


def check_path(given: object, field: str) -> str:
    """
    The name of a file to be written.

    Raises:
        ConfigError: No file can have it.
    """
    name: object = os.fspath(cast("PathLike", given)) if isinstance(given, str | os.PathLike) else given
    if not isinstance(name, str):
        raise ConfigError(f"{field} is {type(cast('object', given)).__name__}: give the path of a file", field=field)
    try:
        if b"\0" not in os.fsencode(name):
            return name
    except UnicodeEncodeError:
        pass  # half a surrogate pair
    raise ConfigError(f"{field} is {name!r}: no file can be called so", field=field)


def _check_journal(path: object) -> None:
    if path is None:
        return
    if not check_path(path, "job").endswith(".job"):
        raise ConfigError(f"job is {path!r}: give a name that ends in .job", field="job")


def _check_dollars(value: object) -> None:
    if value is None:
        return
    try:
        right = not isinstance(value, bool) and 0 <= Decimal(str(value)) <= _MOST
    except InvalidOperation:
        right = False
    if not right:
        raise ConfigError(
            f"max_cost is {value!r}: give US dollars, such as 5 or '0.25', and 9,000,000 at most", field="max_cost"
        )


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
