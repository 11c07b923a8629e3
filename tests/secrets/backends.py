"""
Real places that hold a marked key: for each scheme, a reference to it.

Each is a function that puts a text there and gives the reference back; which variables it needs it has set.
"""

from __future__ import annotations

import base64
import json
import shlex
import ssl
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import boto3
import keyring
import keyring.backend
import pyrage
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from keyrings.alt.file import PlaintextKeyring

from tests.secrets.rest import Asked, Rest, Said

Put = Callable[[str], str]


class Places:
    """Where texts can be put, by scheme."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, moto: str) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {}
        self.google_refuses = False
        self._patch = patch
        self._moto = moto
        self.servers: list[Rest] = []

    def set(self, **variables: str) -> None:
        """Set variables, of this process too, since libraries look there."""
        for name, value in variables.items():
            self._patch.setenv(name, value)
        self.environ |= variables

    def close(self) -> None:
        for server in self.servers:
            server.__exit__(None, None, None)

    def _serve(self, reply: Callable[[Asked], Said], tls: ssl.SSLContext | None = None) -> Rest:
        server = Rest(reply, tls).__enter__()
        self.servers.append(server)
        return server

    def env(self, text: str) -> str:
        self.set(CANARY=text)
        return "env:CANARY"

    def file(self, text: str) -> str:
        (self.folder / "secret").write_bytes(text.encode())
        return f"file:{self.folder}/secret"

    def dotenv(self, text: str) -> str:
        (self.folder / "it.env").write_text(f"OTHER=1\nCANARY='{text}'\n", "utf-8")
        return f"dotenv:{self.folder}/it.env#CANARY"

    def cmd(self, text: str) -> str:
        (self.folder / "printed").write_bytes(text.encode() + b"\n")
        show = "import pathlib, sys; sys.stdout.buffer.write(pathlib.Path(sys.argv[1]).read_bytes())"
        return f"cmd:{shlex.join([sys.executable, '-c', show, str(self.folder / 'printed')])}"

    def keyring(self, text: str) -> str:
        keyring.set_password("acme", "openai", text)
        return "keyring:acme/openai"

    def age(self, text: str) -> str:
        identity = pyrage.x25519.Identity.generate()
        self.set(DRAGOMAN_AGE_IDENTITY=str(identity))
        data = json.dumps({"openai": text, "other": "x"}).encode()
        (self.folder / "it.age").write_bytes(pyrage.encrypt(data, [identity.to_public()]))
        return f"age:{self.folder}/it.age#openai"

    # --- AWS --------------------------------------------------------------------------------------------------------

    def aws(self) -> None:
        self.set(
            AWS_ENDPOINT_URL=self._moto,
            AWS_ACCESS_KEY_ID="testing",
            AWS_SECRET_ACCESS_KEY="testing-secret-access-key",
            AWS_SESSION_TOKEN="testing-session-token",
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_CONFIG_FILE=str(self.folder / "none"),
            AWS_SHARED_CREDENTIALS_FILE=str(self.folder / "none"),
            AWS_EC2_METADATA_DISABLED="true",
        )

    def awskms(self, text: str) -> str:
        self.aws()
        kms = boto3.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        sealed = kms.encrypt(KeyId=key, Plaintext=text.encode(), EncryptionContext={"app": "dragoman & co"})
        kms.close()
        return f"awskms:{base64.b64encode(sealed['CiphertextBlob']).decode()}?context.app=dragoman%20%26%20co"

    def awssm(self, text: str) -> str:
        self.aws()
        manager = boto3.client("secretsmanager")
        name = f"llm/{self.folder.name}"
        manager.create_secret(Name=name, SecretString=json.dumps({"openai": text, "other": "x"}))
        manager.close()
        return f"awssm:{name}#openai"

    def awsssm(self, text: str) -> str:
        self.aws()
        store = boto3.client("ssm")
        name = f"/llm/{self.folder.name}"
        store.put_parameter(Name=name, Value=text, Type="SecureString")
        store.close()
        return f"awsssm:{name}"

    # --- Google, Azure, Vault: their protocols ----------------------------------------------------------------------

    def gcpsm(self, text: str) -> str:
        self._google(lambda asked: {"payload": {"data": base64.b64encode(text.encode()).decode()}})
        return "gcpsm:llm-key"

    def gcpkms(self, text: str) -> str:
        self._google(lambda asked: {"plaintext": base64.b64encode(text.encode()).decode()})
        return "gcpkms:projects/p/locations/eu/keyRings/r/cryptoKeys/k#Q0lQSEVS?aad=dragoman"

    def _google(self, answer: Callable[[Asked], object]) -> Rest:
        def reply(asked: Asked) -> Said:
            if asked.path == "/token":
                return Said({"access_token": "ya29.canary-token", "expires_in": 3600, "token_type": "Bearer"})
            if asked.headers.get("authorization") != "Bearer ya29.canary-token":
                return Said({"error": {"status": "UNAUTHENTICATED"}}, status=401)
            if self.google_refuses:
                return Said({"error": {"status": "PERMISSION_DENIED", "message": "no"}}, status=403)
            return Said(answer(asked))

        server = self._serve(reply)
        account = {
            "type": "service_account",
            "client_email": "a@b.example",
            "private_key": _private_key(),
            "token_uri": f"{server.url}/token",
        }
        (self.folder / "account.json").write_text(json.dumps(account))
        self.set(
            GOOGLE_APPLICATION_CREDENTIALS=str(self.folder / "account.json"),
            GOOGLE_CLOUD_PROJECT="acme",
            CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=f"{server.url}/",
            CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS=f"{server.url}/",
        )
        return server

    def azurekv(self, text: str) -> str:
        """The client demands https, and asks once without a token, to be told where tokens come from."""

        def reply(asked: Asked) -> Said:
            if asked.headers.get("authorization") != "Bearer azure-canary-token":
                told = 'Bearer authorization="https://login.example/tenant", resource="https://vault.azure.net"'
                return Said({}, status=401, headers={"www-authenticate": told})
            if asked.path.startswith("/secrets/openai/?api-version="):
                return Said({"value": text, "id": f"{vault.url}/secrets/openai/1", "attributes": {"enabled": True}})
            return Said({"error": {"code": "SecretNotFound", "message": "no"}}, status=404)

        authority = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        vault, tokens = self._serve(reply, tls), self._serve(managed_identity)
        self.set(
            REQUESTS_CA_BUNDLE=str(self.folder / "ca.pem"),
            IDENTITY_ENDPOINT=f"{tokens.url}/token",
            IDENTITY_HEADER="canary-identity-header",
            AZURE_TOKEN_CREDENTIALS="ManagedIdentityCredential",
            AZURE_KEYVAULT_URL=vault.url,
        )
        return "azurekv:openai"

    def vault(self, text: str) -> str:
        sealed = base64.b64encode(text.encode()).decode()
        mounts = "/v1/sys/internal/ui/mounts"
        second = Said({"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}})
        answers = {
            **dict.fromkeys([f"{mounts}/kv/{name}" for name in ("llm", "other", "deleted")], second),
            f"{mounts}/old/llm": Said({"data": {"path": "old/", "type": "kv", "options": None}}),
            "/v1/kv/data/llm": Said({"data": {"data": {"openai": text}, "metadata": {"version": 3}}}),
            "/v1/kv/data/deleted": Said({"data": {"data": None, "metadata": {"deletion_time": "2026"}}}),
            "/v1/kv/data/sealed": Said({"errors": ["Vault is sealed"]}, status=503),
            "/v1/kv/data/moved": Said(b"", status=307, headers={"location": "http://127.0.0.1:9/"}),
            "/v1/old/llm": Said({"data": {"openai": text}}),
            "/v1/transit/decrypt/llm": Said({"data": {"plaintext": sealed}}),
        }

        def reply(asked: Asked) -> Said:
            if asked.path == "/v1/auth/approle/login":
                return Said({"auth": {"client_token": "hvs.canary-token"}})
            if asked.headers.get("x-vault-token") != "hvs.canary-token":
                return Said({"errors": ["permission denied"]}, status=403)
            return answers.get(asked.path.partition("?")[0], Said({"errors": []}, status=404))

        server = self._serve(reply)
        self.set(VAULT_ADDR=server.url, VAULT_TOKEN="hvs.canary-token")
        return "vault:kv/llm#openai"


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def managed_identity(asked: Asked) -> Said:
    """Azure's token server on a machine of its own (App Service's protocol)."""
    assert "canary-identity-header" == asked.headers["x-identity-header"]
    assert "resource=https://vault.azure.net" in unquote(asked.path)
    told = {"access_token": "azure-canary-token", "expires_on": "4102444800", "token_type": "Bearer"}
    return Said(told | {"resource": "https://vault.azure.net"})


SCHEMES = [
    "env",
    "file",
    "dotenv",
    "cmd",
    "keyring",
    "age",
    "awskms",
    "awssm",
    "awsssm",
    "gcpsm",
    "gcpkms",
    "azurekv",
    "vault",
]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto: str) -> Iterator[Places]:
    """All places, empty."""
    before = keyring.get_keyring()
    file = PlaintextKeyring()
    file.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(file)
    found = Places(tmp_path, monkeypatch, moto)
    yield found
    found.close()
    keyring.set_keyring(before)
