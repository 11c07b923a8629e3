"""
Keys at Google Cloud: `gcpsm:NAME#FIELD` (Secret Manager), `gcpkms:KEY#CIPHERTEXT` (Cloud KMS).

NAME is `projects/P/secrets/S/versions/V`, or shorter: without the version the latest, and the bare name of a secret of
the project in `?project=`, in `GOOGLE_CLOUD_PROJECT`, or of the credentials.  KEY is `projects/…/cryptoKeys/K`,
CIPHERTEXT base64; `?aad=` is the additional authenticated data.

google-auth finds credentials and asks, over REST: the product libraries bring gRPC for one request in minutes.  The
addresses are those that `gcloud` takes too (`CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER`, `…_CLOUDKMS`).

Source: Secret Manager API v1, `projects.secrets.versions.access`; Cloud KMS API v1, `cryptoKeys.decrypt`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.redact import register
from dragoman.secrets.lookup import decoded, failed, member, missing
from dragoman.secrets.reference import Reference

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_SECRETS: Final = ("https://secretmanager.googleapis.com/", "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER")
_KEYS: Final = ("https://cloudkms.googleapis.com/", "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS")
_SECONDS: Final = 10.0


class _Payload(msgspec.Struct, frozen=True):
    data: str = ""


class _Accessed(msgspec.Struct, frozen=True):
    payload: _Payload = _Payload()


class _Decrypted(msgspec.Struct, frozen=True):
    plaintext: str = ""


class _Fault(msgspec.Struct, frozen=True):
    status: str = ""


class _Refused(msgspec.Struct, frozen=True):
    error: _Fault = _Fault()


def from_secret_manager(reference: Reference, environ: Mapping[str, str]) -> str:
    """`gcpsm:NAME`, or a field of the JSON in it."""
    session, project = _session(reference)
    name = _secret(reference, environ, project)
    answer = _asked(session, "GET", f"{_base(_SECRETS, environ)}v1/{name}:access", None, reference)
    return member(_unpacked(_read(answer, _Accessed, reference).payload.data, reference), reference)


def from_kms(reference: Reference, environ: Mapping[str, str]) -> str:
    """`gcpkms:KEY#CIPHERTEXT`: what KMS decrypts."""
    if not reference.name.startswith("projects/") or not reference.field:
        raise failed(
            reference,
            "is incomplete",
            "write gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K#CIPHERTEXT",
        )
    body = {"ciphertext": reference.field}
    aad = reference.options.get("aad")
    if aad is not None:
        body["additionalAuthenticatedData"] = base64.b64encode(aad.encode()).decode()
    session, _ = _session(reference)
    answer = _asked(session, "POST", f"{_base(_KEYS, environ)}v1/{reference.name}:decrypt", body, reference)
    return _unpacked(_read(answer, _Decrypted, reference).plaintext, reference)


def _secret(reference: Reference, environ: Mapping[str, str], project: str | None) -> str:
    """The whole name of a version."""
    name = reference.name.strip("/")
    if not name.startswith("projects/"):
        project = reference.options.get("project") or environ.get("GOOGLE_CLOUD_PROJECT") or project
        if not project:
            raise failed(reference, "does not say in which project it is", "set GOOGLE_CLOUD_PROJECT, or add ?project=")
        name = f"projects/{project}/secrets/{name}"
    return name if "/versions/" in name else f"{name}/versions/{reference.options.get('version', 'latest')}"


def _base(address: tuple[str, str], environ: Mapping[str, str]) -> str:
    usual, variable = address
    return (environ.get(variable) or usual).rstrip("/") + "/"


def _session(reference: Reference) -> tuple[Any, str | None]:
    """Something that asks with credentials, and the project that they belong to."""
    try:
        from google.auth.exceptions import DefaultCredentialsError

        requests: Any = import_module("google.auth.transport.requests")
    except ImportError:
        raise missing(reference, "google-auth", "gcp") from None
    auth: Any = import_module("google.auth")  # its functions are typed in part only
    try:
        credentials, project = auth.default(scopes=_SCOPES)
    except DefaultCredentialsError:
        problem = failed(
            reference, "needs Google credentials, and none were found", "gcloud auth application-default login"
        )
    else:
        return requests.AuthorizedSession(credentials), project
    raise problem


def _asked(session: Any, method: str, url: str, body: object, reference: Reference) -> bytes:
    """Ask once more after google-auth's own renewals, and return the body of the answer."""
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    problem: ConfigError
    try:
        with session:
            answer = session.request(method, url, json=body, timeout=_SECONDS, allow_redirects=False)
            register(str(session.credentials.token))
    except GoogleAuthError as error:
        problem = failed(reference, f"needs a token that Google did not give ({type(error).__name__})", "log in again")
    except RequestException as error:
        problem = failed(reference, f"could not be asked for ({type(error).__name__})", "check network and proxy")
    else:
        if answer.status_code == 200:
            return bytes(answer.content)
        problem = _refused(answer.status_code, answer.content, reference)
    raise problem


_ADVICE: Final = {
    400: "check the name, and of a ciphertext the key and ?aad=",
    401: "log in again",
    403: "allow secretmanager.versions.access or cloudkms.cryptoKeyVersions.useToDecrypt",
    404: "check name and project",
}


def _refused(status: int, body: bytes, reference: Reference) -> ConfigError:
    try:
        reason = msgspec.json.decode(body, type=_Refused).error.status
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        reason = ""
    what = f"was refused by Google ({' '.join(filter(None, (str(status), reason)))})"
    return failed(reference, what, _ADVICE.get(status, "try again later"))


def _read(body: bytes, kind: Any, reference: Reference) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        problem = failed(reference, "was answered with something that is not Google's", "check proxy and endpoint")
    raise problem


def _unpacked(text: str, reference: Reference) -> str:
    try:
        return decoded(base64.b64decode(text, validate=True), reference)
    except binascii.Error:
        problem = failed(reference, "was answered with something that is not Google's", "check proxy and endpoint")
    raise problem
