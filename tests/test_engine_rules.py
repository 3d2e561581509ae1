"""The laws that the engine's rules keep: kernel and twin, parts and whole, past and future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ict_kernels.detectors.engine import Hits, Rule, rules
from ict_kernels.kernels._jit import JIT
from ict_kernels.kernels.engine._types import EngineBars
from tests.engine_strategies import PARAMETERS, engine_bars, real_bars

# Without JIT the kernels take as long as their twins.
EXAMPLES = 100 if JIT else 20
RULES = rules()
LAWFUL = {law: [name for name, rule in RULES.items() if law in rule.laws] for law in ("chunks", "prefix")}


def parameters(rule: Rule) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=PARAMETERS.get(rule.name, {}))


def cut(bars: EngineBars, stop: int) -> EngineBars:
    return EngineBars._make(column[:stop] for column in bars)


def assert_equal(one: Hits, other: Hits) -> None:
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name], err_msg=name)


def joined(parts: list[Hits]) -> Hits:
    return Hits({name: np.concatenate([p.columns[name] for p in parts]) for name in parts[0].columns})


def length(bars: EngineBars) -> int:
    return len(bars.close)


def check_twin(rule: Rule, bars: EngineBars, given_: dict[str, Any]) -> Hits:
    found = rule(bars, **given_)
    assert_equal(found, rule.hits(rule.twin(bars, 0, length(bars), rule.given(**given_))))
    return found


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_kernel_equals_twin(name: str, data: st.DataObject) -> None:
    rule = RULES[name]
    found = check_twin(rule, data.draw(engine_bars()), data.draw(parameters(rule)))
    assert (found.bar <= found.confirmed).all() or "prefix" not in rule.laws


@pytest.mark.parametrize("name", RULES)
def test_kernel_equals_twin_on_real_candles(name: str) -> None:
    found = check_twin(RULES[name], real_bars(700), {})
    assert len(found) > 0


@pytest.mark.parametrize("name", LAWFUL["chunks"])
@settings(max_examples=EXAMPLES // 2)
@given(data=st.data())
def test_parts_give_the_whole(name: str, data: st.DataObject) -> None:
    rule, bars = RULES[name], data.draw(engine_bars())
    given_ = data.draw(parameters(rule))
    at = data.draw(st.integers(0, length(bars)))
    parts = [rule(bars, 0, at, **given_), rule(bars, at, length(bars), **given_)]
    assert_equal(joined(parts), rule(bars, **given_))


@pytest.mark.parametrize("name", LAWFUL["prefix"])
@settings(max_examples=EXAMPLES // 2)
@given(data=st.data())
def test_what_is_confirmed_stays(name: str, data: st.DataObject) -> None:
    rule, bars = RULES[name], data.draw(engine_bars())
    given_ = data.draw(parameters(rule))
    stop = data.draw(st.integers(0, length(bars)))
    found = rule(bars, **given_)
    assert_equal(found[found.confirmed < stop], rule(cut(bars, stop), **given_))


@pytest.mark.compiled
@pytest.mark.parametrize("name", RULES)
def test_each_kernel_is_compiled_once(name: str) -> None:
    rule, bars = RULES[name], real_bars(100)
    rule(bars)
    rule(EngineBars._make(column[40:90] for column in bars)._replace(volume=bars.volume[:0]))
    assert len(rule.kernel.signatures) == 1  # type: ignore[attr-defined]


def test_laws_are_named() -> None:
    assert all(set(rule.laws) <= {"twin", "chunks", "prefix"} for rule in RULES.values())
    assert all("twin" in rule.laws for rule in RULES.values())
    assert all(rule.name == name for name, rule in RULES.items())
