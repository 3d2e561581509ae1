"""The program that recorded the original, run over a tree of one-line modules that import our adapters.

Some entries only, each in a process of its own; the tests of the adapters make all of its calls in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine_golden import CANDLES, HARNESS, differences, golden_records
from tests.engine_tree import PACKAGE, write_tree

ENTRIES = ("fvg", "fvg_no_memory", "order_blocks_simple_full", "sma_fvg", "ict_silver_bullet@walk")


@pytest.mark.skipif(not HARNESS.exists(), reason="the shared golden outputs are not here")
@pytest.mark.compiled
def test_the_harness_sees_no_difference(tmp_path: Path) -> None:
    tree, dump, report = write_tree(tmp_path / "engine"), tmp_path / "dump.jsonl", tmp_path / "report.json"
    before = sorted(tree.rglob("*"))
    command = ["--engine", tree, "--data", CANDLES, "--sizes", "1000", "--walk-sizes", "1000"]
    command += ["--only", ",".join(ENTRIES), "--dump", dump, "--json", report, "--repeat", "2"]
    paths = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        [sys.executable, HARNESS, *map(str, command)],
        env=os.environ | {"PYTHONPATH": paths},
        check=True,
        capture_output=True,
        timeout=300,
    )
    about = json.loads(report.read_text())["about"]
    assert {name: facts.get("error") for name, facts in about.items()} == dict.fromkeys(ENTRIES)
    assert all(facts["deterministic"] and not facts["files_written"] for facts in about.values())
    assert sorted(tree.rglob("*")) == before
    records = [json.loads(line) for line in dump.read_text().splitlines()]
    for name in ENTRIES:
        found = [record for record in records if record["detector"] == name]
        expected = golden_records(name)[1000]
        assert len(found) == len(expected)
        for one, other in zip(expected, found, strict=True):
            assert list(differences(one, other)) == []
