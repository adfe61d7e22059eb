"""Settings that nothing reads: they are misspelt."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import structlog

from tracker.settings import NAMES

if TYPE_CHECKING:
    from tracker.providers.catalog import Catalog
    from tracker.settings import Settings

_log = structlog.stdlib.get_logger("tracker")


def warn_of_unknown_settings(settings: Settings, catalog: Catalog) -> None:
    """A setting that is misspelt has no effect; that of a base URL would have credentials go elsewhere."""
    given = {name for name in settings.environ if name.startswith("TRACKER_")}
    for name in sorted(given - set(NAMES) - catalog.setting_names(given)):
        near = get_close_matches(name, [*NAMES, *catalog.all_setting_names()], n=1, cutoff=0.8)
        hint = f"Did you mean {near[0]}?" if near else "Nothing reads it."
        _log.warning("setting.unknown", name=name, hint=hint)
