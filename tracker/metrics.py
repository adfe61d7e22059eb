"""What the service counts, for Prometheus.

Labels are words that the descriptions and the records name, so their number is bounded: never a URL, a job, an account,
a subscription or a model.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Generic, TypeVar, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from store.records import FINAL_STATUSES, AttemptResult, DeliveryStatus
from tracker import __version__
from tracker.rules.delays import delivery_delay, detection_delay
from tracker.rules.reading import ProblemCode
from tracker.rules.track import CLEAN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from store.records import AttemptOutcome, PollOutcome

M = TypeVar("M", bound=MetricWrapperBase)

OTHER = "other"
"""Counts for every word that nobody has named, such as a provider whose description is gone."""

_FIRST, _RETRY = "first", "retry"
_ENDS = (DeliveryStatus.DELIVERED, DeliveryStatus.EXHAUSTED, DeliveryStatus.BLOCKED, DeliveryStatus.CANCELED)
_POLLS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
_DELAYS = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 28_800, 86_400, 259_200)
"""Buckets in seconds; the last retry of a webhook comes after some three days."""

# They would double the series, only to say when each began.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library has types, but not here


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self, providers: Iterable[str]) -> None:
        self._providers = frozenset(providers)
        self.registry = CollectorRegistry()
        self._count_polling()
        self._count_deliveries()
        build = Info("tracker_build", "What runs.", registry=self.registry)
        build.info({"version": __version__, "python": platform.python_version()})
        ProcessCollector(registry=self.registry)

    def asked(self, provider: str) -> None:
        """A request that polls was sent."""
        self._requests(provider).inc()

    def polled(self, outcomes: Iterable[PollOutcome]) -> None:
        """These outcomes were written."""
        for outcome in outcomes:
            if outcome.verdict is not None:
                self._polls(outcome.job.provider, outcome.verdict).inc()
            if outcome.transitions and outcome.job.status.is_final:
                self._finish(outcome)

    def attempted(self, outcomes: Iterable[AttemptOutcome]) -> None:
        """These attempts were written."""
        for outcome in outcomes:
            delivery = outcome.delivery
            self._attempts(outcome.attempt.outcome).inc()
            if delivery.status is not DeliveryStatus.PENDING:
                self._deliveries(delivery.status).inc()
            seconds = delivery_delay(delivery)
            if seconds is not None:
                self._latency(_FIRST if outcome.attempt.number == 1 else _RETRY).observe(seconds)

    def label_of(self, provider: str) -> str:
        """What stands for a provider in labels."""
        return provider if provider in self._providers else OTHER

    def _finish(self, outcome: PollOutcome) -> None:
        job = outcome.job
        self._finished(job.provider, job.status).inc()
        self._polls_of_finished(job.provider).observe(job.polls)
        seconds = detection_delay(outcome)
        if seconds is not None:
            self._delay(job.provider).observe(seconds)

    def _count_polling(self) -> None:
        names = self._providers
        self._requests = self._counter(
            "tracker_provider_requests",
            "HTTP requests that poll: for one job, for a page of a list, and again where a connection was hung up.",
            provider=names,
        )
        self._polls = self._counter(
            "tracker_polls",
            "Looks at a job, alone or in a list, by what they came to: ok, or the code of a problem.",
            provider=names,
            outcome=(CLEAN, *get_args(ProblemCode)),
        )
        self._finished = self._counter(
            "tracker_jobs_finished",
            "Jobs that were seen to end, or given up at their time-out.",
            provider=names,
            status=FINAL_STATUSES,
        )
        self._polls_of_finished = self._histogram(
            "tracker_finished_job_polls", "Polls that a job took until its end.", _POLLS, provider=names
        )
        self._delay = self._histogram(
            "tracker_detection_delay_seconds",
            "Seconds from a job's end to its detection, where the provider tells when that was.",
            _DELAYS,
            provider=names,
        )

    def _count_deliveries(self) -> None:
        self._attempts = self._counter("tracker_attempts", "Attempts to deliver, by outcome.", outcome=AttemptResult)
        self._deliveries = self._counter(
            "tracker_deliveries_finished",
            "Deliveries that an attempt brought to an end, by the status that they took.",
            status=_ENDS,
        )
        self._latency = self._histogram(
            "tracker_delivery_latency_seconds",
            "Seconds from an event to its delivery, by whether the first attempt arrived or a retry.",
            _LATENCIES,
            attempt=(_FIRST, _RETRY),
        )
        for family in (self._attempts, self._deliveries, self._latency):
            family.show_all()

    def _counter(self, name: str, about: str, **words: Iterable[str]) -> _Family[Counter]:
        return _Family(Counter(name, about, tuple(words), registry=self.registry), *words.values())

    def _histogram(self, name: str, about: str, buckets: Sequence[float], **words: Iterable[str]) -> _Family[Histogram]:
        histogram = Histogram(name, about, tuple(words), registry=self.registry, buckets=buckets)
        return _Family(histogram, *words.values())


class _Family(Generic[M]):
    """The series of one metric, each looked up once. A label's value that is not among its words counts as `other`."""

    def __init__(self, metric: M, *words: Iterable[str]) -> None:
        self._metric = metric
        self._words: list[Collection[str]] = [frozenset(each) for each in words]
        self._series: dict[tuple[str, ...], M] = {}

    def __call__(self, *values: str) -> M:
        """The series with these labels."""
        series = self._series.get(values)
        return self._look_up(values) if series is None else series

    def show_all(self) -> None:
        """Has the series of one label be there before anything is counted, so that a rate sees the first."""
        (words,) = self._words
        for word in sorted(words):
            self(word)

    def _look_up(self, values: tuple[str, ...]) -> M:
        known = tuple(value if value in words else OTHER for value, words in zip(values, self._words, strict=True))
        series = self._series[known] = self._metric.labels(*known)
        return series
