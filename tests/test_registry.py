"""The registry: signatures as the one declaration of parameters, specifications, and what they refuse."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
import pytest

import ict_kernels as ict
from ict_kernels import registry
from ict_kernels.describe import describe
from ict_kernels.detectors._run import detect
from ict_kernels.fold import own_shape
from ict_kernels.kernels import _types as k
from ict_kernels.registry import HEAD, Count, Entry, Feeds, Only, Parameter, Spec, with_feeds

ENTRIES = ict.detectors()
EACH = pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
GAPS = "fair_value_gaps"


# --- entries fit their kernels --------------------------------------------------------------------------------------


@EACH
def test_every_field_of_the_kernel_is_a_parameter_of_its_kind(entry: Entry) -> None:
    declared = typing.get_type_hints(entry.params)
    assert set(declared) <= set(entry.parameters)
    for name, kind in declared.items():
        parameter = entry.parameters[name]
        assert kind is (float if parameter.kind == "float" else int)
        assert type(parameter.code(parameter.check(entry.name, parameter.default))) is kind


@EACH
def test_parameters_are_those_of_the_signature(entry: Entry) -> None:
    signature = inspect.signature(entry.function).parameters
    assert next(iter(signature)) == "candles"
    keywords = {name: one.default for name, one in signature.items() if name != "candles"}
    assert keywords == {name: parameter.default for name, parameter in entry.parameters.items()}
    assert all(
        one.kind is inspect.Parameter.KEYWORD_ONLY for name, one in signature.items() if name != "candles"
    )


@EACH
def test_defaults_pass_their_own_check(entry: Entry) -> None:
    spec = ict.detector(entry.name)
    for name, parameter in entry.parameters.items():
        value = dict(spec.values)[name]
        expected = ict.detector(parameter.feed) if parameter.kind == "feed" else parameter.default
        assert value == expected
        assert type(value) is type(expected)


@EACH
def test_the_shape_fits_the_columns(entry: Entry) -> None:
    shape = own_shape(ict.detector(entry.name))
    own = [column for column in entry.columns if not column.life]
    floats = sum(column.dtype == "float64" for column in own)
    head = 0 if entry.dense else k.OWN
    assert shape.row_floats == floats
    assert shape.row_ints == len(own) - floats - head
    assert shape.stages == len(entry.life)
    assert all(column.dtype == "int64" and column.unit == "bar" for column in entry.columns if column.life)


@EACH
def test_columns_are_well_declared(entry: Entry) -> None:
    names = [column.name for column in entry.columns]
    assert len(names) == len(set(names))
    assert entry.dense or names[:3] == ["bar", "confirmed", "direction"]
    assert all(column.meaning for column in entry.columns)
    for column in entry.columns:
        assert column.mirror in ("keep", "negate", *names)
        assert column.unit != "bar" or column.dtype == "int64"


@EACH
def test_entries_name_their_kernel_and_twin(entry: Entry) -> None:
    assert getattr(entry.kernel, "py_func", entry.kernel).__name__ == entry.name
    assert entry.twin.__name__ == entry.name
    assert entry.twin.__module__ == f"ict_kernels.reference.{entry.family}"
    assert entry.function.__module__ == f"ict_kernels.detectors.{entry.family}"
    assert getattr(ict, entry.name) is entry.function
    assert set(entry.laws) <= set(registry.LAWS)
    assert entry.cost > 0 < entry.rate
    assert entry.lookback(ict.detector(entry.name)) >= 0


def test_the_catalogue_is_a_copy() -> None:
    ict.detectors().clear()
    assert list(ict.detectors()) == list(ENTRIES)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_unknown_names_are_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(
        ict.ParameterError, match=r"no detector 'swing' \(did you mean 'swings'\?\); there are .*cisd"
    ):
        ict.detector("swing")
    with pytest.raises(
        ict.ParameterError, match=r"swings has no parameter 'lefft' \(did you mean 'left'\?\); it takes"
    ):
        ict.detector("swings", lefft=3)
    with pytest.raises(
        ict.ParameterError, match=r"swings has no parameter 'name'; it takes left, right, ties$"
    ):
        ict.detector("swings", name=3)


@pytest.mark.parametrize("name", [3, None, b"swings", ["swings"], ("swings",)])
def test_names_that_are_no_text_are_refused(name: Any) -> None:
    with pytest.raises(ict.ParameterError, match="there is no detector"):
        ict.detector(name)
    with pytest.raises(ict.ParameterError, match="there is no detector"):
        ict.Stream([name])


NO_NUMBERS: list[Any] = [
    None,
    True,
    np.True_,
    "3",
    b"3",
    1j,
    [3],
    {},
    np.array(3),
    Decimal(3),
    10**400,
    -1,
    -0.5,
]
NO_NUMBERS += [float("nan"), float("inf"), -float("inf"), np.float64("nan")]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, 2.5, Fraction(5, 2), 10**9 + 1, 2.0**80], ids=repr)
def test_no_whole_numbers_of_at_least_one(value: Any) -> None:
    with pytest.raises(
        ict.ParameterError, match=r"^swings: left=.* is not a whole number of at least 1 and at most 1e\+09$"
    ):
        ict.detector("swings", left=value)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_no_prices(value: Any) -> None:
    with pytest.raises(
        ict.ParameterError, match=r"^fair_value_gaps: min_size=.* is not a number of at least 0$"
    ):
        ict.detector(GAPS, min_size=value)


@pytest.mark.parametrize("value", [1.0000001, 1.5, 2])
def test_shares_end_at_one(value: float) -> None:
    with pytest.raises(
        ict.ParameterError, match=r"body_ratio=.* is not a number of at least 0 and at most 1$"
    ):
        ict.detector("displacements", body_ratio=value)


@pytest.mark.parametrize("value", ["Wick", "", None, 0, True, ["wick"], b"wick"], ids=repr)
def test_no_choices(value: Any) -> None:
    with pytest.raises(ict.ParameterError, match=r"structure_breaks: by=.* is not one of 'close', 'wick'$"):
        ict.detector("structure_breaks", by=value)


@pytest.mark.parametrize("value", [1, 0, None, "False", 0.0], ids=repr)
def test_no_booleans(value: Any) -> None:
    with pytest.raises(ict.ParameterError, match=r"require_sweep=.* is not True or False$"):
        ict.detector("cisd", require_sweep=value)


def test_the_only_value_that_is_supported_is_told_with_its_reason() -> None:
    assert ict.detector("cisd", require_sweep=np.False_) == ict.detector("cisd")
    with pytest.raises(
        ict.ParameterError, match=r"^cisd: require_sweep=True needs liquidity_sweeps.*require_sweep=False"
    ):
        ict.detector("cisd", require_sweep=True)


def test_functions_and_twins_refuse_alike() -> None:
    candles = ict.sample_market(bars=20)[0]
    runs: list[Callable[..., ict.Events]] = [ict.swings, ict.reference.swings]
    for run in runs:
        with pytest.raises(ict.ParameterError, match="swings: left=0 is not a whole number"):
            run(candles, left=0)
        with pytest.raises(ict.CandleError, match="swings takes Candles, not DataFrame; make them with"):
            run(candles.to_pandas())


# --- what feeds what ------------------------------------------------------------------------------------------------


def test_feeds_by_dict_spec_and_none_are_one() -> None:
    written = [
        {"left": 3, "right": 3},
        {"right": 3.0, "left": np.int8(3)},
        ict.detector("swings", left=3, right=3),
    ]
    assert len({ict.detector("structure_breaks", swings=swings) for swings in written}) == 1
    plain = [
        ict.detector("structure_breaks", swings=swings)
        for swings in (None, dict[str, Any](), ict.detector("swings"))
    ]
    assert set(plain) == {ict.detector("structure_breaks")}
    assert plain[0].feeds == (ict.detector("swings"),)
    assert plain[0].feed("swings") == ict.detector("swings")


def test_feeds_nest() -> None:
    breaks = {"by": "wick", "swings": {"left": 4}}
    spec = ict.detector("market_structure_shifts", breaks=breaks)
    assert spec.feed("breaks").feed("swings") == ict.detector("swings", left=4)
    assert spec.parameters["breaks"] == {"by": "wick", "swings": {"left": 4, "right": 2, "ties": "first"}}
    assert ict.detector(spec.name, **spec.parameters) == spec


@pytest.mark.parametrize("value", [3, "swings", [("left", 3)], ict.detector(GAPS), True], ids=str)
def test_no_feeds(value: Any) -> None:
    with pytest.raises(
        ict.ParameterError,
        match=r"structure_breaks: swings=.* is not a dict of swings parameters, or ict.detector\('swings', ...\)$",
    ):
        ict.detector("structure_breaks", swings=value)


@pytest.mark.parametrize(
    ("swings", "message"),
    [
        ({"left": 0}, "^swings: left=0 is not a whole number of at least 1"),
        ({"lift": 1}, r"^swings has no parameter 'lift' \(did you mean 'left'\?\)"),
        ({1: 2}, "^swings has no parameter 1; it takes left, right, ties"),
    ],
)
def test_errors_below_name_the_detector_below(swings: Any, message: str) -> None:
    with pytest.raises(ict.ParameterError, match=message):
        ict.detector("market_structure_shifts", breaks={"swings": swings})


def test_the_caller_keeps_the_dict() -> None:
    mine = {"left": 3}
    spec = ict.detector("structure_breaks", swings=mine)
    mine["left"] = 9
    assert spec.feed("swings").parameters["left"] == 3


def test_upstream_comes_first_and_once() -> None:
    shifts, trend = ict.detector("market_structure_shifts"), ict.detector("trend")
    swings, breaks, moves = (ict.detector(name) for name in ("swings", "structure_breaks", "displacements"))
    other = ict.detector("swings", left=9)
    assert with_feeds([shifts]) == [swings, breaks, moves, shifts]
    assert with_feeds([other, shifts, trend, swings, shifts]) == [other, swings, breaks, moves, shifts, trend]
    assert with_feeds([]) == []
    apart = ict.detector("structure_breaks", swings={"left": 9})
    assert with_feeds([breaks, apart]) == [swings, breaks, other, apart]


def test_a_companion_is_fed_by_the_detector_it_goes_with() -> None:
    spec = ict.detector("trend", **ict.detector("trend").parameters)
    assert [feed.name for feed in spec.feeds] == ["structure_breaks"]
    assert [feed.name for feed in with_feeds([spec])] == ["swings", "structure_breaks", "trend"]


class Price(str, enum.Enum):
    WICK = "wick"


# --- equality -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameter", "values"),
    [
        ("swings", "left", [1, 1.0, np.int64(1), np.uint8(1), np.float32(1), Fraction(1)]),
        (GAPS, "min_size", [1, 1.0, np.int64(1), np.float64(1), Fraction(2, 2)]),
        (GAPS, "min_size", [0, 0.0, -0.0]),
        (
            "structure_breaks",
            "by",
            ["wick", np.str_("wick"), Price.WICK],
        ),
    ],
)
def test_equal_values_make_equal_specifications(name: str, parameter: str, values: list[Any]) -> None:
    made = [ict.detector(name, **{parameter: value}) for value in values]
    assert len(set(made)) == 1
    kinds = {type(dict(spec.values)[parameter]) for spec in made}
    assert len(kinds) == 1
    assert kinds < {int, float, str}
    assert len({str(spec).replace("-0.0", "0.0") for spec in made}) == 1


def test_specifications_differ_by_name_and_value() -> None:
    apart = [
        ict.detector("swings"),
        ict.detector("swings", left=3),
        ict.detector("swings", right=3),
        ict.detector("swings", ties="strict"),
        ict.detector("displacements"),
    ]
    assert len(set(apart)) == len(apart)
    assert str(apart[1]) == "swings(left=3, right=2, ties='first')"


# --- a detector of one's own ----------------------------------------------------------------------------------------


@pytest.fixture
def toy() -> Iterator[Callable[..., ict.Events]]:
    """The kernel of CISD under a new name, with parameters of every kind."""
    entry = ENTRIES["cisd"]

    @registry.register(
        kernel=entry.kernel,
        params=entry.params,
        shape=entry.shape,
        twin=lambda bars, min_run, mode, swings: entry.twin(bars, min_run=min_run, require_sweep=False),
        columns=entry.columns[3:],
        cost=1.0,
        rate=0.1,
    )
    def toy(
        candles: ict.Candles,
        *,
        min_run: Count = 2,
        mode: Annotated[Literal["a", "b"], Only("a", "comes later")] = "a",
        swings: Annotated[registry.FeedLike, Feeds("swings")] = None,
    ) -> ict.Events:
        """Toys."""
        return detect("toy", candles, min_run=min_run, mode=mode, swings=swings)

    try:
        yield toy
    finally:
        del registry._ENTRIES["toy"]


def test_a_detector_is_known_once_it_is_registered(toy: Callable[..., ict.Events]) -> None:
    assert list(ict.detectors()) == [*ENTRIES, "toy"]
    entry = ict.detectors()["toy"]
    assert (entry.name, entry.family, entry.summary) == ("toy", "test_registry", "Toys.")
    assert entry.parameters["swings"] == Parameter("swings", None, "feed", feed="swings")
    assert entry.parameters["min_run"].allowed == "a whole number of at least 1 and at most 1e+09"
    candles = ict.sample_market(bars=300)[0]
    plain = ict.cisd(candles, min_run=3)
    for found in (toy(candles, min_run=3), ict.reference.toy(candles, min_run=3)):
        assert found.detector == "toy"
        assert len(found) > 0
        assert found.difference(plain) == ""
    told = describe("toy")
    assert (told.name, told.summary) == ("toy", "Toys.")
    assert [column["name"] for column in told.columns] == list(plain.columns)
    stream = ict.Stream(ict.detector("toy", min_run=3))
    stream.extend(candles)
    assert stream.events("toy") == found
    with pytest.raises(ict.ParameterError, match="toy: mode='b' comes later"):
        toy(candles, mode="b")


def test_the_catalogue_is_as_before() -> None:
    assert "toy" not in ict.detectors()
    with pytest.raises(AttributeError, match="there is no detector 'toy'"):
        _ = ict.reference.toy


# --- documentation --------------------------------------------------------------------------------------------------

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
PUBLIC = {
    name: thing for name, thing in vars(ict).items() if inspect.isfunction(thing) and not name.startswith("_")
}


def sections(thing: Any) -> dict[str, str]:
    """The sections of a numpydoc docstring, each with its text."""
    head, *rest = SECTION.split(inspect.getdoc(thing) or "")
    return {"": head, **dict(zip(rest[::2], rest[1::2], strict=True))}


def documented(text: str) -> dict[str, str]:
    """Names in a section of parameters, each with its type and the default it claims."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"^(?P<names>\*{0,2}\w+(?:, \w+)*)(?: : (?P<kind>.+))?$", line)
        if match:
            found.update(dict.fromkeys(match["names"].lstrip("*").split(", "), match["kind"] or ""))
    return found


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "detectors"])
def test_documented_parameters_are_those_of_the_signature(name: str) -> None:
    function = PUBLIC[name]
    signature = inspect.signature(function).parameters
    told = documented(sections(function)["Parameters"])
    assert list(told) == list(signature)
    for key, parameter in signature.items():
        claimed = re.search(
            r"default ([^`]+)$", told[key]
        )  # in backticks it says where the default comes from
        if claimed:
            assert ast.literal_eval(claimed[1]) == parameter.default


@pytest.mark.parametrize("name", list(ENTRIES))
def test_detectors_are_documented_in_full(name: str) -> None:
    told = sections(ENTRIES[name].function)
    assert {"Parameters", "Returns", "Raises", "Examples"} <= set(told)
    first, blank, *_ = f"{told['']}\n\n".split("\n")
    assert re.fullmatch(r"[A-Z].*\.", first)
    assert not blank
    assert f"ict.{name}(" in told["Examples"]
    for key, kind in documented(told["Parameters"]).items():
        if key != "candles":
            parameter = ENTRIES[name].parameters[key]
            assert ("optional" if parameter.kind == "feed" else "default ") in kind
        if key != "candles" and parameter.kind == "choice":
            listed = "{" + ", ".join(f'"{choice}"' for choice in parameter.choices) + "}"
            assert kind.startswith(listed)
    if not ENTRIES[name].dense:
        shown = [column.name for column in ENTRIES[name].columns if not column.internal]
        missing = [column for column in shown if f"``{column}``" not in told["Returns"]]
        assert not missing


@pytest.mark.parametrize("name", [name for name in PUBLIC if not name.startswith("_")])
def test_public_functions_come_with_an_example(name: str) -> None:
    assert ">>> " in sections(PUBLIC[name])["Examples"]


def test_registering_forgets_what_was_remembered_of_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a cell of a notebook does that is run again with another kernel."""
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.setattr(registry, "_FORGET", list(registry._FORGET))
    asked: list[Spec] = []

    @registry.per_registry
    def remembered(spec: Spec) -> Spec:
        asked.append(spec)
        return spec

    spec, known = ict.detector("swings"), registry.entry("swings")
    for _ in range(2):
        remembered(spec)
    assert asked == [spec]
    registry.register(
        kernel=known.kernel,
        params=known.params,
        shape=known.shape,
        twin=known.twin,
        columns=known.columns[len(HEAD) :],
        cost=known.cost,
        rate=known.rate,
    )(known.function)
    remembered(spec)
    assert asked == [spec, spec]


def test_equal_configurations_are_one_object() -> None:
    nested = ict.detector("structure_breaks", swings={"left": 3}).feed("swings")
    assert nested is ict.detector("swings", left=3.0)
