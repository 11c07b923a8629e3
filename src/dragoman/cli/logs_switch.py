"""`dragoman logs on`, `off` and `path`: whether calls are kept, and where."""

from __future__ import annotations

import os

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import talk, write
from dragoman.cli.words import t
from dragoman.observe.logswitch import Switch, read_switch, write_switch
from dragoman.observe.place import default_path


@click.command("on", context_settings=CONTEXT)
@click.option("--no-content", is_flag=True, help="Numbers and names only, no texts.")
@click.option("--days", type=click.FloatRange(0), help="Remove calls that are older; 0 keeps them.  [default: 90]")
@click.option("--megabytes", type=click.FloatRange(0), help="Remove the oldest beyond this.  [default: 500]")
def ON(no_content: bool, days: float | None, megabytes: float | None) -> int:
    """Keep the calls of `dragoman` from now on."""
    given = {"days": days, "megabytes": megabytes}
    switch = Switch(
        on=True, content=not no_content, **{name: value for name, value in given.items() if value is not None}
    )
    write_switch(os.environ, switch)
    what = "without their texts" if no_content else "with their texts"
    talk(t("logs.on", what=what, path=default_path(os.environ)))
    talk(t("logs.stop"))
    return exits.OK


@click.command("off", context_settings=CONTEXT)
def OFF() -> int:
    """Keep no more calls; those that are kept stay."""
    write_switch(os.environ, msgspec.structs.replace(read_switch(os.environ), on=False))
    talk(t("logs.off"))
    return exits.OK


@click.command("path", context_settings=CONTEXT)
def PATH() -> int:
    """Print where the file is, whether it is there or not."""
    write(f"{default_path(os.environ)}\n")
    talk(t("logs.is_on") if read_switch(os.environ).on else t("logs.is_off"))
    return exits.OK
