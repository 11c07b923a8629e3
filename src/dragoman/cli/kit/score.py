"""`dragoman kit eval`: how well a model does a kit's work."""

from __future__ import annotations

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, talk, write
from dragoman.cli.session import session
from dragoman.cli.words import t
from dragoman.kits.evaluate import Scored, evaluate, kit_of
from dragoman.kits.faces import blocking


@click.command("eval", context_settings=CONTEXT)
@click.argument("kit")
@click.option("-m", "--model", help="provider/model; as for dragoman ask if it is not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def EVAL(kit: str, model: str | None, as_json: bool) -> int:
    """Have a model do the cases of KIT, and show which pass.  Exit code 6 if one does not."""
    kit_of(kit)
    with session(model) as asked:
        told = None if as_json else _tell
        score = blocking(evaluate)(kit, asked.model, client=asked.client, progress=told)
    if as_json:
        print_json({**msgspec.to_builtins(score), "passed": score.passed})
    else:
        write(t("kit.passed", passed=score.passed, count=len(score.cases), kit=kit, model=asked.model) + "\n")
    return exits.OK if score.passed == len(score.cases) else exits.OUTPUT


def _tell(scored: Scored) -> None:
    talk(f"{'✓' if scored.passed else '✗'} {scored.name}  {scored.seconds:.1f} s  {scored.error}")
    for finding in scored.findings:
        talk(f"    {finding}")
