"""Running Python code in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_python(code: str, *, folder: Path = ROOT, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run code with the packages of a folder in front; variables that are None are unset."""
    env = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    env = {name: value for name, value in env.items() if environment.get(name, "") is not None}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def output_of(code: str, *, folder: Path = ROOT, **environment: object) -> str:
    """Standard output of code that has to succeed."""
    done = run_python(code, folder=folder, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
