"""What containers write to a terminal, and what is typed into them."""

from __future__ import annotations

import os
import pty

import pytest

from dockview.commands.terminal import DETACH_KEYS, DetachScanner, RawTerminal, StreamCleaner, parse_detach_keys


def cleaned(*pieces: bytes) -> bytes:
    cleaner = StreamCleaner()
    return b"".join(cleaner.feed(piece) for piece in pieces) + cleaner.feed(b"", is_end=True)


def test_cleaner__keeps_colour_and_removes_the_rest() -> None:
    assert cleaned(b"\x1b[31mred\x1b[0m \x1b[2Jgone\x1b]0;title\x07\n") == b"\x1b[31mred\x1b[0m gone\n"


@pytest.mark.parametrize(
    "whole",
    [
        b"a\x1b[2Jb",
        b"a\x1b]0;title\x07b",
        b"a\x1b]52;c;aGk=\x1b\\b",
        b"a\xc2\x9b2Jb",
        b"\x1b[31ma\x1b[0mb",
        "ä€𝄞".encode(),
    ],
)
def test_cleaner__the_same_however_the_stream_is_cut(whole: bytes) -> None:
    expected = cleaned(whole)
    assert b"title" not in expected
    assert b"2J" not in expected

    for at in range(1, len(whole)):
        assert cleaned(whole[:at], whole[at:]) == expected, at
    assert cleaned(*(whole[at : at + 1] for at in range(len(whole)))) == expected


def test_cleaner__shows_a_prompt_at_once() -> None:
    assert StreamCleaner().feed(b"$ ") == b"$ "


def test_cleaner__a_sequence_that_never_ends_is_not_held_back_forever() -> None:
    cleaner = StreamCleaner()
    cleaner.feed(b"\x1b]0;" + b"x" * 3000)

    assert cleaner.feed(b"\nnext\n").endswith(b"next\n")


def test_cleaner__bytes_that_are_no_text_become_replacement_characters() -> None:
    assert cleaned(b"a\xffb") == "a\ufffdb".encode()


def test_detach_keys() -> None:
    assert parse_detach_keys("") == DETACH_KEYS
    assert parse_detach_keys("ctrl-a,x") == b"\x01x"
    with pytest.raises(ValueError, match="bogus"):
        parse_detach_keys("bogus")


def test_detach_scanner__finds_the_keys_across_reads_and_passes_everything_else() -> None:
    scanner = DetachScanner(DETACH_KEYS)

    assert scanner.feed(b"ls\n") == (b"ls\n", False)
    assert scanner.feed(b"\x10") == (b"", False)
    assert scanner.feed(b"x\x10\x10") == (b"\x10x\x10", False)
    assert scanner.feed(b"\x11more") == (b"", True)


def test_raw_terminal__keeps_what_was_typed_ahead() -> None:
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, b"ls\n")
        os.set_blocking(terminal, False)
        with RawTerminal(terminal):
            assert os.read(terminal, 100) == b"ls\n"
    finally:
        os.close(keyboard)
        os.close(terminal)
