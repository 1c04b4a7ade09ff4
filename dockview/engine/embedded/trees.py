"""The size of folders that containers wrote in."""

from __future__ import annotations

import os


def tree_size(path: str) -> int | None:
    """Bytes on disk below a folder, hard links counted once; None where it cannot be read."""
    total, seen, stack = 0, set(), [path]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_blocks * 512
        except FileNotFoundError:
            continue
        except PermissionError:
            return None
    return total
