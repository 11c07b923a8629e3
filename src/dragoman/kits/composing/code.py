"""Code to a task, as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dragoman.errors import ConfigError
from dragoman.kits.composing.asking import Asker, facts_of
from dragoman.kits.composing.files import diff_of, files_of, folder_of, present, tidy, unsafe, write_files
from dragoman.kits.composing.syntax import check_syntax
from dragoman.kits.composing.values import CodeResult, brief_of
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.types.requests import Settings

if TYPE_CHECKING:
    from dragoman.policy.route.plans import Plan


class _Read(NamedTuple):
    files: dict[str, str]
    findings: list[Finding]


async def code(
    task: str,
    *,
    model: str | Plan,
    language: str = "python",
    files: Mapping[str, str] | None = None,
    write_to: str | Path | None = None,
    dry_run: bool = False,
    attempts: int = 3,
    prompts: str | Path | None = None,
    settings: Settings | None = None,
    client: AnyClient = None,
) -> CodeResult:
    """
    Write code.

    Args:
        task: What it should do.
        model: `provider/model`, or a plan.
        language: In which language.
        files: What is there already, by path: the model is shown it.
        write_to: Folder below which the files are written; nothing is ever written elsewhere, and nothing if a check
            finds an error.
        dry_run: Write nothing; `.diff` shows what would change.
        attempts: How often the model may write it, until the checks pass it.
        prompts: Folder of edited prompts.
        settings: For each request.
        client: Who asks.

    Returns:
        The files; what is wrong with them is in `.findings`.

    Raises:
        ConfigError: An argument that cannot be, or a file that cannot be written; `.field` names it.
        TruncatedError: The answer was cut by the output limit.
        DragomanError: As `Client.chat`.
    """
    task, before = brief_of(task, "task"), _given(files or {})
    root = None if write_to is None else folder_of(write_to)
    own = Prompts("composing", prompts)
    asked = own.fill("code", {"task": task, "language": brief_of(language, "language"), "files": _shown(before)})
    written = await Asker(asker(client), model, own, attempts, settings).written(
        asked, lambda text: _Read(*files_of(text)), lambda read, _: [*read.findings, *check_syntax(read.files)]
    )
    made, wrong = written.value.files, any(finding.severity == "error" for finding in written.findings)
    there = {**before, **(present(root, made) if root is not None else {})}
    done = write_files(made, root) if root is not None and not dry_run and not wrong else ()
    return CodeResult(
        text=written.answers[-1].text,
        files=made,
        diff=diff_of(made, there),
        written=done,
        findings=written.findings,
        **facts_of(written.answers, model),
    )


def _given(files: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(files, Mapping):
        raise ConfigError(f"files is {type(files).__name__}: give contents by path", field="files")
    for path, text in files.items():
        if not isinstance(path, str) or not isinstance(text, str):
            raise ConfigError("files has something that is no text: give contents by path", field="files")
        if why := unsafe(path):
            raise ConfigError(f"files has the path {path!r}, which {why}", field="files")
    return {tidy(path): text for path, text in files.items()}


def _shown(files: Mapping[str, str]) -> str:
    if not files:
        return ""
    return "These files are there:\n\n" + "\n\n".join(_fenced(path, text) for path, text in files.items())


def _fenced(path: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence} path={path}\n{text.rstrip()}\n{fence}"
