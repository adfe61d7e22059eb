"""Which job a request to a provider made: what a description's submit patterns see in traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracker.providers.pointer import first_found, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.providers.description import Description

_ANY = "*"
_REST = "**"


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a request told of the job that it made: all that a registration needs."""

    kind: str
    remote_id: str
    params: Mapping[str, Any] = field(default_factory=dict)


def submitted(description: Description, method: str, path: str, document: Any) -> Submitted | None:  # noqa: ANN401 - JSON
    """The job that a request made; None: it made none that is known.

    `path` is what stands behind the base URL, without a query; `document` is the answer's JSON.
    """
    for submit in description.submits:
        if submit.method == method.upper() and _fits(submit.path, path):
            kind = submit.kind or description.kind_if_unnamed
            remote_id = first_found(document, submit.id)
            if kind is not None and _is_id(remote_id):
                found = {name: resolve(document, pointer) for name, pointer in submit.params.items()}
                params = {name: value for name, value in found.items() if value is not None}
                return Submitted(kind, str(remote_id), params)
    return None


def _fits(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    if wanted[-1] == _REST and len(given) >= len(wanted):
        # What is left of the path counts as one segment.
        given = [*given[: len(wanted) - 1], "/".join(given[len(wanted) - 1 :])]
    return len(wanted) == len(given) and all(map(_is_segment, wanted, given))


def _is_segment(wanted: str, given: str) -> bool:
    return given != "" if wanted in (_ANY, _REST) else given == wanted


def _is_id(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, (str, int)) and not isinstance(value, bool)
