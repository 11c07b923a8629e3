"""`dragoman ask` beyond a question: schemas, templates, code blocks, fragments, other models, a cap."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dragoman.cli.asking.block import blocks
from dragoman.testing import Server, says, status
from tests.cli.program import Program, provider

INVOICE = '{"vendor": "Ada", "total": 12.5, "items": [{"name": "nut", "qty": 3}]}'
SCHEMA = "vendor, total float, items[]: {name, qty int}"


def test_a_schema_gives_json_and_nothing_else(dragoman: Program, server: Server) -> None:
    """The model is asked for the schema, and what comes out is the value on one line."""
    server.script(says(INVOICE))

    result = dragoman("-m", "openai/gpt-6-luna", "--schema", SCHEMA, "read it", **provider(server.base_url()))

    assert (0, json.loads(INVOICE)) == (result.code, json.loads(result.out))
    (request,) = server.requests
    assert "json_schema" == request.json["response_format"]["type"]


def test_a_wrong_answer_is_asked_for_again(dragoman: Program, server: Server) -> None:
    """What does not satisfy the schema goes back to the model with what is wrong."""
    server.script(says('{"vendor": "Ada"}'), says('{"vendor": "Ada", "total": 1}'))

    result = dragoman("-m", "openai/gpt-6-luna", "--schema", "vendor, total float", "x", **provider(server.base_url()))

    assert {"vendor": "Ada", "total": 1.0} == json.loads(result.out)
    assert 2 == len(server.requests)
    assert "$.total" in server.requests[1].json["messages"][-1]["content"]


def test_an_answer_that_never_fits_ends_with_6(dragoman: Program, server: Server) -> None:
    """Standard output stays empty; what the model said last is on standard error."""
    server.script(*[says("no JSON at all")] * 3)

    result = dragoman("-m", "openai/gpt-6-luna", "--schema", "vendor", "x", **provider(server.base_url()))

    assert (6, "") == (result.code, result.out)
    assert "no JSON at all" in result.err


@pytest.mark.parametrize(
    "schema",
    ["vendor", '{"type": "object", "properties": {"vendor": {"type": "string"}}, "required": ["vendor"]}'],
    ids=["line", "json schema"],
)
def test_schema_multi_gives_a_list(dragoman: Program, server: Server, schema: str) -> None:
    """Both forms of a schema give the list itself, whatever the model was asked for."""
    inner = '[{"vendor": "a"}, {"vendor": "b"}]'
    server.script(says(f'{{"{"value" if schema == "vendor" else "items"}": {inner}}}'))

    result = dragoman("-m", "openai/gpt-6-luna", "--schema-multi", schema, "x", **provider(server.base_url()))

    assert (0, json.loads(inner)) == (result.code, json.loads(result.out))


def test_with_json_the_value_is_part_of_the_whole(dragoman: Program, server: Server) -> None:
    """--json beside --schema: `output` has the value."""
    server.script(says('{"vendor": "Ada"}'))

    arguments = ("-m", "openai/gpt-6-luna", "--json", "--schema", "vendor", "x")
    result = dragoman(*arguments, **provider(server.base_url()))

    assert {"vendor": "Ada"} == json.loads(result.out)["output"]


@pytest.mark.parametrize(("flag", "expected"), [("-x", "one\n"), ("--xl", "two\n")], ids=["first", "last"])
def test_only_the_code_block_reaches_stdout(dragoman: Program, server: Server, flag: str, expected: str) -> None:
    """-x is the first block, --xl the last."""
    server.script(says("Here:\n```py\none\n```\nor\n~~~\ntwo\n~~~\nDone."))

    result = dragoman("-m", "openai/m", flag, "x", **provider(server.base_url()))

    assert (0, expected, "") == (result.code, result.out, result.err)


def test_without_a_block_it_ends_with_6(dragoman: Program, server: Server) -> None:
    """Nothing reaches standard output; the text is on standard error."""
    server.script(says("No code here."))

    result = dragoman("-m", "openai/m", "-x", "x", **provider(server.base_url()))

    assert (6, "") == (result.code, result.out)
    assert "No code here." in result.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("```\na\n```", ["a\n"], id="plain"),
        pytest.param("````\n```\nb\n```\n````", ["```\nb\n```\n"], id="longer fence"),
        pytest.param("~~~\na\n```\nb\n~~~", ["a\n```\nb\n"], id="other sign"),
        pytest.param("```\ncut off", ["cut off"], id="no end"),
        pytest.param("  ```\n  in\n    deeper\n  ```", ["in\n  deeper\n"], id="indented"),
        pytest.param("``` a`b\nno", [], id="backtick in the words"),
        pytest.param("`` x ``", [], id="inline"),
        pytest.param("```\n```", [""], id="empty"),
    ],
)
def test_blocks(text: str, expected: list[str]) -> None:
    """As CommonMark has them."""
    assert expected == blocks(text)


def test_jsonl_prints_each_event_and_then_the_answer(dragoman: Program, server: Server) -> None:
    """One object on each line; the last one is the whole answer."""
    server.script(says("one two"))

    result = dragoman("-m", "openai/m", "--jsonl", "x", **provider(server.base_url()))

    lines = [json.loads(line) for line in result.out.splitlines()]
    assert "one two" == "".join(line["text"] for line in lines if line["event"] == "text")
    assert ("answer", "one two", True) == (lines[-1]["event"], lines[-1]["text"], lines[-1]["complete"])


def test_a_template_takes_the_question(dragoman: Program, server: Server) -> None:
    """{input} is the prompt, -p gives the others, and its system and settings are sent."""
    dragoman(
        "template", "save", "poem", "On {input} in {season}.", "-s", "You are a poet.", "-p", "season=spring",
        "-o", "temperature=0.9",
    )  # fmt: skip
    server.script(says("a"), says("b"))

    dragoman("-m", "openai/gpt-4o", "-t", "poem", "rain", **provider(server.base_url()))
    dragoman("-m", "openai/gpt-4o", "-t", "poem", "-p", "season=May", "-o", "temperature=0", "rain",
             **provider(server.base_url()))  # fmt: skip

    first, second = (request.json for request in server.requests)
    assert ["You are a poet.", "On rain in spring."] == [message["content"] for message in first["messages"]]
    assert ("On rain in May.", 0.9, 0) == (
        second["messages"][-1]["content"],
        first["temperature"],
        second["temperature"],
    )


def test_what_is_asked_is_never_a_template(dragoman: Program, server: Server) -> None:
    """Braces in the question are text."""
    server.script(says("ok"))

    dragoman("-m", "openai/m", "-t", "summarize", "{length} {input}", **provider(server.base_url()))

    assert server.requests[0].json["messages"][0]["content"].endswith("\n\n{length} {input}")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("-t", "translate", "x"), "-p to="),
        (("-t", "translat", "x"), "did you mean translate?"),
        (("-t", "translate", "-p", "too=zh", "x"), "did you mean to?"),
        (("-p", "to=zh", "x"), "-t"),
        (("-t", "translate", "-p", "to=zh"), "needs something to work on"),
        (("--json", "--raw", "x"), "exclude each other"),
        (("--schema", "a", "-x", "x"), "prints JSON"),
        (("--schema", "a", "--schema-multi", "a", "x"), "exclude each other"),
        (("--schema", "a int, b flaot", "x"), "b »flaot"),
        (("--schema", "a", "-c", "x"), "-c"),
        (("-f", "https://example.com/x", "x"), "curl"),
        (("-f", "-", "-"), "twice"),
        (("--max-cost", "0", "x"), "max-cost"),
    ],
)
def test_wrong_options_are_told(dragoman: Program, arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2, and what to do is said; nothing is sent."""
    result = dragoman("ask", "-m", "sim/echo", *arguments)

    assert (2, "") == (result.code, result.out)
    assert word in result.err


def test_a_folder_is_a_fragment(dragoman: Program, server: Server) -> None:
    """Its text files come in order under their names; hidden, binary and ignored ones do not."""
    server.script(says("ok"))
    root = dragoman.directory / "notes"
    (root / "deep").mkdir(parents=True)
    for name, text in (("b.txt", "B"), ("a.md", "A"), ("deep/c.txt", "C"), (".secret", "S"), ("out.log", "L")):
        (root / name).write_text(text)
    (root / "x.bin").write_bytes(b"\x00\xff")
    (root / ".gitignore").write_text("# mine\nout.log\n")

    dragoman("-m", "openai/m", "-f", "notes", "sum up", **provider(server.base_url()))

    text = server.requests[0].json["messages"][0]["content"]
    assert "a.md:\n\nA\n\nb.txt:\n\nB\n\ndeep/c.txt:\n\nC\n\nsum up" == text


def test_standard_input_is_a_fragment(dragoman: Program, server: Server) -> None:
    """-f - puts it before the prompt."""
    server.script(says("ok"))

    dragoman("-m", "openai/m", "-f", "-", "sum up", stdin=b"piped\n", **provider(server.base_url()))

    assert "piped\n\nsum up" == server.requests[0].json["messages"][0]["content"]


def test_another_model_is_asked_where_the_first_fails(dragoman: Program, server: Server) -> None:
    """--fallback goes on with the next model when the first is overloaded."""
    server.script(status(503), says("from the second"))

    result = dragoman("-m", "openai/m", "--retries", "0", "--fallback", "openai/n", "hi", **provider(server.base_url()))

    assert (0, "from the second\n") == (result.code, result.out)
    assert ["m", "n"] == [request.json["model"] for request in server.requests]


@pytest.mark.parametrize(("retries", "expected"), [("0", 1), ("2", 3)])
def test_retries(dragoman: Program, server: Server, retries: str, expected: int) -> None:
    """So many repeats, and no more."""
    server.script(*[status(503, retry_after=0.01)] * 5)

    result = dragoman("-m", "openai/m", "--retries", retries, "hi", **provider(server.base_url()))

    assert (5, expected) == (result.code, len(server.requests))


def test_a_cap_on_the_cost_refuses_before_sending(dragoman: Program, server: Server) -> None:
    """What could cost more than --max-cost is not sent: exit code 4."""
    arguments = ("-m", "openai/gpt-4o", "--max-cost", "0.000001", "hi")
    result = dragoman(*arguments, **provider(server.base_url()))

    assert (4, 0) == (result.code, len(server.requests))


def test_usage_is_shown_with_a_block(dragoman: Program, server: Server) -> None:
    """-u writes tokens, time and cost to standard error, whatever reaches standard output."""
    server.script(says("```\nx\n```"))

    result = dragoman("-m", "openai/m", "-x", "-u", "hi", **provider(server.base_url()))

    assert ("x\n", True) == (result.out, " in · " in result.err)


def test_the_files_say_what_holds_where_no_option_does(dragoman: Program, server: Server) -> None:
    """An alias, a setting and a fallback of the configuration are used."""
    for key, value in (("aliases.fast", "openai/gpt-4o"), ("options.temperature", "0.3"), ("fallback", "openai/gpt-4")):
        assert 0 == dragoman("config", "set", key, value, **provider(server.base_url())).code
    server.script(status(503), says("ok"))

    result = dragoman("-m", "fast", "--retries", "0", "hi", **provider(server.base_url()))

    assert ["gpt-4o", "gpt-4"] == [request.json["model"] for request in server.requests], result.err
    assert 0.3 == server.requests[0].json["temperature"]


def test_a_json_schema_names_its_extra() -> None:
    """On an installation without the extra a JSON Schema says what to install, and a line works."""
    code = (
        "import sys; sys.modules['jsonschema_rs'] = None; from dragoman.cli.main import run;"
        "a = run(['ask', '-m', 'sim/echo', '--schema', '{\"type\": \"object\"}', 'x']);"
        "b = run(['ask', '-m', 'sim/echo', '--schema', 'a int', 'x']); print(a, b)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=True
    )

    assert "2 0" == result.stdout.splitlines()[-1]
    assert "dragoman[schema]" in result.stderr
