"""
Which rows go to a provider's batch API, and which are asked live.

    provider    all rows; one that cannot is an error
    auto        all rows whose provider has such an API, if there are enough to be worth the wait, or a deadline says
                that there is time; the rest live

Rule: what was chosen is said, with its reason (`notes`).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from dragoman.batch.service import service_of
from dragoman.batch.service.base import Limits, Part, Service
from dragoman.batch.service.calls import Calls
from dragoman.batch.service.spool import LIVE
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import BatchError, ConfigError, UnknownModelError
from dragoman.tokens import estimate
from dragoman.types.batching import Mode
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.plain import Plain

# Rows for which half of the price is not worth hours, unless somebody gave the hours.
FEW: Final = 50
# How often one row alone is handed in for which there is no room: in seven minutes or so.
_ALONE: Final = 10
# Part of an estimate that is surely not too much.
_SURELY: Final = 0.5
# "Enqueued token limit reached for gpt-5 in organization org-1.  Limit: 2,000,000 enqueued tokens."   (OpenAI)
_LIMIT: Final = re.compile(r"[Ll]imit:?\s*(?:of|is)?\s*(\d[\d,]*)").search


class Lot:
    """
    Rows that may share a batch.

    Attributes:
        provider: Name of its row.
        wire: Their dialect.
        model: The bare model; of the first row, where models may differ.
        url: Address of the plain call of the first row.
        service: Speaks the provider's batch API.
        most: Rows that a batch may have: fewer than its limit, after the provider had no room.
        bytes: That its file may have.
        until: When it may be tried again after that, on the clock that never goes back.
    """

    def __init__(self, provider: Provider, part: Part, service: Service) -> None:
        self.provider = provider.name
        self.wire, self.model, self.url = part.wire, part.model, part.http.url
        self.service = service
        self.most = _smaller(provider, "max_rows", service.limits.rows)
        self.bytes = _smaller(provider, "max_bytes", service.limits.bytes)
        self.until = 0.0
        self._refusals = self._alone = 0
        self._given_up = False

    @property
    def crowded(self) -> bool:
        """Whether the provider has no room for it now."""
        return self.until > time.monotonic()

    def crowd(self, rows: int | None, first: float) -> None:
        """
        The provider has no room.

        Args:
            rows: That the batch had which was too much, alone; None if others took the room.
            first: Seconds before the first try; doubled up to twelve times as much.
        """
        if rows is not None:
            self.most = max(1, rows // 2)
        self.until = time.monotonic() + first * min(12.0, 2.0**self._refusals)
        self._refusals += 1

    def roomy(self) -> None:
        """A batch of it has ended: there is room."""
        self.until, self._refusals, self._alone = 0.0, 0, 0
        self._given_up = False

    def never(self, line: bytes, words: str) -> str | None:
        """
        Why there is never room for one row, which was refused though nothing else of this run is there; else None.

        Args:
            line: The row.
            words: The provider's; many of them name the limit.

        Raises:
            BatchError: So it was with the row before, and nothing had room since: it is not the rows' fault.
        """
        self._alone += 1
        tokens, limit = estimate(line.decode("utf-8", "replace")), _named(words)
        if limit is not None and tokens * _SURELY > limit:
            self._alone = 0
            return (
                f"its {tokens:,} tokens or so are more than the queue of batches of {self.provider} holds ({limit:,})"
            )
        if self._alone < _ALONE:
            return None
        if self._given_up:
            raise BatchError(
                f"{self.provider} has no room in its queue of batches, not even for one row ({words}): run it again "
                "later, and nothing that is kept is lost, or take mode='live'",
                provider=self.provider,
                field="mode",
            )
        self._alone, self._given_up = 0, True
        return f"{self.provider} had no room in its queue of batches for this row alone, {_ALONE} times in a row"

    @property
    def limits(self) -> Limits:
        """What one batch may hold."""
        return self.service.limits


class Lots:
    """
    The lots of one run.

    Args:
        plain: The client's.
        mode: As the batch was told.

    Attributes:
        all: By number.
    """

    def __init__(self, plain: Plain, mode: Mode) -> None:
        self.all: list[Lot] = []
        self._plain = plain
        self._mode = mode
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._services: dict[str, Service] = {}
        self._reasons: Counter[str] = Counter()

    def of(self, provider: str, wire: str, model: str) -> Lot | None:
        """The lot of a batch, if rows of it are here."""
        number = self._numbers.get((provider, wire, model), self._numbers.get((provider, wire, "")))
        return None if number is None else self.all[number]

    def notes(self) -> tuple[str, ...]:
        """Why rows are asked live."""
        return tuple(f"{count:,} rows live: {reason}" for reason, count in self._reasons.items())

    def service(self, name: str) -> Service | None:
        """What speaks the batch API of a provider; None where it has none."""
        made = self._services.get(name)
        if made is None:
            provider = self._plain.routes.provider(name)
            if provider.batches is None:
                return None
            made = self._services[name] = service_of(provider.batches)(Calls(self._plain, name))
        return made

    def ready(self, request: ChatRequest | VectorRequest) -> None:
        """
        See that the provider's batch API is told all that it needs.

        Raises:
            ConfigError: It is not, and the row shall go there: no other row could, either.
        """
        if self._mode == "provider" and isinstance(request, ChatRequest):
            try:
                provider, _ = self._plain.routes.locate(request.model)
            except UnknownModelError:
                return  # the row's own fault, which `place` says
            self.service(provider.name)

    def place(self, key: bytes, request: ChatRequest | VectorRequest) -> tuple[int, bytes]:
        """
        The number of a row's lot, and the row as its service writes it; `LIVE` and nothing if it is asked live.

        Raises:
            ConfigError: It can go into no batch, and shall.
        """
        if self._mode == "live":
            return LIVE, b""
        if not isinstance(request, ChatRequest):
            return self._refused(ConfigError("vectors are asked live: take mode='live' or 'auto'", field="mode"))
        provider, _ = self._plain.routes.locate(request.model)
        try:
            service = self.service(provider.name)
        except ConfigError as error:
            return self._refused(error)
        if service is None:
            return self._refused(_without(provider))
        try:
            part = self._part(key, request)
            line = service.line(part)
        except ConfigError as error:
            return self._refused(error)
        if len(line) + 1 > service.limits.bytes:
            return self._refused(ConfigError(f"{len(line):,} bytes are too many for a batch", field="body"))
        return self._number(provider.name, part, service), line

    def _part(self, key: bytes, request: ChatRequest) -> Part:
        context = self._plain.context(None)
        plain = request.directed(stream=False) if request.stream else request
        route, http = self._plain.sender.prepare(plain, context)
        return Part(key=key.hex(), request=plain, model=route.model, wire=route.wire.name, http=http)

    def _number(self, provider: str, part: Part, service: Service) -> int:
        about = (provider, part.wire, part.model if service.limits.one_model else "")
        number = self._numbers.get(about)
        if number is None:
            number = self._numbers[about] = len(self.all)
            self.all.append(Lot(self._plain.routes.provider(provider), part, service))
        return number

    def _refused(self, error: ConfigError) -> tuple[int, bytes]:
        if self._mode == "provider":
            raise error
        self.live(1, error.message)
        return LIVE, b""

    def live(self, count: int, reason: str) -> None:
        """So many rows are asked live, for that reason."""
        self._reasons[reason] += count


def _named(words: str) -> int | None:
    found = _LIMIT(words)
    return None if found is None else int(found[1].replace(",", ""))


def _smaller(provider: Provider, option: str, limit: int) -> int:
    """A limit of the provider's, or the smaller one that its row has."""
    said = provider.batch_options.get(option, limit)
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise ConfigError(
            f"batch_options of {provider.name}: {option} is {said!r}: give a whole number, 1 or more",
            provider=provider.name,
            field=f"batch_options.{option}",
        )
    return min(said, limit)


def _without(provider: Provider) -> ConfigError:
    return ConfigError(
        f"{provider.name} has no batch API that is known here: take mode='live' or 'auto'",
        provider=provider.name,
        field="mode",
    )
