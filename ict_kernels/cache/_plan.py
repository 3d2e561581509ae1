"""What the cache does about a table that memory does not hold, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..registry import Spec
from ._keys import Key

__all__ = ["Choice", "Explanation"]

Action = Literal["memory", "disk", "prefix", "compute"]


class Choice(NamedTuple):
    """Where one table comes from.

    Attributes
    ----------
    action : {"memory", "disk", "prefix", "compute"}
        It is in memory, in a file, continued from the table of fewer candles, or computed from the first candle on.
    source : Key or None
        The table it is or continues.
    in_memory : bool
        Whether the source is in memory.
    bars : int
        Candles that need not be computed.
    seconds : float
        Estimate for what is done.
    computing : float
        Estimate for computing it from the first candle on, what feeds it included.
    reason : str
        Why.
    """

    action: Action
    source: Key | None
    in_memory: bool
    bars: int
    seconds: float
    computing: float
    reason: str


@dataclass(frozen=True)
class Explanation:
    """What a cache would do about a request.

    Attributes
    ----------
    choices : mapping of Spec to Choice

    Examples
    --------
    >>> import tempfile
    >>> import ict_kernels as ict
    >>> candles = ict.sample_market(["EURUSD"], bars=100_000)[0]
    >>> with tempfile.TemporaryDirectory() as folder, ict.Cache(folder) as cache:
    ...     before = cache.explain("swings", candles)
    ...     _ = cache.events("swings", candles)
    ...     after = cache.explain("swings", candles)
    >>> [choice.action for each in (before, after) for choice in each.choices.values()]
    ['compute', 'memory']
    """

    choices: Mapping[Spec, Choice]

    def __str__(self) -> str:
        return "\n".join(f"{spec}: {_in_words(choice)}" for spec, choice in self.choices.items())


def _in_words(choice: Choice) -> str:
    what = {
        "memory": "from memory",
        "disk": "read from its file",
        "prefix": f"continued after {choice.bars:,} candles {'in memory' if choice.in_memory else 'in a file'}",
        "compute": "computed",
    }[choice.action]
    times = f"about {choice.seconds * 1e3:.2f} ms against {choice.computing * 1e3:.2f} ms of computing"
    return f"{what}, {times}: {choice.reason}"
