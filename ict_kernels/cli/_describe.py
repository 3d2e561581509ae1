"""``ict-kernels describe``."""

from __future__ import annotations

from typing import Annotated

import typer

from ._options import AsJson, examples
from ._output import write_json

__all__ = ["EXAMPLES", "command"]

EXAMPLES = examples(
    "ict-kernels describe",
    "ict-kernels describe fair_value_gaps",
    "ict-kernels describe swings --json",
)


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="[DETECTOR]", help="None: list all detectors.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a detector finds, takes and gives."""
    from ..describe import describe
    from ..registry import detectors

    if name is not None:
        found = describe(name)
        write_json(found.to_dict()) if as_json else typer.echo(str(found))
    elif as_json:
        write_json([describe(each).to_dict() for each in detectors()])
    else:
        width = max(map(len, detectors()))
        for each, entry in detectors().items():
            typer.echo(f"{each:{width}}  {entry.summary}")
