"""What is wanted of TLS, and what is wrong with it."""

from __future__ import annotations

import pickle
import ssl
import traceback
from pathlib import Path

import pytest
import trustme

from dragoman import TLS, Secret
from dragoman.errors import ConfigError, ConnectError
from dragoman.transport.base import Disconnected
from tests.network.certificates import PASSWORD
from tests.transport.scripted import plain

CANARY = "canary-of-a-password"


# --- the value --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ca": 3}, "ca"),
        ({"ca": ""}, "ca"),
        ({"ca": b""}, "ca"),
        ({"cert": b"-----BEGIN CERTIFICATE-----"}, "cert"),
        ({"key": "k.pem"}, "key"),
        ({"password": "word"}, "password"),
        ({"cert": "c.pem", "password": b"word"}, "password"),
        ({"cert": "c.pem", "password": ""}, "password"),
        ({"minimum": "1.1"}, "minimum"),
        ({"minimum": 1.2}, "minimum"),
        ({"trust": "everybody"}, "trust"),
        ({"trust": True}, "trust"),
        ({"context": "ca.pem"}, "context"),
        ({"context": ssl.create_default_context(), "minimum": "1.3"}, "context"),
    ],
)
def test_a_value_that_cannot_work_is_refused(fields, field):
    """When it is made, and by the name of its field."""
    with pytest.raises(ConfigError) as caught:
        TLS(**fields)

    assert f"tls.{field}" == caught.value.field


def test_there_is_no_switch_to_trust_everybody():
    """No field takes what other libraries take for it."""
    for name in ("verify", "insecure", "check_hostname"):
        with pytest.raises(TypeError):
            TLS(**{name: False})


@pytest.mark.parametrize("password", [CANARY, Secret(CANARY)], ids=["text", "secret"])
def test_a_password_is_never_shown(password):
    """Not in the value's texts, its pickle, or the traceback of an error with the variables of its frames."""
    tls = TLS(cert="c.pem", password=password)
    assert "TLS(cert='c.pem', password=Secret([redacted]))" == repr(tls) == str(tls)
    with pytest.raises(TypeError):
        pickle.dumps(tls)

    with pytest.raises(ConfigError) as caught:
        TLS(password=password, minimum="9")  # type: ignore[arg-type]
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "tests" not in Path(frame.filename).parts]
    assert CANARY not in repr([frame.locals for frame in frames])


def test_pem_is_not_shown_at_length():
    """A bundle has 200 KB."""
    assert "TLS(ca=<30 of PEM>, minimum='1.3')" == repr(TLS(ca=b"-----BEGIN CERTIFICATE----- abc"[:30], minimum="1.3"))


# --- whom to trust ----------------------------------------------------------------------------------------------------


@pytest.fixture
def places(certificates, tmp_path) -> dict[str, object]:
    """The authority in every form that `ca` takes."""
    pem = Path(certificates.ca).read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "ca.crt").write_bytes(pem)
    (tmp_path / "folder" / "README").write_text("not PEM", "utf-8")
    return {
        "file": certificates.ca,
        "path": Path(certificates.ca),
        "bytes": pem,
        "text": pem.decode(),
        "folder": tmp_path / "folder",
    }


@pytest.mark.parametrize("form", ["file", "path", "bytes", "text", "folder"])
def test_an_authority_in_every_form(face, serve, certificates, places, form):
    """File, folder, bytes, text."""
    server = serve([plain()], context=certificates.server())

    assert b"hello" == face.open(server.url, transport=face.transport(tls=TLS(ca=places[form]))).finish()


@pytest.mark.parametrize("trust", ["system", "certifi", "os"])
def test_a_public_store(face, serve, certificates, trust):
    """It does not know our authority; with `ca` beside it, both count."""
    server = serve([plain()], context=certificates.server())
    with pytest.raises(ConnectError, match="certificate is not accepted"):
        face.open(server.url, transport=face.transport(tls=TLS(trust=trust)))

    transport = face.transport(tls=TLS(trust=trust, ca=certificates.ca))
    assert b"hello" == face.open(server.url, transport=transport).finish()


def test_ca_stands_instead_of_the_environment_and_system_beside_it(face, serve, certificates):
    """What the environment names counts where `ca` is not given, or `system` is."""
    server = serve([plain()], context=certificates.server())
    environ = {"SSL_CERT_FILE": certificates.ca}
    other = {"ca": certificates.other_ca}
    with pytest.raises(ConnectError):
        face.open(server.url, transport=face.transport(environ=environ, tls=TLS(**other)))

    for tls in (None, TLS(minimum="1.3"), TLS(trust="system", **other)):
        assert b"hello" == face.open(server.url, transport=face.transport(environ=environ, tls=tls)).finish()


def test_a_folder_from_the_environment_may_be_several(face, serve, certificates, tmp_path):
    """`SSL_CERT_DIR` is a list, as OpenSSL reads it; one that is there is enough."""
    server = serve([plain()], context=certificates.server())
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    environ = {"SSL_CERT_DIR": f"{tmp_path / 'missing'}:{hashed}", "SSL_CERT_FILE": certificates.ca}
    assert b"hello" == face.open(server.url, transport=face.transport(environ=environ)).finish()

    with pytest.raises(ConfigError) as caught:
        face.open(server.url, transport=face.transport(environ={"SSL_CERT_DIR": str(tmp_path / "missing")}))
    assert "SSL_CERT_DIR" == caught.value.field


# --- what is wrong with files -----------------------------------------------------------------------------------------


@pytest.fixture
def broken(certificates, tmp_path):
    """Files that cannot be used, by name."""
    key, cert = Path(certificates.client_key).read_bytes(), Path(certificates.client).read_bytes()
    files = {
        "empty": b"",
        "garbage": b"\x00\xff" * 500,
        "cut_cert": cert[:200],
        "cut_key": key[:-60],
        "other_key": trustme.CA().issue_cert("x").private_key_pem.bytes(),
        "key": key,
        "cert": cert,
        "encrypted": Path(certificates.encrypted_key).read_bytes(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    return lambda name: str(tmp_path / name)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"ca": "missing"}, "ca", "does not exist"),
        ({"ca": "empty"}, "ca", "holds no certificate"),
        ({"ca": "garbage"}, "ca", "holds no certificate"),
        ({"ca": "cut_cert"}, "ca", "holds no certificate"),
        ({"ca": "key"}, "ca", "holds no certificate"),
        ({"ca": "folder"}, "ca", r"a folder without a \.pem"),
        ({"cert": "missing"}, "cert", "cannot be read"),
        ({"cert": "folder"}, "cert", "cannot be read"),
        ({"cert": "empty"}, "cert", "holds no certificate"),
        ({"cert": "cut_cert", "key": "key"}, "cert", "holds no certificate"),
        ({"cert": "cert"}, "cert", "holds no private key: give key="),
        ({"cert": "cert", "key": "missing"}, "key", "cannot be read"),
        ({"cert": "cert", "key": "garbage"}, "key", "holds no private key"),
        ({"cert": "cert", "key": "cert"}, "key", "holds no private key"),
        ({"cert": "cert", "key": "cut_key"}, "key", "cut or damaged"),
        ({"cert": "cert", "key": "other_key"}, "key", "another certificate"),
        ({"cert": "cert", "key": "encrypted"}, "password", "is encrypted: give its password"),
    ],
)
def test_a_file_that_cannot_be_used(face, serve, certificates, broken, fields, field, words):
    """The error names the field and says what is wrong, and nothing was opened."""
    server = serve([plain()], context=certificates.server())
    transport = face.transport(tls=TLS(**{name: broken(file) for name, file in fields.items()}))
    for _ in range(2):  # it is not better the second time
        with pytest.raises(ConfigError, match=words) as caught:
            face.open(server.url, transport=transport)
        assert f"tls.{field}" == caught.value.field

    assert 0 == server.connections


@pytest.mark.parametrize("password", [CANARY, "x" * 2000])
def test_a_wrong_password(face, serve, certificates, password):
    """It is an error of its own field, and is not shown."""
    server = serve([plain()], context=certificates.mutual())
    tls = TLS(ca=certificates.ca, cert=certificates.client, key=certificates.encrypted_key, password=password)
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        face.open(server.url, transport=face.transport(tls=tls))

    assert "tls.password" == caught.value.field
    assert password not in "".join(traceback.format_exception(caught.value))
    assert 0 == server.connections


# --- who to be --------------------------------------------------------------------------------------------------------


def test_certificate_and_key_in_one_file(face, serve, certificates):
    """No `key` is needed."""
    server = serve([plain()], context=certificates.mutual())
    transport = face.transport(tls=TLS(ca=certificates.ca, cert=certificates.both))

    assert b"hello" == face.open(server.url, transport=transport).finish()


@pytest.mark.parametrize("form", ["text", "secret", "reference"])
def test_an_encrypted_key(face, serve, certificates, tmp_path, form):
    """Its password is a text, a `Secret`, or a reference that is read when it is needed."""
    key = certificates.encrypted_key
    environ = {}
    if form == "reference":  # what a reference names is held to what keys may be, so it has no spaces
        key = tmp_path / "key"
        from cryptography.hazmat.primitives import serialization as form_of

        loaded = form_of.load_pem_private_key(Path(certificates.client_key).read_bytes(), None)
        hidden = form_of.BestAvailableEncryption(b"word-without-spaces")
        key.write_bytes(loaded.private_bytes(form_of.Encoding.PEM, form_of.PrivateFormat.PKCS8, hidden))
        environ = {"KEY_PASSWORD": "word-without-spaces"}
    password = {"text": PASSWORD, "secret": Secret(PASSWORD), "reference": "env:KEY_PASSWORD"}[form]
    server = serve([plain()], context=certificates.mutual())
    tls = TLS(ca=certificates.ca, cert=certificates.client, key=key, password=password)

    assert b"hello" == face.open(server.url, transport=face.transport(environ=environ, tls=tls)).finish()


def test_a_reference_that_leads_nowhere(face, serve, certificates):
    """It is a config error of the password."""
    server = serve([plain()], context=certificates.mutual())
    tls = TLS(ca=certificates.ca, cert=certificates.client, key=certificates.encrypted_key, password="env:NO_SUCH_ONE")
    with pytest.raises(ConfigError, match="NO_SUCH_ONE") as caught:
        face.open(server.url, transport=face.transport(environ={}, tls=tls))

    assert "tls.password" == caught.value.field
    assert 0 == server.connections


def test_a_certificate_that_the_server_wants_and_does_not_get(face, serve, certificates):
    """TLS 1.3 says so after the request was written, and no answer comes of it."""
    server = serve([plain()], context=certificates.mutual())
    transport = face.transport(tls=TLS(ca=certificates.ca, minimum="1.3"))
    # The server's word may be lost with its connection: it closes with bytes unread.
    with pytest.raises((ConnectError, Disconnected)) as caught:
        face.open(server.url, transport=transport)

    assert isinstance(caught.value, Disconnected) or "pass TLS(cert=" in caught.value.message
    assert [] == server.requests


# --- a context --------------------------------------------------------------------------------------------------------


def test_a_context_that_verifies_nothing(face, serve, certificates):
    """It would be the switch to trust everybody; so is one for servers of no use."""
    server = serve([plain()], context=certificates.server())
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    for context, words in ((blind, "verifies no certificate"), (certificates.server(), "is for servers")):
        with pytest.raises(ConfigError, match=words) as caught:
            face.open(server.url, transport=face.transport(tls=TLS(context=context)))
        assert "tls.context" == caught.value.field

    assert 0 == server.connections


def test_plain_http_needs_no_certificates(face, serve):
    """Files are looked at when https is first wanted."""
    server = serve([plain()])
    transport = face.transport(tls=TLS(ca="/missing.pem"))

    assert b"hello" == face.open(server.url, transport=transport).finish()
