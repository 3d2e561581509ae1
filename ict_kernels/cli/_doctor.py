"""``ict-kernels doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ._options import AsJson, examples
from ._output import counted, output_console, show_status, sized, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from ..doctor import Diagnosis

__all__ = ["EXAMPLES", "command"]

EXAMPLES = examples(
    "ict-kernels doctor",
    "ict-kernels doctor --json",
)


def command(
    bars: Annotated[int, typer.Option(min=10, help="Bars to prove each detector on.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Look at the installation, and prove every detector against its plain Python twin."""
    from ..doctor import diagnose

    with show_status(shown=True) as say:
        found = diagnose(bars, lambda check: say(f"{check.detector}: {check.problem or 'ok'}"))
    if as_json:
        write_json(found.to_dict())
    else:
        _show_diagnosis(found, output_console())
    if not found.ok:
        raise typer.Exit(1)


def _show_diagnosis(found: Diagnosis, console: Console) -> None:
    cache = found.cache
    kept = (
        f"{cache.folder} ({counted(cache.files, 'file')}, {sized(cache.bytes)})" if cache.folder else "none"
    )
    facts = {
        "versions": ", ".join(f"{name} {number}" for name, number in found.versions.items()),
        "cpu": f"{found.cpu}, {found.cores} cores available",
        "threads": f"{found.threads} ({found.threading_layer} layer)",
        "environment": ", ".join(f"{name}={value}" for name, value in found.environment.items())
        or "nothing set",
        "kernel cache": kept if cache.writable or not cache.folder else f"{kept}, not writable",
    }
    lines = [f"{name:14}{value}" for name, value in facts.items()]
    lines += [
        f"{'ok' if check.ok else 'FAIL':14}{check.detector}  {check.seconds:.2f} s  {check.problem}".rstrip()
        for check in found.checks
    ]
    lines += [f"{'advice':14}{text}" for text in found.advice]
    passed = sum(check.ok for check in found.checks)
    lines.append(f"{passed} of {len(found.checks)} detectors and engine rules equal their twins")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
