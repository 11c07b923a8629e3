"""The kits' functions to await, as type checkers see them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from dragoman.kits.composing.values import CodeResult, MailResult, ReportResult
from dragoman.kits.composing.values import TextFormat as _TextFormat
from dragoman.kits.faces import AnyClient as _AnyClient
from dragoman.kits.polishing.polish import Level as _Level
from dragoman.kits.polishing.polish import PolishResult
from dragoman.kits.rewriting.engine import Progress as _Progress
from dragoman.kits.rewriting.glossary import Glossary as _Glossary
from dragoman.kits.rewriting.values import RewriteEstimate
from dragoman.kits.translation.translate import TranslateResult
from dragoman.policy.route.plans import Plan as _Plan
from dragoman.types.requests import Settings as _Settings

async def translate(
    source: str | Path,
    *,
    to: str,
    model: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: _Glossary = None,
    style: str = "",
    parallel: int = 8,
    attempts: int = 3,
    max_cost: float | str | Decimal | None = None,
    max_ratio: float = 3.0,
    line_width: int = 42,
    reading_speed: float = 21.0,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    again: bool = False,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    progress: _Progress | None = None,
    client: _AnyClient = None,
    settings: _Settings | None = None,
) -> TranslateResult:
    """
    Translate a document; everything but words stays, byte for byte.

    With an output the run is kept in a journal beside it (`OUT.job`): after a kill the same call goes on, and after a
    change of the source only changed segments are paid.

    Args:
        source: A text, or the `Path` of a file.
        to: The language, as you would tell a translator: `German`, `zh-Hans`, `Brazilian Portuguese`.  `pseudo` asks no
            model: each letter gets an accent.
        model: `provider/model`.
        output: File to write.
        format: `markdown`, `html`, `plain`, `srt`, `json` or `po`; by default that of the file's name, and Markdown for
            a text.
        glossary: Term to translation (`a|b` for any of two, `keep` for the term itself), or a CSV file with both.
        style: For the translator: `formal, for engineers`.
        parallel: How many requests are under way at most.
        attempts: How often a segment is asked for if checks find an error; then it is kept with its findings.
        max_cost: US dollars, for all runs of the journal together.
        max_ratio: How much wider a text may be than its source.
        line_width: Columns of a line of subtitles.
        reading_speed: Characters of subtitles that are read in a second.
        skip: For JSON: patterns of keys whose strings stay.
        group_tokens: How many tokens of text a request has, about.
        job: Path of the journal.
        again: Ask again for segments that ended with an error in an earlier run.
        encoding: Of the files.
        prompts: Folder with edited prompts.
        progress: Called after each answer.
        client: Whose models are asked.
        settings: For every request.

    Raises:
        ConfigError: An argument that cannot be; nothing was sent.
        BudgetError: `max_cost` does not suffice; what is paid is kept in the journal.
        StoreError: The journal or the output cannot be written.
        DragomanError: As `Client.parse`; what is paid is kept.
    """

async def estimate_translation(
    source: str | Path,
    *,
    to: str,
    model: str,
    output: str | Path | None = None,
    format: str | None = None,
    glossary: _Glossary = None,
    style: str = "",
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    client: _AnyClient = None,
    settings: _Settings | None = None,
) -> RewriteEstimate:
    """
    Say what `translate` with the same arguments would take.  Nothing is sent.

    Raises:
        ConfigError: An argument that cannot be.
    """

async def polish(
    source: str | Path,
    *,
    model: str,
    level: _Level = "light",
    style: str = "",
    tone: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: _Glossary = None,
    parallel: int = 8,
    attempts: int = 3,
    max_cost: float | str | Decimal | None = None,
    max_ratio: float = 1.5,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    again: bool = False,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    progress: _Progress | None = None,
    client: _AnyClient = None,
    settings: _Settings | None = None,
) -> PolishResult:
    """
    Improve a text in the language in which it is written.

    Args:
        source: As for `translate`; PO files are not polished.
        model: `provider/model`.
        level: How much may be changed: `light`, `medium` or `strong`.
        style: For the editor: `plain English, short sentences`.
        tone: For the editor: `friendly`.
        output: As for `translate`; so are all that follow.
        format: See there.
        glossary: Terms that must be as they are (`keep`), or become something else.
        parallel: See there.
        attempts: See there.
        max_cost: See there.
        max_ratio: How much wider a text may become.
        skip: See there.
        group_tokens: See there.
        job: See there.
        again: See there.
        encoding: See there.
        prompts: See there.
        progress: See there.
        client: Whose models are asked.
        settings: For every request.

    Raises:
        DragomanError: As `translate`.
    """

async def estimate_polishing(
    source: str | Path,
    *,
    model: str,
    level: _Level = "light",
    style: str = "",
    tone: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: _Glossary = None,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    client: _AnyClient = None,
    settings: _Settings | None = None,
) -> RewriteEstimate:
    """
    Say what `polish` with the same arguments would take.  Nothing is sent.

    Raises:
        ConfigError: An argument that cannot be.
    """

async def mail(
    brief: str,
    *,
    model: str | _Plan,
    audience: str = "",
    tone: str = "",
    length: int | None = None,
    tolerance: float = 0.25,
    language: str = "",
    points: Sequence[str] = (),
    strict_facts: bool = False,
    format: _TextFormat = "text",
    attempts: int = 3,
    prompts: str | Path | None = None,
    settings: _Settings | None = None,
    client: _AnyClient = None,
) -> MailResult:
    """
    Write a mail.

    Args:
        brief: What it should say.
        model: `provider/model`, or a plan.
        audience: For whom.
        tone: How it speaks.
        length: Words of the mail without its subject; in Chinese and Japanese, signs.
        tolerance: How far from that it may be, as a share of it.
        language: Code, such as `de`; that of the brief by default.
        points: Words or phrases that must be in it.
        strict_facts: Whether no number and no link may be in it that is not in the brief.
        format: `text`, or `markdown`.
        attempts: How often the model may write it, until the checks pass it.
        prompts: Folder of edited prompts.
        settings: For each request.
        client: Who asks.

    Returns:
        The mail; what is still wrong with it is in `.findings`.

    Raises:
        ConfigError: An argument that cannot be; `.field` names it.
        TruncatedError: The answer was cut by the output limit.
        DragomanError: As `Client.chat`.
    """

async def report(
    brief: str,
    *,
    model: str | _Plan,
    outline: Sequence[str] | None = None,
    title: str = "",
    sources: Mapping[str, str] | Sequence[str | Path] = (),
    audience: str = "",
    tone: str = "",
    length: int | None = None,
    tolerance: float = 0.35,
    language: str = "",
    points: Sequence[str] = (),
    strict_facts: bool = False,
    numbering: bool = False,
    format: _TextFormat = "markdown",
    parallel: int = 1,
    checkpoint: str | Path | None = None,
    attempts: int = 2,
    prompts: str | Path | None = None,
    settings: _Settings | None = None,
    client: _AnyClient = None,
) -> ReportResult:
    """
    Write a report.

    Args:
        brief: What it is about.
        model: `provider/model`, or a plan.
        outline: Titles of its sections; `"Title: what it says"` is good, too.  The model plans, if it is None.
        title: Its title, with an outline of yours.
        sources: What its facts may come from: texts by name, or texts and paths of files.  They are cited as `[1]`.
        audience: For whom.
        tone: How it speaks.
        length: Words of all sections; in Chinese and Japanese, signs.
        tolerance: How far from that it may be, as a share of it.
        language: Code, such as `de`; that of the brief by default.
        points: Words or phrases that must be in it.
        strict_facts: Whether no number and no link may be in it that is not in the brief or the sources.
        numbering: Number the sections.
        format: `markdown`, or `text`: then the marks are taken out.
        parallel: Sections that are written at once.
        checkpoint: File that holds what is written so far, so that the same call goes on after a crash.
        attempts: How often a section may be written, until the checks pass it.
        prompts: Folder of edited prompts.
        settings: For each request.
        client: Who asks.

    Returns:
        The report; what is still wrong with it is in `.findings`.

    Raises:
        ConfigError: An argument that cannot be; `.field` names it.
        DragomanError: As `Client.write`; `.partial` has what was written.
    """

async def code(
    task: str,
    *,
    model: str | _Plan,
    language: str = "python",
    files: Mapping[str, str] | None = None,
    write_to: str | Path | None = None,
    dry_run: bool = False,
    attempts: int = 3,
    prompts: str | Path | None = None,
    settings: _Settings | None = None,
    client: _AnyClient = None,
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
