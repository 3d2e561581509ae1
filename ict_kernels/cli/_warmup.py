"""``ict-kernels warmup``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ._options import AsJson, examples
from ._output import write_json

__all__ = ["EXAMPLES", "command"]

EXAMPLES = examples(
    "ict-kernels warmup",
    "NUMBA_CACHE_DIR=/srv/kernels ict-kernels warmup --no-panels",
)


def command(
    panels: Annotated[
        bool, typer.Option("--panels/--no-panels", help="Those for many series at once too.")
    ] = True,
    engine: Annotated[
        bool, typer.Option("--engine/--no-engine", help="Those behind the ICT Engine's interfaces too.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Compile every kernel now, so that no later process has to."""
    from ..warmup import warmup

    def tell(warmed: Any) -> None:
        if not as_json:
            typer.echo(f"{warmed.detector:28}{warmed.form:8}{warmed.seconds:7.2f} s")

    done = warmup(panels=panels, engine=engine, progress=tell)
    if as_json:
        write_json([warmed._asdict() for warmed in done])
    else:
        typer.echo(f"{len(done)} kernels ready in {sum(warmed.seconds for warmed in done):.1f} s")
