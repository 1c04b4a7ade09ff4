"""The shim: one small process a container, which bears it, holds its streams, and records its end.

Run as `python -I -S shim.py BUNDLE` with the channel to the engine on descriptor 3. It needs the standard library and
its neighbours in this folder; the package around them is not imported, only named, so that a shim stays small whatever
dockview imports. Its first act is to fork, so that the engine has no child to reap and the shim no terminal to lose.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Become a process of nobody's, and go on in shim_main.py."""
    if os.fork():
        os._exit(0)
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, depth in (("dockview.engine.runtime", 0), ("dockview.engine", 1), ("dockview", 2)):
        package = type(sys)(name)
        package.__path__ = [folder.rsplit("/", depth)[0]]
        sys.modules[name] = package
    from dockview.engine.runtime import shim_main  # noqa: PLC0415

    shim_main.run(sys.argv[1])


if __name__ == "__main__":
    main()
