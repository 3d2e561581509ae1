"""Putting the accelerated classes in place of the originals inside a running engine, and taking them out again."""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import inspect
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from ...errors import ParameterError

__all__ = [
    "InstallReport",
    "Replacement",
    "install",
    "installed",
    "original",
    "uninstall",
    "with_collaborators",
]

Status = Literal["replaced", "pending", "kept", "restored"]
SOURCES = "01-CORE"


@dataclass(frozen=True)
class Replacement:
    """What became of one name of one of the engine's modules.

    Attributes
    ----------
    module, name : str
        ``smart_money_concepts.fair_value_gaps`` and ``FairValueGapDetector``, say.
    status : {"replaced", "pending", "kept", "restored"}
        ``pending``: the engine has not imported the module yet; it is replaced when it does. ``kept``: the original
        stays.
    reason : str
        Why the original stays, or where else it was replaced.

    Examples
    --------
    >>> str(Replacement("analysis.poi_system", "POISystem", "kept", "not a class or function"))
    'kept      analysis.poi_system.POISystem: not a class or function'
    """

    module: str
    name: str
    status: Status
    reason: str = ""

    def __str__(self) -> str:
        text = f"{self.status:9} {self.module}.{self.name}"
        return f"{text}: {self.reason}" if self.reason else text


class InstallReport(Sequence[Replacement]):
    """What :func:`install` or :func:`uninstall` did, a line a name; printing it shows all of them.

    Examples
    --------
    >>> report = InstallReport([Replacement("analysis.poi_system", "POIType", "replaced")])
    >>> len(report.replaced), len(report.kept), print(report)
    replaced  analysis.poi_system.POIType
    (1, 0, None)
    """

    def __init__(self, entries: Iterable[Replacement] = ()) -> None:
        self._entries = list(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: Any) -> Any:
        return self._entries[at]

    def __str__(self) -> str:
        return "\n".join(map(str, self._entries))

    def _with(self, status: Status) -> list[Replacement]:
        return [entry for entry in self._entries if entry.status == status]

    @property
    def replaced(self) -> list[Replacement]:
        """Names that are ours now."""
        return self._with("replaced")

    @property
    def pending(self) -> list[Replacement]:
        """Names that will be ours when the engine imports their module."""
        return self._with("pending")

    @property
    def kept(self) -> list[Replacement]:
        """Names that are still the original's, and why."""
        return self._with("kept")


@dataclass
class _Change:
    """One attribute of one module that was set, and what it was."""

    module: ModuleType
    attribute: str
    before: Any
    after: Any


class _Installation:
    """Everything that one call of :func:`install` changed."""

    def __init__(self, sources: Path, given: Mapping[str, Any], modules: Mapping[str, str]) -> None:
        self.sources = sources
        self.given = given
        self.modules = modules
        self.originals: dict[str, Any] = {}
        self.changes: list[_Change] = []
        self.entries: dict[str, list[Replacement]] = {}
        self.finder = _Finder(self)
        self._inside: dict[str, bool] = {}

    def belongs(self, module: ModuleType) -> bool:
        """Whether a module was loaded from the engine's sources."""
        file = str(getattr(module, "__file__", None) or "")
        if file not in self._inside:
            self._inside[file] = bool(file) and Path(file).resolve().is_relative_to(self.sources)
        return self._inside[file]

    def announce(self, name: str) -> list[Replacement]:
        """Say what will be replaced in a module that the engine has not imported yet."""
        if _source_of(self.sources, name) is None:
            return [Replacement(name, "*", "kept", "the engine has no such module")]
        ours = _ours(self.modules[name])
        return [
            Replacement(name, public, "pending", "the engine has not imported the module yet")
            for public in ours.__all__
        ]

    def replace(self, module: ModuleType, name: str) -> list[Replacement]:
        """Replace in one loaded module, and wherever else the engine holds the same objects."""
        ours = _ours(self.modules[name])
        entries: list[Replacement] = []
        swaps: dict[int, tuple[Any, Any]] = {}
        for public in ours.__all__:
            before = getattr(module, public, None)
            reason = _why_not(module, public, before)
            if reason:
                entries.append(Replacement(name, public, "kept", reason))
                continue
            after = with_collaborators(getattr(ours, public), self.given)
            self.originals[f"{name}.{public}"] = before
            swaps[id(before)] = (before, swaps.get(id(before), (None, after))[1])
            entries.append(Replacement(name, public, "replaced"))
        entries += [
            Replacement(name, other, "kept", "no counterpart here")
            for other, value in vars(module).items()
            if _defined_in(module, value) and not other.startswith("_") and other not in ours.__all__
        ]
        self._swap(swaps)
        self.entries[name] = entries
        return entries

    def _swap(self, swaps: Mapping[int, tuple[Any, Any]]) -> None:
        for holder in list(sys.modules.values()):
            if not isinstance(holder, ModuleType) or not self.belongs(holder):
                continue
            for attribute, value in list(vars(holder).items()):
                before, after = swaps.get(id(value), (None, None))
                if after is not None and value is before:
                    self.changes.append(_Change(holder, attribute, before, after))
                    setattr(holder, attribute, after)

    def restore(self) -> Iterator[Replacement]:
        """Put the originals back, unless somebody else has replaced ours since."""
        for change in reversed(self.changes):
            where = change.module.__name__
            if getattr(change.module, change.attribute, None) is change.after:
                setattr(change.module, change.attribute, change.before)
                yield Replacement(where, change.attribute, "restored")
            else:
                yield Replacement(
                    where, change.attribute, "kept", "something else was put in its place since"
                )


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the engine import its own module, then replaces in it."""

    def __init__(self, installation: _Installation) -> None:
        self._installation = installation

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._installation.modules:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.origin is None:
            return None
        if not Path(spec.origin).resolve().is_relative_to(self._installation.sources):
            return None
        spec.loader = _Loader(spec.loader, self._installation)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, installation: _Installation) -> None:
        self._loader, self._installation = loader, installation

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        with _lock:
            if _current is self._installation:
                self._installation.replace(module, module.__name__)


_lock = threading.RLock()
_current: _Installation | None = None


def install(
    engine_root: str | Path, *, modules: Iterable[str] | None = None, **collaborators: Any
) -> InstallReport:
    """Put the accelerated classes and functions in place of the engine's own, in this process.

    They are replaced by name in the module that defines them and, since the engine's modules import from each other,
    wherever else in the engine's loaded modules the same object is held. Modules that the engine imports later are
    replaced as they come. Objects that were made before keep their class, so install before detectors are made.
    Nothing on disk is touched.

    Parameters
    ----------
    engine_root : str or Path
        The engine's checkout, the folder that holds ``01-CORE``.
    modules : iterable of str, optional
        Which of our modules to install (keys of :data:`~ict_kernels.adapters.ict_engine.ORIGINALS`); all by default.
    **collaborators
        What detectors get where their constructor takes it and the engine does not pass it: ``memory`` (also where
        the constructor calls it ``memory_system``), ``logger``, ``data_manager``, ``clock``, ``history``,
        ``tolerant``, ``strict``.

    Returns
    -------
    InstallReport
        What was replaced, what will be, and what was not and why.

    Raises
    ------
    ParameterError
        If the folder is no engine, a module is unknown, or something is installed already.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as engine:
    ...     package = Path(engine, "01-CORE", "smart_money_concepts")
    ...     package.mkdir(parents=True)
    ...     _ = (package / "fair_value_gaps.py").write_text("class FairValueGapDetector: ...")
    ...     report = install(engine, modules=["fair_value_gaps"])
    ...     _ = uninstall()
    >>> print(report.pending[0])
    pending   smart_money_concepts.fair_value_gaps.FVGDirection: the engine has not imported the module yet
    """
    global _current
    sources = Path(engine_root).expanduser().resolve() / SOURCES
    if not sources.is_dir():
        raise ParameterError(
            f"{engine_root} holds no folder {SOURCES}; give the root of the engine's checkout"
        )
    chosen = _chosen(modules)
    with _lock:
        if _current is not None:
            raise ParameterError(f"installed already, in {_current.sources.parent}; call uninstall() first")
        installation = _Installation(sources, collaborators, chosen)
        entries: list[Replacement] = []
        for name in chosen:
            module = sys.modules.get(name)
            loaded = module is not None and installation.belongs(module)
            entries += (
                installation.replace(module, name) if loaded and module else installation.announce(name)
            )
        sys.meta_path.insert(0, installation.finder)
        _current = installation
    return InstallReport(entries)


def uninstall() -> InstallReport:
    """Put the engine's own classes and functions back.

    Returns
    -------
    InstallReport
        A line for every name that was put back, and for those that somebody else has replaced since.

    Examples
    --------
    >>> len(uninstall())
    0
    """
    global _current
    with _lock:
        if _current is None:
            return InstallReport()
        installation, _current = _current, None
        if installation.finder in sys.meta_path:
            sys.meta_path.remove(installation.finder)
        return InstallReport(installation.restore())


def installed() -> InstallReport:
    """Return what is installed at the moment: modules imported since :func:`install` included.

    Returns
    -------
    InstallReport

    Examples
    --------
    >>> len(installed())
    0
    """
    with _lock:
        if _current is None:
            return InstallReport()
        names = list(_current.modules)
        return InstallReport(
            entry for name in names for entry in _current.entries.get(name) or _current.announce(name)
        )


def original(name: str) -> Any:
    """Return the engine's own class or function while ours stands in its place.

    Parameters
    ----------
    name : str
        Module and name, ``smart_money_concepts.fair_value_gaps.FairValueGapDetector`` say.

    Returns
    -------
    object

    Raises
    ------
    ParameterError
        If it is not replaced.

    Examples
    --------
    >>> original("smart_money_concepts.fair_value_gaps.FairValueGapDetector")
    Traceback (most recent call last):
    ict_kernels.errors.ParameterError: smart_money_concepts.fair_value_gaps.FairValueGapDetector is not replaced
    """
    with _lock:
        if _current is None or name not in _current.originals:
            raise ParameterError(f"{name} is not replaced")
        return _current.originals[name]


def _chosen(modules: Iterable[str] | None) -> dict[str, str]:
    """Map the engine's module names to ours."""
    from . import ORIGINALS

    wanted = list(ORIGINALS) if modules is None else list(modules)
    unknown = [name for name in wanted if name not in ORIGINALS]
    if unknown:
        raise ParameterError(f"no module {', '.join(unknown)}; there are {', '.join(ORIGINALS)}")
    return {ORIGINALS[name]: name for name in wanted}


def _ours(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


def _source_of(sources: Path, name: str) -> Path | None:
    path = sources.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _defined_in(module: ModuleType, value: Any) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module.__name__


def _why_not(module: ModuleType, name: str, value: Any) -> str:
    """Why a name of ours does not replace the engine's; empty when it does."""
    if not hasattr(module, name):
        return "the engine's module has no such name"
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return "not a class or function"
    if not _defined_in(module, value):
        return f"the engine takes it from {value.__module__}"
    return ""


def with_collaborators(ours: Any, given: Mapping[str, Any]) -> Any:
    """Return a class or function of ours that gets what it takes of ``given``, unless its caller passes it."""
    signature = inspect.signature(ours.__init__ if inspect.isclass(ours) else ours)
    # The engine's own name for a memory, where its constructors take one.
    offered = {**given, "memory_system": given["memory"]} if "memory" in given else given
    accepted = {name: offered[name] for name in signature.parameters if name in offered}
    if not accepted:
        return ours

    def completed(*args: Any, **kwargs: Any) -> dict[str, Any]:
        passed = signature.bind_partial(*args, **kwargs).arguments
        return {name: value for name, value in accepted.items() if name not in passed} | kwargs

    if not inspect.isclass(ours):

        @functools.wraps(ours)
        def call(*args: Any, **kwargs: Any) -> Any:
            return ours(*args, **completed(*args, **kwargs))

        return call

    @functools.wraps(ours.__init__)
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        ours.__init__(self, *args, **completed(self, *args, **kwargs))

    return type(
        ours.__name__, (ours,), {"__init__": start, "__doc__": ours.__doc__, "__module__": ours.__module__}
    )
