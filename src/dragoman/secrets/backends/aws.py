"""
Keys at AWS: `awskms:CIPHERTEXT` (base64), `awssm:NAME#FIELD` (Secrets Manager), `awsssm:/PATH` (Parameter Store).

botocore asks, with the credentials, region, proxies and endpoints (`AWS_ENDPOINT_URL...`) that it finds for itself;
`?region=` and `?profile=` outrank those.  The encryption context of a ciphertext is `context.NAME=VALUE`; where it
differs from the one that it was encrypted with, KMS refuses.

Rule: botocore writes whole answers to its log at DEBUG.  An answer that holds a key is wrapped so that it shows itself
as masked.

Source: botocore 1.44, `endpoint.py`, `parsers.py`; AWS KMS, Secrets Manager and SSM API references.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.redact import MASK, hush_logger, register
from dragoman.secrets.lookup import decoded, failed, member, missing
from dragoman.secrets.reference import Reference

_CONTEXT: Final = "context."
# What botocore's own retries may add to, at most; the call's connect clock ends the wait before that.
_CONNECT: Final = 5
_READ: Final = 10
# It logs what it signs, tokens included.
_LOGGERS: Final = ("botocore.auth", "botocore.endpoint", "botocore.awsrequest", "botocore.httpsession")


def from_kms(reference: Reference, environ: Mapping[str, str]) -> str:
    """`awskms:CIPHERTEXT?region=…&context.NAME=…`: what KMS decrypts."""
    try:
        sealed = base64.b64decode(reference.name, validate=True)
    except binascii.Error:
        sealed = b""
    if not sealed:
        raise failed(reference, "is no base64", "give the CiphertextBlob as `aws kms encrypt` prints it")
    context = {
        name.removeprefix(_CONTEXT): value for name, value in reference.options.items() if name.startswith(_CONTEXT)
    }
    arguments: dict[str, Any] = {"CiphertextBlob": sealed}
    arguments |= {"EncryptionContext": context} if context else {}
    arguments |= _given(reference, KeyId="key", EncryptionAlgorithm="algorithm")
    return decoded(_asked("kms", "decrypt", reference, arguments)["Plaintext"], reference)


def from_secrets_manager(reference: Reference, environ: Mapping[str, str]) -> str:
    """`awssm:NAME`, or a field of the JSON in it; NAME may be an ARN."""
    arguments = {"SecretId": reference.name} | _given(reference, VersionId="version", VersionStage="stage")
    answer = _asked("secretsmanager", "get_secret_value", reference, arguments)
    if "SecretString" in answer:
        return member(answer["SecretString"], reference)
    return member(decoded(answer["SecretBinary"], reference), reference)


def from_parameter_store(reference: Reference, environ: Mapping[str, str]) -> str:
    """`awsssm:/PATH`, or a field of the JSON in it."""
    arguments = {"Name": reference.name, "WithDecryption": True}
    return member(_asked("ssm", "get_parameter", reference, arguments)["Parameter"]["Value"], reference)


def _given(reference: Reference, **names: str) -> dict[str, Any]:
    """Arguments for the options that are there."""
    return {argument: reference.options[name] for argument, name in names.items() if name in reference.options}


def _asked(service: str, operation: str, reference: Reference, arguments: Mapping[str, Any]) -> Any:
    try:
        import botocore.exceptions as failures
    except ImportError:
        raise missing(reference, "botocore", "aws") from None
    problem: ConfigError
    try:
        client = _client(service, reference)
        try:
            return getattr(client, operation)(**arguments)
        finally:
            client.close()
    except failures.ClientError as error:
        problem = _refused(error, reference)
    except failures.NoRegionError:
        problem = failed(reference, "does not say in which region it is", "set AWS_REGION, or add ?region=")
    except (failures.NoCredentialsError, failures.PartialCredentialsError):
        problem = failed(reference, "needs AWS credentials, and none were found", "aws configure, or give the role")
    except failures.BotoCoreError as error:
        problem = failed(reference, f"could not be asked for ({error})", "check region, network and endpoint")
    raise problem


def _client(service: str, reference: Reference) -> Any:
    """
    A client for one question.

    It is not kept: its connections must not be shared with a forked child, and a key is asked for once in minutes.
    """
    from botocore.config import Config
    from botocore.session import Session

    for name in _LOGGERS:
        hush_logger(name)
    session = Session(profile=reference.options.get("profile"))
    credentials: Any = session.get_credentials()
    if credentials is not None:
        frozen = credentials.get_frozen_credentials()
        for secret in filter(None, (frozen.secret_key, frozen.token)):
            register(secret)
    config = Config(connect_timeout=_CONNECT, read_timeout=_READ, retries={"mode": "standard", "total_max_attempts": 3})
    client: Any = session.create_client(service, region_name=reference.options.get("region"), config=config)
    client.meta.events.register(f"before-parse.{service}", _veil)
    return client


class _Veiled(bytes):
    """Bytes that do not show themselves."""

    def __repr__(self) -> str:
        return MASK


def _veil(response_dict: dict[str, Any], **_: Any) -> None:
    response_dict["body"] = _Veiled(response_dict["body"])


_ADVICE: Final = {
    "AccessDeniedException": "allow this role kms:Decrypt, secretsmanager:GetSecretValue or ssm:GetParameter",
    "InvalidCiphertextException": "is it of this key and region, with the same encryption context?",
    "IncorrectKeyException": "leave ?key= out, or name the right one",
    "NotFoundException": "check region and account",
    "ResourceNotFoundException": "check name, region and account",
    "ParameterNotFound": "check name, region and account",
    "ExpiredTokenException": "renew the AWS credentials",
    "UnrecognizedClientException": "check the AWS credentials",
}


def _refused(error: Any, reference: Reference) -> ConfigError:
    """What AWS says; its words may repeat the ciphertext or the name, and are left out."""
    code = str(error.response.get("Error", {}).get("Code", "no reason"))
    return failed(reference, f"was refused by AWS ({code})", _ADVICE.get(code, "see CloudTrail for what it says"))
