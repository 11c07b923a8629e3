"""Which model answers when none is named, and what of `.env` is believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dragoman import catalog
from dragoman.cli.choose import Choice, choose
from dragoman.cli.detect import Found, Sight
from dragoman.cli.exits import NO_MODEL, NoModelError, exit_code, fix
from dragoman.cli.output import Terminal
from dragoman.cli.setup import Setup, configured_model, load
from dragoman.errors import ConfigError, UnknownProviderError
from dragoman.secrets import Secret

TERMINAL = Terminal(True, True, True)
PIPE = Terminal(False, False, False)
OLLAMA = Found(
    provider="ollama", address="127.0.0.1:11434", base_url="http://127.0.0.1:11434/v1", models=("qwen3:8b", "gemma3:4b")
)


class Here:
    """A directory of a user, with whatever files a test puts there."""

    def __init__(self, path: Path) -> None:
        self.path = path / "project"
        self.home = path / "home"
        self.path.mkdir()

    def setup(self, **environ: str) -> Setup:
        return load({"HOME": str(self.home), **environ}, self.path)

    def user_file(self, text: str) -> None:
        file = self.home / ".config" / "dragoman" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text)

    def choose(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        asked: str | None = None,
        screen: Terminal = PIPE,
        servers: tuple[Found, ...] = (),
    ) -> Choice:
        return choose(asked, self.setup(**(environ or {})), screen, lambda: Sight(servers, ("looked around",)))


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_each_way_to_name_a_model_wins_over_the_next(here: Here) -> None:
    """-m, DRAGOMAN_MODEL, the project's file, the user's file, a key, a local server, in this order."""
    keys = {"OPENAI_API_KEY": "k"}
    assert "ollama/qwen3:8b" == here.choose({}, servers=(OLLAMA,)).model
    assert "openai/gpt-5.6-luna" == here.choose(keys, servers=(OLLAMA,)).model
    here.user_file('model = "groq/user"')
    assert "groq/user" == here.choose(keys).model
    (here.path / "dragoman.toml").write_text('model = "groq/project"')
    assert "groq/project" == here.choose(keys).model
    assert "groq/env" == here.choose(keys | {"DRAGOMAN_MODEL": "groq/env"}).model
    assert "groq/asked" == here.choose(keys | {"DRAGOMAN_MODEL": "groq/env"}, asked="groq:asked").model


def test_keys_decide_in_the_order_of_the_catalogue(here: Here) -> None:
    """Of several keys the first row with a default model is taken, and its variable is named."""
    choice = here.choose({"GROQ_API_KEY": "g", "GOOGLE_API_KEY": "k"})

    assert "gemini/gemini-3.8-flash" == choice.model
    assert "key found in GOOGLE_API_KEY" == choice.reason
    assert Secret("k") == choice.providers["gemini"]["api_key"]


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "HF_TOKEN", "OLLAMA_API_KEY", "AZURE_OPENAI_API_KEY"])
def test_tokens_for_other_purposes_choose_nothing(here: Here, variable: str) -> None:
    """A token that many machines have anyway does not make its provider answer."""
    with pytest.raises(NoModelError):
        here.choose({variable: "x"})


def test_every_default_model_can_be_chosen(here: Here) -> None:
    """Each key alone leads to its row's default model."""
    for name, row in catalog.builtin().items():
        if row.default_model:
            assert f"{name}/{row.default_model}" == here.choose({row.key_variables[0]: "k"}).model


def test_a_local_server_is_told_where_it_is_and_why(here: Here) -> None:
    """The server that was found is the one that is called, with its first model."""
    choice = here.choose(servers=(OLLAMA,))

    assert "local" == choice.how
    assert "found at 127.0.0.1:11434" == choice.reason
    assert {"ollama": {"base_url": "http://127.0.0.1:11434/v1"}} == choice.providers


def test_local_servers_are_looked_for_only_when_nothing_else_decides(here: Here) -> None:
    """Nobody is asked when a model was named or a key was found."""

    def must_not_look() -> Sight:
        raise AssertionError

    choose("sim/echo", here.setup(), PIPE, must_not_look)
    choose(None, here.setup(OPENAI_API_KEY="k"), PIPE, must_not_look)


def test_the_simulator_answers_a_person(here: Here) -> None:
    """On a terminal, with nothing else there, the simulator answers."""
    choice = here.choose(screen=TERMINAL)

    assert "simulated" == choice.how
    assert choice.simulated
    assert {} == choice.providers


@pytest.mark.parametrize(
    ("screen", "says"),
    [
        pytest.param(PIPE, "output is not a terminal", id="pipe"),
        pytest.param(Terminal(True, False, True), "output is not a terminal", id="output"),
        pytest.param(Terminal(False, True, True), "input is not a terminal", id="input"),
        pytest.param(Terminal(True, True, True, ci=True), "unattended run (CI)", id="ci"),
    ],
)
def test_the_simulator_never_answers_a_pipeline(here: Here, screen: Terminal, says: str) -> None:
    """Without a person at both ends the command fails with 3 and says what helps."""
    with pytest.raises(NoModelError) as caught:
        here.choose(screen=screen)

    assert says in str(caught.value)
    assert NO_MODEL == exit_code(caught.value)
    assert "export OPENAI_API_KEY" in (fix(caught.value) or "")


def test_an_explicit_simulation_is_allowed_anywhere(here: Here) -> None:
    """-m sim/... needs no terminal."""
    assert "sim/echo" == here.choose(asked="sim/echo").model


def test_why_tells_what_was_looked_at(here: Here) -> None:
    """Each step that decided nothing is listed, in order."""
    steps = here.choose(servers=(OLLAMA,)).steps

    assert "-m: not set" == steps[0]
    assert "DRAGOMAN_MODEL: not set" == steps[1]
    assert "keys: none in the environment, in .env, or stored" == steps[-2]
    assert "looked around" == steps[-1]


def test_a_slip_in_a_file_is_not_passed_over(here: Here) -> None:
    """A model that leads nowhere, or a file that is no TOML, stops the command."""
    (here.path / "dragoman.toml").write_text('model = "opnai/gpt"')
    with pytest.raises(UnknownProviderError, match="openai/gpt"):
        here.choose({"OPENAI_API_KEY": "k"})
    (here.path / "dragoman.toml").write_text("model = gpt")
    with pytest.raises(ConfigError, match="is not TOML"):
        here.choose()
    (here.path / "dragoman.toml").write_text("model = 3")
    with pytest.raises(ConfigError, match="model is no text"):
        here.choose()
    assert configured_model(here.path / "missing.toml") is None


def test_a_key_in_the_env_file_is_used_and_named(here: Here) -> None:
    """`.env` in the directory gives keys; the environment wins over it."""
    (here.path / ".env").write_text("OPENAI_API_KEY=from-file\nPATH=/evil\nDRAGOMAN_MODEL=")
    setup = here.setup()

    assert "key found in OPENAI_API_KEY in .env" == here.choose().reason
    assert frozenset({"OPENAI_API_KEY", "DRAGOMAN_MODEL"}) == setup.from_file
    assert "PATH" not in setup.environ
    assert "set" == here.setup(OPENAI_API_KEY="set").environ["OPENAI_API_KEY"]


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_an_env_file_cannot_send_the_users_key_elsewhere(here: Here, variable: str) -> None:
    """An address from `.env` is not taken for a provider whose key comes from the environment."""
    (here.path / ".env").write_text(f"{variable}=https://evil.example/v1\nHTTPS_PROXY=http://evil.example")
    setup = here.setup(OPENAI_API_KEY="mine")

    assert (variable,) == setup.ignored
    assert "HTTPS_PROXY" not in setup.environ
    assert {"base_url": "https://api.openai.com/v1", "api_key": Secret("mine")} == setup.overrides("openai")["openai"]


def test_an_env_file_with_key_and_address_is_a_pair(here: Here) -> None:
    """Both from `.env` belong together, and the note names the address."""
    (here.path / ".env").write_text("OPENAI_API_KEY=theirs\nOPENAI_BASE_URL=https://gw.example/v1")
    choice = here.choose()

    assert {"base_url": "https://gw.example/v1", "api_key": Secret("theirs")} == choice.providers["openai"]
    assert "key found in OPENAI_API_KEY in .env, address from OPENAI_BASE_URL in .env" == choice.reason


def test_the_configuration_follows_xdg(here: Here, tmp_path: Path) -> None:
    """$XDG_CONFIG_HOME moves the user's file; a relative one is not one, as the standard says."""
    assert tmp_path / "x" / "dragoman" / "config.toml" == here.setup(XDG_CONFIG_HOME=str(tmp_path / "x")).user
    assert here.home / ".config" / "dragoman" / "config.toml" == here.setup(XDG_CONFIG_HOME="rel").user
