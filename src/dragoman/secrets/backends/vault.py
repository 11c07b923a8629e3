"""
Keys in HashiCorp Vault or OpenBao: `vault:PATH#FIELD`, `vault:transit/decrypt/KEY#vault:v1:…`.

PATH is what `vault kv get` takes, mount included (`kv/team/openai`); which version of the KV engine stands behind it,
Vault is asked, or `?kv=1|2` says.  A FIELD that begins with `vault:v` is a ciphertext, PATH is then the address of the
transit key that decrypts it.

The variables are those of the program `vault`: `VAULT_ADDR`, `VAULT_NAMESPACE`, `VAULT_CACERT`, `VAULT_CLIENT_CERT`
with `VAULT_CLIENT_KEY`, and `VAULT_TOKEN`, else `~/.vault-token`, else `VAULT_ROLE_ID` with `VAULT_SECRET_ID` (AppRole)
or `VAULT_K8S_ROLE` (the pod's own token).  The library is `hvac`.

Rule: the token goes to `VAULT_ADDR` and nowhere else; redirects are not followed.

Source: Vault HTTP API, /sys/internal/ui/mounts, /:mount/data/:path, /transit/decrypt; hvac 2.4.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from dragoman.errors import ConfigError
from dragoman.redact import register
from dragoman.secrets.lookup import decoded, failed, missing, names
from dragoman.secrets.reference import Reference

_ADDRESS: Final = "http://127.0.0.1:8200"
_POD_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_SECONDS: Final = 10


def from_vault(reference: Reference, environ: Mapping[str, str]) -> str:
    """`vault:PATH#FIELD`: a field of a KV secret, or what transit decrypts."""
    path = reference.name.strip("/")
    if not reference.field:
        raise failed(reference, "does not say which field", "write vault:PATH#FIELD")
    vault = _Vault(reference, environ)
    if reference.field.startswith("vault:v"):
        return _decrypted(vault, path, reference)
    found = _fields(vault, path, reference)
    value = found.get(reference.field)
    if isinstance(value, str):
        return value
    what = "has no such field" if value is None else "is a field that is no text"
    raise failed(reference, what, f"there are {names(found)}")


def _decrypted(vault: _Vault, path: str, reference: Reference) -> str:
    body = {"ciphertext": reference.field}
    if "context" in reference.options:
        body["context"] = base64.b64encode(reference.options["context"].encode()).decode()
    answer = vault.ask("POST", path, body)
    try:
        return decoded(base64.b64decode(str(answer["plaintext"]), validate=True), reference)
    except (KeyError, binascii.Error):
        problem = failed(reference, "was answered without a plaintext", "is it transit/decrypt/KEY?")
    raise problem


def _fields(vault: _Vault, path: str, reference: Reference) -> dict[str, Any]:
    """The fields of a KV secret."""
    kv = reference.options.get("kv")
    if kv == "1":
        return vault.ask("GET", path)
    mount = f"{path.partition('/')[0]}/"
    if kv is None:
        told = vault.ask("GET", f"sys/internal/ui/mounts/{path}")
        mount = str(told.get("path", mount))
        if _table(told.get("options")).get("version") != "2":
            return vault.ask("GET", path)
    rest = path.removeprefix(mount.rstrip("/")).strip("/")
    version = reference.options.get("version")
    answer = vault.ask("GET", f"{mount.strip('/')}/data/{rest}", query={"version": version} if version else None)
    if answer.get("data") is None:
        raise failed(reference, "is a secret that was deleted", "restore it, or name another ?version=")
    return _table(answer["data"])


def _table(value: object) -> dict[str, Any]:
    """A JSON object, or an empty one where something else came."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class _Vault:
    """A Vault, asked by hvac with the token of this machine."""

    def __init__(self, reference: Reference, environ: Mapping[str, str]) -> None:
        try:
            hvac: Any = import_module("hvac")  # it has no types
        except ImportError:
            raise missing(reference, "hvac", "vault") from None
        self._failure: type[Exception] = hvac.exceptions.VaultError
        self._reference = reference
        self._environ = environ
        certificate = (environ.get("VAULT_CLIENT_CERT"), environ.get("VAULT_CLIENT_KEY"))
        self._client: Any = hvac.Client(
            url=environ.get("VAULT_ADDR") or _ADDRESS,
            token="",
            namespace=reference.options.get("namespace") or environ.get("VAULT_NAMESPACE"),
            cert=certificate if all(certificate) else None,
            verify=environ.get("VAULT_CACERT") or environ.get("REQUESTS_CA_BUNDLE") or True,
            timeout=_SECONDS,
            allow_redirects=False,
        )
        token = self._token()
        register(token)
        self._client.token = token

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """
        Return the data of the answer.

        Raises:
            ConfigError: Vault was not reached, or refused.
        """
        return _table(self._send(method, f"/v1/{path}", body, query).get("data"))

    def _token(self) -> str:
        environ, reference = self._environ, self._reference
        given = environ.get("VAULT_TOKEN") or _read(Path(environ.get("HOME") or "~").expanduser() / ".vault-token")
        if given:
            return given
        if environ.get("VAULT_ROLE_ID"):
            role = {"role_id": environ["VAULT_ROLE_ID"], "secret_id": environ.get("VAULT_SECRET_ID", "")}
            return self._login("approle", role)
        if environ.get("VAULT_K8S_ROLE"):
            return self._login("kubernetes", {"role": environ["VAULT_K8S_ROLE"], "jwt": _read(_POD_TOKEN)})
        raise failed(reference, "needs a token for Vault, and none was found", "vault login, or export VAULT_TOKEN=…")

    def _login(self, way: str, body: Mapping[str, str]) -> str:
        mount = self._environ.get("VAULT_AUTH_MOUNT") or way
        token = _table(self._send("POST", f"/v1/auth/{mount}/login", body, None).get("auth")).get("client_token")
        if not isinstance(token, str):
            raise failed(self._reference, f"needs a token that {way} did not give", "check the role")
        return token

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str] | None
    ) -> dict[str, Any]:
        from requests.exceptions import RequestException

        problem: ConfigError
        try:
            answer: Any = self._client.adapter.request(method.lower(), path, json=body, params=query)
        except self._failure as error:
            problem = _refused(type(error).__name__, self._reference)
        except (RequestException, OSError, ValueError) as error:
            problem = failed(self._reference, f"could not be asked for ({type(error).__name__})", "check VAULT_ADDR")
        else:
            if isinstance(answer, dict):
                return _table(cast("object", answer))
            problem = _redirected(getattr(answer, "status_code", None), self._reference)
        raise problem


_ADVICE: Final = {
    "Forbidden": "let its policy read this path; or the token has expired: vault login",
    "Unauthorized": "vault login",
    "InvalidPath": "check mount and path",
    "InvalidRequest": "check the ciphertext and the key's name",
    "VaultDown": "unseal it",
    "VaultNotInitialized": "initialize it",
}


def _refused(kind: str, reference: Reference) -> ConfigError:
    return failed(reference, f"was refused by Vault ({kind})", _ADVICE.get(kind, "see its audit log"))


def _redirected(status: object, reference: Reference) -> ConfigError:
    return failed(
        reference,
        f"was answered by something else than Vault's data (status {status})",
        "set VAULT_ADDR to the active Vault; redirects are not followed",
    )


def _read(path: Path) -> str:
    """A token in a file, or nothing."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeError):
        return ""
