"""ICT pattern detectors as compiled kernels: candles in, event tables out.

>>> import ict_kernels as ict
>>> candles = ict.sample_market(bars=2_000)[0]
>>> gaps = ict.fair_value_gaps(candles, min_size=0.0003)
>>> bool((gaps.confirmed > gaps.bar).all())
True
"""

from __future__ import annotations

from .cache import Cache
from .candles import Candles
from .config import Config, load_config
from .detectors._reference import reference
from .detectors.gaps import (
    balanced_price_ranges,
    fair_value_gaps,
    inverse_fair_value_gaps,
    volume_imbalances,
)
from .detectors.structure import cisd, displacements, market_structure_shifts, structure_breaks, trend
from .detectors.swings import swings
from .errors import (
    CacheWarning,
    CandleError,
    ConfigError,
    IctError,
    NaiveTimeWarning,
    OutputError,
    ParameterError,
    StateError,
    UncachedWarning,
)
from .events import Events
from .market import sample_market
from .registry import Spec, detector, detectors
from .resample import resample
from .scan import ScanResult, scan
from .stream import Changes, Stream, Update

__version__ = "0.1.0"

__all__ = [
    "Cache",
    "CacheWarning",
    "CandleError",
    "Candles",
    "Changes",
    "Config",
    "ConfigError",
    "Events",
    "IctError",
    "NaiveTimeWarning",
    "OutputError",
    "ParameterError",
    "ScanResult",
    "Spec",
    "StateError",
    "Stream",
    "UncachedWarning",
    "Update",
    "balanced_price_ranges",
    "cisd",
    "detector",
    "detectors",
    "displacements",
    "fair_value_gaps",
    "inverse_fair_value_gaps",
    "load_config",
    "market_structure_shifts",
    "reference",
    "resample",
    "sample_market",
    "scan",
    "structure_breaks",
    "swings",
    "trend",
    "volume_imbalances",
]
