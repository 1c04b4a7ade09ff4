"""Where things lie in a store: one root, and a path for each kind of thing.

dockview.db                     records (database.py)
events.jsonl                    what happened, in docker's shape, one JSON object a line (journal.py)
traces/<trace id>.jsonl         the records of one operation (traces.py)
blobs/sha256/<hex>              content-addressed blobs, as in an OCI image layout
blobs/partial/<hex>             the beginning of a blob whose download was broken off, for the next try
layers/<diff id hex>/diff       unpacked layers, shared by all images and containers
containers/<id>/                the bundle of a container: config.json, shim.json, upper/, work/, rootfs/,
                                state.json (live truth, written by the shim), <id>-json.log
volumes/<name>/_data            the files of a volume
reserve                         room put aside, to remove things on a full disk (reserve.py)
tmp/                            half files; everything in it belongs to a running process or to nobody
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The paths of a store; `root` is absolute."""

    root: str

    @property
    def database(self) -> str:
        """The SQLite file."""
        return f"{self.root}/dockview.db"

    @property
    def events(self) -> str:
        """The journal of events."""
        return f"{self.root}/events.jsonl"

    @property
    def traces(self) -> str:
        """The folder of traces."""
        return f"{self.root}/traces"

    @property
    def tmp(self) -> str:
        """The folder of half files."""
        return f"{self.root}/tmp"

    @property
    def containers(self) -> str:
        """The folder of containers."""
        return f"{self.root}/containers"

    @property
    def layers(self) -> str:
        """The folder of unpacked layers."""
        return f"{self.root}/layers"

    @property
    def volumes(self) -> str:
        """The folder of volumes."""
        return f"{self.root}/volumes"

    def volume(self, name: str) -> str:
        """The folder that holds a volume's files."""
        return f"{self.volumes}/{name}/_data"

    def trace(self, trace_id: str) -> str:
        """The file of a trace."""
        return f"{self.traces}/{trace_id}.jsonl"

    def blob(self, digest: str) -> str:
        """The file of a blob."""
        algorithm, _, encoded = digest.partition(":")
        return f"{self.root}/blobs/{algorithm}/{encoded}"

    def partial_blob(self, digest: str) -> str:
        """The file that keeps the beginning of a blob."""
        return f"{self.root}/blobs/partial/{digest.partition(':')[2]}"

    def layer(self, diff_id: str) -> str:
        """The folder that holds an unpacked layer's files."""
        return f"{self.layers}/{diff_id.partition(':')[2]}/diff"

    def container(self, container_id: str) -> str:
        """The folder of a container: its OCI bundle."""
        return f"{self.containers}/{container_id}"

    def log(self, container_id: str) -> str:
        """The log of a container, in docker's json-file format."""
        return f"{self.container(container_id)}/{container_id}-json.log"

    def make(self) -> None:
        """Create the folders, readable by the owner alone (layers hold other people's setuid files)."""
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        blobs = (f"{self.root}/blobs/sha256", f"{self.root}/blobs/partial")
        for folder in (self.traces, self.tmp, self.containers, self.layers, self.volumes, *blobs):
            os.makedirs(folder, mode=0o711, exist_ok=True)


def default_root() -> str:
    """DOCKVIEW_ROOT, else /var/lib/dockview for root, else $XDG_DATA_HOME/dockview."""
    if named := os.environ.get("DOCKVIEW_ROOT"):
        return os.path.abspath(named)
    if os.geteuid() == 0:
        return "/var/lib/dockview"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return f"{data}/dockview"
