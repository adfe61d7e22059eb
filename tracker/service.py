"""The composition root: builds every part, starts and stops them in order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import structlog

from store.accounts import HeldAccounts
from store.activity import ActivityLog
from store.answers import Answers
from store.attempts import DeliveryRules, RecordedAttempts
from store.database import Database
from store.deliveries import Deliveries
from store.errors import DatabaseAwayError
from store.events import Events
from store.jobs import Jobs, Recorded
from store.keys import Keys
from store.profiles import Profiles
from store.records import ApiKey, Scope
from store.replays import Replays
from store.replicas import Replicas
from store.sealing import seal_all
from store.secrets import Secrets
from store.subscriptions import Subscriptions
from store.vault import Vault
from tracker.accounts import Accounts
from tracker.api.context import Context
from tracker.api.idempotency import Idempotency
from tracker.api.limits import Limit
from tracker.api.routes import build_app
from tracker.asking import Asker
from tracker.bell import Bell
from tracker.credentials import take_credentials
from tracker.dashboard.site import Site
from tracker.deliver import Deliverer
from tracker.feed import Feed
from tracker.gauges import Gauges
from tracker.hints import DELIVER, FEED, POLL, REPLAY
from tracker.intervals import Intervals
from tracker.key_ring import KeyRing
from tracker.metrics import Metrics
from tracker.metronome import Metronome
from tracker.others import Others
from tracker.outbound import Limits, Outbound, callback_flaw
from tracker.parts import Parts
from tracker.poll import LARGEST_ANSWER, POLL_SECONDS, Poller
from tracker.present import Present
from tracker.providers.catalog import Catalog, load_descriptions
from tracker.readiness import Readiness
from tracker.replay import Replayer
from tracker.retention import Retention
from tracker.rules import replay
from tracker.rules.activity import KEPT, minute_of
from tracker.rules.events import subscription_disabled_event
from tracker.rules.fanout import deliveries_of
from tracker.rules.health import has_only_failed_for_too_long, health_after
from tracker.rules.keys import NEW_KEY_BYTES, key_digest, last_characters, new_key
from tracker.rules.signing import (
    NEW_SECRET_BYTES,
    PRIVATE_KEY_BYTES,
    new_private_key,
    new_secret,
    private_key_of,
    public_key_of,
)
from tracker.rules.slots import slots_of
from tracker.sending import KEPT_OF_ANSWER, Sender
from tracker.signer import Signer
from tracker.surroundings import Surroundings
from tracker.sweep import Sweep
from tracker.tally import Tally
from tracker.unknown_settings import warn_of_unknown_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from starlette.applications import Starlette

    from tracker.providers.description import Description
    from tracker.settings import Settings

GRACE_SECONDS = 8.0
"""What is in flight may finish for so long when the service stops."""

_log = structlog.stdlib.get_logger("tracker")


class Service:
    """Tracker in one process: the store, the loops and the API. It runs inside `async with`.

    `app` is the API alone, `site` all that is served: the API, and the dashboard beside it.

    With `is_ticking=False` nothing happens by itself: whoever holds the service calls the loops' `tick()`. With
    `is_learning=False` jobs are polled at their documented intervals.
    Entering raises StoreError, DescriptionError.
    """

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings | None = None,
        descriptions: Sequence[Description] | None = None,
        *,
        is_ticking: bool = True,
        is_learning: bool = True,
    ) -> None:
        self.settings = settings
        self.surroundings = surroundings or Surroundings()
        known = load_descriptions(settings.providers_dir) if descriptions is None else descriptions
        self.catalog = Catalog(known, settings.environ)
        self.bell = Bell()
        self.metrics = Metrics(provider.description.name for provider in self.catalog)
        self.new_api_key: str | None = None
        """The key that the first start made: to be shown once, never stored."""
        self._is_ticking = is_ticking
        self._is_learning = is_learning
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open_store(stack)
            if not self._database.is_shared:
                # The file is ours alone, so whatever is leased was leased by a process that is no more.
                await self.jobs.recover_leases(None)
                await self.deliveries.recover_leases(None)
            await self._make_first_key()
            await self._take_own_secrets()
            await self._build_loops(stack)
            self._watch(stack)
            await self.others.join(stack, self._wakers())
            self._start_loops(stack)
            self.app: Starlette = build_app(self._context())
            self.site = Site(self.app, self._session_secret, self.surroundings)
            stack.push_async_callback(self.site.close)
            self._stack = stack.pop_all()
        warn_of_unknown_settings(self.settings, self.catalog)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def take_credentials(self, environ: Mapping[str, str]) -> None:
        """Polls with other credentials from now on, and at once where an account was suspended for the old ones."""
        take_credentials(environ, self.catalog, self.accounts)
        self.poll_beat.wake()

    async def _open_store(self, stack: AsyncExitStack) -> None:
        self._database = Database.open(self.settings.database_url)
        stack.callback(self._database.close)
        self.vault = Vault(self.settings.encryption_keys)
        if rows := await seal_all(self._database, self.vault):
            _log.info("secrets.sealed", rows=rows)
        self.intervals = await self._learned(stack)
        self.jobs = Jobs(self._database, deliveries_of, self.intervals.choose)
        self.events = Events(self._database)
        self.feed = Feed(self.events, self.surroundings)
        self.events.when_told(self._tell_of_events)
        self.subscriptions = Subscriptions(self._database)
        rules = DeliveryRules(deliveries_of, health_after, has_only_failed_for_too_long, subscription_disabled_event)
        self.deliveries = Deliveries(self._database, rules)
        self.replays = Replays(self._database, replay.is_near, replay.is_replayed, replay.queue, replay.LARGEST_BACKLOG)
        self.keys = Keys(self._database)
        self.answers = Answers(self._database)
        self.key_ring = KeyRing(self.keys, self.surroundings, self.settings.api_key)
        stack.push_async_callback(self.key_ring.write_uses, is_over=True)
        self.activity_log = ActivityLog(self._database)
        self.tally = Tally(self.activity_log, self.surroundings)
        stack.push_async_callback(self.tally.close)

    async def _learned(self, stack: AsyncExitStack) -> Intervals:
        stored = await Profiles(self._database).all()
        intervals = Intervals(
            stored,
            self.catalog.timing,
            self.catalog.model,
            self.surroundings,
            self.settings.delay_per_poll,
            is_learning=self._is_learning,
        )
        stack.callback(intervals.close)
        return intervals

    async def _build_loops(self, stack: AsyncExitStack) -> None:
        settings, surroundings = self.settings, self.surroundings
        to_providers = Outbound(settings.poll_slots, Limits(POLL_SECONDS, LARGEST_ANSWER))
        self._to_providers = await stack.enter_async_context(to_providers)
        post_limits = Limits(settings.attempt_seconds, KEPT_OF_ANSWER, cuts=True)
        to_subscribers = Outbound(settings.delivery_slots, post_limits, settings.allowed)
        self.metronome = Metronome(surroundings)
        self.poll_beat = self.metronome.beat("poll", lambda: self.poller.tick())  # noqa: PLW0108 - the poller is built below
        self.deliver_beat = self.metronome.beat("deliver", lambda: self.deliverer.tick())  # noqa: PLW0108 - the same
        self.replay_beat = self.metronome.beat("replay", lambda: self.replayer.tick())  # noqa: PLW0108 - the same
        self.feed_beat = self.metronome.beat("feed", self.feed.tick)
        self.sweep_beat = self.metronome.beat("sweep", lambda: self.sweep.tick())  # noqa: PLW0108 - the same
        self.tally_beat = self.metronome.beat("tally", self.tally.tick)
        held_accounts = HeldAccounts(self._database)
        self.others = Others(
            Replicas(self._database),
            held_accounts,
            surroundings,
            self.metronome,
            self.bell,
            fits=lambda: self.accounts.fit() and self.deliverer.fits(),
            take_up=lambda held: self.accounts.stand_as_others_say(held),  # noqa: PLW0108 - the accounts are made below
        )
        self.accounts = Accounts(self.catalog.budget, surroundings, self.others.part_of)
        for held in await held_accounts.all():
            self.accounts.find(held.provider, held.account).stand_as(held)
        self.poller = Poller(
            self.jobs,
            Asker(self.catalog, self._to_providers, surroundings, self._tell_of_request),
            self.accounts,
            self.intervals,
            surroundings,
            settings.poll_slots,
            told=self._tell,
            wake_at=self.poll_beat.wake_at,
        )
        sender = Sender(
            await stack.enter_async_context(to_subscribers),
            surroundings,
            settings.retry_schedule,
            Signer(self.vault, self.callback_secret, self.private_key),
            f"{settings.public_url}/v1/jobs",
        )
        self.deliverer = Deliverer(
            self.deliveries,
            sender,
            surroundings,
            slots_of(settings.delivery_slots),
            settings.attempt_seconds,
            told=self._tell_of_attempts,
            wake_at=self.deliver_beat.wake_at,
            part_of=self.others.part_of,
        )
        self.replayer = Replayer(self.replays, surroundings, wake=self._replay, deliver=self._deliver)
        self.sweep = Sweep(
            self.jobs,
            self.deliveries,
            surroundings,
            self._retention(),
            told=self._tell,
            look_again=self._look_again,
            chores=(self.key_ring.write_uses,),
        )

    def _retention(self) -> Retention:
        kept = self.settings.retention
        return Retention(
            (
                # Jobs go first: an event stays as long as its job.
                lambda now, rows, spent: self.jobs.forget_finished(now - kept, rows, spent),
                lambda now, rows, spent: self.events.forget(now - kept, rows, spent),
                lambda now, rows, spent: self.replays.forget(now - kept, rows, spent),
                self.answers.forget,
                lambda now, rows, spent: self.activity_log.forget(minute_of(now - KEPT), rows, spent),
            )
        )

    def _watch(self, stack: AsyncExitStack) -> None:
        parts = Parts(
            self._database,
            self.jobs,
            self.deliveries,
            self.accounts,
            self.poller,
            self.deliverer,
            self.bell,
            self.metronome,
            self.surroundings,
        )
        slots = {"poll": self.settings.poll_slots, "deliver": self.settings.delivery_slots}
        self.gauges = Gauges(self.metrics, parts, slots)
        self.readiness = Readiness(parts)
        self.present = Present(parts, slots, lambda: self.others.replicas)
        stack.push_async_callback(self.readiness.close)

    def _start_loops(self, stack: AsyncExitStack) -> None:
        if self._is_ticking:
            # Unless it is started the metronome notes what wakes it and does nothing.
            self.metronome.start()
            stack.callback(self.metronome.stop)
            for beat in (self.poll_beat, self.deliver_beat, self.replay_beat, self.feed_beat, self.sweep_beat):
                beat.wake()
            self.tally_beat.wake()
        stack.push_async_callback(self._finish_what_is_in_flight)

    def let_go(self) -> None:
        """Answers those who wait for a job, and ends the streams of events: the service stops."""
        self.bell.close()
        self.feed.close()

    async def _finish_what_is_in_flight(self) -> None:
        self.let_go()
        try:
            await asyncio.gather(self.poller.stop(GRACE_SECONDS), self.deliverer.stop(GRACE_SECONDS), self.feed.drain())
        except DatabaseAwayError as error:
            _log.warning("leases.kept", reason=str(error))

    def _tell(self, recorded: Recorded) -> None:
        """What has been written is told: to those who wait for a job, to the delivery loop, and to the counters."""
        self.metrics.polled(recorded.kept)
        self.tally.polled(recorded.kept)
        self.bell.ring(recorded.changed_jobs)
        if recorded.deliveries:
            self.deliver_beat.wake()
        self.others.tell(DELIVER if recorded.deliveries else "", recorded.changed_jobs)

    def _tell_of_request(self, provider: str) -> None:
        self.metrics.asked(provider)
        self.tally.asked(provider)

    def _tell_of_attempts(self, recorded: RecordedAttempts) -> None:
        self.metrics.attempted(recorded.kept)
        self.tally.attempted(recorded.kept)

    def _tell_of_events(self) -> None:
        self.feed.wake()
        self.others.tell(FEED)

    def _wakers(self) -> dict[str, Callable[[], None]]:
        """What is woken when others tell of work."""
        beats = {POLL: self.poll_beat, DELIVER: self.deliver_beat, REPLAY: self.replay_beat}
        return {FEED: self.feed.wake} | {topic: beat.wake for topic, beat in beats.items()}

    def _poll_at(self, at: datetime) -> None:
        self.poll_beat.wake_at(at)
        if at <= self.surroundings.now():
            self.others.tell(POLL)

    def _deliver(self) -> None:
        self.deliver_beat.wake()
        self.others.tell(DELIVER)

    def _replay(self) -> None:
        self.replay_beat.wake()
        self.others.tell(REPLAY)

    def _look_again(self) -> None:
        self.poll_beat.wake()
        self.deliver_beat.wake()
        self.replay_beat.wake()

    async def _make_first_key(self) -> None:
        if self.settings.api_key is not None:
            return
        key = new_key(self.surroundings.entropy(NEW_KEY_BYTES))
        key_id, now = self.surroundings.new_id("key"), self.surroundings.now()
        made = ApiKey(key_id, "first start", Scope.ADMIN, key_digest(key), now, last4=last_characters(key))
        if await self.key_ring.add_first(made):
            self.new_api_key = key

    async def _take_own_secrets(self) -> None:
        given = self.settings.callback_secret
        self.callback_secret = given or await self._own_secret("callback", new_secret, NEW_SECRET_BYTES)
        self.private_key = private_key_of(await self._own_secret("ed25519", new_private_key, PRIVATE_KEY_BYTES))
        self._session_secret = await self._own_secret("dashboard", bytes.hex, NEW_SECRET_BYTES)

    async def _own_secret(self, name: str, make: Callable[[bytes], str], size: int) -> str:
        """The service's secret of this name, made at the first start."""
        fresh = self.vault.seal(make(self.surroundings.entropy(size)))
        return self.vault.open(await Secrets(self._database).get_or_add(name, fresh))

    def _context(self) -> Context:
        return Context(
            jobs=self.jobs,
            events=self.events,
            subscriptions=self.subscriptions,
            deliveries=self.deliveries,
            replays=self.replays,
            keys=self.keys,
            key_ring=self.key_ring,
            idempotency=Idempotency(self.answers, self.surroundings),
            limit=Limit(self.settings.rate_limit, self.surroundings),
            catalog=self.catalog,
            accounts=self.accounts,
            intervals=self.intervals,
            surroundings=self.surroundings,
            bell=self.bell,
            feed=self.feed,
            tally=self.tally,
            allowed=self.settings.allowed,
            callback_secret=self.callback_secret,
            public_key=public_key_of(self.private_key),
            vault=self.vault,
            callback_flaw=callback_flaw,
            ask_provider=self._to_providers.exchange,
            poll_at=self._poll_at,
            deliver=self._deliver,
            start_replay=self.replayer.start,
            overview=self.present.overview,
            unready=self.readiness.reasons,
            scrape=self.gauges.scrape,
        )
