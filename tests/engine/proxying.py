"""Starting the port proxy as the shim does: placeholders replaced, descriptors inherited, a pipe as standard input."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.engine.netns_holder import Held


@contextmanager
def spawn_proxy(
    held: Held, command: Sequence[str], listeners: Sequence[socket.socket]
) -> Iterator[subprocess.Popen[bytes]]:
    """The running proxy; it ends with the block, by the end of its standard input."""
    numbers = [listener.fileno() for listener in listeners]
    known = {
        "{fds}": ",".join(map(str, numbers)),
        "{netns}": str(held.netns_fd),
        "{userns}": str(-1 if held.userns_fd is None else held.userns_fd),
    }
    argv = [known.get(word, word) for word in command]
    inherited = [*numbers, held.netns_fd, *(() if held.userns_fd is None else (held.userns_fd,))]
    with subprocess.Popen(argv, pass_fds=inherited, stdin=subprocess.PIPE) as process:
        for listener in listeners:
            listener.close()
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(10) == 0
