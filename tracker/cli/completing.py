"""What the shell completes beyond commands and options: names that are known without asking the service."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.rules.events import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator


def event_types(incomplete: str) -> list[str]:
    """Event types and their prefixes."""
    prefixes = {f"{event_type.partition('.')[0]}.*" for event_type in EVENT_TYPES}
    return _beginning(incomplete, (*EVENT_TYPES, *prefixes))


def provider_names(incomplete: str) -> list[str]:
    """The providers that are built in, and those in TRACKER_PROVIDERS_DIR."""
    return _beginning(incomplete, (path.stem for path in _descriptions()))


def kind_names(incomplete: str) -> list[str]:
    """Their kinds, whichever the provider."""
    return _beginning(incomplete, (kind for path in _descriptions() for kind in _kinds_in(path)))


def _descriptions() -> Iterator[Path]:
    folders = [str(files("tracker.providers")), os.environ.get("TRACKER_PROVIDERS_DIR")]
    for folder in filter(None, folders):
        yield from Path(folder).glob("*.toml")


def _kinds_in(path: Path) -> list[str]:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))["kinds"]
    except (OSError, ValueError, KeyError):  # a shell that completes shows no errors
        return []
    return list(found)


def _beginning(incomplete: str, names: Iterator[str] | tuple[str, ...]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})
