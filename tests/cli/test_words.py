"""English and Chinese."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import click
import pytest

import dragoman.cli as package
from dragoman.cli.app import COMMANDS
from dragoman.cli.app import dragoman as root
from dragoman.cli.output import width
from dragoman.cli.words import LANGUAGES, catalogue, help_text, language
from dragoman.cli.words.zh_help import HELP
from tests.cli.program import Program

HOME = Path(str(package.__file__)).parent


def places(sentence: str) -> set[str]:
    """Names of a sentence's places."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def used() -> dict[str, set[str]]:
    """Keys that the program says, with the names of the values it gives."""
    found: dict[str, set[str]] = {}
    for path in HOME.rglob("*.py"):
        text = path.read_text("utf-8")
        if not re.search(r"^from dragoman\.cli\.words import .*\bt\b", text, re.MULTILINE):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                keys = [leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)]
                for key in keys:
                    if isinstance(key, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", key):
                        found[key] = {keyword.arg or "" for keyword in node.keywords}
    return found


def helps(command: click.Command, context: click.Context) -> set[str]:
    """Every paragraph and option's words of a command and those below it."""
    texts = {" ".join(part.split()) for part in (command.help or "").split("\n\n")}
    told = [param.help or "" for param in command.params if isinstance(param, click.Option)]
    texts |= {" ".join(text.partition("[default:")[0].split()) for text in told}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            texts |= helps(inner, context) if inner is not None else set()
    return texts


@pytest.mark.parametrize("name", LANGUAGES)
def test_catalogues_have_the_same_keys_and_places(name: str) -> None:
    """No sentence is missing in a language, and none asks for a value that the others do not."""
    english, other = catalogue("en"), catalogue(name)

    assert set(english) == set(other)
    assert {} == {key: other[key] for key in english if places(english[key]) != places(other[key])}


def test_what_is_said_is_in_the_catalogues() -> None:
    """Every key that the program uses is there, with the values that its places need."""
    english = catalogue("en")
    said = used()

    assert set() == {key for key in said if key not in english and "." in key}
    assert {} == {key: names for key, names in said.items() if key in english and not places(english[key]) <= names}


def test_no_sentence_is_left_over() -> None:
    """What nobody says is not in the catalogues."""
    texts = "".join(path.read_text("utf-8") for path in HOME.rglob("*.py") if path.parent.name != "words")

    said = {key for key in catalogue("en") if f'"{key}"' in texts or f"'{key}'" in texts}

    # The help of each of chat's commands is found by the command's name (tests/cli/chat/test_piped.py).
    assert set() == {key for key in catalogue("en") if not key.startswith("chat.help.")} - said


def test_help_in_chinese_is_of_what_there_is() -> None:
    """An entry whose English has changed is found here."""
    there = helps(root, click.Context(root)) | {"Show this message and exit."}

    assert set() == set(HELP) - there


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_speak_chinese(name: str) -> None:
    """Every paragraph and option of them is translated, examples aside."""
    context = click.Context(root)
    command = root.get_command(context, name)
    assert command is not None

    left = {text for text in helps(command, context) if text and not text.startswith("\b") and text not in HELP}

    assert set() == left


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "en_US"}, "zh"),
        ({"LC_ALL": "en_US", "LC_MESSAGES": "zh_TW"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
        ({"DRAGOMAN_LANG": "zh-Hans", "LC_ALL": "en_US"}, "zh"),
        ({"DRAGOMAN_LANG": "en", "LANG": "zh_CN"}, "en"),
        ({"LANG": "fr_FR"}, "en"),
    ],
)
def test_the_language_is_that_of_the_reader(environ: dict[str, str], expected: str) -> None:
    """DRAGOMAN_LANG, then the standard variables in their order."""
    assert expected == language(environ)


def test_messages_are_in_chinese(dragoman: Program) -> None:
    """What is wrong and what helps; the error of the library stays as it is."""
    result = dragoman("ask", "hi", LANG="zh_CN.UTF-8")
    unknown = dragoman("ask", "-m", "foo", "hi", LANG="zh_CN.UTF-8")

    assert "没有可用的模型" in result.err
    assert "解决办法：" in result.err
    assert "'foo' names no provider" in unknown.err


def test_help_is_in_chinese(dragoman: Program) -> None:
    """The commands' own words; examples and unknown words stay."""
    shown = dragoman("template", "save", "--help", LANG="zh_CN.UTF-8").out

    assert "替换已有的。" in shown
    assert "Replace one" in dragoman("template", "save", "--help").out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ask --nope", "没有选项 '--nope'。您是指 '--model' 吗？"),
        ("ask --zzzzzzzz", "没有选项 '--zzzzzzzz'。"),
        ("kb lst", "没有命令 'lst'。您是指 'list' 吗？"),
        ("kb zzz", "没有命令 'zzz'。"),
        ("kit translate", "缺少参数 'FILE'。"),
        ("kit translate a.md", "缺少选项 '--to'。"),
        ("completion", "缺少参数 'SHELL'。可选：\n\tbash"),
        ("ask --retries x hi", "'--retries' 的值无效：'x' 不是整数。"),
        ("ask --retries 90 hi", "'--retries' 的值无效：90 不在范围 0<=x<=20 内。"),
        ("models list --kind xx", "'--kind' 的值无效：'xx' 不在 'chat', 'embedding', 'completion' 之中。"),
        ("models list --min-context big", "'--min-context' 的值无效：'big' 不是词元数：请写 200000、200k 或 1M"),
        ("ask --json=3", "选项 '--json' 不带值。"),
        ("ask -m", "选项 '-m' 需要一个值。"),
        ("conv path more", "多余的参数：more"),
        ("kit code - --prompts /etc/passwd", "'--prompts' 的值无效：'/etc/passwd' 是文件，不是目录。"),
        ("kb rm", "请写出文档，或用 --all"),
    ],
)
def test_what_is_wrong_with_a_line_is_in_chinese(dragoman: Program, line: str, expected: str) -> None:
    """Click's own sentences, with the names in them, and what shows more."""
    result = dragoman(*line.split(), DRAGOMAN_LANG="zh")

    assert (2, True) == (result.code, result.err.startswith(f"dragoman: {expected}")), result.err
    assert 2 == dragoman(*line.split()).code


def test_a_page_of_help_is_chinese_throughout(dragoman: Program) -> None:
    """Heads, extras in brackets, the first sentence of each command; examples are set as in English."""
    page = dragoman("kit", "translate", "--help", DRAGOMAN_LANG="zh").out
    top = dragoman("--help", DRAGOMAN_LANG="zh").out
    english = dragoman("--help").out

    assert page.startswith("用法：dragoman kit translate [OPTIONS] FILE\n\n  翻译 FILE")
    assert "\n选项：\n" in page
    assert "[必需]" in page
    assert "\n命令：\n  ask         向模型提问。\n" in top
    assert {"显示版本并退出。", "显示此帮助并退出。"} <= set(top.split())
    assert "[默认：90；x>=0]" in dragoman("logs", "on", "--help", DRAGOMAN_LANG="zh").out
    examples = re.findall(r"^  (?:dragoman|git) .*$", english, re.MULTILINE)
    assert len(examples) > 3
    assert examples == re.findall(r"^  (?:dragoman|git) .*$", top, re.MULTILINE)


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_page_in_chinese_fits_its_terminal(dragoman: Program, columns: int) -> None:
    """A wide character has two columns, and no line begins with a closing sign."""
    for name in COMMANDS:
        for line in dragoman(name, "--help", DRAGOMAN_LANG="zh", COLUMNS=str(columns)).out.splitlines():
            wide = any("\u4e00" <= char <= "\u9fff" for char in line)
            assert not wide or width(line) <= columns + 2, line
            assert line.lstrip()[:1] not in {*"，。；：、）"}, line


def test_letters_that_cannot_be_written_are_not_used(dragoman: Program) -> None:
    """Where standard error is ASCII, it is English instead of question marks."""
    shown = dragoman.on_terminal("conv", DRAGOMAN_LANG="zh", PYTHONIOENCODING="ascii").out

    assert "there are no conversations yet" in shown


def test_paragraphs_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not known stays in English between two that are."""
    monkeypatch.setenv("DRAGOMAN_LANG", "zh")

    assert "输出一个 JSON 数组。\n\nUnheard of.\n\n不再询问。" == help_text(
        "One JSON array.\n\nUnheard of.\n\nDo not ask."
    )
