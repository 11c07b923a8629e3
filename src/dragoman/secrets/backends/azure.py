"""
Keys in Azure Key Vault: `azurekv:VAULT/NAME#FIELD`.

VAULT is the name of a vault or its host; without it the vault is in `AZURE_KEYVAULT_URL`.  An address as the portal
shows it works too: `azurekv:https://my.vault.azure.net/secrets/NAME/VERSION`.  azure-identity finds the credentials,
azure-keyvault-secrets asks.

Source: azure-keyvault-secrets 4.12, azure-identity 1.27; Key Vault REST API, Get Secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.secrets.lookup import failed, member, missing
from dragoman.secrets.reference import Reference

VAULT: Final = "AZURE_KEYVAULT_URL"

_SUFFIX: Final = ".vault.azure.net"
_SECONDS: Final = 10


def from_key_vault(reference: Reference, environ: Mapping[str, str]) -> str:
    """`azurekv:VAULT/NAME`, or a field of the JSON in it."""
    vault, name, version = place_of(reference, environ)
    return member(_asked(vault, name, reference.options.get("version", version), reference), reference)


def place_of(reference: Reference, environ: Mapping[str, str]) -> tuple[str, str, str | None]:
    """
    Address of the vault, name of the secret, and its version.

    Raises:
        ConfigError: One of the first two is not there.
    """
    text = reference.name.strip("/")
    if text.startswith("https://"):
        parts = urlsplit(text)
        names = parts.path.strip("/").removeprefix("secrets/").split("/")
        return f"https://{parts.netloc}", names[0], names[1] if len(names) > 1 else None
    vault, _, rest = text.partition("/")
    if not rest:
        vault, rest = environ.get(VAULT, ""), vault
    if not vault:
        raise failed(reference, "does not say in which vault it is", f"write azurekv:VAULT/NAME, or set {VAULT}")
    if "://" not in vault:
        vault = f"https://{vault}" if "." in vault else f"https://{vault}{_SUFFIX}"
    name, _, version = rest.partition("/")
    return vault, name, version or None


def _asked(vault: str, name: str, version: str | None, reference: Reference) -> str:
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
        from azure.identity import CredentialUnavailableError
    except ImportError:
        raise missing(reference, "azure-keyvault-secrets and azure-identity", "azure") from None
    problem: ConfigError
    try:
        return str(_secret(vault, name, version).value)
    except (CredentialUnavailableError, ClientAuthenticationError) as error:
        problem = failed(
            reference, f"needs Azure credentials that work ({type(error).__name__})", "az login, or give an identity"
        )
    except HttpResponseError as error:
        status = error.status_code or 0
        what = f"was refused by Azure ({status or type(error).__name__})"
        problem = failed(reference, what, _ADVICE.get(status, "try again later"))
    except (AzureError, ValueError) as error:
        problem = failed(reference, f"could not be asked for ({type(error).__name__})", "check vault and network")
    raise problem


_ADVICE: Final = {
    400: "check its name",
    401: "is the identity of this vault's tenant?",
    403: "give this identity the role Key Vault Secrets User",
    404: "check vault and name",
}


def _secret(vault: str, name: str, version: str | None) -> Any:
    """Ask; nothing is kept open, since a key is asked for once in minutes."""
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    host = urlsplit(vault).hostname or ""
    ours = host.endswith((_SUFFIX, ".vault.azure.cn", ".vault.usgovcloudapi.net", ".managedhsm.azure.net"))
    with (
        DefaultAzureCredential() as credential,
        SecretClient(
            vault,
            credential,
            # A vault of one's own (a test, a private cloud) is not below the domain that hands out its tokens.
            verify_challenge_resource=ours,
            connection_timeout=_SECONDS,
            read_timeout=_SECONDS,
            retry_total=2,
        ) as client,
    ):
        return client.get_secret(name, version)
