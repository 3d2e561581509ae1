"""ICT pattern detectors as compiled kernels: candles in, event tables out."""

from __future__ import annotations

from . import detectors as _catalogue  # noqa: F401 (registers every detector)
from .candles import Candles
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
from .stream import Changes, Stream, Update

__version__ = "0.1.0"
