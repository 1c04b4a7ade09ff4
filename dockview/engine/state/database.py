"""The records of a store, in SQLite: what must be unique is unique by constraint.

Several processes use one store at once: every write is one short IMMEDIATE transaction, and readers never wait (WAL).
Live truth (pid, exit code) is not here but in the container's folder, where its shim writes it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from dockview.engine.errors import OutOfSpace, Unavailable
from dockview.engine.state import reserve

_SCHEMA = """
CREATE TABLE images (
    id TEXT PRIMARY KEY,                    -- sha256:… of the config
    manifest_digest TEXT NOT NULL,
    manifest_media_type TEXT NOT NULL,
    config TEXT NOT NULL,                   -- the OCI image config, JSON
    layers TEXT NOT NULL,                   -- JSON list of {digest, diff_id, size, media_type}, lowest first
    size_bytes INTEGER NOT NULL,            -- of the unpacked layers
    pulled_ns INTEGER NOT NULL,
    is_hub INTEGER NOT NULL DEFAULT 0       -- the bundled hub made this digest: it may ask for the host's userland
) STRICT;
CREATE TABLE tags (
    reference TEXT PRIMARY KEY,             -- canonical: docker.io/library/web:latest
    image_id TEXT NOT NULL REFERENCES images (id)
) STRICT;
CREATE TABLE repo_digests (
    reference TEXT PRIMARY KEY,             -- docker.io/library/web@sha256:…
    image_id TEXT NOT NULL REFERENCES images (id)
) STRICT;
CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES images (id),
    request TEXT NOT NULL,                  -- the RunRequest, JSON
    ports TEXT NOT NULL DEFAULT '[]',       -- the PortMappings of its last start, with the host ports that were taken
    created_ns INTEGER NOT NULL,
    is_building INTEGER NOT NULL,           -- 1 until the verb that makes it has committed
    owner_pid INTEGER NOT NULL,             -- the process that makes or removes it, with its start time
    owner_start INTEGER NOT NULL,
    is_removing INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,
    bridge TEXT NOT NULL UNIQUE,
    subnet TEXT NOT NULL UNIQUE,
    gateway TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    is_own_subnet INTEGER NOT NULL DEFAULT 0, -- the user chose it, and may choose addresses in it
    ip_range TEXT NOT NULL DEFAULT '',      -- the part of the subnet that addresses are taken from
    is_internal INTEGER NOT NULL DEFAULT 0, -- no way out
    labels TEXT NOT NULL DEFAULT '{}',
    options TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE addresses (
    network_id TEXT NOT NULL REFERENCES networks (id),
    address TEXT NOT NULL,
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    interface TEXT NOT NULL DEFAULT 'eth0', -- inside
    is_fixed INTEGER NOT NULL DEFAULT 0,    -- asked for by --ip
    aliases TEXT NOT NULL DEFAULT '[]',     -- further names on that network, JSON
    PRIMARY KEY (network_id, address),
    UNIQUE (network_id, container_id),
    UNIQUE (container_id, interface)
) STRICT;
CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    created_ns INTEGER NOT NULL,
    labels TEXT NOT NULL DEFAULT '{}',
    is_anonymous INTEGER NOT NULL DEFAULT 0 -- nobody chose its name
) STRICT;
CREATE TABLE mounts (                       -- what a container asked for, as it was understood when it was made
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    target TEXT NOT NULL,
    volume TEXT REFERENCES volumes (name),  -- NULL for a bind and a tmpfs: a volume that is used cannot go
    mount TEXT NOT NULL,                    -- the Mount, JSON
    PRIMARY KEY (container_id, target)
) STRICT;
CREATE INDEX mounts_by_volume ON mounts (volume);
CREATE TABLE traces (
    id TEXT PRIMARY KEY,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    container_id TEXT NOT NULL DEFAULT '',
    container_name TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX traces_by_container ON traces (container_id);
"""


class Database:
    """A connection a thread, one schema, short transactions."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        try:
            with mapped_errors():
                self._migrate()
        except OutOfSpace:
            # Even to be read, the database wants a little room beside it.
            if not reserve.release(os.path.dirname(path)):
                raise
            with mapped_errors():
                self._migrate()

    def _migrate(self) -> None:
        connection = self._connection()
        if self._version(connection) >= 1:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        with self.transaction() as writer:
            if self._version(writer) < 1:
                for statement in _SCHEMA.split(";"):
                    writer.execute(statement)
                writer.execute("PRAGMA user_version = 1")
        reserve.keep(os.path.dirname(self._path))

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                # A power cut may lose the last transactions but never corrupts; blobs and layers are fsynced before
                # they are named here.
                connection.execute("PRAGMA synchronous = NORMAL")
            except sqlite3.Error:
                connection.close()
                raise
            self._local.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection

    def query(self, sql: str, *parameters: Any) -> Sequence[sqlite3.Row]:
        """The rows of a SELECT."""
        with mapped_errors():
            return self._connection().execute(sql, parameters).fetchall()

    def execute(self, sql: str, *parameters: Any) -> int:
        """One statement as a transaction of its own; how many rows it touched.

        Raises: sqlite3.IntegrityError where a constraint says no, for the caller to translate.
        """
        with mapped_errors():
            return self._connection().execute(sql, parameters).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements, all or nothing; other writers wait."""
        with mapped_errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            connections, self._all = self._all, []
        for connection in connections:
            connection.close()
        self._local = threading.local()


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn SQLite's trouble with the disk into our errors; constraint violations pass."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # What is shared beside the database (SHMSIZE) finds no room before the database itself does.
        if error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
            raise OutOfSpace(
                "the store cannot be written: the disk is full", hint="free some space, or `dockview system prune`"
            ) from error
        if "no such column" in str(error) or "no such table" in str(error):
            raise Unavailable(
                f"the store was made by another version of dockview ({error})",
                hint="choose another one with --root, or remove its containers with that version, and then its folder",
            ) from error
        raise Unavailable(f"the store cannot be used: {error}", hint="is its folder writable by you?") from error
    except sqlite3.ProgrammingError as error:
        raise Unavailable("the engine was closed") from error
