"""Certificates of one authority: good ones, and those that are wrong in one way each."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

NAMES = ("127.0.0.1", "::1", "localhost")
PASSWORD = "opens-the-key of the client"


class Certificates:
    """
    Files for clients and contexts for servers.

    Attributes:
        ca: PEM file of the authority.
        other_ca: PEM file of an authority that signed nothing here.
        client: PEM file of a client's certificate.
        client_key: PEM file of its key.
        encrypted_key: The same key, encrypted with `PASSWORD`.
        both: PEM file with certificate and key.
    """

    def __init__(self, authority: trustme.CA, folder: Path) -> None:
        self.folder = folder
        self._authority = authority
        self.ca = self.write("ca.pem", authority.cert_pem.bytes())
        self.other_ca = self.write("other.pem", trustme.CA().cert_pem.bytes())
        issued = authority.issue_cert("client@dragoman.example")
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        key = issued.private_key_pem.bytes()
        loaded = load_pem_private_key(key, None)
        hidden = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))
        self.client = self.write("client.pem", chain)
        self.client_key = self.write("client.key", key)
        self.encrypted_key = self.write("client.encrypted", hidden)
        self.both = self.write("both.pem", key + chain)

    def write(self, name: str, data: bytes) -> str:
        """Write a file; its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a server shows; for 127.0.0.1 and ::1 if no other names are given."""
        yesterday = datetime.now(UTC) - timedelta(days=1)
        times = {"not_before": yesterday - timedelta(days=1), "not_after": yesterday} if expired else {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*(names or NAMES), **times).configure_cert(context)
        return context

    def mutual(self) -> ssl.SSLContext:
        """A server that wants the client's certificate."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context
