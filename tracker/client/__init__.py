"""The Python client of Tracker, for programs that block (`Tracker`) and for those that await (`AsyncTracker`)."""

from tracker.client import webhooks
from tracker.client.async_client import AsyncTracker
from tracker.client.async_jobs import AsyncJob
from tracker.client.calls.batches import Tracked
from tracker.client.errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    InvalidWebhook,
    JobFailed,
    JobTimeout,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    TrackerError,
    Unauthorized,
    UnexpectedAnswer,
)
from tracker.client.models.delivery import Attempt, Delivery
from tracker.client.models.event import Event, Step
from tracker.client.models.job import JobError, JobSnapshot, PollProblem, Status, Transition
from tracker.client.models.key import CallbackSecret, Key
from tracker.client.models.provider import Account, Provider
from tracker.client.models.subscription import Replay, RotatedSecret, Subscription
from tracker.client.sync_client import Tracker
from tracker.client.sync_jobs import Job

__all__ = [
    "Account",
    "ApiError",
    "AsyncJob",
    "AsyncTracker",
    "Attempt",
    "CallbackSecret",
    "Conflict",
    "ConnectionFailed",
    "Delivery",
    "Event",
    "InvalidRequest",
    "InvalidWebhook",
    "Job",
    "JobError",
    "JobFailed",
    "JobSnapshot",
    "JobTimeout",
    "Key",
    "NotFound",
    "PermissionDenied",
    "PollProblem",
    "Provider",
    "RateLimited",
    "Replay",
    "RotatedSecret",
    "ServerError",
    "Status",
    "Step",
    "Subscription",
    "Tracked",
    "Tracker",
    "TrackerError",
    "Transition",
    "Unauthorized",
    "UnexpectedAnswer",
    "webhooks",
]
