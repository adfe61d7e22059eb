"""The environment as typed values, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from store.vault import key_from
from tracker.rules.addresses import Allowed, allowed_from, literal_address
from tracker.rules.durations import seconds_in
from tracker.rules.retry import DEFAULT_SCHEDULE
from tracker.rules.signing import secret_flaw

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORTEST_API_KEY = 16

NAMES = (
    *(
        "TRACKER_DATABASE_URL",
        "TRACKER_HOST",
        "TRACKER_PORT",
        "TRACKER_PUBLIC_URL",
        "TRACKER_API_KEY",
        "TRACKER_CALLBACK_SECRET",
    ),
    *("TRACKER_PROVIDERS_DIR", "TRACKER_ALLOWED_NETWORKS", "TRACKER_ALLOW_HTTP", "TRACKER_POLL_SLOTS"),
    *("TRACKER_DELIVERY_SLOTS", "TRACKER_RETRY_SCHEDULE", "TRACKER_ATTEMPT_TIMEOUT", "TRACKER_RETENTION"),
    *("TRACKER_DELAY_PER_POLL", "TRACKER_LOG_FORMAT", "TRACKER_ENCRYPTION_KEY", "TRACKER_RATE_LIMIT"),
    *("TRACKER_URL", "TRACKER_LISTEN_SECRET"),
)
"""Every setting that is not one of a provider; the last two are the clients'."""

LogFormat = Literal["text", "json"]


class SettingsError(Exception):
    """A setting that cannot be used; the message names the variable, its value and the way out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided. `environ` is kept for credentials and base URLs, and stays out of every text form."""

    database_url: str = field(default="sqlite:///tracker.db", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    api_key: str | None = field(default=None, repr=False)
    callback_secret: str | None = field(default=None, repr=False)
    encryption_keys: tuple[bytes, ...] = field(default=(), repr=False)
    providers_dir: Path | None = None
    allowed: Allowed = field(default_factory=Allowed)
    poll_slots: int = 256
    delivery_slots: int = 256
    retry_schedule: tuple[float, ...] = DEFAULT_SCHEDULE
    attempt_seconds: float = 15.0
    retention: timedelta = timedelta(days=30)
    rate_limit: int | None = 500
    delay_per_poll: float | None = None
    log_format: LogFormat | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the variables of the README's table; an empty one counts as unset. Raises SettingsError."""
        env = _Environment({name: value for name, value in environ.items() if value})
        host, port = env.text("TRACKER_HOST", "127.0.0.1"), env.integer("TRACKER_PORT", 8000, 0, 65_535)
        own_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return cls(
            database_url=env.text("TRACKER_DATABASE_URL", "sqlite:///tracker.db"),
            host=host,
            port=port,
            public_url=env.url("TRACKER_PUBLIC_URL", own_url),
            api_key=env.api_key("TRACKER_API_KEY"),
            callback_secret=env.secret("TRACKER_CALLBACK_SECRET"),
            encryption_keys=env.keys("TRACKER_ENCRYPTION_KEY"),
            providers_dir=env.path("TRACKER_PROVIDERS_DIR"),
            allowed=env.allowed("TRACKER_ALLOWED_NETWORKS", "TRACKER_ALLOW_HTTP"),
            poll_slots=env.integer("TRACKER_POLL_SLOTS", 256, 1, 10_000),
            delivery_slots=env.integer("TRACKER_DELIVERY_SLOTS", 256, 1, 10_000),
            retry_schedule=env.durations("TRACKER_RETRY_SCHEDULE", DEFAULT_SCHEDULE),
            attempt_seconds=env.duration("TRACKER_ATTEMPT_TIMEOUT", 15.0),
            retention=timedelta(seconds=env.duration("TRACKER_RETENTION", 30 * 86_400.0)),
            rate_limit=env.integer("TRACKER_RATE_LIMIT", 500, 0, 1_000_000) or None,
            delay_per_poll=env.seconds("TRACKER_DELAY_PER_POLL"),
            log_format=env.log_format("TRACKER_LOG_FORMAT"),
            environ=env.values,
        )

    @property
    def shown_database_url(self) -> str:
        """The database's URL without its password."""
        shown = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.database_url)
        return re.sub(r"([?&]password=)[^&]*", r"\1***", shown)

    @property
    def is_on_loopback(self) -> bool:
        """Whether this machine alone can reach the API."""
        address = literal_address(self.host)
        return self.host.lower() == "localhost" if address is None else address.is_loopback


@dataclass(frozen=True, slots=True)
class _Environment:
    values: Mapping[str, str]

    def text(self, name: str, default: str) -> str:
        return self.values.get(name, default)

    def url(self, name: str, default: str) -> str:
        url = self.values.get(name, default).rstrip("/")
        if not re.fullmatch(r"https?://[!-~]+", url):
            message = (
                f"{name} is {url!r}; give the address that the service is reached at, like https://tracker.example"
            )
            raise SettingsError(message)
        return url

    def path(self, name: str) -> Path | None:
        return Path(self.values[name]) if name in self.values else None

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        text = self.values.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            message = f"{name} is {text!r}; give a whole number from {least} to {most}"
            raise SettingsError(message)
        return int(text)

    def api_key(self, name: str) -> str | None:
        key = self.values.get(name)
        if key is not None and len(key) < _SHORTEST_API_KEY:
            message = f"{name} has {len(key)} characters; give at least {_SHORTEST_API_KEY}"
            raise SettingsError(message)
        if key is not None and not re.fullmatch(r"[!-~]+", key):
            message = f"{name} holds a character that no Authorization header carries; give visible ASCII, no spaces"
            raise SettingsError(message)
        return key

    def secret(self, name: str) -> str | None:
        secret = self.values.get(name)
        flaw = secret and secret_flaw(secret)
        if flaw:
            message = f"{name} cannot be used: {flaw}"
            raise SettingsError(message)
        return secret

    def keys(self, name: str) -> tuple[bytes, ...]:
        """A list of keys, parted by commas."""
        try:
            return tuple(key_from(text) for text in self.values[name].split(",")) if name in self.values else ()
        except ValueError as error:
            message = f"{name} cannot be used: {error}"
            raise SettingsError(message) from error

    def allowed(self, networks: str, http: str) -> Allowed:
        entries = tuple(entry.strip() for entry in self.values.get(networks, "").split(",") if entry.strip())
        try:
            return allowed_from(entries, http=self._switch(http))
        except ValueError as error:
            message = f"{networks}: {error}"
            raise SettingsError(message) from error

    def duration(self, name: str, default: float) -> float:
        return self._seconds(name, self.values[name]) if name in self.values else default

    def seconds(self, name: str) -> float | None:
        """A number of seconds, with its unit or without."""
        text = self.values.get(name)
        if text is None:
            return None
        return self._seconds(name, f"{text.strip()}s" if text.strip()[-1:].isdigit() else text)

    def durations(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        if name not in self.values:
            return default
        return tuple(self._seconds(name, text) for text in self.values[name].split(","))

    def log_format(self, name: str) -> LogFormat | None:
        match self.values.get(name):
            case None:
                return None
            case "text":
                return "text"
            case "json":
                return "json"
            case other:
                message = f"{name} is {other!r}; give text or json"
                raise SettingsError(message)

    def _switch(self, name: str) -> bool:
        text = self.values.get(name, "0").lower()
        if text not in ("0", "1", "false", "true"):
            message = f"{name} is {text!r}; give 1 or 0"
            raise SettingsError(message)
        return text in ("1", "true")

    def _seconds(self, name: str, text: str) -> float:
        try:
            return seconds_in(text)
        except ValueError as error:
            message = f"{name} holds {text.strip()!r}; {error}"
            raise SettingsError(message) from error
