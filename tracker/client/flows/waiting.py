"""Waiting for a job's end: by one long poll after another, or along the stream of its changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tracker.client.calls import jobs as calls
from tracker.client.errors import JobFailed, JobTimeout
from tracker.client.flows.performing import error_of, perform, result_of
from tracker.client.flows.sse import Decoder, Frame
from tracker.client.flows.steps import Answer, Emit, Lost, Pause, open_stream, send
from tracker.client.flows.streaming import SILENCE, event_in, is_event_stream, next_frames, stream_request
from tracker.client.flows.terms import Patience, is_away
from tracker.client.models.job import TERMINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracker.client.calls.call import Call
    from tracker.client.flows.steps import Flow
    from tracker.client.flows.terms import Terms
    from tracker.client.models.job import JobSnapshot, Transition

T = TypeVar("T")

LONGEST_PIECE = 300.0
"""Seconds that the service lets one request wait."""
SLACK = 5.0
"""Seconds that an answer may take beyond what it was to be held back for."""
SHORTEST_SILENCE = 1.0
"""Seconds without a byte that a stream is allowed at least."""


def wait(
    job: JobSnapshot, timeout: float | None, terms: Terms, *, is_telling: bool = False, raise_on_failure: bool = False
) -> Flow[JobSnapshot]:
    """The job when it has ended; emits the transitions after `job`'s, if that is wanted. Raises TrackerError."""
    if not job.is_terminal:
        waiting = _Wait(job, timeout, terms)
        job = yield from waiting.telling_changes() if is_telling else waiting.until_the_end()
    if raise_on_failure and not job.succeeded:
        raise JobFailed(job)
    return job


class _Wait:
    """One wait for one job: what was last seen and told of it, and what was last in the way."""

    def __init__(self, job: JobSnapshot, timeout: float | None, terms: Terms) -> None:
        self._job_id = job.id
        self._status: str = job.status
        self._told = job.sequence
        self._terms = terms
        self._patience = Patience.begin(timeout, terms.surroundings.clock)
        self._trouble: Answer | Lost | None = None

    def until_the_end(self) -> Flow[JobSnapshot]:
        """One long poll at a time."""
        misses = 0
        while True:
            begun, piece = self._patience.used, min(self._patience.left, LONGEST_PIECE)
            job = yield from self._ask(calls.wait(self._job_id, piece), piece)
            if job is not None:
                self._status = job.status
                if job.is_terminal:
                    return job
            self._stop_if_over()
            # An answer before its time comes from a service that stops, or from something that does not wait.
            has_waited = job is not None and self._patience.used - begun >= piece
            misses = 0 if has_waited else misses + 1
            if misses:
                yield from self._pause(misses - 1)

    def telling_changes(self) -> Flow[JobSnapshot]:
        """The stream says when to look at the history, which says what is new, whatever was missed."""
        misses = 0
        while True:
            silence = min(SILENCE, max(self._patience.left, SHORTEST_SILENCE))
            asked = stream_request("jobs", self._job_id, "events", silence=silence)
            head = yield from open_stream(asked)
            if is_event_stream(head):
                misses = 0
                if (yield from self._tell_while_open(silence)):
                    return (yield from self.until_the_end())
            elif is_away(head):
                self._trouble = head
            elif isinstance(head, Answer) and (head.is_success or head.status == 406):
                return (yield from self._telling_at_the_end())
            else:
                raise error_of(asked, head, self._terms)
            self._stop_if_over()
            yield from self._pause(misses)
            misses += 1

    def _telling_at_the_end(self) -> Flow[JobSnapshot]:
        """For a service, or something in front of it, that lets no stream through."""
        try:
            job = yield from self.until_the_end()
        except JobTimeout:
            yield from self._tell_new()
            raise
        yield from self._tell((yield from perform(calls.history(self._job_id), self._terms)))
        return job

    def _tell_while_open(self, silence: float) -> Flow[bool]:
        """Tells changes as the stream announces them; whether the job has ended."""
        decoder = Decoder()
        has_ended = yield from self._tell_new()
        # A read must hardly outlive the wait: near its end the stream is opened anew, for a shorter silence.
        while not has_ended and 0 < self._patience.left >= 0.9 * silence - SHORTEST_SILENCE:
            frames = yield from next_frames(decoder)
            if isinstance(frames, Lost):
                return False
            if any(map(self._is_news, frames)):
                has_ended = yield from self._tell_new()
        return has_ended

    def _is_news(self, frame: Frame) -> bool:
        sequence = None if frame.data is None else event_in(frame.data, self._terms).data.get("sequence")
        return isinstance(sequence, int) and sequence > self._told

    def _tell_new(self) -> Flow[bool]:
        """Tells what the history has that was not told yet; whether the job has ended."""
        yield from self._tell((yield from self._ask(calls.history(self._job_id))) or ())
        return self._status in TERMINAL_STATUSES

    def _tell(self, history: Iterable[Transition]) -> Flow[None]:
        for transition in history:
            if transition.sequence > self._told:
                self._told, self._status = transition.sequence, transition.status
                yield Emit(transition)

    def _ask(self, call: Call[T], seconds: float = 0.0) -> Flow[T | None]:
        """What a call says, tried once; None where the service is away."""
        request = replace(call.request, read_timeout=seconds + SLACK)
        outcome = yield from send(request)
        if isinstance(outcome, Answer) and outcome.is_success:
            self._trouble = None
            return result_of(call, outcome, self._terms)
        if not is_away(outcome):
            raise error_of(request, outcome, self._terms)
        self._trouble = outcome
        return None

    def _pause(self, attempt: int) -> Flow[None]:
        yield Pause(min(self._terms.pause(attempt, self._trouble), self._patience.left))

    def _stop_if_over(self) -> None:
        if self._patience.left > 0:
            return
        trouble = None if self._trouble is None else str(self._trouble)
        raise JobTimeout(self._job_id, self._status, self._patience.used, trouble)
