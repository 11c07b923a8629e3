"""`dragoman models`: lists, filters, one model in full, and one tiny call."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from dragoman.cli.columns import cut, print_columns
from dragoman.cli.facts import dollars, marks, retirement, tokens
from dragoman.cli.output import width
from dragoman.testing import Server, says, status
from dragoman.types.models import Model
from tests.cli.program import Program, provider

KEY = "sk-nobodys-key-1234567890"


def test_without_words_providers_are_listed_with_a_hint(dragoman: Program) -> None:
    """The table of providers is data; how to go on is talk."""
    result = dragoman("models")

    assert 0 == result.code
    assert result.out.startswith("provider ")
    assert 150 < len(result.out.splitlines())
    assert "dragoman models PROVIDER" in result.err


def test_the_models_of_a_provider(dragoman: Program) -> None:
    """The first word names a provider or an alias; each line is a reference that -m takes, with limits and prices."""
    result = dragoman("models", "claude")
    lines = {line.split()[0]: line for line in result.out.splitlines()}

    assert 0 == result.code
    assert ["model", "context", "output", "$", "in", "$", "out", "can"] == lines["model"].split()
    assert "anthropic/claude-opus-5-5" in lines
    assert lines["anthropic/claude-haiku-5-5"].split()[1:3] == ["1M", "128k"]
    assert all(name.startswith("anthropic/") for name in lines if name != "model")
    assert "T tools" in result.err


def test_words_search_everywhere(dragoman: Program) -> None:
    """A first word that is no provider is looked for in all names."""
    found = dragoman("models", "argon").out

    assert "gemini/gemini-4-argon " in found
    assert "openrouter/google/gemini-4-argon " in found


@pytest.mark.parametrize(
    ("options", "there", "gone"),
    [
        (("--kind", "embedding"), "text-embedding-3-small", "gpt-6-luna"),
        (("--ability", "reasoning,images"), "gpt-6-luna", "gpt-4o-mini"),
        (("--max-price", "0.5"), "gpt-6-luna", "gpt-6-astra"),
        (("--min-context", "900k"), "gpt-6-luna", "gpt-4o-mini"),
        (("--retiring", "99999"), "gpt-4o-mini", None),
        (("luna",), "gpt-6-luna", "gpt-6-sol"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters(dragoman: Program, options: tuple[str, ...], there: str, gone: str | None) -> None:
    """Each option leaves out what is not known to fit."""
    rows = json.loads(dragoman("models", "openai", *options, "--json").out)
    names = {row["model"] for row in rows}

    assert there in names
    assert gone not in names


def test_prices_and_order(dragoman: Program) -> None:
    """`--sort price` puts the cheapest first; JSON has prices as decimal texts, never as floats."""
    rows = json.loads(
        dragoman("models", "openai", "--kind", "chat", "--max-price", "5", "--sort", "price", "--json").out
    )
    dearest = [max(Decimal(row["prices"][0]["input"]), Decimal(row["prices"][0]["output"])) for row in rows]

    assert sorted(dearest) == dearest
    assert {"id", "provider", "model", "context", "prices", "days_left"} <= rows[0].keys()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(("--ability", "fly"), 2, "no ability is called 'fly': there are tools", id="ability"),
        pytest.param(("--min-context", "big"), 2, "write 200000, 200k or 1M", id="context"),
        pytest.param(("--max-price", "cheap"), 2, "is no price", id="price"),
        pytest.param(("--provider", "opnai", "gpt"), 3, "did you mean openai?", id="provider"),
        pytest.param(("show", "openai/gpt-6-lunar"), 3, "did you mean openai/gpt-6-luna", id="show"),
        pytest.param(("show", "gpt-6-luna"), 3, "openai/gpt-6-luna", id="show without a provider"),
        pytest.param(("check",), 3, "nothing to check", id="nothing to check"),
    ],
)
def test_what_is_wrong_is_said(dragoman: Program, arguments: tuple[str, ...], code: int, says: str) -> None:
    """A bad value or name ends with its stable code, and says what to write."""
    result = dragoman("models", *arguments)

    assert (code, "") == (result.code, result.out)
    assert says in result.err


def test_no_model_fits(dragoman: Program) -> None:
    """An empty list is no failure; the reason is talk, and JSON is an empty array."""
    assert ("", 0) == ((none := dragoman("models", "no-such-model")).out, none.code)
    assert "fits" in none.err
    assert "nothing is known of the models of upstage" in dragoman("models", "upstage").err
    assert "[]\n" == dragoman("models", "no-such-model", "--json").out


def test_live_asks_the_provider(dragoman: Program) -> None:
    """`--live` lists what the provider has now, completed from the catalogue; filters hold for it too."""
    with Server(models=("gpt-6-luna", "my-own-model")) as listing:
        here = provider(listing.base_url())
        rows = {row["model"]: row for row in json.loads(dragoman("models", "openai", "--live", "--json", **here).out)}
        mine = dragoman("models", "openai", "own", "--live", **here)

    assert {"gpt-6-luna", "my-own-model"} == set(rows)
    assert 922_000 == rows["gpt-6-luna"]["context"]
    assert "context" not in rows["my-own-model"]
    assert ["openai/my-own-model", "?", "?", "?", "?", "--------"] == mine.out.splitlines()[1].split()


def test_live_needs_one_provider(dragoman: Program) -> None:
    """Nobody asks a hundred providers by a slip."""
    result = dragoman("models", "argon", "--live")

    assert (2, "") == (result.code, result.out)
    assert "name it first" in result.err


def test_show_says_all(dragoman: Program) -> None:
    """Limits, abilities, effort levels, and the prices of each tier and length."""
    lines = dragoman("models", "show", "openai/gpt-6-luna").out.splitlines()
    texts = [" ".join(line.split()) for line in lines]

    assert "model openai/gpt-6-luna" in texts
    assert "context 922 000" in texts
    assert "tools in chat without reasoning" in texts
    assert any(text.startswith("efforts none, low") for text in texts)
    assert any(text.startswith("standard above 272k 0.2 0.75") for text in texts)
    assert any(text.startswith("batch 0.05 0.25") for text in texts)


def test_show_as_json(dragoman: Program) -> None:
    """The same as one object."""
    shown = json.loads(dragoman("models", "show", "google/gemini-4-argon", "--json").out)

    assert ("gemini/gemini-4-argon", 32768) == (shown["id"], shown["max_plain_output"])
    assert {"", "batch"} <= {price.get("tier", "") for price in shown["prices"]}


def test_check_asks_for_one_word(dragoman: Program, server: Server) -> None:
    """One small request to each model; the time is shown, the most it may cost is said first, the code is 0."""
    server.default = says("OK", usage=None)

    result = dragoman("models", "check", "openai/gpt-6-luna", "openai/gpt-6-sol", **provider(server.base_url()))

    assert 0 == result.code, result.err
    assert [["✓", "ok"], ["✓", "ok"]] == [line.split()[1:3] for line in result.out.splitlines()[1:]]
    assert "2 calls, at most $0.000235" in result.err  # 32 x 0.1 + 16 x 0.5, and 32 x 2 + 16 x 10, per million
    assert {16} == {request.json["max_completion_tokens"] for request in server.requests}
    assert KEY not in result.out + result.err


def test_check_says_what_is_wrong_and_what_helps(dragoman: Program, server: Server) -> None:
    """Each failure has its class and its fix; the exit code is that of the first."""
    server.default = status(401)

    result = dragoman("models", "check", "--json", "openai/m", "anthropic/m", "sim/echo", **provider(server.base_url()))
    wrong, missing, fine = json.loads(result.out)

    assert 3 == result.code
    assert ("AuthenticationError", 3) == (wrong["error"], wrong["exit_code"])
    assert ("MissingKeyError", "dragoman keys set anthropic · export ANTHROPIC_API_KEY=…") == (
        missing["error"],
        missing["fix"],
    )
    assert (True, 0) == (fine["ok"], fine["exit_code"])


def test_check_without_names_takes_what_there_is(dragoman: Program, server: Server) -> None:
    """Every provider whose key is found is asked by its default model; --dry-run asks nobody."""
    found = dragoman("models", "check", "--dry-run", GROQ_API_KEY="gsk-nobodys-key", **provider(server.base_url()))

    assert (0, ["model", "openai/gpt-5.6-luna", "groq/openai/gpt-oss-120b"]) == (found.code, found.out.splitlines())
    assert 0 == server.calls


def test_a_table_fits_the_width(dragoman: Program) -> None:
    """`COLUMNS` cuts the first column; a pipe cuts nothing."""
    narrow = dragoman("models", "openrouter", "gemini", COLUMNS="60").out.splitlines()
    whole = dragoman("models", "openrouter", "gemini").out.splitlines()

    assert all(width(line.partition("!")[0]) <= 60 for line in narrow)
    assert any("…" in line for line in narrow)
    assert not any("…" in line for line in whole)
    assert len(whole) == len(narrow)


def test_wide_letters_keep_columns_straight(capsys: pytest.CaptureFixture[str]) -> None:
    """A Chinese letter takes two columns, in filling up and in cutting."""
    print_columns([("模型一号", "1"), ("b", "20")], ("model", "n"), right=("n",))

    assert ["model      n", "模型一号   1", "b         20"] == capsys.readouterr().out.splitlines()
    assert ("模…", 3) == (cut("模型一号", 4), width(cut("模型一号", 4)))


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "?"),
        (16, "16"),
        (8191, "8.19k"),
        (131_072, "131k"),
        (922_000, "922k"),
        (1_048_576, "1.05M"),
        (10**7, "10M"),
    ],
)
def test_tokens_in_three_figures(count: int | None, shown: str) -> None:
    """Numbers of tokens are short, and unknown is not zero."""
    assert shown == tokens(count)


def test_facts_in_short_words() -> None:
    """Prices are exact, abilities have fixed places, and what goes away within 90 days is warned of."""
    today = date(2026, 11, 22)

    assert ("0.05", "30", "?") == (dollars(Decimal("0.050")), dollars(Decimal("3E+1")), dollars(None))
    assert "TI------" == marks(Model(yes=("images", "tools", "system")))
    assert "" == retirement(Model(retires=today + timedelta(91)), today)
    assert "! retires 2026-11-30 (8 days)" == retirement(Model(retires=date(2026, 11, 30)), today)
    assert "! retired 2026-11-22" == retirement(Model(retires=today), today)
