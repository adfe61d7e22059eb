"""What people install: a wheel built from the checkout, in an empty environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parent.parent


def run(*command: object, cwd: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(  # noqa: S603 - our own commands
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv = shutil.which("uv")
    assert uv, "the tests are run by uv"
    run(uv, "build", "--quiet", "--wheel", "--out-dir", folder, CHECKOUT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of the commands of an environment that holds the wheel and what it needs, nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    uv = shutil.which("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--python", python, wheel, cwd=folder)
    return python.parent


def test_wheel_holds_descriptions_migrations_and_types(wheel):
    names = ZipFile(wheel).namelist()
    for provider in ("scenario", "wondercat", "decart", "photogpt"):
        assert f"tracker/providers/{provider}.toml" in names
    assert "tracker/providers/FORMAT.md" in names
    assert {"tracker/dashboard/templates/layout.html", "tracker/dashboard/static/style.css"} <= set(names)
    assert "store/migrations/env.py" in names
    assert "store/migrations/script.py.mako" in names
    assert any(name.startswith("store/migrations/versions/0001") for name in names)
    assert {"tracker/py.typed", "store/py.typed", "tracker/client/__init__.py"} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"tracker", "store"}


def test_installed_wheel_migrates_and_runs_the_main_job(installed, tmp_path):
    newest = max(path.name[:4] for path in (CHECKOUT / "store/migrations/versions").glob("0*.py"))
    migrated = run(installed / "tracker", "migrate", "--database", f"sqlite:///{tmp_path}/t.db", cwd=tmp_path)
    assert migrated == f"{newest}\n"
    said = run(installed / "tracker", "demo", "--jobs", "8", "--speed", "4", cwd=tmp_path)
    assert "8 of 8" in said
