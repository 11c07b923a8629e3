"""`dragoman kit list`, `show` and `eject`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, print_table, talk, write
from dragoman.cli.whole import write_file
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.kits.evaluate import cases_of, kit_names, kit_of
from dragoman.kits.prompts import Prompts


def prompts_of(kit: str, environ: Mapping[str, str]) -> Path | None:
    """The folder of the prompts that a user has edited, if there is one."""
    folder = _folder(kit, environ)
    return folder if folder.is_dir() else None


@click.command("list", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def LIST(as_json: bool) -> int:
    """Show the kits."""
    told: list[dict[str, Any]] = [
        {
            "name": name,
            "summary": kit_of(name).SUMMARY,
            "prompts": Prompts(name).names,
            "cases": len(cases_of(name)),
            "edited": str(prompts_of(name, os.environ) or ""),
        }
        for name in kit_names()
    ]
    if as_json:
        print_json(told)
    else:
        rows = [
            (str(row["name"]), str(row["cases"]), "edited" if row["edited"] else "", str(row["summary"]))
            for row in told
        ]
        print_table(rows, ("kit", "cases", "", "what it does"))
    return exits.OK


@click.command("show", context_settings=CONTEXT)
@click.argument("kit")
def SHOW(kit: str) -> int:
    """Print the prompts of KIT as they are used."""
    kit_of(kit)
    prompts = Prompts(kit, prompts_of(kit, os.environ))
    for name in prompts.names:
        write(f"--- {name} ---\n{prompts.text(name).strip()}\n\n")
    return exits.OK


@click.command("eject", context_settings=CONTEXT)
@click.argument("kit")
@click.option("--to", "target", type=click.Path(file_okay=False, path_type=Path), help="Another folder than the usual.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def EJECT(kit: str, target: Path | None, force: bool) -> int:
    """Copy the prompts of KIT to where you can edit them; the command line uses them from then on."""
    kit_of(kit)
    folder, prompts = target or _folder(kit, os.environ), Prompts(kit)
    there = [name for name in prompts.names if (folder / f"{name}.md").exists()]
    if there and not force:
        raise ConfigError(f"{folder} has {', '.join(there)} already: add --force to replace them", field="to")
    for name in prompts.names:
        write_file(folder / f"{name}.md", prompts.text(name), "to")
    talk(t("kit.ejected", count=len(prompts.names), folder=folder))
    if target is not None:
        talk(t("kit.with_prompts"))
    return exits.OK


def _folder(kit: str, environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or ""
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return home / "dragoman" / "kits" / kit
