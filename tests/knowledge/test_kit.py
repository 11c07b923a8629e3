"""The kit's own cases, and what judges them."""

from __future__ import annotations

import json
from typing import Any

from dragoman import Client
from dragoman.kits.evaluate import Case, cases_of, evaluate, kit_of
from dragoman.kits.faces import blocking
from dragoman.testing import Server, calls, says


def test_a_model_is_scored(server: Server):
    """A model that quotes the first passage passes where that is right, and fails where nothing should be found."""
    cases = [case for case in cases_of("knowledge") if case.name in ("fact", "section below")]
    given = {"documents": {"a.md": "Parcels leave on Friday."}, "question": "Do parcels leave on Sunday?"}
    cases.append(Case(name="not there", given=given, expect={"found": False, "never": ["Friday"], "cites": "b.md"}))
    server.default = calls(_quoting)
    row: dict[str, Any] = {"base_url": server.base_url("openai-chat"), "api_key": "any"}
    with Client(providers={"fake": row}) as client:
        score = blocking(evaluate)("knowledge", "fake/m", client=client, cases=cases)

    passed = {one.name: one.passed for one in score.cases}
    assert {"fact": True, "section below": True, "not there": False} == passed
    assert ["found", "cites", "never"] == [finding.check for finding in score.cases[2].findings]
    assert 13 == len(cases_of("knowledge"))
    assert kit_of("knowledge").SUMMARY


def _quoting(request: Any) -> Any:
    """Copy the last line of the first passage."""
    user = request.messages[1].text
    quote = user.partition(">>>")[2].partition("<<<end")[0].strip().splitlines()[-1]
    citations = [{"number": 1, "passage": 1, "quote": quote}]
    return says(json.dumps({"found": True, "answer": f"{quote} [1]", "citations": citations}, ensure_ascii=False))
