"""Premium and discount with the interface of the ICT Engine's ``analysis.premium_discount.premium_discount_analyzer``.

A price in the upper half of a range is at a premium, one in the lower half at a discount. The analyzer takes one
range and one close; :meth:`PremiumDiscountAnalyzer.events` asks it about every candle of a frame at once.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 8: the range is what it is told, that of a single candle say; it looks for no swing and no session.
* 8: nothing keeps the close within the range, so that ``distance`` may leave -0.5 to 0.5.

Differences, on purpose: NaN raises a :class:`~ict_kernels.errors.CandleError` unless the analyzer is tolerant, and
so does a price that is no number.

Examples
--------
>>> state = PremiumDiscountAnalyzer().analyze_market_state({"high": 1.25, "low": 1.0, "close": 1.0625})
>>> state["state"], state["equilibrium"], state["distance"]
('discount', 1.125, -0.25)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...detectors.engine import Hits
from ...errors import CandleError
from ._frames import read
from ._history import History

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PremiumDiscountAnalyzer"]

_NEEDED = ("high", "low", "close")
_STATES = {1: "premium", -1: "discount", 0: "equilibrium"}


class PremiumDiscountAnalyzer:
    """Tells where in a range the price stands.

    Parameters
    ----------
    ml_model : object, optional
        Has ``predict_proba``; it is asked about ``[[high, low, close, equilibrium, distance]]``.
    tolerant : bool, default False
        Let NaN pass: comparisons with it are false, so that the state is ``equilibrium``.

    Examples
    --------
    >>> analyzer = PremiumDiscountAnalyzer()
    >>> analyzer.is_premium_zone({"high": 2.0, "low": 1.0, "close": 1.75})
    True
    """

    def __init__(self, ml_model: Any = None, *, tolerant: bool = False) -> None:
        self.ml_model = ml_model
        self._tolerant = tolerant

    def analyze_market_state(self, price_data: Mapping[str, Any]) -> dict[str, Any]:
        """Return where the close stands in the range.

        Parameters
        ----------
        price_data : mapping
            ``high``, ``low`` and ``close``.

        Returns
        -------
        dict
            ``state`` (``premium``, ``discount`` or ``equilibrium``), ``equilibrium``, ``distance`` from it in
            ranges, ``range_high``, ``range_low``, ``close``, and ``ml_score`` with a model. Or ``state``
            ``unknown`` and a ``reason``: ``missing_data`` or ``zero_range``.

        Raises
        ------
        CandleError
            If a price is not a number, or NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> PremiumDiscountAnalyzer().analyze_market_state({"high": 1.0, "low": 1.0, "close": 1.0})
        {'state': 'unknown', 'reason': 'zero_range'}
        """
        if any(price_data.get(name) is None for name in _NEEDED):
            return {"state": "unknown", "reason": "missing_data"}
        high, low, close = (self._price(price_data, name) for name in _NEEDED)
        if high == low:
            return {"state": "unknown", "reason": "zero_range"}
        equilibrium = (high + low) / 2
        state = (close > equilibrium) - (close < equilibrium)
        found = _state(state, equilibrium, (close - equilibrium) / (high - low), high, low, close)
        if hasattr(self.ml_model, "predict_proba"):
            found["ml_score"] = self._rated(found)
        return found

    def is_discount_zone(self, price_data: Mapping[str, Any]) -> bool:
        """Return whether the close is below the middle of the range.

        Parameters
        ----------
        price_data : mapping
            ``high``, ``low`` and ``close``.

        Returns
        -------
        bool

        Examples
        --------
        >>> PremiumDiscountAnalyzer().is_discount_zone({"high": 2.0, "low": 1.0, "close": 1.75})
        False
        """
        return bool(self.analyze_market_state(price_data)["state"] == "discount")

    def is_premium_zone(self, price_data: Mapping[str, Any]) -> bool:
        """Return whether the close is above the middle of the range.

        Parameters
        ----------
        price_data : mapping
            ``high``, ``low`` and ``close``.

        Returns
        -------
        bool

        Examples
        --------
        >>> PremiumDiscountAnalyzer().is_premium_zone({"high": 2.0, "low": 1.0, "close": 1.75})
        True
        """
        return bool(self.analyze_market_state(price_data)["state"] == "premium")

    def get_equilibrium(self, price_data: Mapping[str, Any]) -> float | None:
        """Return the middle of the range.

        Parameters
        ----------
        price_data : mapping
            ``high``, ``low`` and ``close``.

        Returns
        -------
        float or None
            None where the state is unknown.

        Examples
        --------
        >>> PremiumDiscountAnalyzer().get_equilibrium({"high": 2.0, "low": 1.0, "close": 1.75})
        1.5
        """
        return self.analyze_market_state(price_data).get("equilibrium")

    def events(self, candles: pd.DataFrame) -> Hits:
        """Return where every candle closed in its own range.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high``, ``low`` and ``close``. It is not modified.

        Returns
        -------
        Hits
            Columns ``bar``, ``state`` (1 premium, -1 discount, 0 equilibrium), ``known`` (0 for a range of zero),
            ``equilibrium``, ``distance``, ``range_high``, ``range_low`` and ``close``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [2.0, 3.0], "low": [1.0, 2.0], "close": [1.75, 2.25]})
        >>> PremiumDiscountAnalyzer().events(candles).state.tolist()
        [1, -1]
        """
        bars = read(candles, _NEEDED, tolerant=self._tolerant)
        high, low, close = bars.high[:], bars.low[:], bars.close[:]
        equilibrium = (high + low) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = (close - equilibrium) / (high - low)
        state = (close > equilibrium).astype(np.int64) - (close < equilibrium)
        columns = {
            "bar": np.arange(len(high)),
            "state": state,
            "known": (high != low).astype(np.int64),
            "equilibrium": equilibrium,
            "distance": distance,
            "range_high": high,
            "range_low": low,
            "close": close,
        }
        return Hits(columns)

    def evaluate_history(
        self, candles: pd.DataFrame, symbol: str = "UNKNOWN", timeframe: str = "UNKNOWN"
    ) -> History[dict[str, Any]]:
        """Return what :meth:`analyze_market_state` says of each candle.

        Parameters
        ----------
        candles : DataFrame
            Columns ``high``, ``low`` and ``close``. It is not modified.
        symbol, timeframe : str
            Not used; other detectors note them in their records.

        Returns
        -------
        History
            The columns of :meth:`events`; its records are the dicts.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the analyzer is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [2.0, 3.0], "low": [1.0, 2.0], "close": [1.75, 2.25]})
        >>> [record["state"] for record in PremiumDiscountAnalyzer().evaluate_history(candles).records()]
        ['premium', 'discount']
        """
        return History(self.events(candles), self._records)

    def _price(self, price_data: Mapping[str, Any], name: str) -> float:
        try:
            price = float(price_data[name])
        except (TypeError, ValueError) as error:
            raise CandleError(f"price_data[{name!r}] is {price_data[name]!r}; give a number") from error
        if math.isnan(price) and not self._tolerant:
            raise CandleError(
                f"price_data[{name!r}] is NaN; leave it out, or construct the analyzer with tolerant=True"
            )
        return price

    def _rated(self, found: dict[str, Any]) -> list[Any]:
        asked = [found[name] for name in ("range_high", "range_low", "close", "equilibrium", "distance")]
        answer: list[Any] = np.asarray(self.ml_model.predict_proba([asked])).tolist()
        return answer

    def _records(self, hits: Hits) -> list[dict[str, Any]]:
        names = ("state", "equilibrium", "distance", "range_high", "range_low", "close")
        records: list[dict[str, Any]] = [
            _state(*row) if known else {"state": "unknown", "reason": "zero_range"}
            for known, row in zip(hits.known.tolist(), hits.rows(*names), strict=True)
        ]
        if hasattr(self.ml_model, "predict_proba"):
            for record in records:
                if record["state"] != "unknown":
                    record["ml_score"] = self._rated(record)
        return records


def _state(
    state: int, equilibrium: float, distance: float, high: float, low: float, close: float
) -> dict[str, Any]:
    return {
        "state": _STATES[state],
        "equilibrium": equilibrium,
        "distance": distance,
        "range_high": high,
        "range_low": low,
        "close": close,
    }
