"""The key that a first start makes, kept for the commands that its owner runs on the same machine.

One file for each database, under `$XDG_STATE_HOME/tracker/keys` (`~/.local/state/tracker/keys`), readable by its owner
alone. It says where the service listens and which process that is, so that a key is never sent to whoever took a port
over.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

_LARGEST = 65_536
_PRIVATE = 0o600


class FoundKey(NamedTuple):
    """A key, and where it lay."""

    key: str
    path: Path


class ExposedKeyError(Exception):
    """A key lies where others can read it; the message names the file and the way out."""


@dataclass(frozen=True, slots=True)
class _Content:
    key: str = field(repr=False)
    host: str
    port: int
    pid: int
    is_private: bool


class KeyFile:
    """The file of one database's key."""

    def __init__(self, database_url: str) -> None:
        place = database_url.removeprefix("sqlite:///")
        named = str(Path(place).absolute()) if place != database_url else database_url
        self.path = _folder() / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"

    def keep(self, key: str, host: str, port: int) -> None:
        """Writes the key, and that this process listens there with it. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({"key": key, "host": host, "port": port, "pid": os.getpid()})
        fresh = self.path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            # Private from its first byte on, and never half there.
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            fresh.replace(self.path)
        finally:
            fresh.unlink(missing_ok=True)

    def key(self) -> str | None:
        """The key that was kept, if it is still there."""
        content = _read(self.path)
        return content.key if content else None

    def forget(self) -> None:
        """Removes the file, if that can be."""
        # Where it cannot, the key in it is of no use to anybody.
        with suppress(OSError):
            self.path.unlink()


def find_key(url: str) -> FoundKey | None:
    """The key of the service that listens at this URL, if that is on this machine. Raises ExposedKeyError."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 80
    if address.scheme != "http" or not _is_loopback(host):
        return None
    for path in _newest_first():
        content = _read(path)
        if content and content.port == port and _reaches(host, content.host) and _is_running(content.pid):
            if not content.is_private:
                message = f"{path} holds an API key and can be read by others: revoke that key, and remove the file"
                raise ExposedKeyError(message)
            return FoundKey(content.key, path)
    return None


def _folder() -> Path:
    # By the XDG specification a relative path is to be ignored.
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path("~/.local/state").expanduser()
    return state / "tracker" / "keys"


def _newest_first() -> list[Path]:
    dated: list[tuple[float, Path]] = []
    # There may be no home, and files come and go.
    with suppress(OSError, RuntimeError):
        dated += [(path.lstat().st_mtime, path) for path in _folder().glob("*.json")]
    return [path for _, path in sorted(dated, reverse=True)]


def _read(path: Path) -> _Content | None:
    """What a file says, if it is there and one of ours."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        # Not to be led elsewhere by a link, nor held up by a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            text = file.read(_LARGEST) if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() else b""
        values = json.loads(text)
        is_private = not stat.S_IMODE(about.st_mode) & 0o077
        return _Content(str(values["key"]), str(values["host"]), int(values["port"]), int(values["pid"]), is_private)
    return None


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_literal(host) and ip_address(host).is_loopback)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _reaches(host: str, listening: str) -> bool:
    """Whether a loopback name leads to what listens on an address."""
    is_everywhere = _is_literal(listening) and ip_address(listening).is_unspecified
    is_either_name = "localhost" in (host, listening) and _is_loopback(listening)
    return listening == host or is_everywhere or is_either_name


def _is_running(pid: int) -> bool:
    """Whether a process of this user has this id."""
    with suppress(ProcessLookupError, PermissionError, OverflowError):
        if pid > 0:
            os.kill(pid, 0)
            return True
    return False
