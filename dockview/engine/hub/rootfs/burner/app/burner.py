"""Eats CPU time and memory: BURN_CPUS (1) busy processes, BURN_MEMORY_MB (0), until stopped or for BURN_SECONDS."""

import os
import signal
import sys
import time

CHUNK_MB = 8
CHILDREN = []


def say(text):
    """A line in the log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def burn():
    """Use one CPU until the end."""
    while True:
        sum(range(100_000))


def quench():
    """End the busy children (as process 1 this one would take them along, but it may not be process 1)."""
    for child in CHILDREN:
        os.kill(child, signal.SIGKILL)


def stop(*_):
    """Told to stop."""
    # Written past the buffers: the signal may have come in the middle of another line.
    os.write(1, b"burner: cooling down\n")
    quench()
    os._exit(0)


def main():
    """Start the fires, then fill the memory, then wait."""
    cpus = int(os.environ.get("BURN_CPUS", "1"))
    memory_mb = int(os.environ.get("BURN_MEMORY_MB", "0"))
    seconds = float(os.environ.get("BURN_SECONDS", "0"))
    for _ in range(cpus):
        child = os.fork()
        if child == 0:
            burn()
        CHILDREN.append(child)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    say(f"burner: {cpus} busy, pids {' '.join(map(str, CHILDREN)) or 'none'}")
    kept = []
    for done in range(0, memory_mb, CHUNK_MB):
        # Every page is written to, so that the kernel has to provide it.
        kept.append(bytearray(os.urandom(1) * (min(CHUNK_MB, memory_mb - done) << 20)))
        say(f"burner: {min(done + CHUNK_MB, memory_mb)} MB held")
    if seconds:
        time.sleep(seconds)
        quench()
        say("burner: done")
        return
    while True:
        signal.pause()


main()
