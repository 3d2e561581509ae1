"""What tables take on disk: as columns, as our files, as joblib's compressed pickles; and what codecs make of them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

from ..cache import Cache
from ..cache._codec import LEVEL, encode
from ..cache._format import pack
from ..cache._keys import key_of
from ..cache._lookup import computed as entries_of
from ..cache._tables import Entry
from ..candles import Candles
from ..registry import Spec
from ._cache_options import CacheOptions
from ._cache_shared import Rows, goal, settings
from ._report import Column, Report, Table, Target
from ._timing import interleaved

__all__ = ["sizes"]

Say = Callable[[str], None]

_SAVING = Target(60.0, least=True)
_JOBLIB = Target(100.0, least=False)
_PICKLED = 3  # the level that joblib takes for compress=True
_SUMMED = ("rows", "columns", "raw", "compressed", "joblib")
_CODECS: tuple[tuple[Literal["zstd", "lz4"], int | None], ...] = (
    ("zstd", 1),
    ("zstd", LEVEL),
    ("zstd", 9),
    ("lz4", None),
)


def sizes(options: CacheOptions, report: Report, goals: Rows, say: Say) -> None:
    """Weigh columns, whole files, and joblib's compressed pickles of the same columns; then compare codecs."""
    rows: Rows = []
    for size in options.untiled:
        say(f"sizes, {size:,} candles")
        candles, origin = options.series(size)[-size:], options.origin_of(size)
        entries = _entries(options.detectors, candles)
        weighed = _weighed(entries, candles, [*options.groups][-1])
        rows += [{"bars": size, "candles": origin} | row | _shares(row) for row in weighed]
        where = f"{rows[-1]['detector']} at {size:,} {origin} candles"
        goals += [
            goal(f"saved on disk, {where}: %", rows[-1]["saved"], _SAVING),
            goal(f"files against joblib's compressed pickles, {where}: %", rows[-1]["of_joblib"], _JOBLIB),
        ]
    say("codecs")
    report.tables += [_sizes(rows), _codecs(entries.values(), options.rounds, where)]


def _entries(specs: tuple[Spec, ...], candles: Candles) -> dict[Spec, Entry]:
    """What a cache keeps, states included, whether or not it would write it."""
    with tempfile.TemporaryDirectory() as folder, Cache(folder, settings("1GB")) as cache:
        return entries_of(specs, candles, 1, cache)


def _weighed(entries: Mapping[Spec, Entry], candles: Candles, together: str) -> Rows:
    """Bytes of each detector's table, and of all."""
    rows = [{"detector": spec.name} | _weights(spec, entry, candles) for spec, entry in entries.items()]
    if len(rows) > 1:
        rows.append({"detector": together} | {name: sum(row[name] for row in rows) for name in _SUMMED})
    return rows


def _weights(spec: Spec, entry: Entry, candles: Candles) -> dict[str, Any]:
    key, market = key_of(spec, candles, candles.digest), (candles.symbol, candles.timeframe)
    return {
        "rows": entry.table.rows,
        "columns": sum(column.nbytes for column in entry.table.columns.values()),
        "raw": len(pack(key, spec, entry, market=market, compressed=False)),
        "compressed": len(pack(key, spec, entry, market=market, compressed=True)),
        "joblib": _pickled(entry.table.columns),
    }


def _pickled(columns: Mapping[str, Any]) -> int:
    import joblib

    file = io.BytesIO()
    joblib.dump(dict(columns), file, compress=_PICKLED)
    return len(file.getvalue())


def _shares(row: Mapping[str, Any]) -> dict[str, float]:
    """In percent; an empty table's header is all that its file holds."""
    return {
        "saved": 100 - 100 * row["compressed"] / max(1, row["columns"]),
        "of_joblib": 100 * row["compressed"] / row["joblib"],
    }


def _sizes(rows: Rows) -> Table:
    columns = (
        Column("detector", "detector"),
        Column("bars", "candles", ",d"),
        Column("candles", "of"),
        Column("rows", "rows", ",d"),
        Column("columns", "columns", ",d"),
        Column("raw", "raw file", ",d"),
        Column("compressed", "compressed file", ",d"),
        Column("saved", "saved %", ".1f"),
        Column("joblib", "joblib's pickle", ",d"),
        Column("of_joblib", "of it %", ".1f"),
    )
    title = "Bytes of tables: their columns alone; our files, states included; joblib's compressed pickles"
    return Table("sizes", title, columns, rows)


def _codecs(entries: Iterable[Entry], rounds: int, where: str) -> Table:
    """Compress, in turns, what the cache compresses and columns as they are."""
    import pyarrow as pa
    import zstandard

    expand = zstandard.ZstdDecompressor().decompress
    tables = [entry.table.columns for entry in entries]
    blocks = {
        "distances": [expand(encode(table, compressed=True)[1]) for table in tables],
        "as they are": [encode(table, compressed=False)[1] for table in tables],
    }
    size = sum(column.nbytes for table in tables for column in table.values())
    rows: Rows = []
    forms: dict[str, Callable[[], object]] = {}
    for kept, of in blocks.items():
        lengths = [len(block) for block in of]
        rows.append({"codec": "none", "kept": kept, "bytes": sum(lengths)})
        for name, level in _CODECS:
            codec = pa.Codec(name, compression_level=level)
            packed = [codec.compress(block, asbytes=True) for block in of]
            rows.append({"codec": name, "level": level, "kept": kept, "bytes": sum(map(len, packed))})
            forms[f"encode {len(rows)}"] = partial(_each, codec.compress, of)
            forms[f"decode {len(rows)}"] = partial(_each, codec.decompress, packed, lengths)
    speeds = {form: size / 1e6 / timing.minimum for form, timing in interleaved(forms, rounds).items()}
    for number, row in enumerate(rows, start=1):
        row["share"] = 100 * row["bytes"] / size
        row |= {way: speeds.get(f"{way} {number}") for way in ("encode", "decode")}
    columns = (
        Column("codec", "codec"),
        Column("level", "level", "d"),
        Column("kept", "columns kept"),
        Column("bytes", "bytes", ",d"),
        Column("share", "of the columns %", ".1f"),
        Column("encode", "encoding MB/s", ",.0f"),
        Column("decode", "decoding MB/s", ",.0f"),
    )
    return Table("codecs", f"Codecs alone, MB of columns a second; {where}", columns, rows)


def _each(form: Callable[..., object], *arguments: Iterable[object]) -> None:
    for given in zip(*arguments):
        form(*given)
