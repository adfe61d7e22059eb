"""What lies in deploy/, parsed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
PORT = 8000
LONGEST_STOP = 20
"""Seconds after SIGTERM within which the process is gone; tests/test_serve.py holds it to that."""


def load_all(name: str) -> list[Any]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(text_of(name)))


def text_of(name: str) -> str:
    """A file of deploy/."""
    return (DEPLOY / name).read_text("utf-8")


def resource(kind: str, name: str = "tracker") -> dict[str, Any]:
    """The Kubernetes resource of this kind and name."""
    every = [each for path in DEPLOY.glob("kubernetes/*.yaml") for each in yaml.safe_load_all(path.read_text("utf-8"))]
    (found,) = [each for each in every if each["kind"] == kind and each.get("metadata", {}).get("name", name) == name]
    return found


def run(*command: str | Path, cwd: Path = CHECKOUT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    return subprocess.run(  # noqa: S603 - our own commands
        command, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=60
    )
