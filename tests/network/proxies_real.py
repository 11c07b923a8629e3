"""Real proxies: tinyproxy, squid and microsocks, started as `tests.services` starts servers; their logs are read."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import trustme

from tests.services import Service, free_port

USER = "dragoman"
PASSWORD = "s3cret-of-the-proxy"
_HELPER = f"""#!/bin/sh
# Squid's protocol for who may: a user and a password come in, OK or ERR go out.
while read -r user password; do
    if [ "$user $password" = "{USER} {PASSWORD}" ]; then echo OK; else echo ERR; fi
done
"""


class ProxyService(Service):
    """A proxy whose log says which connections it made."""

    def listens(self, port: int, host: str = "127.0.0.1") -> bool:
        """Whether somebody accepts connections there; the proxy notes no request for this."""
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            return sock.connect_ex((host, port)) == 0

    def found(self, pattern: str, file: str = "log") -> list[re.Match[str]]:
        """What a log has of a pattern."""
        path = self.folder / file
        return list(re.finditer(pattern, path.read_text("utf-8", "replace"), re.MULTILINE)) if path.exists() else []

    def program(self, name: str, package: str) -> str:
        """Path of a program; Debian keeps some where only root's PATH leads."""
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if found is None:
            raise RuntimeError(f"{name} is not installed: apt-get install {package}")
        return found


class Tinyproxy(ProxyService):
    """tinyproxy; with `login` it wants user and password."""

    name = "tinyproxy"

    def __init__(self, *, login: bool = False) -> None:
        self._login = login
        super().__init__()

    def prepare(self) -> None:
        login = f"BasicAuth {USER} {PASSWORD}\n" if self._login else ""
        (self.folder / "conf").write_text(
            f"Port {self.port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogLevel Connect\n"
            f'LogFile "{self.folder}/said"\n{login}'
        )

    def command(self) -> Sequence[str]:
        return [self.program("tinyproxy", "tinyproxy-bin"), "-d", "-c", str(self.folder / "conf")]

    def answers(self) -> bool:
        return self.listens(self.port)

    @property
    def targets(self) -> list[str]:
        """Where requests went, `host:port` each: one for a tunnel, one for each forwarded request."""
        return [match[1] for match in self.found(r"Request \(.*\): \w+ (?:http://)?([^/ ]+)", "said")]


class Squid(ProxyService):
    """
    squid, on several ports.

    Attributes:
        port: Open to all.
        login_port: Wants user and password.
        tls_port: Open to all, over TLS.
        six_port: Open to all, on ::1.
    """

    name = "squid"

    def __init__(self, authority: trustme.CA) -> None:
        self._authority = authority
        self.login_port, self.tls_port, self.six_port = free_port(), free_port(), free_port()
        super().__init__()

    def prepare(self) -> None:
        issued = self._authority.issue_cert("127.0.0.1", "localhost")
        chain = [pem.bytes() for pem in issued.cert_chain_pems]
        (self.folder / "proxy.pem").write_bytes(issued.private_key_pem.bytes() + b"".join(chain))
        (self.folder / "helper").write_text(_HELPER)
        (self.folder / "conf").write_text(
            f"""
http_port 127.0.0.1:{self.port}
http_port 127.0.0.1:{self.login_port} name=login
https_port 127.0.0.1:{self.tls_port} tls-cert={self.folder}/proxy.pem
http_port [::1]:{self.six_port}
auth_param basic program /bin/sh {self.folder}/helper
auth_param basic children 1
acl login myportname login
acl known proxy_auth REQUIRED
http_access deny login !known
http_access allow all
cache deny all
cache_mem 0
pid_filename none
shutdown_lifetime 0 seconds
workers 1
pinger_enable off
coredump_dir {self.folder}
cache_log {self.folder}/cache.log
logformat asked %>a %>p %>lp %>Hs %rm %ru
access_log stdio:{self.folder}/access.log asked
buffered_logs off
max_filedescriptors 1024
"""
        )

    def command(self) -> Sequence[str]:
        return [self.program("squid", "squid"), "-N", "-f", str(self.folder / "conf")]

    def answers(self) -> bool:
        ports = (self.port, self.login_port, self.tls_port)
        return all(self.listens(port) for port in ports) and self.listens(self.six_port, "::1")

    @property
    def targets(self) -> list[str]:
        """Where connections went; squid notes one when it has ended."""
        matches = self.found(r"^\S+ (\d+) \d+ 200 \w+ (?:http://)?([^/\s]+)\S*$", "access.log")
        return list({match[1]: match[2] for match in matches}.values())

    @property
    def refused(self) -> int:
        """How many requests it let not through for want of a password."""
        return len(self.found(r"^\S+ \d+ \d+ 407 ", "access.log"))


class Microsocks(ProxyService):
    """microsocks, a SOCKS5 proxy; with `login` it wants user and password."""

    name = "microsocks"

    def __init__(self, *, login: bool = False) -> None:
        self._login = login
        super().__init__()

    def command(self) -> Sequence[str]:
        login = ["-u", USER, "-P", PASSWORD] if self._login else []
        return [self.program("microsocks", "microsocks"), "-i", "127.0.0.1", "-p", str(self.port), *login]

    def answers(self) -> bool:
        return self.listens(self.port)

    @property
    def targets(self) -> list[str]:
        """Where connections went."""
        found = [match[1].rpartition(":") for match in self.found(r"connected to (\S+)")]
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, _, port in found]


def write_pem(path: Path, *blobs: trustme.Blob) -> str:
    """Write PEM blocks into a file; its path."""
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return str(path)
