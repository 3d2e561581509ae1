"""The command: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import ict_kernels as ict
from ict_kernels.cache import Stats
from ict_kernels.cli import _scan, app, parse_detectors
from ict_kernels.detectors.engine import rules

COMMANDS = ("scan", "bench", "doctor", "warmup", "describe")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), prog_name="ict-kernels")
    assert result.exit_code == code, (result.output, result.exception)
    return result


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def in_shell(command: str) -> subprocess.CompletedProcess[str]:
    program = f"{sys.executable} -m ict_kernels"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('ict-kernels', program)}"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """A file whose times name no zone."""
    path = tmp_path / "EURUSD_15M.csv"
    frame = ict.sample_market(["EURUSD"], bars=300)[0].to_pandas().tz_localize(None)
    frame.to_csv(path)
    return path


# ---------------------------------------------------------------------- in general


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    text = run(command, "--help").stdout
    assert f"\n    ict-kernels {command}" in text


def test_no_command_shows_the_commands() -> None:
    text = run("--help").stdout
    assert all(command in text for command in COMMANDS)


def test_version() -> None:
    assert run("--version").stdout == f"ict-kernels {ict.__version__}\n"


def test_usage_errors_exit_with_2() -> None:
    run("scan", "--workers", "0", code=2)
    run("nonsense", code=2)


def test_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_scan, "parse_detectors", interrupt)
    assert run("scan", code=130).stderr == "interrupted\n"


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    result = run(
        "bench", "--quick", "--parts", "growth", "--detectors", "cisd", "--json", str(tmp_path), code=2
    )
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


# ---------------------------------------------------------------------- detectors from the shell


def test_detectors_are_read_with_parameters() -> None:
    specs = parse_detectors("swings(left=3, right=4), fair_value_gaps(min_size=0.0003),trend")
    assert specs == [
        ict.detector("swings", left=3, right=4),
        ict.detector("fair_value_gaps", min_size=0.0003),
        ict.detector("trend"),
    ]


def test_parameters_of_feeds_are_dicts() -> None:
    (spec,) = parse_detectors("structure_breaks(by='wick', swings={'left': 5, 'right': 5})")
    assert spec == ict.detector("structure_breaks", by="wick", swings={"left": 5, "right": 5})


def test_words_need_no_quotes() -> None:
    assert parse_detectors("swings(ties=strict)") == [ict.detector("swings", ties="strict")]


def test_all_detectors() -> None:
    assert [spec.name for spec in parse_detectors("all")] == list(ict.detectors())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "swings(",
        "swings(3)",
        "swings(**{'left': 3})",
        "swings(left=print())",
        "swings(left=__import__('os').getpid())",
        "swings.left(left=3)",
        "'swings'",
        "swings] + [trend",
        "\0",
    ],
)
def test_what_is_no_list_of_detectors_is_refused(text: str) -> None:
    with pytest.raises(ict.ParameterError, match="cannot read"):
        parse_detectors(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("swing", "did you mean 'swings'"),
        ("swings(lift=3)", "did you mean 'left'"),
        ("swings(left=0)", "at least 1"),
    ],
)
def test_unknown_names_and_values_are_named(text: str, message: str) -> None:
    result = run("scan", "--detectors", text, code=2)
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


# ---------------------------------------------------------------------- scan


def test_scan_of_the_built_in_market() -> None:
    text = run("scan", "--detectors", "swings,trend,fair_value_gaps(min_size=0.0003)").stdout
    assert "swings" in text
    assert "fair_value_gaps(min_size=0.0003)" in text
    assert "4 series, 96,000 bars, 3 detectors" in text


def test_scan_finds_what_the_functions_find(csv: Path) -> None:
    found = run_json("scan", str(csv), "--detectors", "swings(left=3)", "--tz", "UTC")
    candles = ict.Candles.from_csv(csv, tz="UTC")
    (row,) = found["summary"]
    assert (row["detector"], row["events"]) == ("swings", len(ict.swings(candles, left=3)))


def test_scan_writes_datasets(csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "events"
    text = run(
        "scan",
        str(csv),
        "--detectors",
        "swings",
        "--timeframes",
        "15min,1h",
        "--tz",
        "UTC",
        "--out",
        str(out),
    ).stdout
    assert f"written to {out}" in text
    frame = pd.read_parquet(out / "swings")
    assert set(frame["timeframe"]) == {"15min", "1h"}


def test_naive_times_are_one_plain_line(csv: Path) -> None:
    result = run("scan", str(csv), "--detectors", "cisd")
    assert result.stderr.startswith("warning: times without a zone are read as UTC")
    assert result.stderr.count("\n") == 1


def test_quiet_writes_nothing(csv: Path) -> None:
    result = run("scan", str(csv), "--detectors", "cisd", "--tz", "UTC", "--quiet")
    assert result.output == ""


def test_bad_rows_are_an_error_or_dropped(csv: Path) -> None:
    frame = pd.read_csv(csv)
    frame.loc[5, "high"] = float("nan")
    frame.to_csv(csv, index=False)
    refused = run("scan", str(csv), "--detectors", "cisd", "--tz", "UTC", code=2)
    assert refused.stderr.startswith(f"error: {csv}")
    assert refused.stderr.count("\n") == 1
    kept = run("scan", str(csv), "--detectors", "cisd", "--tz", "UTC", "--on-error", "drop")
    assert "1 bad rows dropped" in kept.stdout


def test_a_missing_file_exits_with_2(tmp_path: Path) -> None:
    result = run("scan", str(tmp_path / "none.csv"), code=2)
    assert result.stderr.startswith("error: ")
    assert "none.csv" in result.stderr


@pytest.mark.parametrize("width", [80, 60])
def test_names_are_whole_in_narrow_terminals(width: int) -> None:
    lines = on_terminal(width, list(ict.detectors()))
    assert all(len(line) <= width for line in lines)
    names = [line.split()[0] for line in lines if line[:1].isalpha()]
    assert names == ["detector", *ict.detectors()]
    if width == 80:
        assert len(lines) == 2 + len(ict.detectors())


def test_parameters_leave_room_for_the_other_columns() -> None:
    spec = ict.detector("structure_breaks", by="wick", swings={"left": 5, "right": 5, "ties": "strict"})
    lines = on_terminal(60, [spec])
    assert any("EURUSD 15min" in line for line in lines)


def on_terminal(width: int, detectors: list[Any]) -> list[str]:
    """The table of a scan as a terminal of so many columns shows it."""
    console = Console(width=width, force_terminal=True, color_system=None, file=StringIO())
    _scan._show_scan(ict.scan(ict.sample_market(["EURUSD"], bars=2_000), detectors), console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()[:-1] if line.strip()]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_is_no_folder_of_the_cache(csv: Path, name: str) -> None:
    path = csv.with_name("file")
    path.touch()
    result = run("scan", str(csv), "--tz", "UTC", "--cache-dir", str(csv.parent / name), code=2)
    assert result.stdout == ""
    assert result.stderr == f"error: {path} is no folder; name another for the cache, with --cache-dir\n"


def test_no_name_is_not_the_current_folder(csv: Path) -> None:
    result = run("scan", str(csv), "--tz", "UTC", "--cache-dir", "", code=2)
    assert result.stderr == "error: --cache-dir names no folder; give it one, or leave it out\n"


def test_the_line_about_the_cache_names_faults() -> None:
    stats = Stats(
        computed=40,
        stored=1,
        bytes_written=2_345,
        damaged=3,
        too_old=10,
        read_errors=6,
        write_errors=7,
        dropped=8,
    )
    assert _scan._cache_line(stats) == (
        "cache: 0 of 40 tables found (0%); 1 written, 2.3 kB; 3 damaged, 10 too old, 6 could not be read, "
        "7 could not be written, 8 not written, too much was waiting"
    )
    assert _scan._cache_line(Stats(computed=1)) == "cache: 0 of 1 table found (0%)"


# ---------------------------------------------------------------------- bench


@pytest.mark.parametrize(
    ("suite", "option", "of"),
    [
        ("cache", ["--check"], "kernels"),
        ("cache", ["--first-call"], "kernels"),
        ("cache", ["--engine", "x"], "engine"),
        ("engine", ["--check"], "kernels"),
        ("engine", ["--first-call"], "kernels"),
        ("kernels", ["--engine", "x"], "engine"),
    ],
)
def test_options_of_other_suites_are_refused(suite: str, option: list[str], of: str) -> None:
    result = run("bench", "--suite", suite, "--quick", *option, code=2)
    assert result.stdout == ""
    assert result.stderr == f"error: --suite {suite} takes no {option[0]}, which is of --suite {of}\n"


# ---------------------------------------------------------------------- describe


def test_describe_lists_all_detectors() -> None:
    lines = run("describe").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(ict.detectors())


@pytest.mark.parametrize("name", list(ict.detectors()))
def test_describe_tells_all_of_a_detector(name: str) -> None:
    text = run("describe", name).stdout
    entry = ict.detectors()[name]
    assert entry.summary in text
    for column in entry.columns:
        assert column.internal or column.meaning in text
    for parameter in entry.parameters.values():
        assert parameter.allowed in text


@pytest.mark.parametrize("name", list(ict.detectors()))
def test_descriptions_keep_the_rule_apart_from_the_sections(name: str) -> None:
    found = run_json("describe", name)
    assert found["rule"]
    assert "----" not in found["rule"] + found["notes"]
    assert ">>>" not in found["rule"] + found["notes"]


def test_describe_as_json() -> None:
    assert [each["name"] for each in run_json("describe")] == list(ict.detectors())
    found = run_json("describe", "structure_breaks")
    assert found["feeds"] == ["swings"]
    assert run_json("describe", "swings")["parameters"][0] == {
        "name": "left",
        "default": 2,
        "kind": "int",
        "allowed": ict.detectors()["swings"].parameters["left"].allowed,
        "minimum": 1,
        "maximum": 1e9,
        "choices": [],
        "unit": "",
    }


# ---------------------------------------------------------------------- doctor and warmup


def test_doctor_prints_and_succeeds() -> None:
    text = run("doctor", "--bars", "100").stdout
    count = len(ict.detectors()) + len(rules())
    assert f"{count} of {count} detectors and engine rules equal their twins" in text
    assert run_json("doctor", "--bars", "100")["ok"] is True


@pytest.mark.panel
def test_warmup_prints_each_kernel() -> None:
    lines = run("warmup", "--no-panels").stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [*ict.detectors(), *rules()]
    lines = run("warmup", "--no-panels", "--no-engine").stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(ict.detectors())
    assert {each["form"] for each in run_json("warmup")} == {"serial", "panel", "engine"}


# ---------------------------------------------------------------------- from a shell


def test_output_can_be_cut_short() -> None:
    done = in_shell("ict-kernels describe --json | head -n 1")
    assert done.stdout == "[\n"
    assert done.stderr == ""


def test_errors_show_no_traceback() -> None:
    done = in_shell("ict-kernels scan no_such_file.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no_such_file.csv")
    assert "Traceback" not in done.stderr


def test_the_command_scans_a_file(csv: Path) -> None:
    done = in_shell(f"ict-kernels scan {csv} --detectors swings --json")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["bars"] == 300
