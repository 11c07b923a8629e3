"""Why a connection failed, in words: the same for both faces, with what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from dragoman.transport.address import Origin
from dragoman.transport.failures import connect_error, refusal, wants_certificate
from dragoman.transport.proxy import parse_proxy
from dragoman.transport.routes import Route

ORIGIN = Origin("https", "a.example", 443)
NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (None, "a.example:443: the name does not resolve ("),
        ("http://p.example:1", "the proxy p.example:1: the proxy's name does not resolve ("),
        ("socks5h://p.example:1", "the proxy's name does not resolve ("),
        ("socks5://10.0.0.1:1", "the name does not resolve here; with socks5h the proxy resolves it ("),
        ("socks4://p.example:1", "its name or the proxy's does not resolve here; with socks4a the proxy resolves it ("),
    ],
)
def test_whose_name_does_not_resolve(proxy, words):
    """It depends on the proxy who resolves what."""
    error = connect_error(Route(ORIGIN, parse_proxy(proxy) if proxy else None), NO_NAME)

    assert words in error.message
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "retryable"), [(301, False), (401, False), (403, False), (407, False), (429, True), (502, True)]
)
def test_whether_a_refusal_may_go_away(status, retryable):
    """A proxy that has no server may have one later; one that forbids goes on forbidding."""
    error = connect_error(Route(ORIGIN, parse_proxy("http://p:1")), refusal(status, "Some\r\n reason"))

    assert f"the proxy refused: {status} Some reason" in error.message
    assert retryable == error.retryable
    assert (status in (401, 407)) == ("http://user:password@host:port" in error.message)


@pytest.mark.parametrize("proxy", ["http://p:1", "socks5://p:1"])
def test_a_proxy_that_is_not_running(proxy):
    """It is the proxy that refuses, not the server."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

    error = connect_error(Route(ORIGIN, parse_proxy(proxy)), refused, at_proxy=proxy.startswith("http"))

    assert "the proxy refuses connections; is it running?" in error.message


def test_an_authority_that_strict_checks_refuse():
    """Python 3.13 asks more of authorities than those before; the error says that this is it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    sloppy = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sloppy")]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sloppy")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
        .sign(key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(sloppy.subject)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    context = ssl.create_default_context(cadata=sloppy.public_bytes(Encoding.PEM).decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    error = connect_error(Route(ORIGIN, None), _handshake(context, leaf, key))

    assert "without VERIFY_X509_STRICT" in error.message
    assert not error.retryable


def _handshake(context: ssl.SSLContext, leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLError:
    """The error of a client's handshake with a server that shows `leaf`."""
    import tempfile

    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(leaf.public_bytes(Encoding.PEM))
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        server.load_cert_chain(file.name)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = context.wrap_bio(down, up, server_hostname="a.example")
    server_side = server.wrap_bio(up, down, server_side=True)
    for _ in range(5):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error
    raise AssertionError("the handshake went well")


def test_which_errors_are_of_the_clients_certificate():
    """Those that a server sends because of it, and no others."""

    def made(reason: str) -> ssl.SSLError:
        error = ssl.SSLError(1, reason)
        error.reason = reason
        return error

    assert wants_certificate(made("TLSV13_ALERT_CERTIFICATE_REQUIRED"))
    assert wants_certificate(made("TLSV1_ALERT_UNKNOWN_CA"))
    assert not wants_certificate(made("SSLV3_ALERT_HANDSHAKE_FAILURE"))
    assert not wants_certificate(OSError("x"))
