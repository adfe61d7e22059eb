"""What became of one job of many, as the service tells it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """An HTTP status with a job, or with a problem in the form of RFC 9457."""

    status: int
    job: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
