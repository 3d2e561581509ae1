"""``ict-kernels bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import ParameterError
from ._detectors import Detectors, parse_detectors
from ._options import examples, words
from ._output import output_console, show_status

if TYPE_CHECKING:
    from ..bench import Options, Report

__all__ = ["EXAMPLES", "command"]

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

EXAMPLES = examples(
    "ict-kernels bench --quick --check",
    "ict-kernels bench --parts detectors,shapes --detectors swings,fair_value_gaps --sizes 1_000_000",
    "ict-kernels bench --check --data EURUSD_15M.csv --json figures.json --markdown figures.md",
    "ict-kernels bench --suite engine",
    "ict-kernels bench --suite engine --engine ~/ict-engine --parts scans --detectors 'fair value gaps'",
    "ict-kernels bench --suite cache --data EURUSD_15M.csv --json figures.json",
)


def command(
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
    from .. import bench

    _demand_taken(suite, {"--check": check, "--first-call": first_call, "--engine": engine})
    chosen: dict[str, Any] = {"data": data, "seed": seed}
    if sizes is not None:
        chosen["sizes"] = _sizes(sizes)
    if parts is not None:
        chosen["parts"] = tuple(words(parts))
    if rounds is not None:
        chosen["rounds"] = rounds
    with show_status(progress) as say:
        if suite == "engine":
            names = () if detectors == "all" else tuple(words(detectors))
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
        return tuple(int(word) for word in words(text))
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
        report.print(output_console())
    elif report.failures:
        typer.echo(f"error: {report.conclusion}", err=True)
