"""Opening a URL in the user's browser, where there is one."""

from __future__ import annotations

import os
import sys


def open_url(url: str) -> bool:
    """Open the URL. Returns: False where there is no graphical browser (a text browser would take the screen)."""
    is_graphical = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not is_graphical:
        return False
    import webbrowser  # noqa: PLC0415  rare

    return webbrowser.open(url)
