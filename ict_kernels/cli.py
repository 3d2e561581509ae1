"""The command ``ict-kernels``."""

from __future__ import annotations

import ast
import errno
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from .errors import CacheWarning, IctError, NaiveTimeWarning, ParameterError, UncachedWarning

if TYPE_CHECKING:
    from rich.console import Console

    from .bench import Options, Report
    from .cache import Cache, Stats
    from .cache._upkeep import Cleared, Compacted, Info, Problem
    from .doctor import Diagnosis
    from .registry import Spec
    from .scan import ScanResult, Summary

__all__ = ["app", "main", "parse_detectors"]

_NAIVE = "times without a zone are read as UTC; name theirs, as in --tz Europe/Athens or --tz UTC"
_OWN_WARNINGS = (CacheWarning, NaiveTimeWarning, UncachedWarning)
_WIDE = 200  # columns of tables that go to a file or a pipe


class _Commands(TyperGroup):
    """Turns what a user can get wrong into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with _plain_warnings():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                _fail("interrupted", 130)
            except IctError as error:
                _fail(f"error: {' '.join(str(error).split())}", 2)
            except OSError as error:
                if error.errno == errno.EPIPE:  # whoever reads has seen enough
                    raise
                _fail(f"error: {error}", 2)


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show the package's own warnings as plain lines, each once."""
    seen: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **to: Any) -> None:
            if not issubclass(category, _OWN_WARNINGS):
                usual(message, category, *where, **to)
                return
            text = _NAIVE if issubclass(category, NaiveTimeWarning) else str(message)
            if text not in seen:
                seen.add(text)
                typer.echo(f"warning: {text}", err=True)

        warnings.showwarning = show
        for category in _OWN_WARNINGS:
            warnings.simplefilter("always", category)
        yield


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="ICT pattern detectors as compiled kernels: candles in, event tables out.",
)


def _examples(*lines: str) -> str:
    """The end of a help page; click leaves what follows a backspace as it is."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def main() -> None:
    """Run the command."""
    app(prog_name="ict-kernels")


def _print_version(asked: bool) -> None:
    if asked:
        from . import __version__

        typer.echo(f"ict-kernels {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


@contextmanager
def _status(shown: bool) -> Iterator[Callable[[str], None]]:
    """Say on standard error what is being done, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda text: None
        return
    with console.status("starting") as status:
        yield status.update


def _write_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2))


# ---------------------------------------------------------------------- detectors from the shell


def parse_detectors(text: str) -> list[Spec]:
    """Read detectors as the shell gives them.

    Parameters
    ----------
    text : str
        Names, with parameters or without, parted by commas; ``"all"`` are all of them. Values are Python literals;
        words need no quotes.

    Returns
    -------
    list of Spec

    Raises
    ------
    ParameterError
        If the text cannot be read, or a detector, parameter or value does not exist.

    Examples
    --------
    >>> [str(spec) for spec in parse_detectors("swings(left=3, ties=strict), cisd")][0]
    "swings(left=3, right=2, ties='strict')"
    """
    from .registry import detector, detectors

    if text.strip() == "all":
        return [detector(name) for name in detectors()]
    try:
        parsed = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(text) from None
    if not isinstance(parsed, ast.List) or not parsed.elts:
        raise _unreadable(text)
    return [detector(name, **values) for name, values in (_read_call(node, text) for node in parsed.elts)]


def _unreadable(text: str) -> ParameterError:
    return ParameterError(
        f"cannot read {text!r} as detectors; write names with parameters, as in "
        '"swings(left=3,right=3),fair_value_gaps(min_size=0.0003)"'
    )


def _read_call(node: ast.expr, text: str) -> tuple[str, dict[str, Any]]:
    """A name, or a call of a name with keywords alone."""
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise _unreadable(text)
    return node.func.id, {_keyword(part, text): _read_value(part.value, text) for part in node.keywords}


def _keyword(part: ast.keyword, text: str) -> str:
    if part.arg is None:
        raise _unreadable(text)
    return part.arg


def _read_value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise _unreadable(text) from None


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


Detectors = Annotated[
    str,
    typer.Option(
        "--detectors",
        metavar="LIST",
        help='Names, with parameters in brackets: "swings(left=3),trend"; or all.',
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output instead.")]


# ---------------------------------------------------------------------- scan


@app.command(
    "scan",
    epilog=_examples(
        "ict-kernels scan",
        "ict-kernels scan data/*.csv --tz Europe/Athens --timeframes 15min,1h --out events",
        'ict-kernels scan EURUSD_15M.csv --detectors "swings(left=3,right=3),fair_value_gaps(min_size=0.0003)"',
        "ict-kernels scan EURUSD_15M.csv --json | jq .summary",
        "ict-kernels scan data/*.csv --tz UTC --cache",
        "ict-kernels scan data/*.csv --tz UTC --cache-dir ~/tables --json | jq .cache.hit_rate",
    ),
)
def _scan(
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
    from .doctor import kernels_are_cached
    from .scan import scan

    progress = progress and not quiet and sys.stderr.isatty()
    if progress and not kernels_are_cached():
        typer.echo("compiling the kernels, once on this machine: this may take half a minute", err=True)
    with _asked_for(use_cache, cache_dir) as cache:
        result = scan(
            files or None,
            parse_detectors(detectors),
            _words(timeframes) or None,
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
        _write_json(result.to_dict())
    elif not quiet:
        _show_scan(result, _console())


def _asked_for(wanted: bool, folder: str | None) -> AbstractContextManager[Cache | None]:
    if not wanted and folder is None:
        return nullcontext()
    from .cache import Cache

    _demand_name("--cache-dir", folder)
    cache = Cache(folder)
    _demand_no_file(cache.location)
    return cache


def _demand_name(option: str, folder: str | None) -> None:
    """Refuse the nothing that a shell makes of a variable that is not set, and that would mean the current folder."""
    if folder is not None and not folder.strip():
        raise ParameterError(f"{option} names no folder; give it one, or leave it out")


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
    from .registry import detector

    usual = detector(spec.name).parameters
    changed = [f"{name}={value!r}" for name, value in spec.parameters.items() if value != usual[name]]
    return f"{spec.name}({', '.join(changed)})" if changed else spec.name


def _scan_cells(row: Summary) -> tuple[str, str, str, str, str]:
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

    rows = [_scan_cells(row) for row in result.summary]
    names_alone = not any("(" in label for label, *_ in rows)  # parameters may be longer than any line
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("detector", no_wrap=names_alone, overflow="fold")
    table.add_column("events", justify="right")
    table.add_column("open", justify="right")
    table.add_column("last event (UTC)")
    table.add_column("direction", justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    if console.measure(table, options=console.options.update(width=_WIDE)).maximum > console.width:
        table.padding, table.show_edge = (0, 0, 0, 0), False  # names alone fit into 80 columns then
    console.print(table)
    console.print(_totals(result), highlight=False, markup=False, soft_wrap=True)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _totals(result: ScanResult) -> str:
    events = sum(row.events for row in result.summary if not row.spec.entry.dense)
    dropped = sum(series.dropped for series in result.series)
    lines = [
        f"{len(result.series):,} series, {_counted(result.bars, 'bar')}, "
        f"{_counted(len(result.summary), 'detector')}: {_counted(events, 'event')} in {result.seconds.total:.2f} s"
    ]
    if dropped:
        lines.append(f"{dropped:,} bad rows dropped")
    if result.out is not None:
        lines.append(f"written to {Path(result.out, '<detector>', 'symbol=...', 'timeframe=...')}")
    if result.cache is not None:
        lines.append(_cache_line(result.cache))
    return "\n".join(lines)


def _cache_line(stats: Stats) -> str:
    written = f"{stats.stored:,} written, {_size(stats.bytes_written)}" if stats.stored else ""
    return f"cache: {'; '.join(filter(None, (_hits(stats), written, _faults(stats))))}"


def _hits(stats: Stats) -> str:
    """How many tables were found, where, and what that saved."""
    rate = 100 * stats.hits // max(1, stats.requests)  # 100 are all
    text = f"{stats.hits:,} of {_counted(stats.requests, 'table')} found ({rate}%)"
    if not stats.hits:
        return text
    saved = round(stats.saved_seconds, 2)
    return (
        f"{text}: {stats.memory_hits:,} in memory, {stats.disk_hits:,} on disk, {stats.prefix_hits:,} continued; "
        f"{abs(saved):,.2f} s {'of computing saved' if saved >= 0 else 'longer than computing'}"
    )


def _faults(stats: Stats) -> str:
    """What kept tables from being found or written; nothing if nothing did."""
    faults = {
        "damaged": stats.damaged,
        "too old": stats.too_old,
        "could not be read": stats.read_errors,
        "could not be written": stats.write_errors,
        "not written, too much was waiting": stats.dropped,
    }
    return ", ".join(f"{number:,} {fault}" for fault, number in faults.items() if number)


def _size(number: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:,.1f} {unit}"
    return _counted(number, "byte")


# ---------------------------------------------------------------------- bench

_QUICK: dict[str, Any] = {
    "sizes": (2_000,),
    "rounds": 2,
    "twin_bars": 200,
    "parts": ("detectors", "growth", "shapes", "panels"),
}
_QUICK_ENGINE: dict[str, Any] = {"sizes": (1_000,), "rounds": 2, "parts": ("scans", "windows", "histories")}
_QUICK_CACHE: dict[str, Any] = {"sizes": (2_000, 5_000), "rounds": 2, "bars": 2_000, "visits": 2}
_SUITE_OF = {"--check": "kernels", "--first-call": "kernels", "--engine": "engine"}
"""Options that one suite alone takes."""


@app.command(
    "bench",
    epilog=_examples(
        "ict-kernels bench --quick --check",
        "ict-kernels bench --parts detectors,shapes --detectors swings,fair_value_gaps --sizes 1_000_000",
        "ict-kernels bench --check --data EURUSD_15M.csv --json figures.json --markdown figures.md",
        "ict-kernels bench --suite engine",
        "ict-kernels bench --suite engine --engine ~/ict-engine --parts scans --detectors 'fair value gaps'",
        "ict-kernels bench --suite cache --data EURUSD_15M.csv --json figures.json",
    ),
)
def _bench(
    suite: Annotated[
        Literal["kernels", "engine", "cache"],
        typer.Option(
            help="The kernels and their twins, the ICT Engine's interfaces and row-by-row reading, "
            "or the cache and computing."
        ),
    ] = "kernels",
    sizes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Bars of the series.",
            show_default="100_000,1_000_000; engine: 1_000,5_000,15_000; "
            "cache: 15_000,24_000,100_000,1_000_000",
        ),
    ] = None,
    detectors: Detectors = "all",
    parts: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Which tables.",
            show_default="detectors,growth,shapes,panels,imports,memory; engine: scans,windows,histories,memory; "
            "cache: tables,sizes,workload",
        ),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How often each is timed.", show_default="7")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Prove results equal first; if not, time nothing. The other suites always prove them.",
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a target is missed.")] = False,
    first_call: Annotated[
        bool, typer.Option("--first-call", help="Time compilation of the kernels too (slow).")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Short series, few rounds, no other processes: a smoke test, whose figures mean little.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Candles to repeat up to each size; by the cache's suite never repeated.",
            show_default="the built-in market",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the built-in market.")] = 7,
    engine: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The engine's checkout, to be timed itself (with --suite engine)."),
    ] = None,
    json_to: Annotated[str | None, typer.Option("--json", metavar="FILE|-", help="Write JSON.")] = None,
    markdown_to: Annotated[
        str | None, typer.Option("--markdown", metavar="FILE|-", help="Write Markdown.")
    ] = None,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show progress.")] = True,
) -> None:
    """Measure detectors against their plain Python twins, the engine's interfaces, or the cache."""
    from . import bench

    _demand_taken(suite, {"--check": check, "--first-call": first_call, "--engine": engine})
    chosen: dict[str, Any] = {"data": data, "seed": seed}
    if sizes is not None:
        chosen["sizes"] = _sizes(sizes)
    if parts is not None:
        chosen["parts"] = tuple(_words(parts))
    if rounds is not None:
        chosen["rounds"] = rounds
    with _status(progress) as say:
        if suite == "engine":
            names = () if detectors == "all" else tuple(_words(detectors))
            report = bench.run_engine(
                bench.EngineOptions(only=names, engine=engine, **(_QUICK_ENGINE if quick else {}) | chosen),
                say,
            )
        elif suite == "cache":
            specs = tuple(parse_detectors(detectors))
            report = bench.run_cache(
                bench.CacheOptions(detectors=specs, **(_QUICK_CACHE if quick else {}) | chosen), say
            )
        else:
            specs = tuple(parse_detectors(detectors))
            options: Options = bench.Options(
                detectors=specs, check=check, first_call=first_call, **(_QUICK if quick else {}) | chosen
            )
            report = bench.run(options, say)
    _deliver(report, json_to, markdown_to)
    if report.failures or (strict and report.misses):
        raise typer.Exit(1)


def _demand_taken(suite: str, given: dict[str, object]) -> None:
    """Refuse what the suite would silently leave alone."""
    for option, value in given.items():
        if value and _SUITE_OF[option] != suite:
            raise ParameterError(
                f"--suite {suite} takes no {option}, which is of --suite {_SUITE_OF[option]}"
            )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError:
        raise ParameterError(
            f"cannot read {text!r} as sizes; write whole numbers, as in 100_000,1_000_000"
        ) from None


def _deliver(report: Report, json_to: str | None, markdown_to: str | None) -> None:
    """Write what is asked for; the tables unless something else goes to standard output."""
    for where, text in ((json_to, report.to_json), (markdown_to, report.to_markdown)):
        if where == "-":
            typer.echo(text(), nl=False)
        elif where is not None:
            Path(where).write_text(text(), encoding="utf-8")
    if "-" not in (json_to, markdown_to):
        report.print(_console())
    elif report.failures:
        typer.echo(f"error: {report.conclusion}", err=True)


# ---------------------------------------------------------------------- cache

_cache_commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(_cache_commands, name="cache", help="Look after the tables that scans and programs keep.")

CacheFolder = Annotated[
    str | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="Folder of the cache.",
        show_default="ICT_KERNELS_CACHE_DIR, or ict-kernels in the user's caches",
    ),
]


def _cache_there(named: str | None, as_json: bool) -> Cache:
    """The cache to look after; if there is none yet, in the usual place, say so and end."""
    from .cache import Cache
    from .config import LOCATION_VARIABLE

    _demand_name("--dir", named)
    cache = Cache(named)
    if not cache.location.is_dir():
        if named is not None:
            raise ParameterError(f"there is no folder {cache.location}; name the cache's with --dir")
        if os.environ.get(LOCATION_VARIABLE):
            raise ParameterError(
                f"there is no folder {cache.location}, which {LOCATION_VARIABLE} names; "
                "name the cache's there or with --dir"
            )
        if not as_json:
            typer.echo(f"there is no cache at {cache.location} yet")
            raise typer.Exit
    return cache


@_cache_commands.command(
    "info",
    epilog=_examples(
        "ict-kernels cache info",
        "ict-kernels cache info --dir ~/tables --json | jq .usage.hit_rate",
    ),
)
def _cache_info(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Show what the cache holds, what that saves, and how it was used."""
    with _cache_there(folder, as_json) as cache:
        found = cache.info()
    if as_json:
        _write_json(found.to_dict())
    else:
        typer.echo("\n".join(_info_lines(found)))


def _info_lines(found: Info) -> Iterator[str]:
    for name, value in _info_facts(found).items():
        if value:
            yield f"{name:14}{_printable(value)}"
    for heading, shares in (("detector", found.by_detector), ("market", found.by_market)):
        if shares:
            yield f"\n{heading:32}{'tables':>8}{'size':>14}{'rows':>14}"
        for name, part in shares.items():
            yield f"{_printable(name):32}{part.files:8,}{_size(part.bytes):>14}{part.rows:14,}"


def _info_facts(found: Info) -> dict[str, str]:
    """What is worth a line, and nothing where there is nothing to say."""
    usage, other, moments = found.usage, found.other_builds, (found.oldest, found.newest)
    faults = {"set aside": found.damaged, "without a readable header": found.unreadable}
    return {
        "location": str(found.location),
        "on disk": _tables(found.files, found.bytes),
        "too old": f"{found.expired:,} of them older than the {found.ttl_seconds:,} s they may be used for"
        if found.expired
        else "",
        "columns": f"{_size(found.table_bytes)} as they are: {_saving(found.saving)}"
        if found.table_bytes
        else "",
        "limits": f"{_tables(found.max_files, found.max_bytes)}, {found.ttl_seconds:,} s",
        "written": " to ".join(dict.fromkeys(_moment(each) for each in moments if each is not None)),
        "usage": "; ".join(filter(None, (_hits(usage) if usage.requests else "", _faults(usage)))),
        "other builds": _tables(other.files, other.bytes) if other.files else "",
        "damaged": ", ".join(
            f"{_counted(number, 'file')} {fault}" for fault, number in faults.items() if number
        ),
    }


def _tables(number: int, size: int) -> str:
    return f"{_counted(number, 'table')}, {_size(size)}" if number else "0 tables"


def _saving(percent: float) -> str:
    return f"{percent:.0f}% saved" if percent >= 0 else f"{-percent:.0f}% larger"


def _moment(seconds: float) -> str:
    import numpy as np  # whose times take any number, as a clock that jumped leaves behind

    minute = np.datetime64(int(seconds), "s").astype("datetime64[m]")
    return f"{minute}".replace("T", " ") + " UTC"


def _printable(text: str) -> str:
    """Names as files have them, which could hold anything that a terminal obeys."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


@_cache_commands.command(
    "verify",
    epilog=_examples(
        "ict-kernels cache verify",
        "ict-kernels cache verify --dir ~/tables || echo some tables will be computed anew",
        "ict-kernels cache verify --json | jq '.problems[].path'",
    ),
)
def _cache_verify(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Read every table whole, and set aside what is damaged.

    Exits with 1 if there was any.
    """
    read = 0
    with _file_progress() as say, _cache_there(folder, as_json) as cache:

        def tell(done: int, total: int, label: str) -> None:
            nonlocal read
            read = done
            say(done, total, label)

        earlier = cache.info().damaged
        problems = cache.verify(tell)
    if as_json:
        listed = [problem._asdict() for problem in problems]
        _write_json({"read": read, "problems": listed, "set_aside_earlier": earlier})
    else:
        typer.echo("\n".join(_verify_lines(problems, read)))
        if earlier:
            typer.echo(f"{earlier:,} set aside earlier, in {_printable(str(cache.location / 'damaged'))}")
    if problems:
        raise typer.Exit(1)


def _verify_lines(problems: list[Problem], read: int) -> Iterator[str]:
    for problem in problems:
        yield _printable(f"{'moved' if problem.set_aside else 'FAIL':8}{problem.path}: {problem.reason}")
    moved = sum(problem.set_aside for problem in problems)
    found = f"{len(problems):,} damaged or unreadable, {moved:,} set aside" if problems else "all whole"
    yield f"{_counted(read, 'table')} read" + (f", {found}" if read else "")


@contextmanager
def _file_progress() -> Iterator[Callable[[int, int, str], None]]:
    with _status(shown=True) as say:
        yield lambda done, total, label: say(f"{done:,} of {_counted(total, 'table')}: {_printable(label)}")


@_cache_commands.command(
    "clear",
    epilog=_examples(
        "ict-kernels cache clear",
        "ict-kernels cache clear --dir ~/tables",
        "ict-kernels cache clear --json | jq .bytes",
    ),
)
def _cache_clear(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Remove all tables, what was set aside or left behind, and what was counted of their use.

    What else lies in the folder stays.
    """
    with _cache_there(folder, as_json) as cache:
        done = cache.clear()
    if as_json:
        _write_json(done._asdict())
    else:
        typer.echo(_cleared(done))


def _cleared(done: Cleared) -> str:
    leftovers = f"; {_counted(done.leftovers, 'leftover')} too" if done.leftovers else ""
    size = f", {_size(done.bytes)}" if done.files else ""
    return f"{_counted(done.files, 'table')} removed{size}{leftovers}"


@_cache_commands.command(
    "compact",
    epilog=_examples(
        "ict-kernels cache compact",
        "ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_SIZE=50MB ict-kernels cache compact",
        "ict-kernels cache compact --dir ~/tables --json | jq .bytes_after",
    ),
)
def _cache_compact(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Remove what is of no use any more, and compress the rest.

    Goes: what is older or more than the limits allow, what was set aside, what killed programs left behind.
    """
    with _file_progress() as tell, _cache_there(folder, as_json) as cache:
        done = cache.compact(tell)
    if as_json:
        _write_json(done._asdict())
    else:
        typer.echo("\n".join(f"{name:14}{value}" for name, value in _compact_facts(done).items()))


def _compact_facts(done: Compacted) -> dict[str, str]:
    freed = max(0, done.bytes_before - done.bytes_after)  # others may have written meanwhile
    return {
        "before": _tables(done.files_before, done.bytes_before),
        "after": _tables(done.files_after, done.bytes_after),
        "freed": f"{_size(freed)} ({100 * freed / max(1, done.bytes_before):.0f}%)",
        "compressed": f"{done.compressed:,}",
        "removed": f"{done.expired:,} too old, {done.evicted:,} for room, {_counted(done.leftovers, 'leftover')}",
    }


# ---------------------------------------------------------------------- doctor, warmup, describe


@app.command(
    "doctor",
    epilog=_examples(
        "ict-kernels doctor",
        "ict-kernels doctor --json",
    ),
)
def _doctor(
    bars: Annotated[int, typer.Option(min=10, help="Bars to prove each detector on.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Look at the installation, and prove every detector against its plain Python twin."""
    from .doctor import diagnose

    with _status(shown=True) as say:
        found = diagnose(bars, lambda check: say(f"{check.detector}: {check.problem or 'ok'}"))
    if as_json:
        _write_json(found.to_dict())
    else:
        _show_diagnosis(found, _console())
    if not found.ok:
        raise typer.Exit(1)


def _show_diagnosis(found: Diagnosis, console: Console) -> None:
    cache = found.cache
    kept = (
        f"{cache.folder} ({_counted(cache.files, 'file')}, {_size(cache.bytes)})" if cache.folder else "none"
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


@app.command(
    "warmup",
    epilog=_examples(
        "ict-kernels warmup",
        "NUMBA_CACHE_DIR=/srv/kernels ict-kernels warmup --no-panels",
    ),
)
def _warmup(
    panels: Annotated[
        bool, typer.Option("--panels/--no-panels", help="Those for many series at once too.")
    ] = True,
    engine: Annotated[
        bool, typer.Option("--engine/--no-engine", help="Those behind the ICT Engine's interfaces too.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Compile every kernel now, so that no later process has to."""
    from .warmup import warmup

    def tell(warmed: Any) -> None:
        if not as_json:
            typer.echo(f"{warmed.detector:28}{warmed.form:8}{warmed.seconds:7.2f} s")

    done = warmup(panels=panels, engine=engine, progress=tell)
    if as_json:
        _write_json([warmed._asdict() for warmed in done])
    else:
        typer.echo(f"{len(done)} kernels ready in {sum(warmed.seconds for warmed in done):.1f} s")


@app.command(
    "describe",
    epilog=_examples(
        "ict-kernels describe",
        "ict-kernels describe fair_value_gaps",
        "ict-kernels describe swings --json",
    ),
)
def _describe(
    name: Annotated[
        str | None, typer.Argument(metavar="[DETECTOR]", help="None: list all detectors.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a detector finds, takes and gives."""
    from .describe import describe
    from .registry import detectors

    if name is not None:
        found = describe(name)
        _write_json(found.to_dict()) if as_json else typer.echo(str(found))
    elif as_json:
        _write_json([describe(each).to_dict() for each in detectors()])
    else:
        width = max(map(len, detectors()))
        for each, entry in detectors().items():
            typer.echo(f"{each:{width}}  {entry.summary}")
