"""
The models that a provider lists: where the list is, how it goes on, and what an entry says.

There is one row for each dialect.  What an entry may say is one table for all of them, because servers of one dialect
borrow each other's names: from a field of ours to the names under which it comes, and how it is read.

Sources: the OpenAPI files of OpenAI (`Model.shutdown_date`), Anthropic (`ModelInfo`), Mistral (`BaseModelCard`),
OpenRouter (`Model`) and Ollama (`ModelSummary`); google-genai SDK 3.4.0; cohere SDK 7.3 (`GetModelResponse`); the
recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from dragoman.errors import ConfigError
from dragoman.types.cards import ModelCard
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.beside import asking
from dragoman.wire.lenient import is_array, list_of, object_of, text_of, whole
from dragoman.wire.refusal import check_status

Json = dict[str, Any]

# A page that is as long as allowed, so that there are few.
_PAGE: Final = "1000"


class Listing(NamedTuple):
    """
    How one dialect lists its models.

    Attributes:
        path: Below the base URL.
        params: Query of every page.
        cursor: Name of the query's field that asks for the next page.
        following: What an answer says to ask for the next page; empty at the end.
        prefix: What stands before a name in the list, and not in a reference.
    """

    path: str
    params: Mapping[str, str] = {}
    cursor: str = ""
    following: Callable[[Json], str] | None = None
    prefix: str = ""


def _after_last(answer: Json) -> str:
    return text_of(answer.get("last_id")) if answer.get("has_more") is True else ""


def _token(name: str) -> Callable[[Json], str]:
    def following(answer: Json) -> str:
        return text_of(answer.get(name))

    return following


_OPENAI: Final = Listing("models")
_ANTHROPIC: Final = Listing("v1/models", {"limit": _PAGE}, "after_id", _after_last)
_GEMINI: Final = Listing("v1beta/models", {"pageSize": _PAGE}, "pageToken", _token("nextPageToken"), prefix="models/")
_COHERE: Final = Listing("v1/models", {"page_size": _PAGE}, "page_token", _token("next_page_token"))
_LISTINGS: Final = {
    "openai-chat": _OPENAI,
    "openai-responses": _OPENAI,
    "anthropic-messages": _ANTHROPIC,
    "gemini-generate": _GEMINI,
    "gemini-interactions": _GEMINI,
    "cohere-chat": _COHERE,
    "ollama-chat": Listing("api/tags"),
}


class Page(NamedTuple):
    """One page of a list: the models on it, and what to ask for the next; empty at the end."""

    cards: tuple[ModelCard, ...]
    following: str


def encode_listing(provider: Provider, cursor: str = "") -> HttpRequest:
    """
    Write the request for a page.

    Raises:
        ConfigError: The provider has no list that is known.
    """
    listing = _listing(provider)
    params = dict(listing.params) | ({listing.cursor: cursor} if cursor else {})
    return asking(provider, listing.path, method="GET", params=params)


def decode_listing(raw: RawResponse, provider: Provider) -> Page:
    """
    Read a page.

    Raises:
        StatusError: The provider said no.
        WireError: Not the protocol.
    """
    listing = _listing(provider)
    answer = decode_json(check_status(raw, provider).body, Any, "the list of models")
    fields = object_of(answer)
    if not is_array(answer) and not fields.keys() & {"data", "models"}:
        raise not_protocol(raw.body, "the answer is no list of models")
    entries = list_of(answer) or list_of(fields.get("data")) or list_of(fields.get("models"))
    cards = [_card(object_of(entry), provider.name, listing.prefix) for entry in entries]
    return Page(tuple(card for card in cards if card.id), listing.following(fields) if listing.following else "")


def _listing(provider: Provider) -> Listing:
    listing = _LISTINGS.get(provider.wire)
    if listing is None:
        raise ConfigError(
            f"it has no list of models that is known (wire {provider.wire})", provider=provider.name, field="provider"
        )
    return listing


# --- an entry ---------------------------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    return text_of(value) or None


def _size(value: Any) -> int | None:
    number = whole(value)
    return number if number else None


def _moment(value: Any) -> datetime | None:
    """Seconds since 1970, or ISO 8601.  Zero is what a server says that does not know."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = whole(value)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _day(value: Any) -> date | None:
    moment = _moment(value)
    return moment.date() if moment else None


_FIELDS: Final[Mapping[str, tuple[Callable[[Any], Any], tuple[str, ...]]]] = {
    "name": (_text, ("display_name", "displayName", "name")),
    "created": (_moment, ("created", "created_at", "modified_at")),
    "owned_by": (_text, ("owned_by", "organization", "publisher")),
    "context": (
        _size,
        (
            "context_length",
            "context_window",
            "max_context_length",
            "max_model_len",
            "max_input_tokens",
            "inputTokenLimit",
        ),
    ),
    "max_output": (
        _size,
        ("max_output_tokens", "max_completion_tokens", "outputTokenLimit", "max_tokens"),
    ),
    "retires": (_day, ("shutdown_date", "retires_at", "deprecation", "expiration_date")),
}


def _card(entry: Json, provider: str, prefix: str) -> ModelCard:
    name = text_of(entry.get("id")) or text_of(entry.get("name")) or text_of(entry.get("model"))
    # OpenRouter and Anthropic say some things one level down.
    holders = (entry, object_of(entry.get("top_provider")), object_of(entry.get("lifecycle")))
    found = {field: _first(holders, *how) for field, how in _FIELDS.items()}
    return ModelCard(id=name.removeprefix(prefix), provider=provider, raw=entry, **found)


def _first(holders: tuple[Json, ...], read: Callable[[Any], Any], names: tuple[str, ...]) -> Any:
    values = (read(holder.get(name)) for name in names for holder in holders)
    return next((value for value in values if value is not None), None)
