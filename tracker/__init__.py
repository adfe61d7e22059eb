"""Tracker polls job APIs that can only be polled, and tells subscribers by signed webhooks."""

from importlib.metadata import version

__version__ = version("tracker")
