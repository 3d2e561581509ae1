"""How kernels are compiled: in one place, once for each, and never from stale machine code."""

from __future__ import annotations

import ast
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba.core.errors import NumbaPerformanceWarning

import ict_kernels as ict
from ict_kernels.fold import fold_batch
from ict_kernels.kernels import _jit
from ict_kernels.kernels._types import Bars
from ict_kernels.panels import fold_many
from tests.processes import output_of, run_python

PACKAGE = Path(ict.__file__).parent
KERNELS = PACKAGE / "kernels"
compiled = pytest.mark.compiled
each_file = pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
each_kernel_file = pytest.mark.parametrize("path", sorted(KERNELS.glob("*.py")), ids=lambda path: path.name)

# --- the sources ----------------------------------------------------------------------------------------------------

COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "generated_jit", "cfunc", "stencil", "jitclass"}
DECORATORS = {"kernel", "routine", "helper"}
SIGNATURE = ["bars", "start", "stop", "base", "params", "feeds", "state", "out"]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in tree_of(path).body if isinstance(node, ast.FunctionDef)]


def decorators(function: ast.FunctionDef) -> set[str]:
    return {ast.unparse(decorator) for decorator in function.decorator_list}


def is_compiled(function: ast.FunctionDef) -> bool:
    return bool(decorators(function) & DECORATORS)


def called(node: ast.AST) -> set[str]:
    return {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}


@each_file
def test_only_one_module_compiles(path: Path) -> None:
    if path == KERNELS / "_jit.py":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "numba":
            assert not {name.name for name in node.names} & COMPILERS
        if isinstance(node, ast.Attribute):
            assert node.attr not in COMPILERS


@each_file
def test_options_of_the_compiler_stand_in_one_module(path: Path) -> None:
    used = {node.arg for node in ast.walk(tree_of(path)) if isinstance(node, ast.keyword)}
    options = {"fastmath", "boundscheck", "error_model", "nogil", "_nrt"}
    if path.is_relative_to(KERNELS):
        options |= {"parallel", "cache", "inline"}
    if path != KERNELS / "_jit.py":
        assert not used & options


@each_kernel_file
def test_whatever_takes_a_state_or_feed_is_compiled(path: Path) -> None:
    if path.name in ("_jit.py", "_types.py", "_panel.py"):
        return
    for function in functions(path):
        plain_shape = function.name.endswith("_shape") and [arg.arg for arg in function.args.args] == [
            "params"
        ]
        assert is_compiled(function) != plain_shape, function.name
        assert len(function.decorator_list) == (0 if plain_shape else 1)


@each_kernel_file
def test_kernels_neither_raise_nor_allocate(path: Path) -> None:
    for function in filter(is_compiled, functions(path)):
        forbidden = (ast.Raise, ast.Assert, ast.Try, ast.ListComp, ast.List, ast.Dict, ast.Set, ast.With)
        inside = [type(node).__name__ for node in ast.walk(function) if isinstance(node, forbidden)]
        assert not inside, function.name
        arrays = {
            f"np.{name}" for name in ("empty", "zeros", "ones", "full", "arange", "array", "concatenate")
        }
        assert not called(function) & (arrays | {"list", "dict", "set", "print"}), function.name


def test_every_registered_kernel_has_the_one_signature() -> None:
    sources = {
        function.name: function
        for path in KERNELS.glob("[!_]*.py")
        for function in functions(path)
        if "kernel" in decorators(function)
    }
    assert set(sources) == set(ict.detectors())
    for function in sources.values():
        assert [arg.arg for arg in function.args.args] == SIGNATURE
        assert not function.args.defaults
        assert not function.args.kwonlyargs


def test_helpers_are_pasted_in_and_named_after_their_build() -> None:
    tree = tree_of(KERNELS / "_jit.py")
    helper = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "helper")
    assert "inline='always'" in ast.unparse(helper)
    for entry in ict.detectors().values():
        name = getattr(entry.kernel, "py_func", entry.kernel).__qualname__
        assert name == f"{entry.name}_{_jit.BUILD_HASH}"


def test_the_hash_covers_names_contents_and_options(tmp_path: Path) -> None:
    def hashed(options: str = "", **files: str) -> str:
        for path in tmp_path.glob("*.py"):
            path.unlink()
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return _jit._source_hash(tmp_path, options)

    made = [
        hashed(a="1", b="2"),
        hashed(a="1", b="3"),
        hashed(a="2", b="1"),
        hashed(a="1", c="2"),
        hashed(a="12"),
        hashed("boundscheck", a="1", b="2"),
    ]
    assert len(set(made)) == len(made)
    assert hashed(b="2", a="1") == made[0]


# --- one build each -------------------------------------------------------------------------------------------------


def stripes(candles: ict.Candles) -> dict[str, Any]:
    """The same prices as columns of one block: strided, of single precision, and not to be written."""
    block = np.column_stack([getattr(candles, name) for name in ("open", "high", "low", "close")]).astype(
        np.float32
    )
    block.flags.writeable = False
    return dict(zip(("open", "high", "low", "close"), block.T, strict=True))


@pytest.fixture
def inputs() -> list[ict.Candles]:
    candles = ict.sample_market(["EURUSD"], bars=200)[0]
    frame = candles.to_pandas()
    single = ict.Candles.from_numpy(
        time=candles.time.view("datetime64[ns]"),
        **stripes(candles),
        symbol="EURUSD",
        timeframe="15min",
        tz="UTC",
    )
    whole = ict.Candles.from_pandas(frame.iloc[::2], symbol="EURUSD", timeframe="30min")
    return [candles, candles[17:], candles[50:51], candles[:0], single, single[3:90], whole]


@compiled
@pytest.mark.parametrize("name", list(ict.detectors()))
def test_every_kernel_has_one_build_whatever_it_is_fed(name: str, inputs: list[ict.Candles]) -> None:
    entry = ict.detectors()[name]
    for candles in inputs:
        getattr(ict, name)(candles)
    stream = ict.Stream(name)
    for start in range(0, 200, 40):
        stream.extend(inputs[0][start : start + 40])
    odd = ict.detector(
        name, **{key: one.default for key, one in entry.parameters.items() if one.kind != "feed"}
    )
    fold_batch([odd], inputs[0].bars, workers=2)
    fold_many([odd], [candles.bars for candles in inputs[:4]] * 2, 2)
    kernel: Any = entry.kernel
    panel: Any = entry.panel
    assert len(kernel.signatures) == 1
    assert len(panel.signatures) == 1


FRESH = """
import warnings
warnings.simplefilter("error")
import numpy as np
import ict_kernels as ict
from ict_kernels.panels import fold_many
entry = ict.detectors()["cisd"]
candles = ict.sample_market(["EURUSD"], bars=300)[0]
fold_many([ict.detector("cisd", min_run=np.int8(3))], [candles.bars] * 4, 2)
ict.Stream("cisd").extend(candles[:20])
ict.cisd(candles, min_run=3.0)
print(len(entry.kernel.signatures), len(entry.panel.signatures))
"""


@compiled
def test_a_fresh_process_with_an_empty_cache_builds_each_kernel_once(tmp_path: Path) -> None:
    """Panel first, warnings being errors: a parallel loop that does not run in parallel warns."""
    assert output_of(FRESH, NUMBA_CACHE_DIR=tmp_path).split() == ["1", "1"]


# --- no stale machine code --------------------------------------------------------------------------------------------

PROBE = """
import json, sys
import numpy as np
from package.kernels import _types as k
from package.kernels.structure import CisdParams, cisd, cisd_shape

def column(*values):
    array = np.array(values)
    array.flags.writeable = False
    return array

opens, closes = column(9.0, 8.0, 7.0, 6.5), column(8.0, 7.0, 6.0, 20.0)
bars = k.Bars(open=opens, high=np.maximum(opens, closes), low=np.minimum(opens, closes), close=closes)
for each in bars:
    each.flags.writeable = False
shape = cisd_shape(CisdParams(2))
none = np.empty((0, 0), np.int64)
state = k.State(
    ints=np.zeros(k.OWN_INTS + shape.own_ints, np.int64), floats=np.zeros(k.OWN_FLOATS + shape.own_floats),
    zone_ints=none, zone_floats=none.astype(float), memory_ints=none, memory_floats=none.astype(float),
)
ints, floats, log = np.zeros((9, 4), np.int64), np.zeros((9, 1)), np.full((1, 3), -7)
out = k.Out(used=np.zeros(4, np.int64), ints=ints, floats=floats, log=log)
stop = int(sys.argv[1]) if len(sys.argv) > 1 else 4
cisd(bars, 0, STOP, 0, CisdParams(2), (), state, out)
rows = int(out.used[k.ROWS])
stats = cisd.stats
print(json.dumps([ints[:rows].tolist(), floats[:rows, 0].tolist(), sum(stats.cache_hits.values())]))
"""
RIGHT = [[0, 3, 1, 2]], [9.0]
"""Bars 0 to 2 close down from 9, bar 3 closes above it: bar, confirmed, direction, end of the run; level."""


class Build:
    """A copy of the kernels under another name, in one throw-away cache for all tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "package"
        self.restore()

    def restore(self) -> None:
        shutil.rmtree(self.package, ignore_errors=True)
        shutil.copytree(KERNELS, self.package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PACKAGE / "errors.py", self.package)
        (self.package / "__init__.py").touch()

    def change(self, file: str, old: str, new: str) -> None:
        path = self.package / "kernels" / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def run(self, stop: int = 4, checked: bool = False) -> Any:
        """Rows, levels, and whether the machine code came from the cache; or the name of the error."""
        done = run_python(
            PROBE.replace("STOP", str(stop)),
            folder=self.folder,
            NUMBA_CACHE_DIR=self.folder / "cache",
            NUMBA_BOUNDSCHECK=1 if checked else None,
            NUMBA_DEBUG_CACHE=None,
        )
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
        rows, levels, hits = json.loads(done.stdout)
        return rows, levels, bool(hits)


@pytest.fixture(scope="module")
def shared_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    build = Build(tmp_path_factory.mktemp("build"))
    assert build.run() == (*RIGHT, False)
    return build


@pytest.fixture
def build(shared_build: Build) -> Iterator[Build]:
    """An unchanged copy, of which the machine code is in the cache."""
    yield shared_build
    shared_build.restore()


@compiled
def test_the_next_process_finds_the_machine_code(build: Build) -> None:
    assert build.run() == (*RIGHT, True)


@compiled
def test_a_changed_helper_in_another_file_changes_the_result(build: Build) -> None:
    build.change("_out.py", "out.ints[n, BAR] = bar", "out.ints[n, BAR] = bar + 100")
    assert build.run() == ([[100, 3, 1, 2]], [9.0], False)
    build.restore()
    assert build.run() == (*RIGHT, True)


@compiled
def test_a_changed_constant_in_another_file_changes_the_result(build: Build) -> None:
    build.change(
        "_types.py",
        "BAR, CONFIRMED, DIRECTION, OWN = 0, 1, 2, 3",
        "BAR, CONFIRMED, DIRECTION, OWN = 1, 0, 2, 3",
    )
    assert build.run() == ([[3, 0, 1, 2]], [9.0], False)


@compiled
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    open: F64\n    high: F64\n    low: F64\n    close: F64",
            "    close: F64\n    high: F64\n    low: F64\n    open: F64",
        ),
        (
            "    used: I64\n    ints: I64\n    floats: F64\n    log: I64",
            "    used: I64\n    log: I64\n    floats: F64\n    ints: I64",
        ),
    ],
    ids=["Bars", "Out"],
)
def test_swapped_fields_of_a_named_tuple_never_give_the_wrong_column(
    build: Build, old: str, new: str
) -> None:
    build.change("_types.py", old, new)
    assert build.run() == (*RIGHT, False)


@compiled
def test_checked_and_unchecked_builds_are_kept_apart(build: Build) -> None:
    """The fifth of four bars is only asked for where the check stands in front of it."""
    first = build.run(checked=True)
    assert first == (*RIGHT, False)
    assert build.run(checked=True) == (*RIGHT, True)
    assert build.run(stop=5, checked=True).startswith("IndexError: ")
    assert build.run() == (*RIGHT, True)


# --- without a cache folder -------------------------------------------------------------------------------------------


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Numba as it is where no cache folder can be written; the options it was called with."""
    calls: list[dict[str, Any]] = []

    def njit(**options: Any) -> Callable[[Any], Any]:
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")
        return lambda function: function

    monkeypatch.setattr(_jit, "njit", njit)
    _jit._warn_uncached.cache_clear()
    return calls


def test_without_a_cache_folder_kernels_are_compiled_uncached_with_one_warning(
    no_folder: list[dict[str, Any]],
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for decorate in (_jit.kernel, _jit.helper, _jit.routine):
            decorate(lambda x: x)
    assert [warning.category for warning in caught] == [ict.UncachedWarning]
    assert "set NUMBA_CACHE_DIR" in str(caught[0].message)
    assert [options.pop("cache", False) for options in no_folder] == [True, False] * 3
    assert no_folder[::2] == no_folder[1::2]  # the same options otherwise


def test_other_errors_of_the_compiler_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(**options: Any) -> Any:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(_jit, "njit", njit)
    with pytest.raises(RuntimeError, match="out of luck"):
        _jit.kernel(lambda x: x)


# --- parallel loops ---------------------------------------------------------------------------------------------------


class Plan(NamedTuple):
    bins: Any


def one_by_one(plan: Plan) -> int:
    """Nothing in here runs in parallel."""
    total = 0
    for b in range(plan.bins.size):
        total += plan.bins[b]
    return total


@compiled
def test_a_panel_that_does_not_run_in_parallel_is_an_error() -> None:
    panel = _jit.panel(one_by_one, one_by_one)
    with pytest.raises(NumbaPerformanceWarning, match="parallel"):
        panel(Plan(np.arange(3)))


@compiled
def test_panels_hold_no_interpreter_lock_and_keep_the_order_of_floats() -> None:
    entry = ict.detectors()["cisd"]
    kernel: Any = entry.kernel
    panel: Any = entry.panel
    for function, parallel in ((kernel, False), (panel, True)):
        options = function.targetoptions
        assert options["nogil"] is True
        assert options["error_model"] == "numpy"
        assert options["fastmath"] is False
        assert bool(options.get("parallel")) is parallel


def test_bars_are_handed_to_kernels_read_only() -> None:
    bars = ict.sample_market(bars=10)[0].bars
    assert isinstance(bars, Bars)
    for column in bars:
        assert column.flags.c_contiguous
        assert not column.flags.writeable
        assert column.dtype == np.float64
