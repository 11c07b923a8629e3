"""
The options of `dragoman ask` beyond the question: read, checked, and made into what a client takes.

Rule: what an option says wins over what the template says, and that over the configuration files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
import msgspec

from dragoman import catalog
from dragoman.cli.choose import Choice
from dragoman.cli.config.reading import Defaults, defaults
from dragoman.cli.options import parse_options
from dragoman.cli.setup import Setup
from dragoman.cli.template.store import Template, find, written
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.types.messages import Message
from dragoman.types.requests import OutputFormat, Settings, typed_output

ROUTE: Final = "fallback"  # what the route of --fallback is called
F = TypeVar("F", bound=Callable[..., Any])


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the options say, as they stand.

    Attributes:
        template: Name.
        param: `name=value` for its places.
        schema: What the answer is to be.
        schema_multi: The same for a list.
        block: Whether only the first code block is printed.
        last_block: Whether only the last one is.
        jsonl: Whether events are printed, one JSON object on each line.
        max_cost: US dollars.
        fallback: Models, between commas.
        retries: How often a failed request is sent again.
        proxy: Address.
        ca: File with certificates.
    """

    template: str | None
    param: tuple[str, ...]
    schema: str | None
    schema_multi: str | None
    block: bool
    last_block: bool
    jsonl: bool
    max_cost: float | None
    fallback: str | None
    retries: int | None
    proxy: str | None
    ca: str | None

    def check(self, *, as_json: bool, raw: bool, in_talk: bool) -> None:
        """
        Refuse what cannot be together.

        Raises:
            click.UsageError: Two of them ask for different things on standard output, or for what a turn of a
                conversation cannot be.
        """
        if in_talk and self.fallback:
            raise click.UsageError(t("ask.fallback_in_conversation"))
        if in_talk and (self.schema is not None or self.schema_multi is not None):
            raise click.UsageError(t("ask.schema_in_conversation"))
        given = {
            "--json": as_json,
            "--jsonl": self.jsonl,
            "--raw": raw,
            "-x": self.block,
            "--xl": self.last_block,
        }
        forms = [name for name, on in given.items() if on]
        if len(forms) > 1:
            raise click.UsageError(t("usage.two", one=forms[0], other=forms[1]))
        schemas = [
            name for name, on in (("--schema", self.schema), ("--schema-multi", self.schema_multi)) if on is not None
        ]
        if len(schemas) > 1:
            raise click.UsageError(t("usage.two", one=schemas[0], other=schemas[1]))
        if schemas and forms and forms[0] != "--json":
            raise click.UsageError(t("usage.prints_json", one=schemas[0], other=forms[0]))


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the options come to.

    Attributes:
        wanted: The options.
        template: The template that was named.
        defaults: What the configuration files say.
        schema: Type or JSON Schema of the answer, or None for text.
        many: Whether it is that of a list of `--schema-multi`.
    """

    wanted: Wanted
    template: Template | None
    defaults: Defaults
    schema: Any
    many: bool

    def model(self, asked: str | None) -> str | None:
        """The model that is asked for, by `-m` or by the template."""
        return asked or (self.template.model if self.template else None)

    def messages(self, messages: Sequence[Message]) -> list[Message]:
        """The question, through the template."""
        if self.template is None:
            return list(messages)
        from dragoman.cli.template.filling import parse_params, templated  # who names no template need not load this

        return templated(messages, self.template, parse_params(self.wanted.param))

    def settings(self, pairs: Iterable[str], timeout: float | None) -> Settings:
        """Settings of the files, the template and `-o`, each over the one before."""
        own = self.template.options if self.template else {}
        of_template = parse_options([f"{name}={value}" for name, value in written(own).items()], None)
        return self.defaults.settings.override(of_template).override(parse_options(pairs, timeout))

    def output(self) -> OutputFormat | None:
        """The form of the answer."""
        return None if self.schema is None else typed_output(self.schema, "schema")

    def client(self, choice: Choice, setup: Setup) -> dict[str, Any]:
        """
        Arguments for the client.

        Raises:
            ConfigError: A model of --fallback leads to no provider, or a value cannot work.
        """
        made: dict[str, Any] = {"providers": dict(choice.providers)}
        for name, make in _ARGUMENTS.items():
            value = make(self)
            if value is not None:
                made[name] = value
        others = [self.defaults.aliases.get(name, name) for name in self._fallback()]
        if others:
            made |= _with_fallback(choice, others, setup)
        return made

    def _fallback(self) -> Sequence[str]:
        if self.wanted.fallback is None:
            return self.defaults.fallback
        return [name.strip() for name in self.wanted.fallback.split(",") if name.strip()]


def plan_of(wanted: Wanted, setup: Setup) -> Plan:
    """
    Read the template, the schema and the files.

    Raises:
        ConfigError: One of them is wrong.
    """
    template = find(wanted.template, setup.environ) if wanted.template else None
    if wanted.param and template is None:
        raise ConfigError("-p fills a place of a template: name one with -t", field="param")
    many = wanted.schema_multi is not None
    given = wanted.schema_multi if many else wanted.schema
    if given is None and template is not None:
        given = template.schema
    return Plan(
        wanted=wanted,
        template=template,
        defaults=defaults([setup.project, setup.user]),
        schema=None if given is None else _schema(given, many=many),
        many=many,
    )


def _schema(given: str, *, many: bool) -> Any:
    from dragoman.cli.schema.source import read_schema, several  # who asks for text need not load this

    schema = read_schema(given)
    return several(schema) if many else schema


def _with_fallback(choice: Choice, others: Sequence[str], setup: Setup) -> dict[str, Any]:
    """A route, by whose name the models are asked one after another."""
    from dragoman.policy.route.plans import Fallback  # who names no other model need not load this

    providers, refs = dict(choice.providers), [choice.model]
    for ref in others:
        known = setup.knowing(ref)
        provider, name = catalog.parse_model(ref, known.providers)
        providers = known.overrides(provider) | providers
        refs.append(f"{provider}/{name}")
    refs = list(dict.fromkeys(refs))
    return {"providers": providers, "routes": {ROUTE: Fallback(*refs)}} if len(refs) > 1 else {}


def _budget(plan: Plan) -> Any:
    most = plan.wanted.max_cost if plan.wanted.max_cost is not None else plan.defaults.max_cost
    if most is None:
        return None
    from dragoman.policy.budget.budget import Budget

    return Budget(most)


def _retry(plan: Plan) -> Any:
    if plan.wanted.retries is None:
        return None
    from dragoman.policy.retry import Retry

    return Retry(attempts=plan.wanted.retries + 1)


def _tls(plan: Plan) -> Any:
    if plan.wanted.ca is None:
        return None
    from dragoman.transport.tls_value import TLS

    return TLS(ca=Path(plan.wanted.ca))


_ARGUMENTS: Final[Mapping[str, Callable[[Plan], Any]]] = {
    "budget": _budget,
    "retry": _retry,
    "tls": _tls,
    "proxy": lambda plan: plan.wanted.proxy,
}


def wanting(command: F) -> F:
    """Give a command these options, as `wanted`."""

    def called(*args: Any, **options: Any) -> Any:
        values = {name: options.pop(name) for name in Wanted.__struct_fields__}
        return command(*args, wanted=Wanted(**values), **options)

    called.__doc__, called.__name__ = command.__doc__, command.__name__
    made: Any = called
    # Options that the command itself has already taken come first in the help.
    made.__click_params__ = list(getattr(command, "__click_params__", []))
    for option in reversed(_OPTIONS):
        made = option(made)
    return cast("F", made)


_OPTIONS: Final = (
    click.option("-t", "--template", metavar="NAME", help="Template to put the question into (dragoman template)."),
    click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="Value for a place of the template."),
    click.option("--schema", metavar="SCHEMA", help="Print JSON of this form: 'vendor, total float', or a file."),
    click.option("--schema-multi", metavar="SCHEMA", help="Print a list of such values."),
    click.option("-x", "--extract", "block", is_flag=True, help="Print only the first code block."),
    click.option("--xl", "--extract-last", "last_block", is_flag=True, help="Print only the last code block."),
    click.option("--jsonl", is_flag=True, help="Print events as they come, one JSON object on each line."),
    click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD", help="Most that it may cost."),
    click.option("--fallback", metavar="MODEL,...", help="Models to ask next, if the first does not answer."),
    click.option("--retries", type=click.IntRange(0, 20), metavar="N", help="How often a failed request is repeated."),
    click.option("--proxy", metavar="URL", help="Proxy for every request; '' for none."),
    click.option("--ca", metavar="FILE", help="Certificates to trust, in PEM."),
)
