"""Detectors one by one: speed, growth with length, and the shapes that hurt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._cases import Case, limits
from ._market import SHAPES, shaped, tiled
from ._options import Options
from ._report import NO_TARGET, VERDICT, Column, Table, Target
from ._timing import Timing, interleaved

__all__ = ["cases", "detectors", "growth", "shapes"]

_SHARE_OF_COPY = {
    name: Target(0.04, least=True, format=".0%") for name in ("fair_value_gaps", "swings", "structure_breaks")
}
_GROWTH = Target(1.3, least=False)
_SHAPE = dict.fromkeys(SHAPES, Target(3.0, least=False)) | {"filled": Target(6.0, least=False)}

_SPEED = (
    Column("detector", "detector"),
    Column("bars", "bars", ",d"),
    Column("alone", "alone ns/bar", ".1f"),
    Column("with_feeds", "with feeds ns/bar", ".1f"),
    Column("call", "call ns/bar", ".1f"),
    Column("call_median", "call median", ".1f"),
    Column("rate", "Mbars/s", ".1f"),
    Column("of_copy", "of copy", ".1%"),
    Column("of_scan", "of scan", ".1%"),
    Column("panel", "panel ns/bar", ".1f"),
    Column("twin", "twin ns/bar", ",.0f"),
    Column("speedup", "x twin", ",.0f"),
    *VERDICT,
)


def cases(options: Options) -> list[Case]:
    """Every detector on every size."""
    return [
        Case(spec, candles, options.twin_bars)
        for candles in (tiled(options.source, size) for size in options.sizes)
        for spec in options.detectors
    ]


def _nanoseconds(timing: Timing, bars: int) -> float:
    return timing.minimum / bars * 1e9


def _speed_row(case: Case, rounds: int) -> dict[str, Any]:
    times = interleaved(limits(case.candles) | case.forms, rounds)
    times.setdefault("alone", times["with feeds"])
    row: dict[str, Any] = {"detector": case.spec.name, "bars": case.bars}
    for form, timing in times.items():
        key, bars = form.replace(" ", "_"), case.length(form)
        row[key] = _nanoseconds(timing, bars)
        row[f"{key}_median"] = timing.median / bars * 1e9
    shares = {"of_copy": row["copy"] / row["call"], "of_scan": row["scan"] / row["call"]}
    target = _SHARE_OF_COPY.get(case.spec.name)
    return (
        row
        | shares
        | {"rate": 1e3 / row["call"], "speedup": row["twin"] / row["call"]}
        | (target.judge(shares["of_copy"]) if target else NO_TARGET)
    )


def detectors(options: Options, say: Callable[[str], None]) -> Table:
    """Time every form of every detector at every size."""
    rows: list[dict[str, Any]] = []
    for case in cases(options):
        say(f"{case.spec.name}, {case.bars:,} bars")
        rows.append(_speed_row(case, options.rounds))
    return Table("detectors", f"Detectors, {options.origin}", _SPEED, rows)


def growth(options: Options, say: Callable[[str], None]) -> Table:
    """Time a bar of a series ten times as long."""
    small, large = options.smallest, 10 * options.smallest
    short, long = tiled(options.source, small), tiled(options.source, large)
    rows: list[dict[str, Any]] = []
    for spec in options.detectors:
        say(f"growth of {spec.name}")
        forms = {"small": Case(spec, short).with_feeds, "large": Case(spec, long).with_feeds}
        times = interleaved(forms, options.rounds)
        before, after = _nanoseconds(times["small"], small), _nanoseconds(times["large"], large)
        rows.append(
            {"detector": spec.name, "small": before, "large": after, "ratio": after / before}
            | _GROWTH.judge(after / before)
        )
    columns = (
        Column("detector", "detector"),
        Column("small", f"ns/bar at {small:,}", ".1f"),
        Column("large", f"ns/bar at {large:,}", ".1f"),
        Column("ratio", "ratio", ".2f"),
        *VERDICT,
    )
    return Table("growth", "Growth with length, feeds included", columns, rows)


def _shape_row(detector: str, shape: str, times: Mapping[str, Timing], bars: int) -> dict[str, Any]:
    normal, time = _nanoseconds(times["normal"], bars), _nanoseconds(times[shape], bars)
    row = {"detector": detector, "shape": shape, "normal": normal, "time": time, "ratio": time / normal}
    return row | _SHAPE[shape].judge(time / normal)


def shapes(options: Options, say: Callable[[str], None]) -> Table:
    """Time a bar of the shapes that hurt."""
    bars = options.smallest
    series = {"normal": tiled(options.source, bars)} | {shape: shaped(shape, bars) for shape in SHAPES}
    rows: list[dict[str, Any]] = []
    for spec in options.detectors:
        say(f"shapes of {spec.name}")
        times = interleaved(
            {shape: Case(spec, candles).with_feeds for shape, candles in series.items()}, options.rounds
        )
        rows += [_shape_row(spec.name, shape, times, bars) for shape in SHAPES]
    columns = (
        Column("detector", "detector"),
        Column("shape", "shape"),
        Column("normal", "normal ns/bar", ".1f"),
        Column("time", "ns/bar", ".1f"),
        Column("ratio", "ratio", ".2f"),
        *VERDICT,
    )
    return Table("shapes", f"Shapes that hurt, {bars:,} bars, feeds included", columns, rows)
