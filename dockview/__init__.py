"""dockview: the glass box for containers."""

__version__ = "0.1.0"
