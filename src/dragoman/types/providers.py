"""
A provider is a row of data.

Adding one is writing a row: name, address, key variable, wire, and where it differs from its wire's own vendor, the
quirks.  No code branches on a provider's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from dragoman.errors import ConfigError

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "aws-sigv4", "google", "none"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*\Z")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """
    Put values in the place of `{names}`; those without a value stay.

    >>> fill("https://{region}.example/{model}", {"region": "eu"})
    'https://eu.example/{model}'
    """
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def placeholders(text: str) -> list[str]:
    """The `{names}` in an address."""
    return _PLACEHOLDER.findall(text)


class Quirks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Where a provider differs from the dialect it speaks.  Each field is a fact, with the vendor's own behaviour as
    default.

    Attributes:
        max_tokens_field: Name of the output cap in the body.
        stream_usage: Ask for usage in the stream with `stream_options.include_usage`.
        omits_finish: Complete answers may come without finish reason and end marker, so a clean end is the end.
        reasoning_field: Field in which earlier reasoning is sent back (`reasoning_content`, `reasoning`), or None for
            providers that do not take it.
        api_version: Value of the dialect's version header or parameter.
        path: Path below the base URL, where it is not the dialect's own; `{model}` is replaced, and `{method}` where
            the dialect says in the path what is asked (`generateContent`).
        query: Query string added to every address.
        system_role: Role under which instructions are sent.
        key_optional: Works without a key (a server on one's own machine).
        no_sampling_with_effort: Its reasoning models take sampling parameters only with effort `none`.
        turns: Order of turns: `any`; `alternate` (instructions at the head only, then user and model by turns, the user
            first and last); `answered` (results of tools are followed by an answer before the user speaks again, later
            instructions stand right before a turn of the user, and an answer at the end is one to go on with).
        call_ids: Ids of tool calls that it takes: `any`, `short` (40 characters at most) or `nine` (nine letters and
            digits).
        variant: Whose form messages have: OpenAI's, or that of Mistral, which refuses what it does not know.
        reasoning_required: A turn that calls tools must bear `reasoning_field`.
        embed_limit: Most texts that one request for vectors may hold, where that is not the dialect's own number.
        embed_base64: Gives vectors as base64 where it is asked to, which is smaller and quicker to read.
        schemas: What its JSON Schemas for answers can say, where that is not what its dialect's vendor takes: `grammar`
            (servers that turn them into grammars), `tool` (only those of tools), `object` (it holds a model to JSON,
            not to a schema) or `words` (it does neither).
    """

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    stream_usage: bool = True
    omits_finish: bool = False
    reasoning_field: str | None = None
    api_version: str | None = None
    path: str | None = None
    query: str | None = None
    system_role: Literal["system", "developer"] | None = None
    key_optional: bool = False
    no_sampling_with_effort: bool = False
    turns: Literal["any", "alternate", "answered"] = "any"
    call_ids: Literal["any", "short", "nine"] = "any"
    variant: Literal["openai", "mistral"] = "openai"
    reasoning_required: bool = False
    embed_limit: int | None = None
    embed_base64: bool = False
    schemas: Literal["openai", "mistral", "grammar", "tool", "object", "words"] | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Who answers, and how to reach them.

    Attributes:
        name: Lower-case name, the left side of `provider/model`.
        base_url: In the form that the official SDKs use: OpenAI's ends in `/v1`, Anthropic's is the bare host.
            A server on a unix socket is `http+unix://%2Frun%2Fllm.sock/v1`.
        wire: Name of the dialect: `openai-chat`, `anthropic-messages`...
        also: Other dialects that the same base URL speaks, for models that need them.
        embeddings: Name of the dialect in which vectors are asked for; None for the one that goes with `wire`.
        batches: Whose batch API it has, at half the price; None for none.
        batch_options: What its batch API has to be told besides (`max_rows`; Bedrock's `role_arn` and `s3_uri`).
        key_env: Environment variable of the key; several are tried in order.
        base_url_env: Environment variables that override `base_url`, in order.
        host_env: Environment variables that name only a host (`OLLAMA_HOST`); the path of `base_url` is added to it.
        address: Values for the `{names}` in `base_url` and in the dialect's path (`region`, `project`, `location`),
            which outrank those of the environment.
        auth: How the key travels: `bearer` (Authorization), or the name of the header; `aws-sigv4` and `google` are
            bearer tokens too, where a key is given, and else what AWS's and Google's own libraries find.
        headers: Sent with every request; no credentials.
        quirks: Differences from the dialect.
        display: Name for people.
        aliases: Other names under which people look for it.
        default_model: Model that the command line takes where none is named, or None if no one model is the natural
        one.

    Raises:
        ConfigError: A name or address that cannot work; `.field` names it.
    """

    name: str
    base_url: str
    wire: str = "openai-chat"
    also: tuple[str, ...] = ()
    embeddings: Literal["openai", "mistral", "voyage", "gemini", "cohere", "ollama"] | None = None
    batches: Literal["openai", "azure", "mistral", "anthropic", "gemini", "bedrock"] | None = None
    batch_options: dict[str, str | int | bool] = {}
    key_env: str | tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    host_env: tuple[str, ...] = ()
    address: dict[str, str] = {}
    auth: Auth = "bearer"
    headers: dict[str, str] = {}
    quirks: Quirks = Quirks()
    display: str | None = None
    aliases: tuple[str, ...] = ()
    default_model: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(
                f"provider name {self.name!r}: use lower-case letters, digits, '.', '_' and '-'", field="providers"
            )
        if not self.base_url.startswith(("http://", "https://", "http+unix://", "sim://", "local://")):
            raise ConfigError(
                f"base_url of {self.name} is {self.base_url!r}: it must begin with http:// or https://",
                provider=self.name,
                field="base_url",
            )

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables in which a key is looked for."""
        return (self.key_env,) if isinstance(self.key_env, str) else self.key_env

    def url(self, path: str, model: str = "", *, method: str = "", query: str = "") -> str:
        """
        Address of `path` (or of the quirk that replaces it) below the base URL.

        Args:
            path: Below the base URL; `{model}`, `{method}` and the names of `address` are replaced.
            model: Name of the model, quoted where it needs to be.
            method: What is asked of the model, for dialects that say it in the path.
            query: Query of the dialect; the provider's own is added.

        Raises:
            ConfigError: The path needs a value that `address` does not have.
        """
        template = self.quirks.path or path
        chosen = self._filled(template, model, method) if "{" in template else template
        address = f"{self.base_url.rstrip('/')}/{chosen.lstrip('/')}"
        if not (query or self.quirks.query):
            return address
        return f"{address}?{'&'.join(part for part in (query, self.quirks.query) if part)}"

    def _filled(self, template: str, model: str, method: str) -> str:
        values = {**self.address, "model": model, "method": method}
        for name in placeholders(template):
            if name not in values:
                raise ConfigError(
                    f"the address of {self.name} needs its {name}: pass address={{{name!r}: ...}}",
                    provider=self.name,
                    field=f"address.{name}",
                )
        return fill(template, values)
