"""The nouns as frozen values: what leaves the store, and the outcomes that are written back to it.

All times are aware UTC. JSON-like fields hold only what `json` can express.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NewType, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


T = TypeVar("T")

Sealed = NewType("Sealed", str)
"""A text as it is stored: sealed where there is an encryption key. Only a vault tells what it says."""


class Status(StrEnum):
    """The normalised status of a job, whatever word its provider uses."""

    QUEUED = "queued"
    RUNNING = "running"
    ACTION_REQUIRED = "action_required"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether a job with this status has ended for good."""
        return self in FINAL_STATUSES


FINAL_STATUSES = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED)


class DeliveryStatus(StrEnum):
    """Where a delivery stands; only `pending` ones are attempted."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    SUPERSEDED = "superseded"
    BLOCKED = "blocked"
    CANCELED = "canceled"


class AttemptResult(StrEnum):
    """How one HTTP try of a delivery ended; only `delivered` is success."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    DNS = "dns"
    BLOCKED = "blocked"


class SubscriptionStatus(StrEnum):
    """Whether a subscription's deliveries are attempted; all but `active` keep collecting them."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class PayloadForm(StrEnum):
    """What a webhook carries: the whole job, or ids and a status to ask with."""

    FULL = "full"
    THIN = "thin"


class Order(StrEnum):
    """How the deliveries of one job to one subscription stand to each other.

    `none`: they do not. `per_job`: one at a time, in the order of the events. `latest`: the same, and what was not
    delivered before something newer came is superseded by that, unless it tells of the job's end.
    """

    NONE = "none"
    PER_JOB = "per_job"
    LATEST = "latest"


class ReplayStatus(StrEnum):
    """Whether a replay still queues deliveries."""

    RUNNING = "running"
    DONE = "done"


class Scope(StrEnum):
    """What an API key may do: read = GET, write = the rest, admin = keys and secrets too."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job ended badly, in the provider's words where it gives any."""

    message: str
    hint: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class PollProblem:
    """Why the last polls of a job taught nothing; cleared by a clean poll."""

    code: str
    message: str
    http_status: int | None
    since: datetime
    count: int
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a workflow job; `status` is the provider's own word, `depends_on` the ids of those it comes after."""

    id: str
    type: str | None
    status: str
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sightings:
    """What polls saw of a job, to learn from. Times are ages: seconds since the job began.

    It began `head_start` seconds before it was registered. Polls saw it unfinished at `unfinished_at`, queued until
    `queued_until` (0: never), and running since `running_since` (None: not yet). `started` and `ended` are the
    provider's own times. `readings` are (age, progress within 0 and 1), oldest first.
    """

    head_start: float = 0.0
    unfinished_at: float = 0.0
    queued_until: float = 0.0
    running_since: float | None = None
    started: float | None = None
    ended: float | None = None
    readings: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """What was done of one provider's jobs from a minute on; of deliveries, which are of none, `provider` is "".

    `minute` counts minutes of Unix time. `finished_polls` are the polls of the jobs that ended. Of those whose end the
    provider tells, `delays` were detected, after `delay_seconds` in all and `longest_delay` at most.
    """

    minute: int
    provider: str
    requests: int = 0
    polls: int = 0
    jobs_succeeded: int = 0
    jobs_failed: int = 0
    jobs_canceled: int = 0
    jobs_expired: int = 0
    finished_polls: int = 0
    delays: int = 0
    delay_seconds: float = 0.0
    longest_delay: float = 0.0
    attempts_delivered: int = 0
    attempts_rejected: int = 0
    attempts_timeout: int = 0
    attempts_connection: int = 0
    attempts_tls: int = 0
    attempts_dns: int = 0
    attempts_blocked: int = 0
    deliveries_delivered: int = 0
    deliveries_exhausted: int = 0
    deliveries_blocked: int = 0
    deliveries_canceled: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """How many jobs there are, by provider and status, and how many deliveries wait or were given up."""

    jobs: Mapping[str, Mapping[Status, int]]
    pending: int
    exhausted: int
    blocked: int


@dataclass(frozen=True, slots=True)
class Replica:
    """A process that works on the same database, and the others that it has made room for."""

    id: str
    makes_room_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """How an account stands that is held until a time (None: it is held no more); `tries` failed since `since`."""

    provider: str
    account: str
    status: str
    since: datetime | None
    until: datetime | None
    tries: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """What is learned of the jobs of a kind, or (`model` is not "") of a model of it; `state` is opaque here."""

    provider: str
    kind: str
    model: str
    state: bytes = field(repr=False)
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted. An empty tuple of one sort asks for nothing in particular, so it takes all."""

    events: tuple[str, ...]
    providers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def asks_for_labels(self) -> bool:
        """Whether it takes more than an event's type to tell if the event is wanted."""
        return bool(self.providers or self.kinds or self.tags)


@dataclass(frozen=True, slots=True)
class Job:
    """One remote job that we track.

    `status_since` is when the present status began (the provider's time where it gives one); `not_before`
    is a floor under `next_poll_at` that a provider's hint or the user's `poll_after` has set;
    `announcements` counts the progress and step events so far; `lease_epoch` fences late writers. `etag` names the
    state that the last reading saw. `is_alone`: the next poll asks for this job alone, not for many by one request;
    `list_misses` counts the lists in a row that did not show it. `cancel_accepted_at` is when its provider accepted to
    cancel it.
    """

    id: str
    provider: str
    kind: str
    account: str
    remote_id: str
    run: int
    created_at: datetime
    updated_at: datetime
    timeout_at: datetime
    next_poll_at: datetime | None
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    callback_events: tuple[str, ...] = ()
    callback_ended_at: datetime | None = None
    status: Status = Status.QUEUED
    provider_status: str | None = None
    progress: float | None = None
    output: Mapping[str, Any] | None = None
    error: JobError | None = None
    sequence: int = 0
    status_since: datetime | None = None
    steps: tuple[Step, ...] = ()
    polls: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_polled_at: datetime | None = None
    not_before: datetime | None = None
    poll_problem: PollProblem | None = None
    announced_progress: float | None = None
    progress_announced_at: datetime | None = None
    announcements: int = 0
    reading: Mapping[str, Any] | None = None
    result_expires_at: datetime | None = None
    etag: str | None = None
    is_alone: bool = False
    list_misses: int = 0
    sightings: Sightings | None = None
    cancel_accepted_at: datetime | None = None
    lease_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """One stored status change of a job; `sequence` counts 1, 2, 3 … without gaps."""

    job_id: str
    sequence: int
    status: Status
    previous_status: Status | None
    provider_status: str | None
    progress: float | None
    occurred_at: datetime
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """The immutable announcement of something; `body` is what every webhook of it carries, byte for byte.

    `position` is its place in the feed, given by the store. `provider`, `kind` and `tags` are those of its job.
    """

    id: str
    type: str
    timestamp: datetime
    body: bytes
    job_id: str | None = None
    sequence: int | None = None
    position: int | None = None
    provider: str | None = None
    kind: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of the feed are wanted: all sorts at once, any value of each. An empty sort takes all."""

    types: tuple[str, ...] = ()
    job_ids: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in the order of the feed. Whoever goes on behind `end` skips none; `is_last`: there are no more yet."""

    events: tuple[Event, ...]
    end: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """An event without its body: enough to tell who it is for, and small however large the event is."""

    position: int
    id: str
    type: str
    timestamp: datetime
    job_id: str | None
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret (`whsec_…`); signs until `expires_at`, or for good."""

    value: Sealed = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A callback URL, its filter of events, its secrets, newest first."""

    id: str
    callback_url: str
    filter: Filter
    secrets: tuple[Secret, ...]
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    headers: Mapping[str, Sealed] = field(default_factory=dict, repr=False)
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    status_reason: str | None = None
    payload: PayloadForm = PayloadForm.FULL
    order: Order = Order.NONE
    max_in_flight: int | None = None
    signs_v1a: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """How a subscriber has answered of late.

    `failures` came in a row, the first at `failing_since`. It is held back from `held_at` until `held_until`, and after
    that served one delivery at a time until one arrives; `holds` counts the holds in a row.
    """

    subscriber: str
    failures: int = 0
    failing_since: datetime | None = None
    held_at: datetime | None = None
    held_until: datetime | None = None
    holds: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that sends a subscription again what it was told, or should have been, between `since` and `until`.

    `events` are types or prefixes; `rate` is in deliveries a second. Of `total` deliveries `queued` were made due; the
    feed was read up to `position`, is read on at `next_at`, and is read to `end_position`. What is to be queued was
    counted up to `counted_to` (None: all of it was).
    """

    id: str
    subscription_id: str
    since: datetime
    until: datetime
    events: tuple[str, ...]
    only_failed: bool
    rate: float
    total: int
    created_at: datetime
    next_at: datetime
    status: ReplayStatus = ReplayStatus.RUNNING
    queued: int = 0
    position: int = 0
    finished_at: datetime | None = None
    end_position: int = 0
    counted_to: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one subscription, or for a job's own callback (`subscription_id` is then None).

    `subscriber` names who is served: the subscription, or the origin of a job's own callback URL. Fairness and
    caps are counted per subscriber. The retry schedule counts the attempts after the first `schedule_from`. Since
    `behind_since` it waits for an earlier delivery of its job; since `forced_at` it is to be sent whatever holds its
    subscriber back.
    """

    id: str
    event_id: str
    event_type: str
    job_id: str | None
    subscription_id: str | None
    subscriber: str
    callback_url: str | None
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    delivered_at: datetime | None = None
    lease_epoch: int = 0
    payload: PayloadForm = PayloadForm.FULL
    schedule_from: int = 0
    behind_since: datetime | None = None
    forced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP try of a delivery.

    `address` was dialled, and `is_private` if the operator opened it; `phases` are milliseconds by name (`dns`,
    `connect`, `tls`, `first_byte`, `total`), those that took place.
    """

    id: str
    delivery_id: str
    number: int
    started_at: datetime
    duration_ms: int
    outcome: AttemptResult
    http_status: int | None = None
    error: str | None = None
    response_body: str | None = None
    error_class: str | None = None
    address: str | None = None
    is_private: bool = False
    phases: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """All that one attempt needs. `secrets` is empty for a job's own callback: the service's secret signs it."""

    delivery: Delivery
    url: str
    body: bytes = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    headers: Mapping[str, Sealed] = field(repr=False)
    signs_v1a: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """The waiting deliveries of one subscriber: when its next first try and its next retry are due.

    `callback_url` and `max_in_flight` are those of its subscription, if it is one. It is held back until `held_until`,
    and served one delivery at a time after that.
    """

    subscriber: str
    first_try_at: datetime | None
    retry_at: datetime | None
    callback_url: str | None = None
    max_in_flight: int | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be delivered; `forced` deliveries are to be sent whatever holds their subscribers back."""

    lanes: tuple[Lane, ...]
    forced: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """How many deliveries of a lane to claim."""

    subscriber: str
    is_retry: bool
    count: int


@dataclass(frozen=True, slots=True)
class PollLane:
    """The waiting jobs of one kind of one account that are asked for alone, or not; when the first of them is due.

    `name` is what the store knows the lane by.
    """

    name: str
    provider: str
    account: str
    kind: str
    is_alone: bool
    due_at: datetime


@dataclass(frozen=True, slots=True)
class PollShare:
    """How many jobs of some lanes to claim, of those that are due by a time."""

    lanes: tuple[str, ...]
    count: int
    until: datetime


@dataclass(frozen=True, slots=True)
class PollClaim:
    """The jobs that were claimed, and the lanes as they are now."""

    jobs: tuple[Job, ...]
    lanes: tuple[PollLane, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due job as far as its place in the queue goes."""

    id: str
    provider: str
    kind: str
    next_poll_at: datetime
    last_polled_at: datetime | None
    created_at: datetime
    sightings: Sightings | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored: the SHA-256 of the key and its last four characters, never the key."""

    id: str
    name: str
    scope: Scope
    digest: str = field(repr=False)
    created_at: datetime
    revoked_at: datetime | None = None
    last4: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a call was answered with, for whoever repeats it under the same idempotency key (`key`).

    `request` is a digest of the call; `body` is opaque here.
    """

    caller: str
    key: str
    request: str
    answered_at: datetime
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """What one poll came to: the job as it is now, and what there is to tell. Written in one transaction.

    `job.lease_epoch` must be the one that was claimed, or nothing of the outcome is written. `verdict` is "ok" or the
    code of the poll's problem; None: the outcome is that of no poll.
    """

    job: Job
    transitions: tuple[Transition, ...] = ()
    events: tuple[Event, ...] = ()
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What one attempt came to.

    `unsubscribes`: the subscriber asked for no more (HTTP 410). `is_ours`: it failed for a fault of our own side, and
    is not counted; the next attempt takes its number and its place. `asked_wait` is in seconds: the subscriber wants
    none sooner.
    """

    delivery: Delivery
    attempt: Attempt
    unsubscribes: bool = False
    is_ours: bool = False
    asked_wait: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An event that a replay came across, and its delivery to the subscription, if there is one.

    `body` is None where only labels would be read from it and nobody asks for labels. `is_outdated`: something newer of
    its job has a delivery too; found out for the order `latest` alone.
    """

    event: Heading
    delivery: Delivery | None
    body: bytes | None = field(default=None, repr=False)
    is_outdated: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the feed that a replay has read up to `end`: the events in it that are to be sent again.

    `is_last`: there is nothing behind it.
    """

    events: tuple[Heading, ...]
    end: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """What a stretch came to: the replay as it is now, deliveries that wait once more, and new ones."""

    replay: Replay
    requeued: tuple[Delivery, ...] = ()
    inserted: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the id after which the next page begins."""

    rows: tuple[T, ...]
    next_after: str | None
