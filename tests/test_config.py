"""The configuration: defaults, file, environment, and the schema that describes the file."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ict_kernels.config import (
    LOCATION_VARIABLE,
    BatchProcessing,
    ByteSize,
    Config,
    DetectorPool,
    PerformanceTargets,
    json_schema,
    load_config,
)
from ict_kernels.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[1] / "config"
SECTIONS = {name: list(keys) for name, keys in Config().to_dict().items()}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write_file(content: Any) -> Path:
        path = tmp_path / "settings.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_file


def refusal(content: Any, write: Any, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(content), environ=environ or {})
    return str(caught.value)


# ---- defaults ------------------------------------------------------------------------------


def test_defaults_are_those_of_the_plan_and_two_of_our_own() -> None:
    assert load_config(environ={}).to_dict() == {
        "detector_pool": {"max_pool_size": 4, "min_pool_size": 2, "adaptive_sizing": True},
        "batch_processing": {"batch_size": 100, "max_buffer_size": "50MB", "async_threshold": 10},
        "cache_optimization": {
            "max_cache_size": "200MB",
            "cache_ttl_seconds": 3600,
            "compression_enabled": True,
            "max_memory_size": "100MB",
            "max_cache_entries": 10_000,
        },
        "performance_targets": {
            "parallel_speedup_min": 2.0,
            "total_analysis_max_seconds": 3.0,
            "memory_max_mb": 500,
        },
    }


def test_shipped_file_holds_the_defaults() -> None:
    path = FOLDER / "optimization_config.json"
    assert load_config(path, environ={}) == Config()
    shipped = json.loads(path.read_text(encoding="utf-8"))
    assert shipped.pop("$schema") == "./optimization_config.schema.json"
    assert shipped == Config().to_dict()


def test_config_is_frozen_hashable_and_picklable() -> None:
    config = Config()
    with pytest.raises(FrozenInstanceError):
        config.detector_pool.max_pool_size = 1  # type: ignore[misc]
    assert hash(config) == hash(Config())
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config


# ---- schema --------------------------------------------------------------------------------


def test_shipped_schema_is_up_to_date() -> None:
    shipped = (FOLDER / "optimization_config.schema.json").read_text(encoding="utf-8")
    assert shipped == json.dumps(json_schema(), indent=2) + "\n", (
        "regenerate: python -m ict_kernels.config > config/optimization_config.schema.json"
    )


def test_shipped_file_validates() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(
        json.loads((FOLDER / "optimization_config.json").read_text(encoding="utf-8")), json_schema()
    )


def test_schema_declares_every_key() -> None:
    for name, section in json_schema()["properties"].items():
        if name == "$schema":
            continue
        assert list(section["properties"]) == SECTIONS[name]
        assert section["additionalProperties"] is False
        for schema in section["properties"].values():
            assert {"description", "default"} <= schema.keys()


@given(
    where=st.sampled_from([(name, key) for name, keys in SECTIONS.items() for key in keys]),
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2000),
        st.integers(),
        st.floats(allow_nan=False),  # JSON has none
        st.text(max_size=5),
        st.sampled_from(["50MB", "1.5GB", "2 KiB", "50mb", "50MB\n", "-1MB"]),
        st.lists(st.integers(), max_size=1),
    ),
)
def test_schema_and_loader_agree(tmp_path_factory: Any, where: tuple[str, str], value: Any) -> None:
    section, key = where
    # A schema cannot say how the two pool sizes relate, nor (below) how large a size given as text may be.
    pool = {"max_pool_size": 1024, "min_pool_size": 1}
    content = {section: ({**pool, key: value} if section == "detector_pool" else {key: value})}
    path = tmp_path_factory.mktemp("config") / "settings.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    valid = jsonschema.Draft202012Validator(json_schema()).is_valid(json.loads(path.read_text("utf-8")))
    if valid and not isinstance(value, str):
        load_config(path, environ={})
    elif not valid:
        with pytest.raises(ConfigError):
            load_config(path, environ={})


# ---- file ----------------------------------------------------------------------------------


def test_file_overrides_defaults_key_by_key(write: Any) -> None:
    config = load_config(write({"detector_pool": {"max_pool_size": 8}}), environ={})
    assert config == Config(detector_pool=DetectorPool(max_pool_size=8))


def test_file_may_be_named_by_the_environment(write: Any) -> None:
    path = write({"performance_targets": {"memory_max_mb": 64}})
    config = load_config(environ={"ICT_KERNELS_CONFIG": str(path)})
    assert config.performance_targets.memory_max_mb == 64


def test_path_wins_over_the_environment(write: Any, tmp_path: Path) -> None:
    path = write({"batch_processing": {"batch_size": 7}})
    config = load_config(path, environ={"ICT_KERNELS_CONFIG": str(tmp_path / "absent.json")})
    assert config.batch_processing.batch_size == 7


def test_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}", encoding="utf-8-sig")
    assert load_config(path, environ={}) == Config()


def test_whole_floats_are_integers_and_integers_are_floats(write: Any) -> None:
    path = write(
        {"batch_processing": {"batch_size": 7.0}, "performance_targets": {"parallel_speedup_min": 3}}
    )
    config = load_config(path, environ={})
    assert type(config.batch_processing.batch_size) is int
    assert type(config.performance_targets.parallel_speedup_min) is float


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.json cannot be read .*; name a readable JSON file"):
        load_config(tmp_path / "absent.json", environ={})


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load_config(tmp_path, environ={})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"detector_pool":\n  max_pool_size}', "line 2, column 3: invalid JSON"),
        ("", "line 1, column 1"),
        ('{"detector_pool": {}, "detector_pool": {}}', "'detector_pool' is given twice"),
        ("[" * 100_000, "invalid JSON"),
        ("9" * 5000, "invalid JSON"),
        ("[1]", r"is \[1\]; expected an object"),
        ('{"detector_pool": 4}', "detector_pool in .* is 4; expected an object"),
    ],
)
def test_malformed_file(write: Any, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(write(content), environ={})


def test_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="invalid JSON"):
        load_config(path, environ={})


def test_unknown_section_with_hint(write: Any) -> None:
    message = refusal({"detector_pol": {}}, write)
    assert "unknown section 'detector_pol'" in message
    assert "did you mean 'detector_pool'?" in message


def test_unknown_key_with_hint(write: Any) -> None:
    message = refusal({"detector_pool": {"max_pol_size": 3}}, write)
    assert "unknown key detector_pool.max_pol_size in" in message
    assert "did you mean 'max_pool_size'?" in message


def test_unknown_key_without_likeness_lists_the_known(write: Any) -> None:
    message = refusal({"detector_pool": {"zzz": 3}}, write)
    assert "known are max_pool_size, min_pool_size, adaptive_sizing" in message


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("detector_pool", "max_pool_size", 0, "an integer from 1 to 1024"),
        ("detector_pool", "max_pool_size", 1025, "an integer from 1 to 1024"),
        ("detector_pool", "max_pool_size", 2.5, "an integer from 1 to 1024"),
        ("detector_pool", "max_pool_size", True, "an integer from 1 to 1024"),
        ("detector_pool", "max_pool_size", "4", "an integer from 1 to 1024"),
        ("detector_pool", "max_pool_size", None, "an integer from 1 to 1024"),
        ("detector_pool", "adaptive_sizing", 1, "true or false"),
        ("detector_pool", "adaptive_sizing", "true", "true or false"),
        ("performance_targets", "parallel_speedup_min", float("nan"), "a number from 0.1 to 1024.0"),
        ("performance_targets", "parallel_speedup_min", float("inf"), "a number from 0.1 to 1024.0"),
        ("performance_targets", "parallel_speedup_min", 10**400, "a number from 0.1 to 1024.0"),
        ("performance_targets", "parallel_speedup_min", False, "a number from 0.1 to 1024.0"),
        ("batch_processing", "max_buffer_size", "50 megabytes", "a size"),
        ("batch_processing", "max_buffer_size", "2TB", "from 1KB to 1TB"),
        ("batch_processing", "max_buffer_size", 10, "from 1KB to 1TB"),
        ("batch_processing", "max_buffer_size", -1, "from 1KB to 1TB"),
        ("batch_processing", "max_buffer_size", [], "from 1KB to 1TB"),
    ],
)
def test_refused_value_names_key_value_source_and_range(
    write: Any, section: str, key: str, value: Any, expected: str
) -> None:
    message = refusal({section: {key: value}}, write)
    assert message.startswith(f"{section}.{key} = ")
    assert "settings.json): expected " in message
    assert expected in message


# ---- environment ---------------------------------------------------------------------------


def test_environment_overrides_the_file(write: Any) -> None:
    path = write({"detector_pool": {"max_pool_size": 8, "min_pool_size": 3}})
    config = load_config(path, environ={"ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE": "16"})
    assert config.detector_pool == DetectorPool(max_pool_size=16, min_pool_size=3)


def test_environment_texts_take_the_type_of_the_key() -> None:
    config = load_config(
        environ={
            "ICT_KERNELS_DETECTOR_POOL_ADAPTIVE_SIZING": "Off",
            "ICT_KERNELS_BATCH_PROCESSING_MAX_BUFFER_SIZE": "1.5GB",
            "ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_SIZE": "4096",
            "ICT_KERNELS_PERFORMANCE_TARGETS_PARALLEL_SPEEDUP_MIN": "2.5",
        }
    )
    assert config.detector_pool.adaptive_sizing is False
    assert config.batch_processing.max_buffer_size == 1_500_000_000
    assert config.cache_optimization.max_cache_size == 4096
    assert config.performance_targets.parallel_speedup_min == 2.5


@pytest.mark.parametrize("text", ["", "many", "0", "1.5", "9" * 5000])
def test_refused_variable_is_named(text: str) -> None:
    variable = "ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE"
    with pytest.raises(ConfigError, match=rf"detector_pool\.max_pool_size = .* \(from {variable}\)"):
        load_config(environ={variable: text})


def test_refused_switch() -> None:
    with pytest.raises(ConfigError, match=r"'perhaps' .*: expected true or false"):
        load_config(environ={"ICT_KERNELS_DETECTOR_POOL_ADAPTIVE_SIZING": "perhaps"})


def test_unknown_variable_of_a_known_section() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE'"):
        load_config(environ={"ICT_KERNELS_DETECTOR_POOL_MAX_POOLSIZE": "4"})


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("ICT_KERNELS_CACHE_DIRS", "ICT_KERNELS_CACHE_DIR"),
        ("ICT_KERNELS_CONFIGS", "ICT_KERNELS_CONFIG"),
        ("ICT_KERNELS_CACHE_MAX_CACHE_SIZE", "ICT_KERNELS_CACHE_OPTIMIZATION_MAX_CACHE_SIZE"),
    ],
)
def test_unknown_variable_of_no_section(variable: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown environment variable {variable}; did you mean '{meant}'"):
        load_config(environ={variable: "4"})


def test_other_variables_are_left_alone() -> None:
    others = {LOCATION_VARIABLE: "x", "ICT_KERNELS_CONFIG": "", "ICT_KERNEL": "x", "NUMBA_CACHE_DIR": "x"}
    assert load_config(environ=others) == Config()


def test_a_home_that_is_not_known() -> None:
    name = "~nobody-of-this-name/settings.json"
    with pytest.raises(ConfigError, match=f"cannot tell where {name} is"):
        load_config(environ={"ICT_KERNELS_CONFIG": name})


def test_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_KERNELS_BATCH_PROCESSING_BATCH_SIZE", "11")
    assert load_config().batch_processing.batch_size == 11


# ---- cross-checks and direct construction ----------------------------------------------------


def test_pool_sizes_are_checked_against_each_other(write: Any) -> None:
    message = refusal(
        {"detector_pool": {"min_pool_size": 9}}, write, {"ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE": "6"}
    )
    assert "detector_pool.min_pool_size = 9 is above detector_pool.max_pool_size = 6" in message
    assert "settings.json" in message
    assert "max_pool_size from ICT_KERNELS_DETECTOR_POOL_MAX_POOL_SIZE" in message


def test_sections_check_themselves() -> None:
    assert BatchProcessing(max_buffer_size="2MB").max_buffer_size == ByteSize("2MB")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"performance_targets\.memory_max_mb = 0: expected an integer"):
        PerformanceTargets(memory_max_mb=0)


# ---- sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50MB", 50_000_000),
        ("1.5GB", 1_500_000_000),
        ("512KiB", 524_288),
        ("7", 7),
        ("7B", 7),
        ("1 TiB", 2**40),
    ],
)
def test_size_texts(text: str, size: int) -> None:
    assert ByteSize(text) == ByteSize(text).bytes == size


@pytest.mark.parametrize("text", ["", "MB", "1e3", "50mb", "-1MB", "1,5GB", "50MB\n", "٣MB"])
def test_refused_size_texts(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size"):
        ByteSize(text)


def test_negative_size() -> None:
    with pytest.raises(ConfigError, match="cannot be negative"):
        ByteSize(-1)


@given(st.integers(0, 10**14))
def test_sizes_read_back(size: int) -> None:
    assert ByteSize(str(ByteSize(size))) == size
