"""The commands that look after a cache: what they print, what they change, and their exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import ict_kernels as ict
from ict_kernels.cache._format import pack
from ict_kernels.cache._keys import key_of
from ict_kernels.cache._lookup import computed
from ict_kernels.cache._stats import read_usage
from ict_kernels.cli import app

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


@pytest.mark.parametrize("command", COMMANDS)
def test_no_folder_is_an_empty_cache(command: str, folder: Path) -> None:
    run(command)
    assert not folder.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_cache(command: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    run(command, "--dir", str(path), code=2)


def test_another_folder_can_be_named(folder: Path, tmp_path: Path) -> None:
    fill(folder)
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
    assert "written       1970-01-01 00:00:00 UTC to 20" in run("info").stdout


# ---------------------------------------------------------------------- verify, compact, clear


def test_verify_passes_whole_tables(folder: Path) -> None:
    fill(folder)
    assert run("verify").stdout == "all tables are whole\n"


def test_verify_sets_damaged_tables_aside(folder: Path) -> None:
    bad, good = fill(folder)
    bad.write_bytes(bad.read_bytes()[:-1])
    lines = run("verify", code=1).stdout.splitlines()
    assert lines[0].startswith("moved   ")
    assert bad.name in lines[0]
    assert lines[1] == "1 damaged or unreadable table, 1 set aside"
    assert (bad.exists(), good.exists()) == (False, True)
    assert read_usage(folder).damaged == 1
    assert run("verify").stdout == "all tables are whole\n"


def test_compact_says_what_it_did(folder: Path) -> None:
    fill(folder, compressed=False)
    before = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    lines = run("compact").stdout.splitlines()
    after = sum(path.stat().st_size for path in folder.rglob("*.ict"))
    assert after < before
    assert lines == [
        f"before        2 tables, {before / 1e3:.1f} kB",
        f"after         2 tables, {after / 1e3:.1f} kB",
        "compressed    2",
        "removed       0 too old, 0 for room, 0 leftovers",
    ]


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
