"""Which job a request to a provider made: what a description's submit patterns see in traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.providers.pointer import first_found

if TYPE_CHECKING:
    from tracker.providers.description import Description

_ANY = "*"


def submitted(description: Description, method: str, path: str, document: Any) -> tuple[str, str] | None:  # noqa: ANN401 - JSON
    """Kind and remote id of the job that a request made; None: it made none that is known.

    `path` is what stands behind the base URL, without a query; `document` is the answer's JSON.
    """
    for submit in description.submits:
        if submit.method == method.upper() and _fits(submit.path, path):
            kind = submit.kind or description.kind_if_unnamed
            remote_id = first_found(document, submit.id)
            if kind is not None and _is_id(remote_id):
                return kind, str(remote_id)
    return None


def _fits(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(map(_is_segment, wanted, given))


def _is_segment(wanted: str, given: str) -> bool:
    return given != "" if wanted == _ANY else given == wanted


def _is_id(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, (str, int)) and not isinstance(value, bool)
