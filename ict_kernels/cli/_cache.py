"""``ict-kernels cache``: the commands that look after a cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from ._options import AsJson, demand_name, examples
from ._output import counted, describe_faults, describe_hits, printable, show_status, sized, write_json

if TYPE_CHECKING:
    from ..cache import Cache
    from ..cache._upkeep import Cleared, Compacted, Info, Problem

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

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
    from ..cache import Cache
    from ..config import LOCATION_VARIABLE

    demand_name("--dir", named)
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


@commands.command(
    "info",
    epilog=examples(
        "ict-kernels cache info",
        "ict-kernels cache info --dir ~/tables --json | jq .usage.hit_rate",
    ),
)
def _info(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Show what the cache holds, what that saves, and how it was used."""
    with _cache_there(folder, as_json) as cache:
        found = cache.info()
    if as_json:
        write_json(found.to_dict())
    else:
        typer.echo("\n".join(_info_lines(found)))


def _info_lines(found: Info) -> Iterator[str]:
    for name, value in _info_facts(found).items():
        if value:
            yield f"{name:14}{printable(value)}"
    for heading, shares in (("detector", found.by_detector), ("market", found.by_market)):
        if shares:
            yield f"\n{heading:32}{'tables':>8}{'size':>14}{'rows':>14}"
        for name, part in shares.items():
            yield f"{printable(name):32}{part.files:8,}{sized(part.bytes):>14}{part.rows:14,}"


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
        "columns": f"{sized(found.table_bytes)} as they are: {_saving(found.saving)}"
        if found.table_bytes
        else "",
        "limits": f"{_tables(found.max_files, found.max_bytes)}, {found.ttl_seconds:,} s",
        "written": " to ".join(dict.fromkeys(_moment(each) for each in moments if each is not None)),
        "usage": "; ".join(
            filter(None, (describe_hits(usage) if usage.requests else "", describe_faults(usage)))
        ),
        "other builds": _tables(other.files, other.bytes) if other.files else "",
        "damaged": ", ".join(
            f"{counted(number, 'file')} {fault}" for fault, number in faults.items() if number
        ),
    }


def _tables(number: int, size: int) -> str:
    return f"{counted(number, 'table')}, {sized(size)}" if number else "0 tables"


def _saving(percent: float) -> str:
    return f"{percent:.0f}% saved" if percent >= 0 else f"{-percent:.0f}% larger"


def _moment(seconds: float) -> str:
    import numpy as np  # whose times take any number, as a clock that jumped leaves behind

    minute = np.datetime64(int(seconds), "s").astype("datetime64[m]")
    return f"{minute}".replace("T", " ") + " UTC"


@commands.command(
    "verify",
    epilog=examples(
        "ict-kernels cache verify",
        "ict-kernels cache verify --dir ~/tables || echo some tables will be computed anew",
        "ict-kernels cache verify --json | jq '.problems[].path'",
    ),
)
def _verify(folder: CacheFolder = None, as_json: AsJson = False) -> None:
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
        write_json({"read": read, "problems": listed, "set_aside_earlier": earlier})
    else:
        typer.echo("\n".join(_verify_lines(problems, read)))
        if earlier:
            typer.echo(f"{earlier:,} set aside earlier, in {printable(str(cache.location / 'damaged'))}")
    if problems:
        raise typer.Exit(1)


def _verify_lines(problems: list[Problem], read: int) -> Iterator[str]:
    for problem in problems:
        yield printable(f"{'moved' if problem.set_aside else 'FAIL':8}{problem.path}: {problem.reason}")
    moved = sum(problem.set_aside for problem in problems)
    found = f"{len(problems):,} damaged or unreadable, {moved:,} set aside" if problems else "all whole"
    yield f"{counted(read, 'table')} read" + (f", {found}" if read else "")


@contextmanager
def _file_progress() -> Iterator[Callable[[int, int, str], None]]:
    with show_status(shown=True) as say:
        yield lambda done, total, label: say(f"{done:,} of {counted(total, 'table')}: {printable(label)}")


@commands.command(
    "clear",
    epilog=examples(
        "ict-kernels cache clear",
        "ict-kernels cache clear --dir ~/tables",
        "ict-kernels cache clear --json | jq .bytes",
    ),
)
def _clear(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Remove all tables, what was set aside or left behind, and what was counted of their use.

    What else lies in the folder stays.
    """
    with _cache_there(folder, as_json) as cache:
        done = cache.clear()
    if as_json:
        write_json(done._asdict())
    else:
        typer.echo(_cleared(done))


def _cleared(done: Cleared) -> str:
    leftovers = f"; {counted(done.leftovers, 'leftover')} too" if done.leftovers else ""
    size = f", {sized(done.bytes)}" if done.files else ""
    return f"{counted(done.files, 'table')} removed{size}{leftovers}"


@commands.command(
    "compact",
    epilog=examples(
        "ict-kernels cache compact",
        "ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_SIZE=50MB ict-kernels cache compact",
        "ict-kernels cache compact --dir ~/tables --json | jq .bytes_after",
    ),
)
def _compact(folder: CacheFolder = None, as_json: AsJson = False) -> None:
    """Remove what is of no use any more, and compress the rest.

    Goes: what is older or more than the limits allow, what was set aside, what killed programs left behind.
    """
    with _file_progress() as tell, _cache_there(folder, as_json) as cache:
        done = cache.compact(tell)
    if as_json:
        write_json(done._asdict())
    else:
        typer.echo("\n".join(f"{name:14}{value}" for name, value in _compact_facts(done).items()))


def _compact_facts(done: Compacted) -> dict[str, str]:
    freed = max(0, done.bytes_before - done.bytes_after)  # others may have written meanwhile
    return {
        "before": _tables(done.files_before, done.bytes_before),
        "after": _tables(done.files_after, done.bytes_after),
        "freed": f"{sized(freed)} ({100 * freed / max(1, done.bytes_before):.0f}%)",
        "compressed": f"{done.compressed:,}",
        "removed": f"{done.expired:,} too old, {done.evicted:,} for room, {counted(done.leftovers, 'leftover')}",
    }
