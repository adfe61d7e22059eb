"""The environment as typed values."""

import base64
import re
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracker.settings
from tracker.settings import Settings, SettingsError

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
KEY, OLD_KEY = (base64.urlsafe_b64encode(bytes([fill]) * 32).decode() for fill in (250, 251))
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
ALL = {
    "TRACKER_DATABASE_URL": "sqlite:////data/tracker.db",
    "TRACKER_HOST": "::1",
    "TRACKER_PORT": "0",
    "TRACKER_PUBLIC_URL": "https://tracker.example/",
    "TRACKER_API_KEY": "sixteen-or-more-x",
    "TRACKER_CALLBACK_SECRET": SECRET,
    "TRACKER_ENCRYPTION_KEY": f"{KEY}, {OLD_KEY}",
    "TRACKER_PROVIDERS_DIR": "/etc/tracker",
    "TRACKER_ALLOWED_NETWORKS": " 10.0.0.0/8, fd00::/8 ,192.168.1.7,Hooks.internal.,",
    "TRACKER_ALLOW_HTTP": "1",
    "TRACKER_POLL_SLOTS": "1",
    "TRACKER_DELIVERY_SLOTS": "10000",
    "TRACKER_RETRY_SCHEDULE": "500ms, 5s,1.5m,2h ,1d",
    "TRACKER_ATTEMPT_TIMEOUT": "2.5s",
    "TRACKER_RETENTION": "12h",
    "TRACKER_RATE_LIMIT": "50",
    "TRACKER_DELAY_PER_POLL": "2.5",
    "TRACKER_LOG_FORMAT": "json",
}


def read(**environ):
    return Settings.from_environment(environ)


def test_an_empty_environment_gives_the_defaults_of_the_readme():
    settings = read()
    assert settings == Settings()
    assert (settings.database_url, settings.host, settings.port) == ("sqlite:///tracker.db", "127.0.0.1", 8000)
    assert (settings.api_key, settings.callback_secret, settings.encryption_keys) == (None, None, ())
    assert settings.providers_dir is None
    assert (settings.allowed.networks, settings.allowed.hosts, settings.allowed.http) == ((), (), False)
    assert (settings.poll_slots, settings.delivery_slots) == (256, 256)
    hours = (2, 5, 10, 14, 20, 24)
    assert settings.retry_schedule == (5, 300, 1800, *(hour * 3600 for hour in hours))
    assert (settings.attempt_seconds, settings.retention) == (15, timedelta(days=30))
    assert settings.log_format is None


@pytest.mark.parametrize(("host", "shown"), [("10.0.0.7", "10.0.0.7"), ("::1", "[::1]")])
def test_the_service_is_reached_where_it_listens_unless_told_otherwise(host, shown):
    assert read(TRACKER_HOST=host, TRACKER_PORT="9000").public_url == f"http://{shown}:9000"


@pytest.mark.parametrize("url", ["tracker.example", "ftp://tracker.example", "https://", "https://a b"])
def test_an_address_that_leads_nowhere_is_refused(url):
    with pytest.raises(SettingsError, match=f"TRACKER_PUBLIC_URL.*{re.escape(url)}"):
        read(TRACKER_PUBLIC_URL=url)


def test_each_variable_is_read():
    settings = Settings.from_environment(ALL)
    assert settings == Settings(
        database_url="sqlite:////data/tracker.db",
        host="::1",
        port=0,
        public_url="https://tracker.example",
        api_key="sixteen-or-more-x",
        callback_secret=SECRET,
        encryption_keys=(b"\xfa" * 32, b"\xfb" * 32),
        providers_dir=Path("/etc/tracker"),
        allowed=settings.allowed,
        poll_slots=1,
        delivery_slots=10_000,
        retry_schedule=(0.5, 5, 90, 7200, 86_400),
        attempt_seconds=2.5,
        retention=timedelta(hours=12),
        rate_limit=50,
        delay_per_poll=2.5,
        log_format="json",
        environ=ALL,
    )
    assert settings.allowed.networks == tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8", "192.168.1.7/32")))
    assert (settings.allowed.hosts, settings.allowed.http) == (("hooks.internal",), True)


def test_a_rate_limit_of_zero_is_none():
    assert (read().rate_limit, read(TRACKER_RATE_LIMIT="0").rate_limit) == (500, None)


def test_an_empty_variable_counts_as_unset():
    assert Settings.from_environment(dict.fromkeys([*ALL, "WONDERCAT_API_KEY"], "")) == Settings()


def test_credentials_and_base_urls_are_kept_for_whoever_reads_them():
    environ = {"WONDERCAT_API_KEY": "hush", "WONDERCAT_API_KEY__TEAM_A": "hush too", "TRACKER_DECART_BASE_URL": "x"}
    assert read(**environ, EMPTY="").environ == environ


@pytest.mark.parametrize(("text", "seconds"), [("2", 2), ("0.5", 0.5), ("30s", 30), ("5m", 300), (" 1.5 ", 1.5)])
def test_worth_of_a_poll_is_in_seconds_unless_it_says_otherwise(text, seconds):
    assert read(TRACKER_DELAY_PER_POLL=text).delay_per_poll == seconds


@pytest.mark.parametrize("text", ["0", "-1", "much", "1e3", "5 s"])
def test_worth_of_a_poll_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="TRACKER_DELAY_PER_POLL holds"):
        read(TRACKER_DELAY_PER_POLL=text)


@pytest.mark.parametrize(
    ("text", "is_on"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False)]
)
def test_plain_http_is_switched_by_one_or_zero(text, is_on):
    assert read(TRACKER_ALLOW_HTTP=text).allowed.http is is_on


@pytest.mark.parametrize(
    ("name", "value", "way_out"),
    [
        *[
            ("TRACKER_PORT", value, "from 0 to 65535")
            for value in ("-1", "65536", "http", "80.5", " 80", "²", "9" * 5000)
        ],
        *[("TRACKER_POLL_SLOTS", value, "from 1 to 10000") for value in ("0", "10001", "many")],
        *[("TRACKER_DELIVERY_SLOTS", value, "from 1 to 10000") for value in ("0", "10001", "1e3")],
        *[
            ("TRACKER_ALLOWED_NETWORKS", value, "10.0.0.0/8")
            for value in ("10.0.0.1/8", "10.0.0.0/33", "a_b", "*", "1.2.3")
        ],
        *[("TRACKER_ALLOW_HTTP", value, "1 or 0") for value in ("yes", "on", "2")],
        *[
            ("TRACKER_RETRY_SCHEDULE", value, "15s, 5m, 2h or 30d")
            for value in ("soon", "5 s", "-5s", "5S", "5w", "1h30m")
        ],
        *[("TRACKER_RETRY_SCHEDULE", value, "above zero") for value in ("0s", "4000d")],
        *[("TRACKER_ATTEMPT_TIMEOUT", value, "15s, 5m, 2h or 30d") for value in ("15", "s", "1e3s", "5s,5m", "inf")],
        *[("TRACKER_ATTEMPT_TIMEOUT", value, "above zero") for value in ("0ms", "9" * 400 + "d")],
        ("TRACKER_RETENTION", "forever", "15s, 5m, 2h or 30d"),
        ("TRACKER_LOG_FORMAT", "xml", "text or json"),
        ("TRACKER_LOG_FORMAT", "JSON", "text or json"),
    ],
)
def test_error_names_the_variable_its_value_and_the_way_out(name, value, way_out):
    with pytest.raises(SettingsError) as error:
        read(**{name: value})
    message = str(error.value)
    assert name in message
    assert repr(value) in message
    assert way_out in message


@pytest.mark.parametrize("text", ["5s,,5m", "5s,", ",", "5s;5m"])
def test_list_of_durations_holds_no_gaps(text):
    with pytest.raises(SettingsError, match="TRACKER_RETRY_SCHEDULE holds"):
        read(TRACKER_RETRY_SCHEDULE=text)


@pytest.mark.parametrize(
    ("name", "value", "way_out"),
    [
        ("TRACKER_API_KEY", "hush-hush-hush!", "at least 16"),
        ("TRACKER_CALLBACK_SECRET", "hush-hush", "begins with 'whsec_'"),
        ("TRACKER_CALLBACK_SECRET", "whsec_hush!", "standard base64"),
        ("TRACKER_CALLBACK_SECRET", "whsec_aHVzaA==", "24 to 64 bytes"),
        ("TRACKER_ENCRYPTION_KEY", "hush-hush", "32 random bytes in base64"),
        ("TRACKER_ENCRYPTION_KEY", f"{KEY},", "32 random bytes in base64"),
        ("TRACKER_ENCRYPTION_KEY", f"{KEY};{OLD_KEY}", "Make one by python3"),
    ],
)
def test_error_about_a_secret_names_the_variable_and_the_way_out_but_not_the_secret(name, value, way_out):
    with pytest.raises(SettingsError) as error:
        read(**{name: value})
    assert name in str(error.value)
    assert way_out in str(error.value)
    assert value not in str(error.value)


def test_api_key_of_16_characters_is_long_enough():
    assert read(TRACKER_API_KEY="x" * 16).api_key == "x" * 16


def test_secrets_stay_out_of_every_text_form():
    hush = {"TRACKER_API_KEY": "hush-hush-hush-key", "TRACKER_CALLBACK_SECRET": SECRET, "DECART_API_KEY": "hush-decart"}
    hush["TRACKER_ENCRYPTION_KEY"] = KEY
    settings = read(**hush, TRACKER_DATABASE_URL="postgresql://tracker:hush-db@db/tracker")
    for text in (repr(settings), str(settings), f"{settings}", settings.shown_database_url):
        assert "hush" not in text
        assert SECRET not in text
        assert KEY not in text
        assert r"\xfa" not in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///tracker.db", "sqlite:///tracker.db"),
        ("sqlite:////data/a:b@c.db", "sqlite:////data/a:b@c.db"),
        ("postgresql://db:5432/tracker", "postgresql://db:5432/tracker"),
        ("postgresql://me@db/tracker", "postgresql://me@db/tracker"),
        ("postgresql://me:hush@db:5432/tracker", "postgresql://me:***@db:5432/tracker"),
        ("postgresql://me:hu/sh@db/tracker", "postgresql://me:***@db/tracker"),
        ("postgresql://:hush@db/tracker", "postgresql://:***@db/tracker"),
    ],
)
def test_database_url_is_shown_without_its_password(url, shown):
    assert read(TRACKER_DATABASE_URL=url).shown_database_url == shown


durations = st.tuples(st.decimals("0.001", "9000000", places=3), st.sampled_from(sorted(UNITS)))


@given(st.lists(durations, min_size=1, max_size=12))
def test_durations_are_seconds_in_whatever_unit_they_are_written(written):
    schedule = ",".join(f"{number}{unit}" for number, unit in written)
    seconds = [float(number) * UNITS[unit] for number, unit in written]
    if max(seconds) > 3650 * 86_400:
        with pytest.raises(SettingsError, match="below ten years"):
            read(TRACKER_RETRY_SCHEDULE=schedule)
    else:
        assert read(TRACKER_RETRY_SCHEDULE=schedule).retry_schedule == pytest.approx(seconds)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_text_is_a_duration_or_a_settings_error(text):
    with suppress(SettingsError):
        assert read(TRACKER_ATTEMPT_TIMEOUT=text).attempt_seconds > 0


@pytest.mark.parametrize(
    ("host", "is_on_loopback"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.8.9.10", "::1", "localhost", "LocalHost")],
        *[(host, False) for host in ("0.0.0.0", "::", "192.168.1.7", "fe80::1%eth0", "127.1", "a.localhost", "db")],  # noqa: S104 - to be judged
    ],
)
def test_host_is_on_loopback_where_other_machines_surely_cannot_reach_it(host, is_on_loopback):
    assert read(TRACKER_HOST=host).is_on_loopback is is_on_loopback


@pytest.mark.parametrize("key", ["a key with an inner space", "schl\u00fcsselschl\u00fcssel"])
def test_api_key_that_no_header_carries_is_refused(key):
    with pytest.raises(SettingsError, match="TRACKER_API_KEY holds a character"):
        Settings.from_environment({"TRACKER_API_KEY": key})


def test_every_setting_is_named_once():
    source = Path(tracker.settings.__file__).read_text("utf-8")
    read_there = set(re.findall(r'"(TRACKER_[A-Z_]+)"', source.partition("def from_environment")[2]))
    assert read_there == set(tracker.settings.NAMES) - {"TRACKER_URL", "TRACKER_LISTEN_SECRET"}
    assert len(set(tracker.settings.NAMES)) == len(tracker.settings.NAMES)
