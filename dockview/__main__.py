"""`python -m dockview`."""

from __future__ import annotations

import sys

from dockview.cli import main

sys.exit(main())
