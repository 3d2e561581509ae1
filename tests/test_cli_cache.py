"""The commands that look after a cache: what they print, what they change, and their exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ict_kernels as ict
from ict_kernels.cache._format import pack
from ict_kernels.cache._keys import key_of
from ict_kernels.cache._lookup import computed
from ict_kernels.cache._stats import add_usage, read_usage
from ict_kernels.cli import app
from ict_kernels.cli._output import sized

COMMANDS = ("info", "verify", "clear", "compact")
DETECTORS = ("swings", "fair_value_gaps")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["cache", *arguments], prog_name="ict-kernels")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def fill(folder: Path, *, symbol: str = "EURUSD", compressed: bool = True) -> list[Path]:
    """Write two tables, whatever the cost model thinks of them; and where they lie."""
    candles = ict.sample_market(["EURUSD"], bars=800)[0]
    cache = ict.Cache(folder)
    for spec in map(ict.detector, DETECTORS):
        entry = computed((spec,), candles, 1, cache)[spec]
        key = key_of(spec, candles, candles.digest)
        cache.store.dump_item(key, pack(key, spec, entry, market=(symbol, "15min"), compressed=compressed))
    return [Path(cache.store.path(each.key)) for each in cache.store.get_items()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands look after by default."""
    monkeypatch.setenv("ICT_KERNELS_CACHE_DIR", str(tmp_path / "tables"))
    return tmp_path / "tables"


# ---------------------------------------------------------------------- in general


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_names_the_variable(command: str) -> None:
    text = run(command, "--help").stdout
    assert f"\n    ict-kernels cache {command}" in text
    assert "ICT_KERNELS_CACHE_DIR" in text


def test_the_group_lists_its_commands() -> None:
    text = run("--help").stdout
    assert all(f"\n  {command} " in text for command in COMMANDS)


def refused(*arguments: str) -> str:
    """The one line that a command ends with."""
    result = run(*arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache if nothing names one."""
    monkeypatch.delenv("ICT_KERNELS_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "ict-kernels"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usual_folder_need_not_be_there_yet(command: str, usual: Path) -> None:
    assert run(command).stdout == f"there is no cache at {usual} yet\n"
    assert all(not value for value in counts_of(json.loads(run(command, "--json").stdout)))
    assert not usual.exists()


def counts_of(found: dict[str, Any]) -> list[Any]:
    return [value for name, value in found.items() if name in ("files", "files_before", "read", "bytes")]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["missing", "file", "file/below"])
def test_a_folder_that_is_named_must_be_there(command: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / name)
    for extra in ([], ["--json"]):
        assert f"there is no folder {path}; name the cache's with --dir" in refused(
            command, "--dir", path, *extra
        )


@pytest.mark.parametrize("command", COMMANDS)
def test_so_must_that_of_the_variable(command: str, folder: Path) -> None:
    assert f"there is no folder {folder}, which ICT_KERNELS_CACHE_DIR names" in refused(command)
    assert not folder.exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["", " "])
def test_nothing_is_not_the_current_folder(command: str, name: str) -> None:
    assert "--dir names no folder" in refused(command, "--dir", name)


@pytest.mark.parametrize("command", COMMANDS)
def test_who_has_no_home_is_told_in_one_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*_: object) -> str:
        raise RuntimeError("Could not determine home directory.")

    for name in ("ICT_KERNELS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert "home directory" in refused(command)


def test_another_folder_can_be_named(folder: Path, tmp_path: Path) -> None:
    fill(folder)
    (tmp_path / "other").mkdir()
    assert "0 tables removed" in run("clear", "--dir", str(tmp_path / "other")).stdout
    assert "2 tables removed" in run("clear", "--dir", str(folder)).stdout


# ---------------------------------------------------------------------- info


def test_info_shows_what_there_is(folder: Path) -> None:
    sizes = [path.stat().st_size for path in fill(folder)]
    lines = run("info").stdout.splitlines()
    assert lines[0] == f"location      {folder}"
    assert f"on disk       2 tables, {sum(sizes) / 1e3:.1f} kB" in lines
    assert sorted(line.split()[0] for line in lines if line.startswith(DETECTORS)) == sorted(DETECTORS)
    assert any(line.startswith("EURUSD 15min ") for line in lines)


def test_info_as_json(folder: Path) -> None:
    fill(folder)
    found = json.loads(run("info", "--json").stdout)
    assert (found["location"], found["files"]) == (str(folder), 2)
    assert set(found["by_detector"]) == set(DETECTORS)
    assert found["usage"]["hit_rate"] == 0


def test_names_cannot_command_a_terminal(folder: Path) -> None:
    fill(folder, symbol="\x1b[2J\ud800")
    text = run("info").stdout
    assert "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} 15min" in text
    assert "\x1b" not in text


def test_files_of_any_age_are_shown(folder: Path) -> None:
    old, _ = fill(folder)
    os.utime(old, (0, 0))
    text = run("info").stdout
    assert "\nwritten       1970-01-01 00:00 UTC to 20" in text
    assert "\ntoo old       1 of them older than the 3,600 s they may be used for\n" in text


def test_one_minute_is_said_once(folder: Path) -> None:
    for seconds, path in zip((60, 119), fill(folder), strict=True):
        os.utime(path, (seconds, seconds))
    assert "\nwritten       1970-01-01 00:01 UTC\n" in run("info").stdout


def test_an_empty_cache_has_no_lines_of_nothing(folder: Path) -> None:
    folder.mkdir()
    assert run("info").stdout.splitlines() == [
        f"location      {folder}",
        "on disk       0 tables",
        "limits        10,000 tables, 200.0 MB, 3,600 s",
    ]


def test_a_whole_cache_has_no_lines_of_faults(folder: Path) -> None:
    fill(folder)
    names = [line.split("  ")[0] for line in run("info").stdout.splitlines()]
    assert not {"too old", "usage", "other builds", "damaged"}.intersection(names)


def test_files_larger_than_their_tables_are_called_so(folder: Path) -> None:
    paths = fill(folder, compressed=False)
    with ict.Cache(folder) as cache:
        columns = cache.info().table_bytes
    larger = 100 * (sum(path.stat().st_size for path in paths) / columns - 1)
    assert larger > 1
    assert f" as they are: {larger:.0f}% larger\n" in run("info").stdout


def test_info_shows_use_and_faults(folder: Path) -> None:
    fill(folder)
    add_usage(folder, {"disk_hits": 1, "computed": 1, "saved_seconds": 0.5, "read_errors": 6})
    text = run("info").stdout
    assert (
        "\nusage         1 of 2 tables found (50%): 0 in memory, 1 on disk, 0 continued; "
        "0.50 s of computing saved; 6 could not be read\n"
    ) in text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (4_000, "4.0 kB"),
        (2_345_678, "2.3 MB"),
        (7_200_000_000, "7.2 GB"),
    ],
)
def test_sizes_are_never_nothing(number: int, text: str) -> None:
    assert sized(number) == text


# ---------------------------------------------------------------------- verify, compact, clear


def test_verify_passes_whole_tables(folder: Path) -> None:
    fill(folder)
    assert run("verify").stdout == "2 tables read, all whole\n"
    assert json.loads(run("verify", "--json").stdout) == {"read": 2, "problems": [], "set_aside_earlier": 0}


def test_verify_says_that_there_is_nothing_to_read(folder: Path) -> None:
    folder.mkdir()
    assert run("verify").stdout == "0 tables read\n"


def test_verify_sets_damaged_tables_aside(folder: Path) -> None:
    bad, good = fill(folder)
    bad.write_bytes(bad.read_bytes()[:-1])
    lines = run("verify", code=1).stdout.splitlines()
    assert lines[0].startswith("moved   ")
    assert bad.name in lines[0]
    assert lines[1:] == ["2 tables read, 1 damaged or unreadable, 1 set aside"]
    assert (bad.exists(), good.exists()) == (False, True)
    assert read_usage(folder).damaged == 1
    assert run("verify").stdout.splitlines() == [
        "1 table read, all whole",
        f"1 set aside earlier, in {folder / 'damaged'}",
    ]
    assert "\ndamaged       1 file set aside\n" in run("info").stdout
    assert run("clear").stdout.endswith("; 1 leftover too\n")


def test_verify_as_json_lists_problems(folder: Path) -> None:
    bad, _ = fill(folder)
    bad.write_bytes(b"")
    found = json.loads(run("verify", "--json", code=1).stdout)
    [problem] = found["problems"]
    assert (found["read"], found["set_aside_earlier"]) == (2, 0)
    assert (problem["path"], problem["set_aside"]) == (str(bad), True)
    assert problem["reason"]


def test_compact_says_what_it_did(folder: Path) -> None:
    fill(folder, compressed=False)
    before = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    lines = run("compact").stdout.splitlines()
    after = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    assert after < before
    assert lines == [
        f"before        2 tables, {before / 1e3:.1f} kB",
        f"after         2 tables, {after / 1e3:.1f} kB",
        f"freed         {(before - after) / 1e3:.1f} kB ({100 * (before - after) / before:.0f}%)",
        "compressed    2",
        "removed       0 too old, 0 for room, 0 leftovers",
    ]


def test_compact_as_json(folder: Path) -> None:
    fill(folder, compressed=False)
    before = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    done = json.loads(run("compact", "--json").stdout)
    assert (done["files_before"], done["bytes_before"], done["compressed"]) == (2, before, 2)
    assert done["bytes_after"] == sum(path.stat().st_size for path in folder.rglob("*.ict"))


def test_compact_keeps_to_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder)
    monkeypatch.setenv("ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_ENTRIES", "1")
    assert "removed       0 too old, 1 for room" in run("compact").stdout
    assert len(list(folder.rglob("*.ict"))) == 1


def test_clear_empties_the_folder(folder: Path) -> None:
    fill(folder)
    run("info")
    size = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    assert run("clear").stdout == f"2 tables removed, {size / 1e3:.1f} kB\n"
    assert list(folder.iterdir()) == []
    assert run("clear").stdout == "0 tables removed\n"


def test_clear_as_json(folder: Path) -> None:
    size = sum(path.stat().st_size for path in fill(folder))
    assert json.loads(run("clear", "--json").stdout) == {"files": 2, "bytes": size, "leftovers": 0}


def test_what_cannot_be_done_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    result = run("clear", code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: cannot remove 2 of 2 files")
    assert str(folder) in result.stderr
    assert result.stderr.count("\n") == 1
