"""Redis servers of several kinds, and a line to one that breaks where it is told to."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from tests.services import RedisServer, free_port, wait_for


class DurableRedis(RedisServer):
    """A Redis that has what it had when it is started again."""

    def options(self) -> Sequence[str]:
        return ["--appendonly", "yes", "--appendfsync", "everysec"]


class GuardedRedis(RedisServer):
    """A Redis with a user who may see his own keys, and no more of the server than it takes."""

    def options(self) -> Sequence[str]:
        return ["--user", "limited", "on", ">pa%ss:word", "~talk:*", "+@all", "-info", "-config"]


class Primary(RedisServer):
    """A Redis that sends what it has to its replicas at once."""

    def options(self) -> Sequence[str]:
        return ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]


class Replica(RedisServer):
    """A Redis that has what another has."""

    def __init__(self, of: RedisServer) -> None:
        self._of = of
        super().__init__()
        wait_for(lambda: b"master_link_status:up" in self.call("INFO replication"), 20)

    def options(self) -> Sequence[str]:
        return ["--replicaof", "127.0.0.1", str(self._of.port)]

    def promote(self) -> None:
        """Make it the primary."""
        self.call("REPLICAOF NO ONE")


class ClusterNode(RedisServer):
    """A node of a cluster."""

    def prepare(self) -> None:
        self.bus = free_port()

    def options(self) -> Sequence[str]:
        return ["--cluster-enabled", "yes", "--cluster-port", str(self.bus), "--cluster-node-timeout", "1000"]

    @property
    def id(self) -> str:
        return self.call("CLUSTER MYID").split(b"\r\n")[1].decode()


class Cluster:
    """Three nodes with a third of the slots each, and a replica of the first."""

    def __init__(self) -> None:
        self.nodes: list[ClusterNode] = []
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        for _ in range(4):
            self.nodes.append(ClusterNode())
        bounds = [0, 5461, 10923, 16384]
        for number, node in enumerate(self.nodes[:3]):
            node.call(f"CLUSTER ADDSLOTSRANGE {bounds[number]} {bounds[number + 1] - 1}")
            node.call(f"CLUSTER SET-CONFIG-EPOCH {number + 1}")
        for node in self.nodes[1:]:
            self.nodes[0].call(f"CLUSTER MEET 127.0.0.1 {node.port} {node.bus}")
        first = self.nodes[0].id
        wait_for(lambda: first.encode() in self.nodes[3].call("CLUSTER NODES"), 20)
        wait_for(lambda: self.nodes[3].call(f"CLUSTER REPLICATE {first}").startswith(b"+OK"), 20)
        wait_for(lambda: b"master_link_status:up" in self.nodes[3].call("INFO replication"), 20)
        wait_for(lambda: all(b"cluster_state:ok" in node.call("CLUSTER INFO") for node in self.nodes), 20)
        wait_for(lambda: all(node.call("CLUSTER NODES").count(b"connected") >= 4 for node in self.nodes), 20)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.nodes[1].port}"

    def close(self) -> None:
        """End it."""
        for node in self.nodes:
            node.close()


class Line:
    """
    A line to a server that breaks at one of the client's messages.

    Attributes:
        port: On 127.0.0.1.
        count: Messages so far.
        cut: The message at which it breaks, from 1; 0 for none.
        sent: Whether the server has that message, and has answered.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.count = self.cut = 0
        self.sent = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        asking = False
        with client, socket.create_connection(("127.0.0.1", self._server.port)) as server, suppress(OSError):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                data = ready[0].recv(1 << 20)
                if ready[0] is client and not asking:  # a message may come in several pieces
                    asking = True
                    self.count += bool(data)
                if not data or (self.count == self.cut and self.sent == (ready[0] is server)):
                    return
                (server if ready[0] is client else client).sendall(data)
                asking = asking and ready[0] is client

    def close(self) -> None:
        """End it."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)
