"""Mail to a brief."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from dragoman.kits.composing.asking import Asker, facts_of, told
from dragoman.kits.composing.checks import check_text
from dragoman.kits.composing.values import MailResult, TextFormat, Wanted, brief_of, points_of
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.types.requests import Settings

if TYPE_CHECKING:
    from dragoman.policy.route.plans import Plan

_SUBJECT: Final = re.compile(
    r"\A\s*(?:\*\*)?(?:subject|betreff|objet|asunto|oggetto|assunto|主题|主旨|件名|제목)"
    r"(?:\*\*)?\s*[:：](?:\*\*)?[ \t]*(?P<subject>[^\n]*?)(?:\*\*)?[ \t]*(?:\n|\Z)",
    re.IGNORECASE,
)
_LONGEST: Final = 120  # characters of a subject; mail programs show fewer


class Mail(NamedTuple):
    """A mail, as it was read."""

    subject: str
    body: str


async def mail(
    brief: str,
    *,
    model: str | Plan,
    audience: str = "",
    tone: str = "",
    length: int | None = None,
    tolerance: float = 0.25,
    language: str = "",
    points: Sequence[str] = (),
    strict_facts: bool = False,
    format: TextFormat = "text",
    attempts: int = 3,
    prompts: str | Path | None = None,
    settings: Settings | None = None,
    client: AnyClient = None,
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
    brief = brief_of(brief)
    wanted = Wanted(
        audience=audience,
        tone=tone,
        length=length,
        tolerance=tolerance,
        language=language,
        points=points_of(points),
        strict_facts=strict_facts,
        format=format,
    )
    files = Prompts("composing", prompts)
    asked = files.fill("mail", {"brief": brief, "wanted": told(wanted)})
    written = await Asker(asker(client), model, files, attempts, settings).written(
        asked, read_mail, lambda mail, _: check_mail(mail, wanted, brief)
    )
    subject, body = written.value
    return MailResult(
        text=f"Subject: {subject}\n\n{body}",
        subject=subject,
        body=body,
        findings=written.findings,
        **facts_of(written.answers, model),
    )


def read_mail(text: str) -> Mail:
    """
    Part a mail into subject and body.

    >>> read_mail("Subject: Hello\\n\\nDear Ann")
    Mail(subject='Hello', body='Dear Ann')
    """
    found = _SUBJECT.match(text)
    return Mail(found["subject"].strip(), text[found.end() :].strip()) if found else Mail("", text.strip())


def check_mail(mail: Mail, wanted: Wanted, brief: str) -> list[Finding]:
    """What is wrong with a mail."""
    findings = check_text(mail.body, wanted, [brief])
    if not mail.subject:
        findings.append(Finding(check="subject", message="there is no line `Subject: ...` at its beginning"))
    elif len(mail.subject) > _LONGEST:
        findings.append(
            Finding(check="subject", message="the subject is too long", expected=str(_LONGEST), found=mail.subject)
        )
    short = Wanted(strict_facts=wanted.strict_facts)
    found = check_text(mail.subject, short, [brief]) if mail.subject else []
    return [
        *findings,
        *(Finding(check=one.check, message=one.message, where="subject", found=one.found) for one in found),
    ]
