"""Points of interest with the interface of the ICT Engine's ``analysis.poi_detector_adapted``.

Four scans over a frame (order blocks, fair value gaps, breaker blocks, liquidity voids) that return a dict a point,
and functions that score such points against the state of a market.

Known defects of the original, reproduced here (numbers: sections of the interface notes):

* 9.1: the move after an order block is counted in basis points and is at least 10 by the condition itself, so that
  every order block scores 80.
* 9.2: gaps of any size are points.
* 9.3: a breaker block is any order block, however old, with closes on both sides of its edge among the last ten of
  the frame; it keeps the side of the order block.
* 9.4: a difference in price is compared with a deviation of relative changes. ``strict=True`` compares relative
  changes with it.
* 9.4: the last five bars are left out although nothing after a bar is looked at; without a volume there are none.
* 9.6: the strength of an order block is its body as a price difference, which counts for nothing; the volume counts
  for nothing either, unless it is above 10,000.
* 9.6: freshness is counted by the clock from the moment of detection, so that a point just found is always fresh.
* 0.1: a pip is 0.0001 for every symbol.

Differences, on purpose: missing or non-numeric columns and NaN raise a :class:`~ict_kernels.errors.CandleError`
(``tolerant=True`` lets NaN pass), where the original returns what it has; order blocks are not looked for twice;
nothing is printed; texts are worded anew.

Examples
--------
>>> import pandas as pd
>>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
>>> [gap] = detectar_fair_value_gaps(candles, "M15")
>>> gap["type"], gap["price"], gap["score"], gap["index"]
('BULLISH_FVG', 1.101, 80, 1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits
from ...detectors.engine.gaps import GAPS
from ...detectors.engine.imbalances import IMBALANCES
from ...detectors.engine.rejection_blocks import REJECTION_BLOCKS
from ._collaborators import Clock, now
from ._frames import column, read

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "POI_SCORING_CONFIG",
    "POI_TYPES",
    "POIDetector",
    "calcular_puntaje_poi",
    "crear_poi_estructura",
    "detectar_breaker_blocks",
    "detectar_fair_value_gaps",
    "detectar_imbalances",
    "detectar_order_blocks",
    "detectar_todos_los_pois",
    "encontrar_poi_de_alta_probabilidad",
    "encontrar_pois_multiples_para_dashboard",
    "invalidar_pois_obsoletos",
    "obtener_pois_superiores_cercanos",
]

POI = dict[str, Any]

POI_TYPES: dict[str, str] = {
    "BULLISH_OB": "Bullish order block",
    "BEARISH_OB": "Bearish order block",
    "BULLISH_FVG": "Bullish fair value gap",
    "BEARISH_FVG": "Bearish fair value gap",
    "BULLISH_BREAKER": "Bullish breaker block",
    "BEARISH_BREAKER": "Bearish breaker block",
    "LIQUIDITY_VOID": "Liquidity void",
    "PRICE_IMBALANCE": "Price imbalance",
}
"""What the types stand for; ``PRICE_IMBALANCE`` is never detected."""

POI_SCORING_CONFIG: dict[str, dict[str, int]] = {
    "QUALITY_TIERS": {"A+": 80, "A": 70, "B": 60, "C": 40, "D": 20},
    "SCORING_WEIGHTS": {
        "proximity": 25,
        "strength": 20,
        "timeframe": 15,
        "volume": 10,
        "confirmation": 15,
        "freshness": 10,
        "context": 5,
    },
    "PROXIMITY_ZONES": {"immediate": 10, "near": 20, "moderate": 50, "distant": 100},
}
"""From which score on a tier begins, what the parts of a score weigh, and distances in pips."""

PIPS_PER_UNIT = 10000
BREAKER_CLOSES = 10
VOLUME = ("volume",)


def crear_poi_estructura(
    poi_type: str,
    price: float,
    score: float,
    confidence: float,
    timeframe: str,
    *,
    clock: Clock = now,
    **extra: Any,
) -> POI:
    """Return a point of interest, stamped with the time now.

    Parameters
    ----------
    poi_type : str
        A key of :data:`POI_TYPES`.
    price, score, confidence : float
    timeframe : str
    clock : callable, default ``datetime.now``
    **extra
        Further keys.

    Returns
    -------
    dict
        Keys ``id`` (type, timeframe and Unix time), ``type``, ``price``, ``score``, ``confidence``, ``timeframe``,
        ``created_at``, ``mitigated``, ``broken`` and the further ones.

    Examples
    --------
    >>> poi = crear_poi_estructura("BULLISH_OB", 1.1, 80, 0.8, "M15", clock=lambda: datetime(2025, 9, 1, 10, 30))
    >>> poi["created_at"], poi["broken"]
    ('2025-09-01T10:30:00', False)
    """
    moment = clock()
    return {
        "id": _id(poi_type, timeframe, moment),
        "type": poi_type,
        "price": price,
        "score": score,
        "confidence": confidence,
        "timeframe": timeframe,
        "created_at": moment.isoformat(),
        "mitigated": False,
        "broken": False,
        **extra,
    }


def detectar_order_blocks(
    df: pd.DataFrame, timeframe: str = "M15", *, clock: Clock = now, tolerant: bool = False
) -> list[POI]:
    """Return bars of mostly wick that one of the next five closes leaves by 0.1 % in the direction of their body.

    Parameters
    ----------
    df : DataFrame
        Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``, oldest row first. It is not
        modified.
    timeframe : str, default "M15"
        Noted in the records.
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant : bool, default False
        Let NaN pass: comparisons with it are false.

    Returns
    -------
    list of dict
        Points of type ``BULLISH_OB`` and ``BEARISH_OB`` with ``range_high``, ``range_low``, ``volume``,
        ``formation_strength`` (the body) and ``index``, ascending. Empty for fewer than 20 rows.

    Raises
    ------
    CandleError
        If a column is missing or not numeric, or holds NaN and that is not tolerated.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"open": [1.0] * 20, "high": [1.001] * 20, "low": [0.999] * 20, "close": [1.0] * 20})
    >>> candles.loc[12, "close"], candles.loc[15, ["high", "close"]] = 1.0001, 1.003
    >>> [(poi["type"], poi["index"], poi["score"]) for poi in detectar_order_blocks(candles)]
    [('BULLISH_OB', 12, 80)]
    """
    return _order_block_records(df, _order_blocks(df, tolerant), timeframe, clock())


def detectar_fair_value_gaps(
    df: pd.DataFrame, timeframe: str = "M15", *, clock: Clock = now, tolerant: bool = False
) -> list[POI]:
    """Return the middle bars of three of which the outer two do not overlap, however small the gap.

    Parameters
    ----------
    df : DataFrame
        Columns ``high`` and ``low``, oldest row first. It is not modified.
    timeframe : str, default "M15"
        Noted in the records.
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant : bool, default False
        Let NaN pass: it never forms an edge.

    Returns
    -------
    list of dict
        Points of type ``BULLISH_FVG`` and ``BEARISH_FVG`` with ``range_high``, ``range_low``, ``gap_size`` and
        ``index``, ascending. Empty for fewer than three rows.

    Raises
    ------
    CandleError
        If a column is missing or not numeric, or holds NaN and that is not tolerated.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"high": [1.1020, 1.1010, 1.1000], "low": [1.1010, 1.0990, 1.0980]})
    >>> [(poi["type"], poi["range_high"], poi["range_low"]) for poi in detectar_fair_value_gaps(candles)]
    [('BEARISH_FVG', 1.101, 1.1)]
    """
    return _gap_records(_gaps(df, tolerant), timeframe, clock())


def detectar_breaker_blocks(
    df: pd.DataFrame, timeframe: str = "M15", *, clock: Clock = now, tolerant: bool = False
) -> list[POI]:
    """Return the order blocks with closes on both sides of their edge among the last ten closes of the frame.

    The edge is the low of a bullish order block and the high of a bearish one.

    Parameters
    ----------
    df : DataFrame
        As for :func:`detectar_order_blocks`.
    timeframe : str, default "M15"
        Noted in the records.
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant : bool, default False
        Let NaN pass: comparisons with it are false.

    Returns
    -------
    list of dict
        Points of type ``BULLISH_BREAKER`` and ``BEARISH_BREAKER`` with ``range_high``, ``range_low``,
        ``original_ob`` and ``breaker_confirmation``, in order of their bars. Empty for fewer than 20 rows.

    Raises
    ------
    CandleError
        If a column is missing or not numeric, or holds NaN and that is not tolerated.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"open": [1.0] * 20, "high": [1.001] * 20, "low": [0.999] * 20, "close": [1.0] * 20})
    >>> candles.loc[8:12, "close"] = 1.0001
    >>> candles.loc[15, ["high", "close"]] = 1.003
    >>> candles.loc[19, ["low", "close"]] = 0.99
    >>> [(poi["type"], poi["range_low"]) for poi in detectar_breaker_blocks(candles)][:1]
    [('BULLISH_BREAKER', 0.999)]
    """
    blocks = _order_blocks(df, tolerant)
    return _breaker_records(_broken(df, blocks, tolerant), timeframe, clock())


def detectar_imbalances(
    df: pd.DataFrame,
    timeframe: str = "M15",
    *,
    clock: Clock = now,
    tolerant: bool = False,
    strict: bool = False,
) -> list[POI]:
    """Return bars that close far from the close five bars before although their volume is low.

    Parameters
    ----------
    df : DataFrame
        Columns ``high``, ``low``, ``close`` and ``volume``, oldest row first. It is not modified.
    timeframe : str, default "M15"
        Noted in the records.
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant : bool, default False
        Let NaN pass: means and extremes skip it, comparisons with it are false.
    strict : bool, default False
        Measure the move as a share of the price, as its threshold is, and not as a price difference.

    Returns
    -------
    list of dict
        Points of type ``LIQUIDITY_VOID`` with ``range_high``, ``range_low``, ``volume_ratio``,
        ``price_change_magnitude`` and ``index``, ascending. Empty for fewer than 10 rows and without volume.

    Raises
    ------
    CandleError
        If a column is missing or not numeric, or holds NaN and that is not tolerated.

    Examples
    --------
    >>> import pandas as pd
    >>> close = [1.1, 1.101] * 5 + [1.11] + [1.11, 1.111] * 3
    >>> candles = pd.DataFrame({"high": close, "low": close, "close": close, "volume": [100.0] * 10 + [50.0] * 7})
    >>> [(poi["index"], poi["price"], poi["volume_ratio"]) for poi in detectar_imbalances(candles)]
    [(10, 1.11, 0.5), (11, 1.11, 0.5555555555555556)]
    """
    return _imbalance_records(_imbalances(df, tolerant, strict), timeframe, clock())


def detectar_todos_los_pois(
    df: pd.DataFrame,
    timeframe: str = "M15",
    current_price: float | None = None,
    *,
    clock: Clock = now,
    tolerant: bool = False,
    strict: bool = False,
) -> dict[str, Any]:
    """Return the points of all four scans and a summary.

    Parameters
    ----------
    df : DataFrame
        Columns ``open``, ``high``, ``low``, ``close`` and, if there is one, ``volume``. It is not modified.
    timeframe : str, default "M15"
        Noted in the records.
    current_price : float, optional
        Not used.
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant, strict : bool, default False
        As for :func:`detectar_imbalances`.

    Returns
    -------
    dict
        Keys ``order_blocks``, ``fair_value_gaps``, ``breaker_blocks``, ``imbalances`` (lists) and ``resumen``, a dict
        of ``total_pois``, ``por_tipo`` (points by key), ``timeframe``, ``tiempo_procesamiento`` (the time now) and
        ``densidad_pois`` (points a candle).

    Raises
    ------
    CandleError
        If a column is missing or not numeric, or holds NaN and that is not tolerated.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
    >>> detectar_todos_los_pois(candles)["resumen"]["por_tipo"]
    {'order_blocks': 0, 'fair_value_gaps': 1, 'breaker_blocks': 0, 'imbalances': 0}
    """
    moment = clock()
    hits = _all(df, tolerant, strict)
    found: dict[str, Any] = {
        "order_blocks": _order_block_records(df, hits["order_blocks"], timeframe, moment),
        "fair_value_gaps": _gap_records(hits["fair_value_gaps"], timeframe, moment),
        "breaker_blocks": _breaker_records(hits["breaker_blocks"], timeframe, moment),
        "imbalances": _imbalance_records(hits["imbalances"], timeframe, moment),
    }
    counts = {name: len(pois) for name, pois in found.items()}
    total = sum(counts.values())
    found["resumen"] = {
        "total_pois": total,
        "por_tipo": counts,
        "timeframe": timeframe,
        "tiempo_procesamiento": moment.isoformat(),
        "densidad_pois": total / len(df) if len(df) else 0.0,
    }
    return found


class POIDetector:
    """The four scans in one call, as the engine's dashboards use them.

    Parameters
    ----------
    clock : callable, default ``datetime.now``
        Stamps the records.
    tolerant : bool, default False
        Let NaN pass: means and extremes skip it, comparisons with it are false.
    strict : bool, default False
        Measure moves of :func:`detectar_imbalances` as a share of the price.

    Examples
    --------
    >>> import pandas as pd
    >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
    >>> detector = POIDetector()
    >>> detector.get_poi_summary(detector.find_all_pois(candles, "M15"))["by_type"]
    {'BULLISH_FVG': 1}
    """

    def __init__(self, *, clock: Clock = now, tolerant: bool = False, strict: bool = False) -> None:
        self._clock, self._tolerant, self._strict = clock, tolerant, strict

    def find_all_pois(
        self, df: pd.DataFrame, timeframe: str, current_price: float | None = None
    ) -> list[POI]:
        """Return the points of all four scans: order blocks, gaps, breaker blocks, liquidity voids.

        Parameters
        ----------
        df : DataFrame
            As for :func:`detectar_todos_los_pois`.
        timeframe : str
            Noted in the records.
        current_price : float, optional
            Not used.

        Returns
        -------
        list of dict

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> POIDetector().find_all_pois(pd.DataFrame(), "M15")
        []
        """
        found = detectar_todos_los_pois(
            df,
            timeframe,
            current_price,
            clock=self._clock,
            tolerant=self._tolerant,
            strict=self._strict,
        )
        del found["resumen"]
        return [poi for pois in found.values() for poi in pois]

    def find_dashboard_pois(
        self, df: pd.DataFrame, timeframe: str, current_price: float, max_pois: int = 5
    ) -> list[POI]:
        """Return the points that score best against the current price, the nearest first among equals.

        Parameters
        ----------
        df, timeframe
            As for :meth:`find_all_pois`.
        current_price : float
        max_pois : int, default 5

        Returns
        -------
        list of dict
            As of :func:`encontrar_pois_multiples_para_dashboard`.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
        >>> [best] = POIDetector().find_dashboard_pois(candles, "M15", 1.1032)
        >>> best["score"], best["quality"], best["status"]
        (48, 'C', 'ACTIVO')
        """
        pois = self.find_all_pois(df, timeframe, current_price)
        market = _Market(current_price, {timeframe: pois})
        return encontrar_pois_multiples_para_dashboard(market, current_price, max_pois, clock=self._clock)

    def get_poi_summary(self, pois: list[POI]) -> dict[str, Any]:
        """Return how many points there are, in all and by type, their mean score, and their types.

        Parameters
        ----------
        pois : list of dict

        Returns
        -------
        dict
            Keys ``total``, ``by_type``, ``avg_score`` and ``types_detected``.

        Examples
        --------
        >>> POIDetector().get_poi_summary([{"type": "BULLISH_OB", "score": 80}])
        {'total': 1, 'by_type': {'BULLISH_OB': 1}, 'avg_score': 80.0, 'types_detected': ['BULLISH_OB']}
        """
        by_type = dict(Counter(poi["type"] for poi in pois))
        return {
            "total": len(pois),
            "by_type": by_type,
            "avg_score": sum(poi["score"] for poi in pois) / len(pois) if pois else 0.0,
            "types_detected": list(by_type),
        }

    def events(self, df: pd.DataFrame) -> dict[str, Hits]:
        """Return what the four scans find as columns, without a record a point.

        Parameters
        ----------
        df : DataFrame
            As for :meth:`find_all_pois`.

        Returns
        -------
        dict of str to Hits
            By the keys of :func:`detectar_todos_los_pois`. All have ``bar``, ``confirmed`` (the bar at whose close the
            point is known; a breaker block only at the frame's last), ``top`` and ``bottom``.

        Raises
        ------
        CandleError
            If a column is missing or not numeric, or holds NaN and the detector is not tolerant.

        Examples
        --------
        >>> import pandas as pd
        >>> candles = pd.DataFrame({"high": [1.1000, 1.1030, 1.1040], "low": [1.0990, 1.1000, 1.1020]})
        >>> POIDetector().events(candles)["fair_value_gaps"].bar.tolist()
        [1]
        """
        return _all(df, self._tolerant, self._strict)


def calcular_puntaje_poi(
    poi: POI,
    mercado: Any,
    config: Mapping[str, Any] | None,
    df_m15: pd.DataFrame | None = None,
    *,
    clock: Clock = now,
) -> tuple[int, list[str]]:
    """Return the score of a point in a market, 0 to 100, and what made it.

    Parameters
    ----------
    poi : dict
        Keys ``type`` and ``price``; ``formation_strength`` (50 if missing), ``timeframe``, ``volume``,
        ``confirmation_candles`` and ``created_at`` count where they are there.
    mercado : object
        Its attributes ``current_price`` and ``h4_bias`` count where they are there.
    config : dict, optional
        Weights and distances in the form of :data:`POI_SCORING_CONFIG`, the default.
    df_m15 : DataFrame, optional
        Not used.
    clock : callable, default ``datetime.now``
        What the age of the point is reckoned from.

    Returns
    -------
    tuple of int and list of str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> noon = lambda: datetime(2025, 9, 1, 12)
    >>> poi = crear_poi_estructura("BULLISH_FVG", 1.1, 80, 0.9, "H4", clock=noon)
    >>> calcular_puntaje_poi(poi, SimpleNamespace(current_price=1.1005, h4_bias="BULLISH"), None, clock=noon)[0]
    62
    """
    judge = _Judge(mercado, config, clock())
    parts = zip(judge.names, judge.parts(poi))
    return judge.score(poi), [f"{name} {part:.0f}" for name, part in parts if part]


def obtener_pois_superiores_cercanos(
    mercado: Any, current_price: float, config: Mapping[str, Any] | None = None, *, clock: Clock = now
) -> dict[str, Any] | None:
    """Return the three nearest of the intact points that score at least 60.

    Parameters
    ----------
    mercado : object
        Attribute ``pois``, points by timeframe, and those of :func:`calcular_puntaje_poi`.
    current_price : float
    config : dict, optional
        As for :func:`calcular_puntaje_poi`.
    clock : callable, default ``datetime.now``

    Returns
    -------
    dict or None
        Keys ``total_superior_pois``, ``closest_pois``, ``average_score``, ``nearest_distance`` and
        ``recommendation``; None if there is no such point.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> poi = crear_poi_estructura("BULLISH_FVG", 1.1, 80, 0.9, "H4")
    >>> market = SimpleNamespace(current_price=1.1005, h4_bias="BULLISH", pois={"H4": [poi]})
    >>> obtener_pois_superiores_cercanos(market, 1.1005)["average_score"]
    62.0
    """
    superior = [
        rated
        for rated in _rated(mercado, current_price, config, clock())
        if rated["score"] >= 60 and not rated["poi"].get("broken") and not rated["poi"].get("mitigated")
    ]
    if not superior:
        return None
    closest = sorted(superior, key=lambda rated: rated["distance"])[:3]
    pips = closest[0]["distance"] * PIPS_PER_UNIT
    return {
        "total_superior_pois": len(superior),
        "closest_pois": closest,
        "average_score": sum(rated["score"] for rated in superior) / len(superior),
        "nearest_distance": closest[0]["distance"],
        "recommendation": f"{closest[0]['poi']['type']} is {pips:.1f} pips away",
    }


def encontrar_poi_de_alta_probabilidad(
    mercado: Any,
    current_price: float,
    config: Mapping[str, Any] | None = None,
    df_m15: pd.DataFrame | None = None,
    *,
    clock: Clock = now,
) -> dict[str, Any] | None:
    """Return the best of the points that score at least 40, the nearest among equals.

    Parameters
    ----------
    mercado : object
        As for :func:`obtener_pois_superiores_cercanos`.
    current_price : float
    config : dict, optional
        As for :func:`calcular_puntaje_poi`; its tiers name the quality.
    df_m15 : DataFrame, optional
        Not used.
    clock : callable, default ``datetime.now``

    Returns
    -------
    dict or None
        Keys ``poi``, ``quality_tier``, ``trading_recommendation``, ``risk_assessment`` and ``alternatives`` (the next
        three); None if there is no such point.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> poi = crear_poi_estructura("BULLISH_OB", 1.1, 80, 0.8, "M15")
    >>> market = SimpleNamespace(current_price=1.1, pois={"M15": [poi]})
    >>> encontrar_poi_de_alta_probabilidad(market, 1.1)["quality_tier"]
    'C'
    """
    rated = [rated for rated in _rated(mercado, current_price, config, clock()) if rated["score"] >= 40]
    if not rated:
        return None
    best, *others = _best_first(rated)
    tier = _tier(best["score"], config)
    side = (
        "buy" if "BULLISH" in best["poi"]["type"] else "sell" if "BEARISH" in best["poi"]["type"] else "watch"
    )
    return {
        "poi": best["poi"],
        "quality_tier": tier,
        "trading_recommendation": f"{side} near {best['poi']['price']:.5f}",
        "risk_assessment": {"A+": "low", "A": "low", "B": "medium"}.get(tier, "high"),
        "alternatives": [other["poi"] for other in others[:3]],
    }


def encontrar_pois_multiples_para_dashboard(
    mercado: Any, current_price: float, max_pois: int = 5, *, clock: Clock = now
) -> list[POI]:
    """Return the points that score best, the nearest first among equals.

    Parameters
    ----------
    mercado : object
        As for :func:`obtener_pois_superiores_cercanos`.
    current_price : float
    max_pois : int, default 5
    clock : callable, default ``datetime.now``

    Returns
    -------
    list of dict
        Keys ``id``, ``type``, ``price``, ``score``, ``timeframe``, ``distance`` (a price difference), ``status``
        (``ACTIVO``, ``MITIGADO`` or ``ROTO``), ``quality``, ``range_high`` and ``range_low``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> poi = crear_poi_estructura("BULLISH_OB", 1.1, 80, 0.8, "M15")
    >>> market = SimpleNamespace(current_price=1.1, pois={"M15": [poi]})
    >>> [poi["quality"] for poi in encontrar_pois_multiples_para_dashboard(market, 1.1)]
    ['C']
    """
    best = _best_first(_rated(mercado, current_price, None, clock()))[:max_pois]
    return [
        {
            "id": rated["poi"].get("id"),
            "type": rated["poi"]["type"],
            "price": rated["poi"]["price"],
            "score": rated["score"],
            "timeframe": rated["poi"].get("timeframe"),
            "distance": rated["distance"],
            "status": _status(rated["poi"]),
            "quality": _tier(rated["score"], None),
            "range_high": rated["poi"].get("range_high"),
            "range_low": rated["poi"].get("range_low"),
        }
        for rated in best
    ]


def invalidar_pois_obsoletos(mercado: Any, df_h4: pd.DataFrame) -> int:
    """Mark the points that the last close has left behind as broken, and return how many.

    A bullish point is broken 0.1 % below its low, any other 0.1 % above its high.

    Parameters
    ----------
    mercado : object
        Attribute ``pois``, points by timeframe; they are changed.
    df_h4 : DataFrame
        Column ``close``.

    Returns
    -------
    int
        0 for an empty frame.

    Raises
    ------
    CandleError
        If the column is missing or not numeric, or its last value is NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> poi = crear_poi_estructura("BULLISH_OB", 1.1, 80, 0.8, "M15", range_high=1.101, range_low=1.099)
    >>> invalidar_pois_obsoletos(SimpleNamespace(pois={"M15": [poi]}), pd.DataFrame({"close": [1.09]})), poi["broken"]
    (1, True)
    """
    if not len(df_h4):
        return 0
    close = float(column(df_h4, "close", last=1)[0])
    left = [poi for poi in _points(mercado) if not poi.get("broken") and _left_behind(poi, close)]
    for poi in left:
        poi["broken"] = True
    return len(left)


def _left_behind(poi: POI, close: float) -> bool:
    if poi.get("range_high") is None or poi.get("range_low") is None:
        return False
    if "BULLISH" in poi["type"]:
        return bool(close < poi["range_low"] * 0.999)
    return bool(close > poi["range_high"] * 1.001)


# --- scans ---


def _order_blocks(df: pd.DataFrame, tolerant: bool) -> Hits:
    if len(df) < 20:
        return REJECTION_BLOCKS.hits([])
    return REJECTION_BLOCKS(read(df, volume=VOLUME, tolerant=tolerant))


def _gaps(df: pd.DataFrame, tolerant: bool) -> Hits:
    if len(df) < 3:
        return GAPS.hits([])
    return GAPS(read(df, ("high", "low"), tolerant=tolerant))


def _broken(df: pd.DataFrame, blocks: Hits, tolerant: bool) -> Hits:
    """Return the order blocks that are breakers; they are known at the last bar only."""
    if not len(blocks):
        return blocks
    closes = read(df, ("close",), last=BREAKER_CLOSES, tolerant=tolerant).close[:]
    edge = np.where(blocks.direction > 0, blocks.bottom, blocks.top)
    lowest, highest = np.fmin.reduce(closes), np.fmax.reduce(closes)
    broken = blocks[(lowest < edge) & (highest > edge)]
    return Hits(broken.columns | {"confirmed": np.full(len(broken), len(df) - 1)})


def _imbalances(df: pd.DataFrame, tolerant: bool, strict: bool) -> Hits:
    if len(df) < 10:
        return IMBALANCES.hits([])
    bars = read(df, ("high", "low", "close"), volume=VOLUME, tolerant=tolerant)
    return IMBALANCES(bars, threshold=2 * _deviation(bars.close[:]), relative=strict)


def _deviation(closes: NDArray[np.float64]) -> float:
    """Return the sample standard deviation of the relative changes from bar to bar, NaN skipped."""
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = closes[1:] / closes[:-1] - 1
        changes = changes[~np.isnan(changes)]
        return float(changes.std(ddof=1)) if len(changes) > 1 else float("nan")


def _all(df: pd.DataFrame, tolerant: bool, strict: bool) -> dict[str, Hits]:
    blocks = _order_blocks(df, tolerant)
    return {
        "order_blocks": blocks,
        "fair_value_gaps": _gaps(df, tolerant),
        "breaker_blocks": _broken(df, blocks, tolerant),
        "imbalances": _imbalances(df, tolerant, strict),
    }


# --- records ---


def _id(poi_type: str, timeframe: str, moment: datetime) -> str:
    return f"{poi_type}_{timeframe}_{int(moment.timestamp())}"


def _pois(
    kind: str,
    hits: Hits,
    score: NDArray[Any],
    confidence: NDArray[Any],
    timeframe: str,
    moment: datetime,
    **extra: Iterable[Any],
) -> list[POI]:
    """Build the records of points with a direction, or of one type without: copies of a blank, filled in."""
    if "direction" in hits.columns:
        sides, price = {1: f"BULLISH_{kind}", -1: f"BEARISH_{kind}"}, (hits.top + hits.bottom) / 2
        blanks = [_blank(sides[side], timeframe, moment, extra) for side in (1, -1)]
        pois = [blanks[falling].copy() for falling in (hits.direction < 0).tolist()]
    else:
        price, blank = hits.price, _blank(kind, timeframe, moment, extra)
        pois = [blank.copy() for _ in range(len(hits))]
    marks = zip(
        pois, price.tolist(), score.tolist(), confidence.tolist(), hits.top.tolist(), hits.bottom.tolist()
    )
    for poi, level, points, trust, high, low in marks:
        poi["price"] = level
        poi["score"] = points
        poi["confidence"] = trust
        poi["range_high"] = high
        poi["range_low"] = low
    for name, values in extra.items():
        for poi, value in zip(pois, values):
            poi[name] = value
    return pois


def _blank(poi_type: str, timeframe: str, moment: datetime, extra: Iterable[str]) -> POI:
    missing = dict.fromkeys(("range_high", "range_low", *extra), 0)
    return crear_poi_estructura(poi_type, 0.0, 0, 0.0, timeframe, clock=lambda: moment, **missing)


def _order_block_records(df: pd.DataFrame, blocks: Hits, timeframe: str, moment: datetime) -> list[POI]:
    if not len(blocks):
        return []
    volumes = (
        column(df, "volume", tolerant=True)[blocks.bar].tolist() if "volume" in df.columns else repeat(0)
    )
    score, confidence = _block_marks(blocks)
    return _pois(
        "OB",
        blocks,
        score,
        confidence,
        timeframe,
        moment,
        volume=volumes,
        formation_strength=blocks.body.tolist(),
        index=blocks.bar.tolist(),
    )


def _block_marks(blocks: Hits) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    edge = np.where(blocks.direction > 0, blocks.top, blocks.bottom)
    with np.errstate(divide="ignore"):
        move = (blocks.reached - edge) * blocks.direction / edge * PIPS_PER_UNIT
    return (
        np.trunc(60 + np.minimum(2 * move, 20)).astype(np.int64),
        np.minimum(0.5 + 0.1 * blocks.loud, 0.95),
    )


def _breaker_records(blocks: Hits, timeframe: str, moment: datetime) -> list[POI]:
    score, confidence = _block_marks(blocks)
    original = [
        _id("BULLISH_OB" if direction > 0 else "BEARISH_OB", timeframe, moment)
        for direction in blocks.direction.tolist()
    ]
    return _pois(
        "BREAKER",
        blocks,
        score + 10,
        confidence * 0.9,
        timeframe,
        moment,
        original_ob=original,
        breaker_confirmation=repeat(True),
    )


def _gap_records(gaps: Hits, timeframe: str, moment: datetime) -> list[POI]:
    size = gaps.top - gaps.bottom
    pips = size * PIPS_PER_UNIT
    return _pois(
        "FVG",
        gaps,
        np.trunc(55 + np.minimum(2 * pips, 25)).astype(np.int64),
        np.minimum(0.4 + np.minimum(0.05 * pips, 0.4), 0.9),
        timeframe,
        moment,
        gap_size=size.tolist(),
        index=gaps.bar.tolist(),
    )


def _imbalance_records(voids: Hits, timeframe: str, moment: datetime) -> list[POI]:
    with np.errstate(divide="ignore"):
        share = 1000 * voids.move / voids.begun
    return _pois(
        "LIQUIDITY_VOID",
        voids,
        np.trunc(45 + np.minimum(share, 30)).astype(np.int64),
        np.full(len(voids), 0.6),
        timeframe,
        moment,
        volume_ratio=voids.ratio.tolist(),
        price_change_magnitude=voids.move.tolist(),
        index=voids.bar.tolist(),
    )


# --- scores ---

_TIMEFRAMES = {"D1": 100, "H4": 90, "H1": 80, "M15": 75, "M30": 70, "M5": 60, "M1": 40}
_PROXIMITY = (("immediate", 100), ("near", 80), ("moderate", 60), ("distant", 40))
_FRESHNESS = ((1, 100), (6, 80), (24, 60), (72, 40))


class _Market(NamedTuple):
    """What scores are reckoned against."""

    current_price: float
    pois: dict[str, list[POI]]


def _points(market: Any) -> list[POI]:
    return [poi for pois in market.pois.values() for poi in pois]


class _Judge:
    """Scores points in a market, at one moment."""

    names = ("proximity", "strength", "timeframe", "volume", "confirmation", "freshness", "context")

    def __init__(self, market: Any, config: Mapping[str, Any] | None, moment: datetime) -> None:
        settings = config or POI_SCORING_CONFIG
        bias = getattr(market, "h4_bias", None)
        self._price = getattr(market, "current_price", None)
        self._side = str(getattr(bias, "value", bias) or "").upper()
        self._moment = moment
        self._weights = [settings["SCORING_WEIGHTS"][name] for name in self.names]
        self._zones = [(settings["PROXIMITY_ZONES"][zone], points) for zone, points in _PROXIMITY]

    def score(self, poi: POI) -> int:
        """Return the sum of all parts as they are weighed, 0 to 100."""
        total = 0
        for part, weight in zip(self.parts(poi), self._weights):
            total += int(part * weight / 100)
        return max(0, min(100, total))

    def parts(self, poi: POI) -> tuple[float, ...]:
        """Return what each part of a score says, before it is weighed."""
        given = poi.get
        agrees = self._side and poi["type"].startswith(self._side)
        return (
            self._proximity(abs(poi["price"] - self._price)) if self._price else 0,
            given("formation_strength", 50),
            _TIMEFRAMES.get(given("timeframe", ""), 50),
            min(given("volume", 0) / 1000, 100),
            min(20 * given("confirmation_candles", 0), 100),
            _freshness(given("created_at"), self._moment),
            80 if agrees else 50,
        )

    def _proximity(self, distance: float) -> int:
        pips = distance * PIPS_PER_UNIT
        for reach, points in self._zones:
            if pips <= reach:
                return points
        return 20


def _rated(
    market: Any, current_price: float, config: Mapping[str, Any] | None, moment: datetime
) -> list[dict[str, Any]]:
    """Return every point with its score and its distance from the price."""
    score = _Judge(market, config, moment).score
    return [
        {"poi": poi, "score": score(poi), "distance": abs(poi["price"] - current_price)}
        for poi in _points(market)
    ]


def _best_first(rated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rated, key=lambda one: (one["score"], -one["distance"]), reverse=True)


@lru_cache(maxsize=64)
def _freshness(created: str | datetime | None, moment: datetime) -> int:
    """Return how fresh a point is; one without a stamp counts for nothing."""
    if created is None:
        return 0
    since = datetime.fromisoformat(created) if isinstance(created, str) else created
    if since.tzinfo is not None or moment.tzinfo is not None:
        since, moment = since.astimezone(timezone.utc), moment.astimezone(timezone.utc)
    hours = (moment - since).total_seconds() / 3600
    return next((points for limit, points in _FRESHNESS if hours <= limit), 20)


def _tier(score: int, config: Mapping[str, Any] | None) -> str:
    """Return the highest tier that a score reaches, else the lowest there is."""
    tiers = (config or POI_SCORING_CONFIG)["QUALITY_TIERS"]
    reached = [name for name, least in tiers.items() if score >= least]
    return str(max(reached, key=tiers.__getitem__) if reached else min(tiers, key=tiers.__getitem__))


def _status(poi: POI) -> str:
    return "ROTO" if poi.get("broken") else "MITIGADO" if poi.get("mitigated") else "ACTIVO"
