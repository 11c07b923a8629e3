"""`dragoman conv erase`, `keep`, `prune` and `rotate`: how long conversations stay, and who can read them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.place import RUNTIME, Place, placed
from dragoman.cli.logs_list import seconds
from dragoman.cli.output import print_json, talk, terminal
from dragoman.cli.words import t
from dragoman.conversation.model import Listed, Ref
from dragoman.conversation.sealed import SealedStore
from dragoman.conversation.store import Store
from dragoman.errors import ConfigError
from dragoman.runtime import drive


def _how_long(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    return 0.0 if value == "forever" else seconds(ctx, param, value)


@click.command("erase", context_settings=CONTEXT)
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of the tenant, or with --owner all of one owner.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--json", "as_json", is_flag=True, help="The receipt as JSON.")
@placed
def ERASE(place: Place, names: tuple[str, ...], everything: bool, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Delete conversations with all their branches, so that nothing of them is left in the store."""
    if everything == bool(names):
        raise ConfigError("say what to erase: names, or --all (with --owner, all of that owner)", field="names")
    with place.opened() as store:
        doomed = list(place.each(store)) if everything else [_listed(place, store, name) for name in names]
        if dry_run or not (yes or _sure(doomed)):
            talk(t("conv.would_erase", count=len(doomed), names=", ".join(one.name for one in doomed[:10])))
            return exits.OK
        receipts = [(one, drive(store.erase(RUNTIME, _ref(one)))) for one in doomed]
    if as_json:
        told = [{"name": one.name, "owner": one.user, "nodes": r.nodes, "turns": r.turns} for one, r in receipts]
        print_json({"erased": told, "at": time.time()})
    else:
        turns = sum(receipt.turns for _, receipt in receipts)
        talk(t("conv.erased", count=len(receipts), turns=turns))
    return exits.OK


@click.command("keep", context_settings=CONTEXT)
@click.argument("name")
@click.argument("age", callback=_how_long)
@placed
def KEEP(place: Place, name: str, age: float) -> int:
    """Keep the conversation NAME so long after its last change: 30m, 2h, 90d; or `forever`."""
    with place.opened() as store:
        if not drive(store.keep(RUNTIME, place.ref(name), age)):
            raise _none(name)
    talk(t("conv.kept", name=name, days=age / 86400) if age else t("conv.kept_for_ever", name=name))
    return exits.OK


@click.command("prune", context_settings=CONTEXT)
@click.option("--older-than", callback=seconds, metavar="AGE", help="Erase those that did not change for so long, too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@placed
def PRUNE(place: Place, older_than: float | None, dry_run: bool) -> int:
    """Delete conversations whose time is over, and what broken streams left behind."""
    before = 0.0 if older_than is None else time.time() - older_than
    with place.opened() as store:
        old = [one for one in place.each(store) if one.changed < before]
        if dry_run:
            talk(t("conv.would_erase", count=len(old), names=", ".join(one.name for one in old[:10])))
            return exits.OK
        for one in old:
            drive(store.erase(RUNTIME, _ref(one)))
        expired = 0
        while (swept := drive(store.sweep(RUNTIME))).conversations:
            expired += swept.conversations
    talk(t("conv.pruned", expired=expired, old=len(old)))
    return exits.OK


@click.command("rotate", context_settings=CONTEXT)
@placed
def ROTATE(place: Place) -> int:
    """Seal the keys of encrypted conversations with the first --encryption key; give the older ones behind it."""
    with place.opened() as store:
        if not isinstance(store, SealedStore):
            raise ConfigError("give the new key and the old one: --encryption NEW --encryption OLD", field="encryption")
        changed = sum(drive(store.rotate(RUNTIME, _ref(one))) for one in place.each(store))
    talk(t("conv.sealed", count=changed))
    return exits.OK


def _sure(doomed: Sequence[Listed]) -> bool:
    if not terminal({}).stdin:
        raise ConfigError("nobody is there to ask: add --yes", field="yes")
    return click.confirm(f"Erase {len(doomed)} conversations for good?", err=True)


def _listed(place: Place, store: Store, name: str) -> Listed:
    found = next((one for one in place.each(store) if one.name == name), None)
    if found is None:
        raise _none(name)
    return found


def _ref(listed: Listed) -> Ref:
    return Ref(listed.tenant, listed.name, user=listed.user)


def _none(name: str) -> ConfigError:
    return ConfigError(
        f"there is no conversation {name!r}: dragoman conv list shows those that there are", field="name"
    )
