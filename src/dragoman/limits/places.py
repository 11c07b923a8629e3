"""
Where this machine's shared limits lie, and who takes part.

Files are in a directory of this user alone: `$XDG_RUNTIME_DIR/dragoman`, else `dragoman-<uid>` in the directory for
temporary files.  Their names are hashes of what a provider counts together; a credential is in them as a keyed hash of
a keyed hash.

A process is named by its number and the time it started, because numbers are used again.  A process that was killed
and that nobody has asked for yet (a zombie) is dead.

Sources: XDG base directory specification; proc(5).
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from hashlib import blake2b
from typing import Final

from dragoman.errors import ConfigError
from dragoman.policy.limit.codec import VERSION
from dragoman.policy.limit.limiter import ScopeKey

# Where there is no /proc: who was not seen for so many seconds is gone, whatever has his number now.
_LEASE: Final = 600.0
# The clock's beginning, where the system does not name its boots: in steps that outlast corrections of the time of day.
_STEP: Final = 3600.0
_DEAD: Final = ("Z", "X")


def scope_name(key: ScopeKey) -> str:
    """A name for what a provider counts together; the same in every process and on every host."""
    parts = (key.provider, key.credential, key.pool, key.region)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(text.encode(), digest_size=16, key=b"dragoman limit", person=b"scope").hexdigest()


def directory() -> str:
    """
    The directory; it is made if it is not there.

    Raises:
        ConfigError: It cannot be made, or others may write into it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _ours(runtime):
        path = os.path.join(runtime, "dragoman")
    else:
        path = os.path.join(tempfile.gettempdir(), f"dragoman-{os.geteuid()}")
    try:
        os.makedirs(path, 0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {path} to share limits: {error.strerror}", field="limit") from error
    if not _ours(path) or os.lstat(path).st_mode & 0o077:
        raise ConfigError(
            f"{path} is not a directory of this user alone (mode 0700), so limits are not shared in it: remove it, or "
            "set XDG_RUNTIME_DIR",
            field="limit",
        )
    return path


def file_name(key: ScopeKey) -> str:
    """Name of a scope's file."""
    return f"limit-{VERSION}-{scope_name(key)}"


def _ours(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


# --- who --------------------------------------------------------------------------------------------------------------


def holder() -> str:
    """Name of this process among those of this boot."""
    pid = os.getpid()
    found = _status(pid)
    return f"{pid}.{found[1] if found else 0}"


def lives(name: str, seen: float, now: float) -> bool:
    """Whether a process lives, by the name that it gave itself."""
    pid, _, start = name.partition(".")
    if not pid.isdigit():
        return False
    found = _status(int(pid))
    if found is not None:
        return found[0] not in _DEAD and start in (found[1], "0")
    if os.path.exists("/proc/self/stat"):
        return False
    return now - seen < _LEASE and _answers(int(pid))


def _status(pid: int) -> tuple[str, str] | None:
    """State and start time of a process, or None where that is not to be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode("ascii", "replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# --- when -------------------------------------------------------------------------------------------------------------


def epoch() -> str:
    """Name of the clock: since which boot, in which time namespace, it counts."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return f"{boot} {_namespace()}"
    except OSError:
        return str(round((time.time() - time.monotonic()) / _STEP))


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/time")
    except OSError:
        return ""
