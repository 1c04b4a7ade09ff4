"""Removing folders whose content was made by strangers; standard library only (the unpacking child imports it too).

shutil.rmtree() recurses, so a thousand nested folders, which any archive or container can make, are more than it can
take; and a path can be longer than the kernel accepts, because a process may go down step by step.
"""

from __future__ import annotations

import contextlib
import os

_LONG_PATH = 2000
"""Well below PATH_MAX (4096): a folder further down is moved up before it is entered."""


def remove_tree(path: str) -> None:
    """Remove a folder and everything in it; links are removed, not followed. Nothing there is fine.

    Raises: OSError for what cannot be removed; PermissionError may leave everything as it was.
    """
    stack = [path]
    moved = 0
    while stack:
        folder = stack[-1]
        below = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    else:
                        os.unlink(entry.path)
        except FileNotFoundError:
            stack.pop()
            continue
        if not below:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(folder)
            stack.pop()
        elif len(folder) > _LONG_PATH:
            for child in below:
                moved += 1
                higher = f"{path}/.removing-{os.getpid()}-{moved}"
                os.rename(child, higher)
                # Below the folder on the stack, so that it is done after it and before the root of all.
                stack.insert(1, higher)
        else:
            stack += below
