"""Floods its log: CHATTY_LINES lines (endless unless set), CHATTY_RATE a second (as fast as it goes unless set).

Some lines are coloured, some are long, some go to standard error.
"""

import os
import signal
import sys
import time

WORDS = "layer manifest digest namespace cgroup overlay bridge veth shim bundle spec token".split()


def line(number):
    """The text of a line."""
    word = WORDS[number % len(WORDS)]
    if number % 50 == 0:
        return f"\x1b[33mWARN\x1b[0m  {number:>9} {word}: " + word * 40
    if number % 7 == 0:
        return f"\x1b[32mINFO\x1b[0m  {number:>9} {word} is well"
    return f"INFO  {number:>9} {word} says the time is {time.time():.6f}"


def main():
    """Talk."""
    # SystemExit is raised in the middle of whatever is being written; that is fine for a flood.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    total = int(os.environ.get("CHATTY_LINES", "0"))
    rate = float(os.environ.get("CHATTY_RATE", "0"))
    began, number = time.monotonic(), 0
    while not total or number < total:
        number += 1
        stream = sys.stderr if number % 10 == 0 else sys.stdout
        stream.write(line(number) + "\n")
        if rate:
            stream.flush()
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
    sys.stdout.flush()


main()
