"""`stop` and `kill`: how a container is asked to end, and made to."""

from __future__ import annotations

from dockview.engine.embedded.create import attributes
from dockview.engine.embedded.house import House
from dockview.engine.embedded.query import argv_of, is_running
from dockview.engine.errors import Conflict
from dockview.engine.lifecycle import Phase
from dockview.engine.runtime import stop as runtime
from dockview.engine.state import containers

DEFAULT_TIMEOUT_S = 10
