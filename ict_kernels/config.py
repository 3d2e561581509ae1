"""Configuration: defaults, overridden by a JSON file, overridden by environment variables.

Every key is declared once, as a field of one of the four sections below: its default gives the type, its
metadata the meaning and the allowed range. Reading, checking and the JSON Schema follow from those
declarations.

Examples
--------
>>> from ict_kernels.config import load_config
>>> config = load_config(environ={"ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE": "8"})
>>> config.detector_pool.max_pool_size
8
>>> config.batch_processing.max_buffer_size.bytes
50000000
"""

from __future__ import annotations

import difflib
import json
import numbers
import os
import re
import reprlib
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from ict_kernels.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "BatchProcessing",
    "ByteSize",
    "CacheOptimization",
    "Config",
    "DetectorPool",
    "PerformanceTargets",
    "json_schema",
    "load_config",
]

PREFIX = "ICT_KERNELS_"
FILE_VARIABLE = f"{PREFIX}CONFIG"
LOCATION_VARIABLE = f"{PREFIX}CACHE_DIR"
_OTHER_VARIABLES = (FILE_VARIABLE, LOCATION_VARIABLE)  # of the package, and no keys

_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}
_UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)}
_SIZE_PATTERN = r"^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(B|[KMGT]i?B)?$"
_SWITCHES = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)

T = TypeVar("T")


class ByteSize(int):
    """A number of bytes, written as an integer or as text with a unit.

    ``KB MB GB TB`` are powers of 1000, ``KiB MiB GiB TiB`` powers of 1024; fractions of a byte are cut off.

    Parameters
    ----------
    value : int or str
        Bytes, or text such as ``"50MB"``, ``"1.5GB"`` or ``"512KiB"``.

    Raises
    ------
    ConfigError
        If the text is not a size, or the size is negative.

    Examples
    --------
    >>> ByteSize("1.5GB").bytes
    1500000000
    >>> ByteSize(524288)
    ByteSize('512KiB')
    """

    def __new__(cls, value: int | str) -> Self:
        """Read the text, if it is text."""
        size = _bytes_of(value) if isinstance(value, str) else int(value)
        if size < 0:
            raise ConfigError(f"{size} bytes: a size cannot be negative")
        return super().__new__(cls, size)

    @property
    def bytes(self) -> int:
        """The size as a plain integer.

        Examples
        --------
        >>> ByteSize("2KB").bytes
        2000
        """
        return int(self)

    def __str__(self) -> str:
        """Return the shortest exact text, which reads back as the same size."""
        texts = [f"{self // scale}{unit}" for unit, scale in _UNITS.items() if unit and self % scale == 0]
        return min(texts, key=len) if self else "0B"

    def __repr__(self) -> str:
        """Return an expression that builds the size."""
        return f"ByteSize({str(self)!r})"


def _bytes_of(text: str) -> int:
    match = re.fullmatch(_SIZE_PATTERN, text)
    if match is None:
        raise ConfigError(
            f"{reprlib.repr(text)} is not a size; write bytes or a unit, as in 50MB, 1.5GB or 512KiB"
        )
    number, unit = match.groups()
    return int(Fraction(number) * _UNITS[unit or ""])


def _about(meaning: str, minimum: float | None = None, maximum: float | None = None) -> dict[str, Any]:
    """Describe a key: its meaning and inclusive range."""
    return {"meaning": meaning, "minimum": minimum, "maximum": maximum}


@dataclass(frozen=True)
class _Section:
    """A named group of keys that are checked on construction."""

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for key in fields(self):
            object.__setattr__(self, key.name, _checked(self.name, key, getattr(self, key.name), source=""))


@dataclass(frozen=True)
class DetectorPool(_Section):
    """Section ``detector_pool``: how many detectors are kept ready.

    Examples
    --------
    >>> DetectorPool(max_pool_size=8).min_pool_size
    2
    """

    name: ClassVar[str] = "detector_pool"

    max_pool_size: int = field(
        default=4,
        metadata=_about("Most detectors kept ready; never more than there are processors.", 1, 1024),
    )
    min_pool_size: int = field(
        default=2,
        metadata=_about("Detectors kept ready when there is little work; at most max_pool_size.", 1, 1024),
    )
    adaptive_sizing: bool = field(
        default=True,
        metadata=_about("Let the pool grow and shrink between both sizes with the load."),
    )

    def __post_init__(self) -> None:
        """Check each key, then the two sizes against each other."""
        super().__post_init__()
        if self.min_pool_size > self.max_pool_size:
            raise ConfigError(
                f"detector_pool.min_pool_size = {self.min_pool_size} is above "
                f"detector_pool.max_pool_size = {self.max_pool_size}; lower the former or raise the latter"
            )


@dataclass(frozen=True)
class BatchProcessing(_Section):
    """Section ``batch_processing``: how reads and writes are grouped.

    Examples
    --------
    >>> BatchProcessing(max_buffer_size=ByteSize("64MiB")).max_buffer_size.bytes
    67108864
    """

    name: ClassVar[str] = "batch_processing"

    batch_size: int = field(
        default=100,
        metadata=_about("Requests or results handled together.", 1, 1_000_000),
    )
    max_buffer_size: ByteSize = field(
        default=ByteSize("50MB"),
        metadata=_about("Most memory held by buffered reads and writes.", ByteSize("1KB"), ByteSize("1TB")),
    )
    async_threshold: int = field(
        default=10,
        metadata=_about("Fewest requests for which reading overlaps computing.", 1, 1_000_000),
    )


@dataclass(frozen=True)
class CacheOptimization(_Section):
    """Section ``cache_optimization``: what is kept of earlier results.

    Examples
    --------
    >>> CacheOptimization(cache_ttl_seconds=60).compression_enabled
    True
    """

    name: ClassVar[str] = "cache_optimization"

    max_cache_size: ByteSize = field(
        default=ByteSize("200MB"),
        metadata=_about("Most disk space that cached results take.", ByteSize("1KB"), ByteSize("100TB")),
    )
    cache_ttl_seconds: int = field(
        default=3600,
        metadata=_about("Seconds after which a cached result is dropped.", 1, 315_360_000),
    )
    compression_enabled: bool = field(
        default=True,
        metadata=_about("Compress cached results where that saves space."),
    )
    max_memory_size: ByteSize = field(
        default=ByteSize("100MB"),
        metadata=_about("Most memory that cached results take.", ByteSize("1KB"), ByteSize("100TB")),
    )
    max_cache_entries: int = field(
        default=10_000,
        metadata=_about("Most cached results on disk.", 1, 100_000_000),
    )


@dataclass(frozen=True)
class PerformanceTargets(_Section):
    """Section ``performance_targets``: what the benchmarks must reach.

    Examples
    --------
    >>> PerformanceTargets().total_analysis_max_seconds
    3.0
    """

    name: ClassVar[str] = "performance_targets"

    parallel_speedup_min: float = field(
        default=2.0,
        metadata=_about("Least speed-up over the single-threaded original.", 0.1, 1024.0),
    )
    total_analysis_max_seconds: float = field(
        default=3.0,
        metadata=_about("Longest total analysis, in seconds.", 0.001, 86_400.0),
    )
    memory_max_mb: int = field(
        default=500,
        metadata=_about("Most resident memory, in megabytes.", 1, 16_777_216),
    )


@dataclass(frozen=True)
class Config:
    """The whole configuration, immutable and checked.

    Examples
    --------
    >>> Config().cache_optimization.max_cache_size
    ByteSize('200MB')
    >>> Config(detector_pool=DetectorPool(max_pool_size=1))
    Traceback (most recent call last):
        ...
    ict_kernels.errors.ConfigError: detector_pool.min_pool_size = 2 is above detector_pool.max_pool_size...
    """

    detector_pool: DetectorPool = field(default_factory=DetectorPool)
    batch_processing: BatchProcessing = field(default_factory=BatchProcessing)
    cache_optimization: CacheOptimization = field(default_factory=CacheOptimization)
    performance_targets: PerformanceTargets = field(default_factory=PerformanceTargets)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the configuration as the JSON file writes it, sizes as text.

        Examples
        --------
        >>> Config().to_dict()["batch_processing"]
        {'batch_size': 100, 'max_buffer_size': '50MB', 'async_threshold': 10}
        """
        return {section: _json_form(keys) for section, keys in asdict(self).items()}


_SECTIONS: dict[str, type[_Section]] = {
    section.name: section
    for section in (DetectorPool, BatchProcessing, CacheOptimization, PerformanceTargets)
}


class _Setting(NamedTuple):
    """A checked value and the file or variable that gave it."""

    value: Any
    source: str


_Settings = dict[str, dict[str, _Setting]]


def load_config(
    path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Config:
    """Read the configuration: defaults, then a JSON file, then environment variables.

    Parameters
    ----------
    path : path-like, optional
        The JSON file. By default the one that ``ICT_KERNELS_CONFIG`` names, if any.
    environ : mapping, default ``os.environ``
        Where ``ICT_KERNELS_<SECTION>_<KEY>`` overrides a key of the file.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        If the file cannot be read or is not valid JSON, or a section, key, variable, type or value is not allowed.
        The message names the key, the value, the file or variable it came from, and what is allowed.

    Examples
    --------
    >>> load_config(environ={}) == Config()
    True
    >>> environ = {"ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_SIZE": "1GiB"}
    >>> load_config(environ=environ).cache_optimization.max_cache_size
    ByteSize('1GiB')
    >>> load_config(environ={"ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE": "0"})
    Traceback (most recent call last):
        ...
    ict_kernels.errors.ConfigError: detector_pool.max_pool_size = 0 (from ICT_KERNELS_...): expected ...
    """
    file = path if path is not None else environ.get(FILE_VARIABLE)
    settings: _Settings = {name: {} for name in _SECTIONS}
    if file:
        _read_file(_expanded(file), settings)
    _read_environment(environ, settings)
    sections: dict[str, Any] = {name: _build(section, settings[name]) for name, section in _SECTIONS.items()}
    return Config(**sections)


def json_schema() -> dict[str, Any]:
    """Describe the JSON file as a JSON Schema (2020-12), derived from the declared keys.

    Examples
    --------
    >>> json_schema()["properties"]["detector_pool"]["properties"]["min_pool_size"]["maximum"]
    1024
    """
    sections = {name: _section_schema(section) for name, section in _SECTIONS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of ict_kernels",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, **sections},
        "additionalProperties": False,
    }


def _section_schema(section: type[_Section]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: _key_schema(key) for key in fields(section)},
        "additionalProperties": False,
    }


def _key_schema(key: Field[Any]) -> dict[str, Any]:
    kind = _kind(key)
    default = str(key.default) if kind is ByteSize else key.default
    schema: dict[str, Any] = {"description": key.metadata["meaning"], "default": default}
    if kind is bool:
        return schema | {"type": "boolean"}
    limits = {"minimum": key.metadata["minimum"], "maximum": key.metadata["maximum"]}
    if kind is ByteSize:
        # A pattern cannot bound a size, so the description carries the range of the text form.
        schema["description"] += f" From {limits['minimum']} to {limits['maximum']}."
        whole = {"type": "integer"} | {bound: size.bytes for bound, size in limits.items()}
        return schema | {"anyOf": [whole, {"type": "string", "pattern": _SIZE_PATTERN}]}
    return schema | {"type": "integer" if kind is int else "number"} | limits


def _read_file(path: Path, settings: _Settings) -> None:
    source = f"from {path}"
    for name, keys in _expect_object(_parse(path), str(path)).items():
        if name == "$schema":
            continue
        section = _lookup(name, _SECTIONS, f"section {name!r} in {path}")
        declared = {key.name: key for key in fields(section)}
        for key_name, value in _expect_object(keys, f"{name} in {path}").items():
            key = _lookup(key_name, declared, f"key {name}.{key_name} in {path}")
            settings[name][key_name] = _Setting(_checked(name, key, value, source), source)


def _read_environment(environ: Mapping[str, str], settings: _Settings) -> None:
    declared = {
        f"{PREFIX}{name}_{key.name}".upper(): (name, key)
        for name, section in _SECTIONS.items()
        for key in fields(section)
    }
    known = declared | dict.fromkeys(_OTHER_VARIABLES)
    for variable in (variable for variable in environ if variable.startswith(PREFIX)):
        found = _lookup(variable, known, f"environment variable {variable}")
        if found is None:
            continue
        name, key = found
        value = _from_text(key, environ[variable])
        settings[name][key.name] = _Setting(
            _checked(name, key, value, f"from {variable}"), f"from {variable}"
        )


def _json_form(keys: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, ByteSize) else value for name, value in keys.items()}


def _expanded(file: str | os.PathLike[str]) -> Path:
    try:
        return Path(file).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"cannot tell where {file} is ({error}); name the file without ~, or unset {FILE_VARIABLE}"
        ) from error


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: invalid JSON: {error.msg}"
        ) from error
    except OSError as error:
        reason = "is a directory" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise ConfigError(f"{path} {reason}; name a readable JSON file, or unset {FILE_VARIABLE}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: invalid JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key written twice, of which ``json`` would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} is given twice; keep one")
    return found


def _expect_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} is {reprlib.repr(value)}; expected an object, as in {{...}}")
    return value


def _lookup(name: str, known: Mapping[str, T], what: str) -> T:
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    raise ConfigError(f"unknown {what}; {hint}")


def _kind(key: Field[Any]) -> type[Any]:
    return type(key.default)


def _from_text(key: Field[Any], text: str) -> Any:
    """Turn the text of a variable into the key's type; leave what cannot be turned to the check."""
    kind = _kind(key)
    if kind is bool:
        return _SWITCHES.get(text.strip().lower(), text)
    if kind is ByteSize:
        return text.strip()
    try:
        return kind(text)
    except ValueError:
        return text


def _checked(section: str, key: Field[Any], value: Any, source: str) -> Any:
    """Return ``value`` in the key's type, or raise naming key, value, source and what is allowed."""
    kind = _kind(key)
    try:
        number = _coerced(kind, value)
        if kind is bool or key.metadata["minimum"] <= number <= key.metadata["maximum"]:
            return kind(number)
    except (TypeError, ConfigError):
        pass
    origin = f" ({source})" if source else ""
    raise ConfigError(
        f"{section}.{key.name} = {reprlib.repr(value)}{origin}: expected {_expected(key)}"
    ) from None


def _coerced(kind: type[Any], value: Any) -> Any:
    """Return ``value`` if its JSON type fits ``kind``: 1.0 is an integer, true is no number."""
    if kind is ByteSize and isinstance(value, str):
        return ByteSize(value)
    if isinstance(value, bool) or kind is bool:
        fits = kind is type(value)
    else:
        fits = isinstance(value, numbers.Real) if kind is float else _is_whole(value)
    if not fits:
        raise TypeError(value)
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer())


def _expected(key: Field[Any]) -> str:
    names = {
        bool: "true or false",
        int: "an integer",
        float: "a number",
        ByteSize: "a size (bytes, or text such as '50MB' or '512KiB')",
    }
    text = names[_kind(key)]
    if key.metadata["minimum"] is None:
        return text
    return f"{text} from {key.metadata['minimum']} to {key.metadata['maximum']}"


def _build(section: type[_Section], settings: dict[str, _Setting]) -> _Section:
    try:
        return section(**{name: setting.value for name, setting in settings.items()})
    except ConfigError as error:
        origins = ", ".join(f"{name} {setting.source}" for name, setting in settings.items())
        raise ConfigError(f"{error} ({origins}; all other keys have their defaults)") from None


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
