"""What can go wrong, under one root; every message names the value and the way out, none holds a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracker.client.models.job import JobSnapshot


class TrackerError(Exception):
    """Whatever goes wrong between a program and Tracker."""


class ConnectionFailed(TrackerError):
    """No answer came, though it was tried again as often as allowed."""


class UnexpectedAnswer(TrackerError):
    """An answer came that is not in Tracker's form: perhaps the URL is somebody else's."""


class InvalidWebhook(TrackerError):
    """A webhook that Tracker did not send, or that is too old: do not act on it, and answer 401."""


class ApiError(TrackerError):
    """The service said no.

    `errors` says where in the input (`pointer` into the body, or `parameter` of the query). `retry_after` is how many
    seconds the service asks to wait. `request` is the method and the path.
    """

    way_out = ""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        request: str = "",
    ) -> None:
        super().__init__(status, title, detail, errors, request_id, retry_after, request)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.retry_after = retry_after
        self.request = request

    def __str__(self) -> str:
        asked = f" ({self.request})" if self.request else ""
        places = "; ".join(filter(None, (_place(error, self.detail) for error in self.errors)))
        where = f" ({places})" if places else ""
        request_id = f"request id {self.request_id}" if self.request_id else ""
        said = [self.detail.rstrip(". ") + where, self.way_out, request_id]
        return f"{self.status} {self.title}{asked}: {'. '.join(filter(None, said))}."


class InvalidRequest(ApiError):
    """400, 405, 406, 413, 415 or 422: what was sent cannot be used."""


class Unauthorized(ApiError):
    """401: no key, or one that is not valid."""

    way_out = "Set TRACKER_API_KEY (or api_key=) to a valid key"


class PermissionDenied(ApiError):
    """403: the key's scope does not allow this."""

    way_out = "Set TRACKER_API_KEY (or api_key=) to a key that may do this"


class NotFound(ApiError):
    """404: there is no such thing, or no longer."""


class Conflict(ApiError):
    """409: it cannot be done as things are."""


class RateLimited(ApiError):
    """429: too many requests; `retry_after` says when there is room again."""


class ServerError(ApiError):
    """5xx: the service, what is in front of it, or the provider behind it failed."""


class JobTimeout(TrackerError, TimeoutError):
    """A wait was over before the job was; the job goes on, and can be waited for again."""

    def __init__(self, job_id: str, status: str, waited: float, trouble: str | None = None) -> None:
        super().__init__(job_id, status, waited, trouble)
        self.job_id = job_id
        self.status = status
        self.waited = waited
        self.trouble = trouble

    def __str__(self) -> str:
        trouble = f"; the service did not answer ({self.trouble})" if self.trouble else ""
        seen = f"it was last seen {self.status}{trouble}"
        return f"Waited {self.waited:.1f} s for {self.job_id}: {seen}. It goes on: wait again, or longer."


class JobFailed(TrackerError):
    """A job that was to succeed has ended otherwise."""

    def __init__(self, job: JobSnapshot) -> None:
        super().__init__(job)
        self.job = job

    def __str__(self) -> str:
        error = self.job.error
        why = "".join(f": {text}" for text in (error.message, error.hint) if text) if error else ""
        return f"{self.job.id} ({self.job.provider} {self.job.remote_id}) has ended as {self.job.status}{why}"


_BY_STATUS: dict[int, type[ApiError]] = {
    **dict.fromkeys((400, 405, 406, 413, 415, 422), InvalidRequest),
    401: Unauthorized,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def api_error(
    status: int,
    problem: Mapping[str, Any],
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
    request: str = "",
) -> ApiError:
    """The error that a problem in the form of RFC 9457 becomes."""
    title, detail, errors = problem.get("title"), problem.get("detail"), problem.get("errors")
    places = tuple(error for error in errors if isinstance(error, dict)) if isinstance(errors, list) else ()
    return error_class(status)(status, str(title), str(detail), places, request_id, retry_after, request)


def error_class(status: int) -> type[ApiError]:
    """The class of error that an HTTP status becomes."""
    return ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)


def _place(error: Mapping[str, str], told: str) -> str:
    """Where in the input it is wrong, and what, as far as that was not told already."""
    place, detail = str(error.get("pointer") or error.get("parameter") or ""), str(error.get("detail") or "")
    if detail and detail not in told:
        return f"{place}: {detail}" if place else detail
    return "" if place in told else place
