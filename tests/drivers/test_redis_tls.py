"""Redis over TLS, with a certificate made for the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import trustme

from dragoman.drivers.redis import Redis
from dragoman.errors import StoreError
from tests.drivers.subjects import Face
from tests.services import RedisServer, free_port


class TlsRedisServer(RedisServer):
    """A Redis with a second port that speaks TLS."""

    def prepare(self) -> None:
        self.tls_port = free_port()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")

    def options(self) -> Sequence[str]:
        files = [f"--tls-{name}-file {self.folder}/server.pem" for name in ("cert", "key")]
        plain = f"--tls-port {self.tls_port} --tls-auth-clients no --tls-ca-cert-file {self.folder}/ca.pem"
        return " ".join([plain, *files]).split()


@pytest.fixture(scope="module")
def tls_server() -> Iterator[TlsRedisServer]:
    """It is this module's own."""
    running = TlsRedisServer()
    yield running
    running.close()


def test_a_verified_connection(tls_server: TlsRedisServer, face: Face) -> None:
    """Large answers come whole, and a deadline holds while the server stands still."""
    driver = Redis(f"rediss://127.0.0.1:{tls_server.tls_port}?ssl_ca_certs={tls_server.folder}/ca.pem")

    async def steps(runtime: Any) -> int:
        await driver.command(runtime, "SET", "large", b"x" * 1_000_000)
        whole = await driver.command(runtime, "GET", "large")
        tls_server.pause()
        try:
            with pytest.raises(StoreError, match="did not answer in time"):
                await driver.command(runtime, "PING", until=runtime.now() + 0.2)
        finally:
            tls_server.resume()
        await driver.command(runtime, "PING")
        return len(whole)

    assert 1_000_000 == face.do(steps)
    driver.close()


def test_a_server_that_nobody_vouches_for(tls_server: TlsRedisServer, face: Face) -> None:
    """A certificate of an unknown authority is not accepted, and the message says how to name it."""
    driver = Redis(f"rediss://127.0.0.1:{tls_server.tls_port}")

    with pytest.raises(StoreError, match=r"not accepted .*ssl_ca_certs") as caught:
        face.do(lambda runtime: driver.command(runtime, "PING"))

    assert not caught.value.retryable
