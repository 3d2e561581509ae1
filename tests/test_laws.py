"""The laws that every registered detector keeps, whatever its parameters, on adversarial and on real candles."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ict_kernels as ict
from ict_kernels.detectors._reference import twin_columns
from ict_kernels.detectors._run import table
from ict_kernels.fold import Emitted, Fold, as_columns, fold_batch, run_in_order
from ict_kernels.kernels._types import Bars, Feed
from ict_kernels.panels import fold_many
from ict_kernels.registry import Spec, with_feeds
from tests.specs import scaled, specs
from tests.strategies import candles, cuts, tick_candles

EXAMPLES = 200
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def holds(name: str) -> list[Any]:
    """Detectors for which the registry says that a law holds."""
    return [pytest.param(key, id=key) for key, entry in ict.detectors().items() if name in entry.laws]


def as_bars(ohlc: Sequence[Any]) -> Bars:
    columns = [np.array(column, dtype=np.float64) for column in ohlc]
    for column in columns:
        column.flags.writeable = False
    return Bars(*columns)


def as_candles(bars: Bars) -> ict.Candles:
    n = len(bars.open)
    time = np.arange(n, dtype=np.int64) * 60_000_000_000
    return ict.Candles._trusted(time, *bars, np.zeros(n), "TEST", "1min")


def run(spec: Spec, bars: Bars) -> Any:
    """The public result, without the public function's name."""
    return table(spec, [fold_batch([spec], bars)[spec]], as_candles(bars))


def differ(mine: Any, theirs: Any) -> str:
    if isinstance(mine, ict.Events):
        return mine.difference(theirs)
    return "" if np.array_equal(mine, theirs) else f"{mine.tolist()} against {theirs.tolist()}"


def known_at(result: Any, t: int) -> Any:
    return result.as_of(t) if isinstance(result, ict.Events) else result[: t + 1]


# --- 1. no look-ahead ---------------------------------------------------------------------------------------------


def check_no_look_ahead(spec: Spec, bars: Bars, moments: Sequence[int]) -> None:
    whole = run(spec, bars)
    for t in moments:
        then = run(spec, Bars(*(column[: t + 1] for column in bars)))
        assert not differ(known_at(whole, t), then), f"as of bar {t}"


@pytest.mark.parametrize("name", holds("no look-ahead"))
@law
@given(data=st.data(), ohlc=candles())
def test_no_look_ahead(name: str, data: st.DataObject, ohlc: Any) -> None:
    moments = data.draw(st.lists(st.integers(0, max(0, len(ohlc.open) - 1)), max_size=4))
    check_no_look_ahead(data.draw(specs(name)), as_bars(ohlc), moments if len(ohlc.open) else [])


# --- 2. chunks ----------------------------------------------------------------------------------------------------


def in_chunks(spec: Spec, bars: Bars, at: Sequence[int]) -> dict[str, np.ndarray[Any, Any]]:
    """Fold chunk by chunk, each handed nothing but its look-back window, in arrays of its own."""
    folds = {each: Fold(each) for each in with_feeds([spec])}
    parts: list[Emitted] = []
    edges = [0, *at, len(bars.open)]
    for start, stop in zip(edges, edges[1:]):

        def step(each: Spec, feeds: tuple[Feed, ...], start: int = start, stop: int = stop) -> Emitted:
            first = max(0, start - folds[each].lookback)
            window = as_bars([column[first:stop] for column in bars])
            return folds[each].advance(window, start, stop, first, feeds)

        parts.append(run_in_order([spec], step)[spec])
    return as_columns(spec, parts)


def check_chunks(spec: Spec, bars: Bars, at: Sequence[int]) -> None:
    whole = as_columns(spec, [fold_batch([spec], bars)[spec]])
    pieces = in_chunks(spec, bars, at)
    for name, values in whole.items():
        np.testing.assert_array_equal(pieces[name], values, err_msg=name)


@pytest.mark.parametrize("name", holds("chunks"))
@law
@given(data=st.data(), ohlc=candles())
def test_chunks(name: str, data: st.DataObject, ohlc: Any) -> None:
    check_chunks(data.draw(specs(name)), as_bars(ohlc), data.draw(cuts(len(ohlc.open))))


def check_saved_stream(spec: Spec, bars: Bars, at: Sequence[int]) -> None:
    """Save and restore the stream between any two chunks."""
    market = as_candles(bars)
    edges = [0, *at, len(market)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream"
        stream = ict.Stream(spec)
        for start, stop in zip(edges, edges[1:]):
            stream.extend(market[start:stop])
            stream.save(path)
            stream = ict.Stream.load(path)
    assert not differ(run(spec, bars), stream.events(spec))


@pytest.mark.parametrize("name", holds("chunks"))
@law
@given(data=st.data(), ohlc=candles(max_size=40))
def test_streams_that_are_saved_and_restored(name: str, data: st.DataObject, ohlc: Any) -> None:
    check_saved_stream(data.draw(specs(name)), as_bars(ohlc), data.draw(cuts(len(ohlc.open))))


# --- 3. mirror ----------------------------------------------------------------------------------------------------


def mirrored(bars: Bars) -> Bars:
    return as_bars([0.0 - bars.open, 0.0 - bars.low, 0.0 - bars.high, 0.0 - bars.close])


def mirrored_columns(spec: Spec, columns: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """What the schema says that a mirrored market does to the table."""
    result = {}
    for column in spec.entry.columns:
        if column.mirror == "keep":
            result[column.name] = columns[column.name]
        else:
            source = column.name if column.mirror == "negate" else column.mirror
            result[column.name] = 0 - columns[source] if column.unit in ("price", "code") else columns[source]
    return result


def sorted_rows(columns: dict[str, np.ndarray[Any, Any]]) -> list[tuple[Any, ...]]:
    """Rows equal in ``confirmed`` and ``bar`` may change places; NaN is made comparable."""
    lists = [np.nan_to_num(values.astype(np.float64), nan=-1.5).tolist() for values in columns.values()]
    return sorted(zip(*lists))


def check_mirror(spec: Spec, bars: Bars) -> None:
    upright = as_columns(spec, [fold_batch([spec], bars)[spec]])
    turned = as_columns(spec, [fold_batch([spec], mirrored(bars))[spec]])
    expected = mirrored_columns(spec, upright)
    if spec.entry.dense:
        assert all(np.array_equal(turned[name], values) for name, values in expected.items())
    else:
        assert sorted_rows(turned) == sorted_rows(expected)


@pytest.mark.parametrize("name", holds("mirror"))
@law
@given(data=st.data(), ohlc=candles())
def test_mirror(name: str, data: st.DataObject, ohlc: Any) -> None:
    check_mirror(data.draw(specs(name)), as_bars(ohlc))


# --- 4. scale -----------------------------------------------------------------------------------------------------


def check_scale(spec: Spec, bars: Bars, factor: float) -> None:
    small = as_columns(spec, [fold_batch([spec], bars)[spec]])
    larger = scaled(spec, factor)
    large = as_columns(larger, [fold_batch([larger], as_bars([column * factor for column in bars]))[larger]])
    for column in spec.entry.columns:
        expected = small[column.name] * factor if column.unit == "price" else small[column.name]
        np.testing.assert_array_equal(large[column.name], expected, err_msg=column.name)


@pytest.mark.parametrize("name", holds("scale"))
@law
@given(data=st.data(), ohlc=tick_candles(), exponent=st.integers(-12, 12))
def test_scale(name: str, data: st.DataObject, ohlc: Any, exponent: int) -> None:
    check_scale(data.draw(specs(name)), as_bars(ohlc), 2.0**exponent)


# --- 5. reference -------------------------------------------------------------------------------------------------


def check_twin(spec: Spec, bars: Bars) -> None:
    mine = as_columns(spec, [fold_batch([spec], bars)[spec]])
    theirs = twin_columns(spec, bars)
    for column in spec.entry.columns:
        if not column.internal:
            assert mine[column.name].dtype == theirs[column.name].dtype, column.name
            np.testing.assert_array_equal(mine[column.name], theirs[column.name], err_msg=column.name)


@pytest.mark.parametrize("name", holds("twin"))
@law
@given(data=st.data(), ohlc=candles())
@example(data=None, ohlc=None)
def test_twin(name: str, data: st.DataObject | None, ohlc: Any) -> None:
    if data is None:
        check_twin(ict.detector(name), as_bars([[]] * 4))
    else:
        check_twin(data.draw(specs(name)), as_bars(ohlc))


# --- panels: many series at once, each as if it were alone ------------------------------------------------------------


@pytest.mark.panel
@settings(law, max_examples=30)
@given(data=st.data(), lot=st.lists(candles(max_size=60), min_size=1, max_size=7))
def test_panels(data: st.DataObject, lot: list[Any]) -> None:
    chosen = [data.draw(specs(name)) for name in ict.detectors()]
    series = [as_bars(ohlc) for ohlc in lot]
    for bars, result in zip(series, fold_many(chosen, series, 2), strict=True):
        alone = fold_batch(chosen, bars)
        for spec in chosen:
            for mine, theirs in zip(result[spec].feed, alone[spec].feed, strict=True):
                np.testing.assert_array_equal(mine, theirs, err_msg=str(spec))


# --- the same on real candles ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Bars:
    path = SHARED / "EURUSD_15M.csv"
    if not path.exists():
        pytest.skip("the real candles are not beside this checkout")
    market: ict.Candles = ict.Candles.from_csv(path, tz="Europe/Athens")
    return as_bars([column[:6_000] for column in market.bars])


@pytest.mark.parametrize("name", list(ict.detectors()))
def test_laws_on_real_candles(name: str, real: Bars) -> None:
    spec = ict.detector(name)
    random = np.random.default_rng(20)
    check_twin(spec, real)
    check_no_look_ahead(spec, real, random.integers(0, len(real.open), 5).tolist())
    check_chunks(spec, real, np.unique(random.integers(1, len(real.open), 60)).tolist())
    check_saved_stream(spec, real, np.unique(random.integers(1, len(real.open), 5)).tolist())
    check_mirror(spec, real)
    check_scale(spec, real, 2.0**-7)
