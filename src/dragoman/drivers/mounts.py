"""
Whether a folder is on another machine.

SQLite's locks do not hold over network file systems, and its log in shared memory cannot work there at all: two writers
damage the file.  So such a place is refused.

Source: sqlite.org/howtocorrupt.html, section 2.1 "Filesystems with broken or missing lock implementations", and
sqlite.org/wal.html, section 1; the format is that of proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fuse.ceph",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.smbnetfs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb2",
        "smb3",
        "smbfs",
        "wekafs",
    }
)
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def network_filesystem(folder: Path) -> str | None:
    """Name of the network file system that a folder is on, or None.  None, too, where the system does not say."""
    try:
        listed = _MOUNTS.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
    kind = filesystem(folder.resolve(), listed)
    return kind if kind in _NETWORK else None


def filesystem(folder: Path, listed: str) -> str:
    """
    Find the type of the file system under an absolute path without links, in the text of `mountinfo`.

    >>> filesystem(Path("/data/x"), "1 0 0:1 / / rw - ext4 a rw\\n2 1 0:2 / /data rw shared:1 - nfs4 host:/ rw")
    'nfs4'
    """
    best, kind = -1, ""
    for line in listed.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of several mounts on one point, the last one is seen.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.partition(" ")[0]
    return kind
