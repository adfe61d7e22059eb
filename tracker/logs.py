"""Logs: one wide line per poll and per attempt, as text on a terminal and else as JSON."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from tracker.settings import LogFormat


def configure_logs(log_format: LogFormat | None, level: int = logging.INFO) -> None:
    """Sets logging up for the process, on standard error."""
    is_text = log_format == "text" or (log_format is None and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks stay plain: the rich ones print local variables, and those hold credentials.
    rendering: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_to_json)]
    )
    # Our own lines, one for each poll and attempt, do not go through the standard library: it would cost more than all
    # that a poll decides.
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *rendering])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Others are heard only when something is wrong: APScheduler tells of every wake-up, Alembic of every start.
    for name in ("apscheduler", "alembic", "uvicorn", "filelock", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _to_json(value: dict[str, Any], **_options: object) -> str:
    first = {name: value.pop(name) for name in ("timestamp", "level", "event") if name in value}
    return orjson.dumps(first | value, default=str).decode()
