"""The cases of ``ict-kernels bench`` under pytest-benchmark: ``pytest benchmarks/ --benchmark-only``."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import ict_kernels as ict
from ict_kernels.bench import Case, Options, cases, limits

BARS = 100_000
OPTIONS = Options(sizes=(BARS,), twin_bars=1_000)


@cache
def all_cases() -> dict[str, Case]:
    return {case.spec.name: case for case in cases(OPTIONS)}


def forms(name: str) -> list[str]:
    """The forms of a detector, without making its candles."""
    alone = ["alone"] if ict.detector(name).feeds else []
    return [*alone, "with feeds", "call", "panel", "twin"]


@pytest.mark.parametrize(("name", "form"), [(name, form) for name in ict.detectors() for form in forms(name)])
def test_detector(benchmark: Any, name: str, form: str) -> None:
    case = all_cases()[name]
    benchmark.group = name
    benchmark.extra_info["bars"] = case.length(form)
    benchmark.pedantic(case.forms[form], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("limit", ["copy", "scan"])
def test_limit(benchmark: Any, limit: str) -> None:
    benchmark.group = "limits"
    benchmark.extra_info["bars"] = BARS
    candles = all_cases()[next(iter(ict.detectors()))].candles
    benchmark.pedantic(limits(candles)[limit], rounds=5, warmup_rounds=1)
