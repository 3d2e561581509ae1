"""``ict-kernels scan``."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ParameterError
from ._detectors import Detectors, parse_detectors
from ._options import AsJson, demand_name, examples, words
from ._output import WIDE, counted, describe_faults, describe_hits, output_console, sized, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from ..cache import Cache, Stats
    from ..registry import Spec
    from ..scan import ScanResult, Summary

__all__ = ["EXAMPLES", "command"]

EXAMPLES = examples(
    "ict-kernels scan",
    "ict-kernels scan data/*.csv --tz Europe/Athens --timeframes 15min,1h --out events",
    'ict-kernels scan EURUSD_15M.csv --detectors "swings(left=3,right=3),fair_value_gaps(min_size=0.0003)"',
    "ict-kernels scan EURUSD_15M.csv --json | jq .summary",
    "ict-kernels scan data/*.csv --tz UTC --cache",
    "ict-kernels scan data/*.csv --tz UTC --cache-dir ~/tables --json | jq .cache.hit_rate",
)


def command(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="CSV or Parquet files, folders, patterns; none: the built-in market.", show_default=False
        ),
    ] = None,
    detectors: Detectors = "all",
    timeframes: Annotated[
        str | None, typer.Option(metavar="LIST", help="Such as 15min,1h.", show_default="that of each file")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write Parquet datasets here.", show_default="nothing written"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads.", show_default="all cores")
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Zone of times without one: Europe/Athens.",
            show_default="UTC, with a warning",
        ),
    ] = None,
    on_error: Annotated[
        Literal["raise", "drop"], typer.Option("--on-error", help="What happens to files with bad rows.")
    ] = "raise",
    use_cache: Annotated[
        bool, typer.Option("--cache", help="Look tables up before computing them, and keep them.")
    ] = False,
    cache_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the cache; implies --cache.",
            show_default="ICT_KERNELS_CACHE_DIR, or ict-kernels in the user's caches",
        ),
    ] = None,
    as_json: AsJson = False,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show progress.")] = True,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Write nothing but warnings and errors.")
    ] = False,
) -> None:
    """Run detectors over many series."""
    from ..doctor import kernels_are_cached
    from ..scan import scan

    progress = progress and not quiet and sys.stderr.isatty()
    if progress and not kernels_are_cached():
        typer.echo("compiling the kernels, once on this machine: this may take half a minute", err=True)
    with _asked_for(use_cache, cache_dir) as cache:
        result = scan(
            files or None,
            parse_detectors(detectors),
            words(timeframes) or None,
            out,
            workers=workers,
            progress=progress,
            tz=tz,
            on_error=on_error,
            cache=cache,
        )
        if cache is not None:
            _wait_for_files(cache, result)
    if as_json:
        write_json(result.to_dict())
    elif not quiet:
        _show_scan(result, output_console())


def _asked_for(wanted: bool, folder: str | None) -> AbstractContextManager[Cache | None]:
    if not wanted and folder is None:
        return nullcontext()
    from ..cache import Cache

    demand_name("--cache-dir", folder)
    cache = Cache(folder)
    _demand_no_file(cache.location)
    return cache


def _demand_no_file(folder: Path) -> None:
    """Refuse a folder where a file lies, or above which one does: it could never be made."""
    with suppress(OSError):  # what cannot be looked at may well be there
        for each in (folder, *folder.parents):
            if each.exists() and not each.is_dir():
                raise ParameterError(f"{each} is no folder; name another for the cache, with --cache-dir")


def _wait_for_files(cache: Cache, result: ScanResult) -> None:
    """Let the cache finish writing, so that its counts are final; what that takes is part of the scan."""
    began = perf_counter()
    cache.flush()
    waited = perf_counter() - began
    result.cache = cache.stats()
    result.seconds.write += waited
    result.seconds.total += waited


def _label(spec: Spec) -> str:
    """A detector's name, with those parameters that are not the default."""
    from ..registry import detector

    usual = detector(spec.name).parameters
    changed = [f"{name}={value!r}" for name, value in spec.parameters.items() if value != usual[name]]
    return f"{spec.name}({', '.join(changed)})" if changed else spec.name


def _cells(row: Summary) -> tuple[str, str, str, str, str]:
    last = row.last
    return (
        _label(row.spec),
        "each bar" if row.spec.entry.dense else f"{row.events:,}",
        "" if row.open is None else f"{row.open:,}",
        f"{str(last.time)[:16].replace('T', ' ')}  {last.symbol} {last.timeframe}" if last else "none",
        f"{last.direction:+d}" if last else "",
    )


def _show_scan(result: ScanResult, console: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    rows = [_cells(row) for row in result.summary]
    names_alone = not any("(" in label for label, *_ in rows)  # parameters may be longer than any line
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("detector", no_wrap=names_alone, overflow="fold")
    table.add_column("events", justify="right")
    table.add_column("open", justify="right")
    table.add_column("last event (UTC)")
    table.add_column("direction", justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    if console.measure(table, options=console.options.update(width=WIDE)).maximum > console.width:
        table.padding, table.show_edge = (0, 0, 0, 0), False  # names alone fit into 80 columns then
    console.print(table)
    console.print(_totals(result), highlight=False, markup=False, soft_wrap=True)


def _totals(result: ScanResult) -> str:
    events = sum(row.events for row in result.summary if not row.spec.entry.dense)
    dropped = sum(series.dropped for series in result.series)
    lines = [
        f"{len(result.series):,} series, {counted(result.bars, 'bar')}, "
        f"{counted(len(result.summary), 'detector')}: {counted(events, 'event')} in {result.seconds.total:.2f} s"
    ]
    if dropped:
        lines.append(f"{dropped:,} bad rows dropped")
    if result.out is not None:
        lines.append(f"written to {Path(result.out, '<detector>', 'symbol=...', 'timeframe=...')}")
    if result.cache is not None:
        lines.append(_cache_line(result.cache))
    return "\n".join(lines)


def _cache_line(stats: Stats) -> str:
    written = f"{stats.stored:,} written, {sized(stats.bytes_written)}" if stats.stored else ""
    return f"cache: {'; '.join(filter(None, (describe_hits(stats), written, describe_faults(stats))))}"
