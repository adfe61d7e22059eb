"""Files of KEY=VALUE lines, for settings that do not belong on a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

_LINE = re.compile(
    r"""
    (?: export \s+ )?
    (?P<key> [A-Za-z_][A-Za-z0-9_]* ) \s* =
    (?: \s* (?: '(?P<single> [^']* )' | "(?P<double> [^"]* )" | (?P<bare> [^'"\s] .*? ) ) )??
    (?: \s+ \# .* )?
    """,
    re.VERBOSE,
)


class EnvFileError(ValueError):
    """A file of settings cannot be read; says which file, and which line."""


def load_env_file(path: Path, environ: MutableMapping[str, str]) -> None:
    """Add the file's settings to `environ`, under what is set there; an empty variable is an unset one."""
    for key, value in read_env_file(path).items():
        if not environ.get(key):
            environ[key] = value


def read_env_file(path: Path) -> dict[str, str]:
    """The settings in the file. Quotes are taken off; nothing is expanded or unescaped."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise EnvFileError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: is not UTF-8 text"
        raise EnvFileError(message) from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            key, value = _setting_in(stripped, f"{path}:{number}")
            found[key] = value
    return found


def _setting_in(line: str, place: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None or "\0" in line:
        message = f"{place}: is not KEY=VALUE (with a value in matching quotes, or without quotes)"
        raise EnvFileError(message)  # without the line itself, which may hold a secret
    return match["key"], next((value for value in match.group("single", "double", "bare") if value is not None), "")
