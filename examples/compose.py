"""
Mail, a report and code to a brief, each checked.

It runs against a scripted provider, so that it needs no key; give a real `model` to have something written.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from dragoman import Client, kits
from dragoman.testing import Server, says

server = Server(
    says("Sure! Here is your mail:\n\nSubject: Moved\n\nDear [Name], ..."),  # refused
    says("Subject: Meeting moved\n\nDear all,\n\nthe meeting is on Thursday at 14:00.\n\nBest, Kim"),
    says("Tools are dear, and most are used once a year."),
    says("A shelf, a list and two volunteers."),
    says("```python path=hello.py\nprint('hello'\n```"),  # refused
    says("```python path=hello.py\nprint('hello')\n```"),
).start()

with Client(providers={"fake": {"base_url": server.base_url("openai-chat"), "api_key": "any"}}) as client:
    mail = kits.mail("The meeting moves to Thursday 14:00.", model="fake/model", strict_facts=True, client=client)
    print(mail.subject, "|", mail.ok, "|", mail.requests, "requests")

    report = kits.report(
        "Why a library should lend tools.", model="fake/model", outline=["Need", "Cost"], client=client
    )
    print(report.text)

    folder = Path(tempfile.mkdtemp())
    code = kits.code("Print hello.", model="fake/model", write_to=folder, client=client)
    print(code.diff)
    print(code.written, (folder / "hello.py").read_text(encoding="utf-8"))
server.stop()
