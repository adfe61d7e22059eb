"""Plays the network to a flow: no I/O, and a clock that pauses move on."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

from tracker.client.flows.steps import Answer, Emit, Open, Pause, Read, Send
from tracker.client.flows.terms import Surroundings, Terms

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "http://tracker.example"
JOB = {
    "id": "job_1",
    "provider": "scenario",
    "kind": "job",
    "account": "default",
    "remote_id": "r1",
    "status": "running",
    "sequence": 2,
}


class Play:
    """Drives flows; `replies` are what comes of the requests and reads, one after the other, or functions that say it.

    What was sent, how long was paused and what was emitted stay for the test to look at.
    """

    def __init__(self, *replies, max_retries=4, dice=1.0):
        self._replies = iter(replies)
        self.seconds = 0.0
        self.sent, self.pauses, self.emitted = [], [], []
        keys = itertools.count(1)
        surroundings = Surroundings(
            clock=lambda: self.seconds,
            now=lambda: START + timedelta(seconds=self.seconds),
            dice=lambda: dice,
            new_key=lambda: f"key-{next(keys)}",
        )
        self.terms = Terms(URL, max_retries=max_retries, surroundings=surroundings)

    def run(self, flow):
        """The flow's result."""
        outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                return end.value
            outcome = self._do(step)

    def first(self, count, flow):
        """The first values that an endless flow emits."""
        outcome = None
        while len(self.emitted) < count:
            outcome = self._do(flow.send(outcome))
        flow.close()
        return self.emitted

    def _do(self, step):
        match step:
            case Emit(value):
                self.emitted.append(value)
                return None
            case Pause(seconds):
                self.pauses.append(seconds)
                self.seconds += seconds
                return None
            case Send(request) | Open(request):
                self.sent.append(request)
                reply = next(self._replies)
                return reply(self, request) if callable(reply) else reply
            case Read():
                reply = next(self._replies)
                return reply(self, None) if callable(reply) else reply

    def paths(self):
        """Where the requests went, with their queries."""
        return [f"{request} {dict(request.query)}" if request.query else str(request) for request in self.sent]


def answer(document=None, status=200, **headers):
    """An answer in JSON."""
    content = b"" if document is None else json.dumps(document).encode()
    media_type = "application/json" if status < 400 else "application/problem+json"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, "Reason", {"content-type": media_type} | names, content)


def problem(status, detail="That is not possible.", **headers):
    """A refusal in the form of RFC 9457."""
    return answer({"title": "Refused", "status": status, "detail": detail}, status, **headers)


def a_job(**changes):
    """The document of a job."""
    return JOB | changes


def after(seconds, reply):
    """A reply that takes so long."""

    def replied(play, _request):
        play.seconds += seconds
        return reply

    return replied
