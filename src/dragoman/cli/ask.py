"""`dragoman ask`: one question, one answer."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import click
import msgspec

from dragoman import ChatRequest, Client
from dragoman.cli import exits
from dragoman.cli.answer import Manner, answer
from dragoman.cli.app import CONTEXT
from dragoman.cli.asking.printing import special
from dragoman.cli.asking.wanted import ROUTE, Wanted, plan_of, wanting
from dragoman.cli.choose import choose
from dragoman.cli.continued import continued
from dragoman.cli.detect import look
from dragoman.cli.output import talk, terminal, write
from dragoman.cli.question import Sources, read_question
from dragoman.cli.session import announce
from dragoman.cli.setup import load
from dragoman.cli.words import t
from dragoman.observe.logswitch import kept
from dragoman.types.http import HttpRequest
from dragoman.types.requests import SETTING_NAMES


@click.command("ask", context_settings=CONTEXT)
@click.argument("prompt", nargs=-1)
@click.option("-m", "--model", metavar="PROVIDER/MODEL", help="Model to ask; without it the first that is there.")
@click.option("-s", "--system", metavar="TEXT", help="Instructions for the model.")
@click.option("-a", "--attach", multiple=True, metavar="FILE|URL|-", help="Picture, sound, PDF or text to go with it.")
@click.option("-f", "--fragment", multiple=True, metavar="FILE|FOLDER|-", help="Text to put before the prompt.")
@click.option("-o", "--option", multiple=True, metavar="NAME=VALUE", help="Setting, such as temperature=0.2.")
@click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last conversation of the command line.")
@click.option("--cid", metavar="NAME", help="Go on with this conversation, or begin it; dragoman conv has them all.")
@click.option("-u", "--usage", is_flag=True, help="Show tokens, time and cost.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as one JSON object.")
@click.option("--raw", is_flag=True, help="Print the text exactly as it came: no tag, no line feed added.")
@click.option("--no-stream", is_flag=True, help="Ask for the answer in one piece.")
@click.option("--dry-run", is_flag=True, help="Print the HTTP request, its key masked, and send nothing.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Longest time for the whole call.")
@click.option("-n", "--no-log", is_flag=True, help="Do not keep this call, though dragoman logs is on.")
@click.option("--why", is_flag=True, help="Say how the model was chosen.")
@wanting
@click.pass_context
def COMMAND(
    ctx: click.Context,
    prompt: tuple[str, ...],
    model: str | None,
    system: str | None,
    attach: tuple[str, ...],
    fragment: tuple[str, ...],
    option: tuple[str, ...],
    goes_on: bool,
    cid: str | None,
    usage: bool,
    as_json: bool,
    raw: bool,
    no_stream: bool,
    dry_run: bool,
    timeout: float | None,
    why: bool,
    no_log: bool,
    wanted: Wanted,
) -> int:
    """
    Ask a model.  Text on standard input is added to PROMPT; PROMPT may be - for standard input alone.

    Without -m the model is the first of: DRAGOMAN_MODEL, `model` in dragoman.toml here, in
    ~/.config/dragoman/config.toml, a provider whose key is in the environment or in .env, a server that runs on this
    machine, and on a terminal the simulator.
    """
    if goes_on and cid:
        raise click.UsageError(t("usage.two", one="-c", other="--cid"), ctx)
    in_talk = goes_on or bool(cid)
    wanted.check(as_json=as_json, raw=raw, in_talk=in_talk)
    screen = terminal(os.environ)
    setup = load(os.environ, Path())
    plan = plan_of(wanted, setup)
    settings = plan.settings(option, timeout)
    messages = read_question(
        Sources(prompt=" ".join(prompt), system=system, fragments=fragment, attachments=attach, piped=not screen.stdin)
    )
    messages = plan.messages(messages)
    if not messages:
        raise click.UsageError(t("ask.nothing"), ctx)
    choice = choose(plan.model(model), setup, screen, lambda: look(setup.providers, setup.environ))
    announce(choice, setup, screen, why=why)
    chosen = {name: value for name in SETTING_NAMES if (value := getattr(settings, name)) is not None}
    said = next((message.text for message in messages if message.role == "system"), None)
    output = plan.output()
    if output is not None:
        chosen["output"] = output
    made = plan.client(choice, setup)
    asked_model = ROUTE if "routes" in made and not in_talk else choice.model
    request = ChatRequest(asked_model, tuple(messages), stream=not no_stream, **chosen)
    with (
        kept(os.environ, wanted=not no_log, key=setup.key_of) as log,
        Client(**made, observe=log) as client,
    ):
        if dry_run:
            _show(client.prepare_request(request))
            return exits.OK
        row = setup.providers.get(choice.model.partition("/")[0])
        local = row is not None and row.quirks.key_optional
        manner = Manner(terminal=screen, as_json=as_json, raw=raw, usage=usage, simulated=choice.simulated, free=local)
        kept_in = continued(client, choice.model, name=cid, system=said, settings=settings)
        with kept_in if in_talk else nullcontext(client) as asked:
            code = (special(plan) or answer)(asked, request, manner)
    if choice.how == "simulated":
        talk(t("ask.real_models"))
    return code


def _show(request: HttpRequest) -> None:
    """Print a request as HTTP writes it, its body indented."""
    heads = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
    body = msgspec.json.format(request.body, indent=2).decode() if request.body else ""
    write(f"{request.method} {request.url}\n{heads}\n{body}\n")
    for notice in request.notices:
        if notice.adapted:
            talk(f"· {notice}")
