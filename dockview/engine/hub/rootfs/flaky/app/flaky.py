"""Exits with the code it is told: `flaky 3`, or FLAKY_CODE=3 (1 unless told otherwise).

FLAKY_AFTER_S waits first, FLAKY_SIGNAL (SEGV, KILL, …) dies by a signal instead, FLAKY_RATE (0 to 1) fails only
sometimes.
"""

import os
import signal
import sys
import time


def say(text):
    """A line in the log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def stop(number, _frame):
    """Ended from outside, before the time."""
    # Written past the buffers: the signal may have come in the middle of another line.
    os.write(2, f"flaky: {signal.Signals(number).name} came first\n".encode())
    os._exit(0)


def main():
    """Wait, then fail as told."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    text = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FLAKY_CODE", "1")
    try:
        code, pause = int(text) & 255, float(os.environ.get("FLAKY_AFTER_S", "0"))
    except ValueError:
        sys.exit(f"flaky: {text!r} is not an exit code")
    say("flaky: started")
    time.sleep(pause)
    if int.from_bytes(os.urandom(2), "big") / 65536 >= float(os.environ.get("FLAKY_RATE", "1")):
        say("flaky: not this time")
        return 0
    if name := os.environ.get("FLAKY_SIGNAL"):
        number = signal.Signals[f"SIG{name.upper().removeprefix('SIG')}"]
        say(f"flaky: dying by {number.name}")
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # The kernel spares process 1 of a PID namespace whatever it sends itself: say so instead of going on.
        say(f"flaky: process {os.getpid()} is spared by the kernel, so exit {128 + number} instead")
        return 128 + number
    say(f"flaky: exit {code}")
    return code


sys.exit(main())
