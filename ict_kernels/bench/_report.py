"""Tables of figures with their targets, as rich, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Column", "Report", "Table", "Target"]

Row = Mapping[str, Any]


class Target(NamedTuple):
    """A figure to reach."""

    limit: float
    least: bool  # whether the figure must be at least the limit, or at most
    format: str = "g"

    def judge(self, value: float) -> dict[str, str]:
        """The target in words and whether the value meets it, as cells of a row."""
        met = value >= self.limit if self.least else value <= self.limit
        sign = "≥" if self.least else "≤"
        return {"target": f"{sign} {self.limit:{self.format}}", "verdict": "ok" if met else "MISS"}


NO_TARGET = {"target": "", "verdict": ""}


class Column(NamedTuple):
    """One column of a table: the key in its rows, the heading, and how numbers are written."""

    key: str
    title: str
    format: str = ""

    def cell(self, row: Row) -> str:
        """A row's value as text; nothing when it has none."""
        value = row.get(self.key)
        return "" if value is None else format(value, self.format)

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return bool(self.format)


VERDICT = (Column("target", "target"), Column("verdict", ""))


@dataclass(frozen=True)
class Table:
    """Figures of one part of the benchmark; rows may hold more than what is shown."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]

    def to_markdown(self) -> str:
        """As a Markdown table under a heading."""
        lines = [
            [column.title for column in self.columns],
            ["--:" if column.numeric else "---" for column in self.columns],
            *([column.cell(row) for column in self.columns] for row in self.rows),
        ]
        return "\n".join([f"### {self.title}", "", *(f"| {' | '.join(line)} |" for line in lines)])

    def print(self, console: Console) -> None:
        """On a terminal."""
        from rich import box
        from rich.markup import escape
        from rich.table import Table as Rich

        table = Rich(box=box.SIMPLE_HEAD)
        for column in self.columns:
            table.add_column(column.title, justify="right" if column.numeric else "left")
        for row in self.rows:
            table.add_row(
                *(escape(column.cell(row)) for column in self.columns),
                style=_STYLES.get(row.get("verdict", "")),
            )
        console.print(self.title, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(table)


_STYLES = {"MISS": "bold red"}


@dataclass
class Report:
    """What a run of the benchmark found.

    Attributes
    ----------
    machine : dict of str to str
        Where and with what it was measured.
    failures : list of str
        Results that differ between forms, which are not timed.
    checked : int
        How many cases were put to the proof.
    tables : list of Table
    """

    machine: dict[str, str]
    failures: list[str] = field(default_factory=list)
    checked: int = 0
    tables: list[Table] = field(default_factory=list)

    @property
    def verdicts(self) -> list[str]:
        """The verdict of every row that has a target."""
        return [row["verdict"] for table in self.tables for row in table.rows if row.get("verdict")]

    @property
    def misses(self) -> int:
        """How many targets were missed."""
        return self.verdicts.count("MISS")

    @property
    def conclusion(self) -> str:
        """Checks and targets in one line."""
        if self.failures:
            timed = "these were not timed" if self.tables else "nothing was timed"
            return f"{len(self.failures)} results differ, {timed}: {'; '.join(self.failures)}"
        checks = f"{self.checked} cases checked, all forms equal" if self.checked else "results not checked"
        return f"{checks}; {self.verdicts.count('ok')} targets reached, {self.misses} missed"

    def to_dict(self) -> dict[str, Any]:
        """Everything, the columns that tables do not show included."""
        return {
            "machine": self.machine,
            "checked": self.checked,
            "failures": self.failures,
            "tables": {table.name: {"title": table.title, "rows": table.rows} for table in self.tables},
            "missed": self.misses,
        }

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_markdown(self) -> str:
        """As Markdown, for a README."""
        machine = "; ".join(f"{key}: {value}" for key, value in self.machine.items())
        return "\n\n".join([machine, *(table.to_markdown() for table in self.tables), self.conclusion]) + "\n"

    def print(self, console: Console) -> None:
        """On a terminal."""
        for key, value in self.machine.items():
            console.print(f"{key:10}{value}", highlight=False, markup=False, soft_wrap=True)
        console.print()
        for table in self.tables:
            table.print(console)
        console.print(self.conclusion, highlight=False, markup=False, soft_wrap=True)
