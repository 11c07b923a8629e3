"""What each backend says where the key is not to be had: what failed, the fix, and nothing that is secret."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from pathlib import Path

import pyrage
import pytest

from dragoman.errors import ConfigError
from dragoman.secrets import parse_reference
from dragoman.secrets.lookup import look_up
from tests.secrets.backends import Places
from tests.secrets.sinks import found, shown

KEY = "canary-7f3a-of-no-one"


def failure(text: str, places: Places) -> str:
    """Look up what cannot be had, and return the error's text; nothing secret is anywhere in it."""
    reference = parse_reference(text)
    assert reference is not None
    with pytest.raises(ConfigError) as caught:
        look_up(reference, places.environ, "openai", "OPENAI_API_KEY")
    seen = shown(caught.value)
    for secret in (KEY, "hvs.canary-token", "ya29.canary-token", "azure-canary-token", "testing-secret-access-key"):
        assert [] == found(secret, seen)
    assert caught.value.__cause__ is None
    return str(caught.value)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_feed_at_the_end_of_a_file_is_not_of_the_key(end: str, places: Places) -> None:
    """Docker, Kubernetes and editors put one there; a second one is the file's own, and refused."""
    path = places.folder / "key"
    path.write_bytes(f"{KEY}{end}".encode())
    reference = parse_reference(f"file:{path}")
    assert reference is not None

    assert KEY == look_up(reference, {}).reveal()
    path.write_bytes(f"{KEY}\n\n".encode())
    assert "has a line break at its end" in failure(f"file:{path}", places)


def test_paths_may_be_urls_and_begin_at_home(places: Places) -> None:
    """`file:///run/x` and `file:~/x` are read as people write them."""
    (places.folder / "key").write_text(KEY)
    for text in (f"file://{places.folder}/key", "file:~/key"):
        reference = parse_reference(text)
        assert reference is not None
        assert KEY == look_up(reference, {"HOME": str(places.folder)}).reveal()


def test_files_that_give_no_key(places: Places) -> None:
    """Missing, a directory, empty, binary, endless: each says what it is."""
    folder = places.folder
    (folder / "empty").touch()
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "no.env").write_text("A=1\nB=\n")
    (folder / "bad.env").write_text(f"A={KEY}\nno assignment\n")

    assert "is not there: mount the secret" in failure(f"file:{folder}/missing", places)
    assert "is a directory" in failure(f"file:{folder}", places)
    assert "is empty" in failure(f"file:{folder}/empty", places)
    assert "no UTF-8" in failure(f"file:{folder}/binary", places)
    assert "65537 bytes or more" in failure("file:/dev/zero", places)
    assert "is not set: export NOWHERE" in failure("env:NOWHERE", places)
    assert "does not name a variable" in failure(f"env:{KEY}", places)
    assert "does not say which variable" in failure(f"dotenv:{folder}/no.env", places)
    assert "has no C: there are A, B" in failure(f"dotenv:{folder}/no.env#C", places)
    assert "has an empty B" in failure(f"dotenv:{folder}/no.env#B", places)
    assert "line 2 is no NAME=value" in failure(f"dotenv:{folder}/bad.env#A", places)


# --- commands -------------------------------------------------------------------------------------------------------


def test_no_shell_runs(places: Places) -> None:
    """Words are split as a shell would, and nothing in them is special."""
    reference = parse_reference(f"cmd:printf %s '$HOME;|`{KEY}`*'")
    assert reference is not None

    assert f"$HOME;|`{KEY}`*" == look_up(reference, {"PATH": os.defpath}).reveal()
    assert not (places.folder / "made").exists()


def test_a_line_of_many(places: Places) -> None:
    """`line=1` takes the password of a manager that prints more."""
    (places.folder / "entry").write_text(f"{KEY}\nuser: me\n")
    places.set(PATH=os.defpath)
    reference = parse_reference(f"cmd:cat {places.folder}/entry?line=1")
    assert reference is not None

    assert KEY == look_up(reference, places.environ).reveal()
    assert "line break" in failure(f"cmd:cat {places.folder}/entry", places)
    assert "printed 2 lines: line=3 is not there" in failure(f"cmd:cat {places.folder}/entry?line=3", places)


def test_commands_that_give_no_key(places: Places) -> None:
    """The program is named, its arguments and what it printed are not."""
    places.set(PATH=os.defpath)

    assert "cmd:sh … ended with exit code 7" in failure(f"cmd:sh -c 'echo {KEY}; echo {KEY} >&2; exit 7'", places)
    assert "is no program that is found" in failure(f"cmd:no-such-program {KEY}", places)
    assert "cannot be started (Permission denied)" in failure(f"cmd:{places.folder}", places)
    assert "is no command: close its quotes" in failure(f"cmd:op '{KEY}", places)
    assert "has timeout=0" in failure("cmd:op?timeout=0", places)
    assert "65537 bytes or more" in failure("cmd:cat /dev/zero", places)


def test_a_command_that_waits_is_killed_with_its_children(places: Places) -> None:
    """The time is bounded even where a grandchild holds the pipe, and none of them stays behind."""
    places.set(PATH=os.environ["PATH"])
    pids = places.folder / "pids"
    script = f"echo $$ >> {pids}; (echo $BASHPID >> {pids}; sleep 60) & sleep 60"
    (places.folder / "wait.sh").write_text(script)
    began = time.monotonic()

    assert "printed no key within 1 s" in failure(f"cmd:bash {places.folder}/wait.sh?timeout=1", places)

    assert time.monotonic() - began < 10
    assert 2 == len(pids.read_text().split())
    assert [] == [pid for pid in pids.read_text().split() if _runs(int(pid))]


def _runs(pid: int) -> bool:
    """Whether a process runs, after a moment for the system to clear it away."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True


# --- age ------------------------------------------------------------------------------------------------------------


def age_file(places: Places, data: bytes, **options: bool) -> tuple[Path, pyrage.x25519.Identity]:
    identity = pyrage.x25519.Identity.generate()
    path = places.folder / "keys.age"
    path.write_bytes(pyrage.encrypt(data, [identity.to_public()], **options))
    return path, identity


@pytest.mark.parametrize("armored", [False, True])
def test_an_age_file_is_opened_by_an_identity_file(armored: bool, places: Places) -> None:
    """As `age-keygen` writes it, named by the reference or by the variable; binary and armored files alike."""
    path, identity = age_file(places, f"# keys\nA=1\nOPENAI={KEY}\n".encode(), armored=armored)
    (places.folder / "id.txt").write_text(f"# created: today\n# public key: x\n{identity}\n")
    named = parse_reference(f"age:{path}#OPENAI?identity={places.folder}/id.txt")
    unnamed = parse_reference(f"age:{path}#OPENAI")
    assert named is not None
    assert unnamed is not None

    assert KEY == look_up(named, {}).reveal()
    assert KEY == look_up(unnamed, {"DRAGOMAN_AGE_IDENTITY_FILE": str(places.folder / "id.txt")}).reveal()


def test_an_age_file_is_opened_by_a_passphrase(places: Places) -> None:
    """A file of a passphrase is recognised by its header, armored or not; without the variable the error names it."""
    path = places.folder / "keys.age"
    sealed = pyrage.passphrase.encrypt(KEY.encode(), "correct horse")
    path.write_bytes(sealed)
    assert "is encrypted with a passphrase: export DRAGOMAN_AGE_PASSPHRASE" in failure(f"age:{path}", places)
    places.set(DRAGOMAN_AGE_PASSPHRASE="wrong horse")
    assert "cannot be opened" in failure(f"age:{path}", places)
    lines = [base64.b64encode(sealed)[i : i + 64] for i in range(0, len(base64.b64encode(sealed)), 64)]
    head, foot = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
    path.write_bytes(b"\n".join([head, *lines, foot, b""]))
    reference = parse_reference(f"age:{path}")
    assert reference is not None

    assert KEY == look_up(reference, {"DRAGOMAN_AGE_PASSPHRASE": "correct horse"}).reveal()


def test_age_files_that_give_no_key(places: Places) -> None:
    """Cut, damaged, of somebody else, without identity, without the name."""
    places.set(XDG_CONFIG_HOME=str(places.folder))
    path, identity = age_file(places, json.dumps({"openai": KEY}).encode())
    whole = path.read_bytes()
    assert "age-identity.txt, which cannot be read" in failure(f"age:{path}#openai", places)
    places.set(DRAGOMAN_AGE_IDENTITY=str(pyrage.x25519.Identity.generate()))
    assert "cannot be opened" in failure(f"age:{path}#openai", places)
    places.set(DRAGOMAN_AGE_IDENTITY="AGE-SECRET-KEY-1NONSENSE")
    assert "something that is no identity" in failure(f"age:{path}#openai", places)
    places.set(DRAGOMAN_AGE_IDENTITY="# nothing")
    assert "empty identity file" in failure(f"age:{path}#openai", places)
    places.set(DRAGOMAN_AGE_IDENTITY=str(identity))
    assert "has no such name: there are openai" in failure(f"age:{path}#groq", places)
    for data in (b"", whole[:40], whole[:-1], whole[:-1] + b"\x00", b"no age file"):
        path.write_bytes(data)
        assert "cannot be opened" in failure(f"age:{path}#openai", places)


# --- the clouds -----------------------------------------------------------------------------------------------------


def test_kms_holds_to_the_encryption_context(places: Places) -> None:
    """Another context than the one it was encrypted with, or none, is refused; the ciphertext is not repeated."""
    text = places.awskms(KEY)
    sealed = text.partition("?")[0]

    for wrong in (sealed, f"{sealed}?context.app=other"):
        said = failure(wrong, places)
        assert "was refused by AWS (InvalidCiphertextException): is it of this key and region" in said
        assert sealed not in said
    assert "is no base64" in failure("awskms:%%%", places)


def test_aws_names_that_are_not_there(places: Places) -> None:
    """Name and field are told apart, and what is there is named."""
    there = places.awssm(KEY).partition("#")[0]
    assert "has no groq: there are openai, other" in failure(f"{there}#groq", places)
    assert "ResourceNotFoundException" in failure("awssm:nowhere", places)
    assert "ParameterNotFound" in failure("awsssm:/nowhere", places)
    assert "is no JSON object" in failure(f"{places.awsssm(KEY)}#field", places)


def test_aws_without_region_or_credentials(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with the option or variable that gives it."""
    places.aws()
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "in which region it is: set AWS_REGION, or add ?region=" in failure("awssm:x", places)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "needs AWS credentials" in failure("awssm:x?region=eu-west-1", places)
    assert "could not be asked for" in failure("awssm:x?profile=nobody", places)


def test_google_is_asked_by_its_protocol(places: Places) -> None:
    """Names are completed, the ciphertext and its authenticated data go as Cloud KMS documents them."""
    reference = parse_reference(places.gcpsm(KEY))
    assert reference is not None
    look_up(reference, places.environ)
    secrets = places.servers[-1]
    reference = parse_reference(places.gcpkms(KEY))
    assert reference is not None
    look_up(reference, places.environ)
    keys = places.servers[-1]

    assert "/v1/projects/acme/secrets/llm-key/versions/latest:access" == secrets.asked[-1].path
    assert ("POST", "/v1/projects/p/locations/eu/keyRings/r/cryptoKeys/k:decrypt") == (
        keys.asked[-1].method,
        keys.asked[-1].path,
    )
    aad = base64.b64encode(b"dragoman").decode()
    assert {"ciphertext": "Q0lQSEVS", "additionalAuthenticatedData": aad} == keys.asked[-1].json()


def test_google_says_no(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal, a name without a project, an incomplete key."""
    places.gcpsm(KEY)
    assert "is incomplete: write gcpkms:projects/" in failure("gcpkms:k", places)
    del places.environ["GOOGLE_CLOUD_PROJECT"]
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    assert "in which project it is" in failure("gcpsm:name", places)
    places.google_refuses = True
    said = failure("gcpsm:projects/p/secrets/s", places)
    assert "was refused by Google (403 PERMISSION_DENIED): allow secretmanager" in said


def test_azure_says_no(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is not there, a vault that is not named, one that is not reached."""
    places.azurekv(KEY)
    assert "was refused by Azure (404): check vault and name" in failure("azurekv:missing", places)
    host = places.environ.pop("AZURE_KEYVAULT_URL").removeprefix("https://")
    assert "in which vault it is: write azurekv:VAULT/NAME" in failure("azurekv:openai", places)
    reference = parse_reference(f"azurekv:{host}/openai")
    assert reference is not None
    assert KEY == look_up(reference, places.environ).reveal()
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert "could not be asked for" in failure(f"azurekv:https://{host}/secrets/openai", places)


# --- Vault ----------------------------------------------------------------------------------------------------------


def test_vault_is_asked_by_its_protocol(places: Places) -> None:
    """KV 2 by its mount, KV 1, transit, namespaces, versions: each request as Vault documents it."""
    places.vault(KEY)
    for text in (
        "vault:kv/llm#openai",
        "vault:kv/llm#openai?kv=2&version=3&namespace=team",
        "vault:old/llm#openai",
        "vault:old/llm#openai?kv=1",
        "vault:transit/decrypt/llm#vault:v1:c2VhbGVk?context=dragoman",
    ):
        reference = parse_reference(text)
        assert reference is not None
        assert KEY == look_up(reference, places.environ).reveal()

    asked = places.servers[-1].asked
    assert [
        ("GET", "/v1/sys/internal/ui/mounts/kv/llm"),
        ("GET", "/v1/kv/data/llm"),
        ("GET", "/v1/kv/data/llm?version=3"),
        ("GET", "/v1/sys/internal/ui/mounts/old/llm"),
        ("GET", "/v1/old/llm"),
        ("GET", "/v1/old/llm"),
        ("POST", "/v1/transit/decrypt/llm"),
    ] == [(request.method, request.path) for request in asked]
    assert {"hvs.canary-token"} == {request.headers["x-vault-token"] for request in asked}
    assert {"true"} == {request.headers["x-vault-request"] for request in asked}
    assert "team" == asked[2].headers["x-vault-namespace"]
    context = base64.b64encode(b"dragoman").decode()
    assert {"ciphertext": "vault:v1:c2VhbGVk", "context": context} == asked[-1].json()


def test_vault_tokens(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, the file that `vault login` leaves, or a role's login; else the error says how to get one."""
    text = places.vault(KEY)
    reference = parse_reference(text)
    assert reference is not None
    del places.environ["VAULT_TOKEN"]
    monkeypatch.delenv("VAULT_TOKEN")
    places.set(HOME=str(places.folder))
    assert "vault login, or export VAULT_TOKEN" in failure(text, places)
    places.set(VAULT_ROLE_ID="role", VAULT_SECRET_ID="secret-of-role")
    assert KEY == look_up(reference, places.environ).reveal()
    login = places.servers[-1].asked[-3]
    assert ("/v1/auth/approle/login", {"role_id": "role", "secret_id": "secret-of-role"}) == (login.path, login.json())
    (places.folder / ".vault-token").write_text("hvs.canary-token\n")
    asked = len(places.servers[-1].asked)
    assert KEY == look_up(reference, places.environ).reveal()
    assert asked + 2 == len(places.servers[-1].asked)


def test_vault_says_no(places: Places) -> None:
    """Sealed, forbidden, not there, deleted, redirected, not reached: each with what helps."""
    places.vault(KEY)
    assert "has no such field: there are openai" in failure("vault:kv/llm#groq", places)
    assert "does not say which field" in failure("vault:kv/llm", places)
    assert "(InvalidPath): check mount and path" in failure("vault:kv/other#x", places)
    assert "is a secret that was deleted" in failure("vault:kv/deleted#x", places)
    assert "(VaultDown): unseal it" in failure("vault:kv/sealed#x?kv=2", places)
    assert "redirects are not followed" in failure("vault:kv/moved#x?kv=2", places)
    places.set(VAULT_TOKEN="hvs.another-token")
    assert "(Forbidden): let its policy read this path" in failure("vault:kv/llm#openai", places)
    places.set(VAULT_ADDR="http://127.0.0.1:9")
    assert "could not be asked for (ConnectionError): check VAULT_ADDR" in failure("vault:kv/llm#openai", places)


# --- libraries that are not there -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "library", "extra"),
    [
        pytest.param("keyring:a/b", "keyring", "keyring", id="keyring"),
        pytest.param("age:FILE#b", "pyrage", "age", id="age"),
        pytest.param("awssm:a", "botocore", "aws", id="aws"),
        pytest.param("gcpsm:a", "google.auth.transport.requests", "gcp", id="gcp"),
        pytest.param("azurekv:a/b", "azure.identity", "azure", id="azure"),
        pytest.param("vault:a#b", "hvac", "vault", id="vault"),
    ],
)
def test_a_missing_library_names_its_extra(
    text: str, library: str, extra: str, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    (places.folder / "FILE").touch()
    for name in [name for name in sys.modules if name == library or name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    said = failure(text.replace("FILE", str(places.folder / "FILE")), places)

    assert f"pip install dragoman[{extra}]" in said
