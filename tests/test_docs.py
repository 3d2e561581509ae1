"""The examples of README and docs run as they stand.

A page's blocks run in order in one namespace and an empty folder: ``python`` blocks are executed, ``pycon`` blocks must
print what they show, and of ``console`` blocks the calls of ``ict-kernels`` must succeed and print what is shown. A
block under the comment ``<!-- not run -->`` is left alone.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ict_kernels.config import json_schema

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(<!-- not run -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """One fenced block: its language, its text and the line it begins at."""

    language: str
    text: str
    line: int


def page_id(page: Path) -> str:
    """Where a page is: pages in two languages have the same name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Blocks of a page that are to be run."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if not found[1]:
            yield Block(found[2], found[3], text.count("\n", 0, found.start(3)))


def execute(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Run a ``python`` block; tracebacks show the page's own lines."""
    exec(compile("\n" * block.line + block.text, str(page), "exec"), names)  # ours, from this repository


def check_session(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Run a ``pycon`` block and compare what it prints."""
    example = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=report.append, clear_globs=False)
    names.update(example.globs)
    if report:
        pytest.fail("".join(report), pytrace=False)


def call_command(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Run the calls of the package's command in a ``console`` block; what is shown below one, it must print."""
    for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, shown = session.partition("\n")
        words = shlex.split(line, comments=True)
        if words[:1] == ["ict-kernels"]:
            command = [sys.executable, "-m", "ict_kernels", *words[1:]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            printed = f"{page.name}: {line}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, printed
            assert not shown or doctest.OutputChecker().check_output(shown, done.stdout, FLAGS), printed


RUNNERS = {"python": execute, "pycon": check_session, "console": call_command}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language in RUNNERS:
            RUNNERS[block.language](block, page, names)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("```python\n1\n```\n", ["python"]),
        ("<!-- not run -->\n```python\n1 / 0\n```\n\n```pycon\n>>> 1\n1\n```\n", ["pycon"]),
        ("```\nplain\n```\n", []),
    ],
)
def test_blocks_are_found(text: str, languages: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert [block.language for block in blocks(page)] == languages


def test_wrong_output_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="Got:\n    2"):
        check_session(Block("pycon", ">>> 1 + 1\n3\n", 0), tmp_path / "page.md", {})


GUIDE = """
import sys
import ict_kernels as ict
from importlib import import_module

for storey in ("kernels", "reference", "detectors"):
    import_module(f"ict_kernels.{storey}").__path__.append(f"{sys.argv[1]}/{storey}")
from ict_kernels.detectors.engulfing import engulfing

candles = ict.sample_market(["EURUSD"], bars=2_000)[0]
found = engulfing(candles, min_size=0.0002)
stream = ict.Stream([ict.detector("engulfing", min_size=0.0002)])
for start in range(0, len(candles), 7):
    stream.extend(candles[start : start + 7])
assert len(found) > 50
assert found == ict.reference.engulfing(candles, min_size=0.0002) == stream.events("engulfing")
"""


def test_the_guide_makes_a_detector(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^```python (\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", GUIDE, str(tmp_path)], env=environment, timeout=300, check=True)


def configuration_table() -> str:
    """Every key of the configuration, as the schema describes it."""
    lines = ["| key | default | range | meaning |", "|---|---|---|---|"]
    for section, keys in json_schema()["properties"].items():
        for key, about in keys.get("properties", {}).items():
            meaning, _, allowed = about["description"].partition(" From ")  # sizes carry their range in words
            if "minimum" in about:
                allowed = f"{about['minimum']:,} to {about['maximum']:,}"
            default = json.dumps(about["default"])
            lines.append(f"| `{section}.{key}` | `{default}` | {allowed.rstrip('.')} | {meaning} |")
    return "\n".join(lines)


def test_every_configuration_key_is_documented() -> None:
    assert configuration_table() in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_every_dependency_is_justified() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = project[project.index("dependencies = [") : project.index("[project.scripts]")]
    names = set(re.findall(r'"([a-z-]+)[><=]', declared))
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert len(names) > 15
    assert {name for name in names if f"`{name}`" not in page} == set()
