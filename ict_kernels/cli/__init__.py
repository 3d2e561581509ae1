"""The command ``ict-kernels``."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _bench, _cache, _describe, _doctor, _scan, _warmup
from ._detectors import parse_detectors
from ._errors import Commands

__all__ = ["app", "main", "parse_detectors"]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="ICT pattern detectors as compiled kernels: candles in, event tables out.",
)


def main() -> None:
    """Run the command."""
    app(prog_name="ict-kernels")


def _print_version(asked: bool) -> None:
    if asked:
        from .. import __version__

        typer.echo(f"ict-kernels {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


app.command("scan", epilog=_scan.EXAMPLES)(_scan.command)
app.command("bench", epilog=_bench.EXAMPLES)(_bench.command)
app.command("doctor", epilog=_doctor.EXAMPLES)(_doctor.command)
app.command("warmup", epilog=_warmup.EXAMPLES)(_warmup.command)
app.command("describe", epilog=_describe.EXAMPLES)(_describe.command)
app.add_typer(_cache.commands, name="cache", help="Look after the tables that scans and programs keep.")
