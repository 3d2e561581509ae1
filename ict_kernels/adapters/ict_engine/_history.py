"""What one call per candle would have returned, as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...detectors.engine import Hits

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History", "first_asked", "trailing"]

R = TypeVar("R")


class History(Generic[R]):
    """What a detector would have said at every candle; columns are attributes, records are built on request.

    Attributes
    ----------
    bar : int64 array
        Position of the candle at whose close the detector said it, ascending.
    hits : Hits
        All columns; which ones there are is up to the detector.

    Examples
    --------
    >>> history = History(Hits({"bar": np.array([4, 4, 9]), "price": np.array([1.0, 2.0, 3.0])}),
    ...                   lambda hits: hits.price.tolist())
    >>> len(history), history.price.tolist(), history.records()
    (3, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    >>> history.at(4).records()
    [1.0, 2.0]
    """

    __slots__ = ("_build", "hits")

    def __init__(self, hits: Hits, build: Callable[[Hits], list[R]]) -> None:
        self.hits = hits
        self._build = build

    def __len__(self) -> int:
        return len(self.hits)

    def __getattr__(self, name: str) -> NDArray[Any]:
        column: NDArray[Any] = getattr(self.hits, name)
        return column

    def at(self, bar: int) -> History[R]:
        """Return what was said at one candle."""
        first, stop = np.searchsorted(self.hits.bar, [bar, bar + 1])
        return History(self.hits[first:stop], self._build)

    def records(self) -> list[R]:
        """Return the records that the calls would have returned, one after the other."""
        return self._build(self.hits)

    def to_pandas(self) -> pd.DataFrame:
        """Return the columns as a frame."""
        import pandas as pd

        return pd.DataFrame(self.hits.columns)


def first_asked(rows: int, window: int) -> int:
    """Return the first candle at which a history asks: the last one of the first full window."""
    return max(min(rows, window) - 1, 0)


def trailing(frame: pd.DataFrame, bar: int, window: int) -> pd.DataFrame:
    """Return the candles that a call at ``bar`` would have been given."""
    return frame.iloc[max(0, bar + 1 - window) : bar + 1]
