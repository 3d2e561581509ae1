"""Fair timings: whatever is compared takes turns in one process."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple

__all__ = ["Timing", "interleaved", "repeated"]


class Timing(NamedTuple):
    """Seconds that one form took over all rounds."""

    median: float
    minimum: float


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def interleaved(forms: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time callables in turns, so that a busy spell of the machine hits all of them alike.

    Each is called once untimed. The first of a round changes from round to round, so that none always finds the
    processor's cache as the same neighbour left it. Results are freed outside the measured time.

    Parameters
    ----------
    forms : mapping of str to callable
    rounds : int
        How often each is timed.

    Returns
    -------
    dict of str to Timing
    """
    for form in forms.values():
        form()
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    names = list(forms)
    with _no_garbage_collection():
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                form = forms[name]
                start = perf_counter()
                result = form()
                seconds[name].append(perf_counter() - start)
                del result
    return {name: Timing(statistics.median(times), min(times)) for name, times in seconds.items()}


def repeated(
    form: Callable[..., object],
    rounds: int,
    *,
    prepare: Callable[[], tuple[Any, ...]] = tuple,
    enough: float = float("inf"),
) -> Timing:
    """Time one callable after an untimed call, or its first one if that takes too long.

    Parameters
    ----------
    form : callable
    rounds : int
        How often it is timed.
    prepare : callable, optional
        Makes the arguments anew for each call, outside the measured time.
    enough : float, optional
        Seconds in all after which it is not called again; a first call that takes them counts.

    Returns
    -------
    Timing
    """
    seconds: list[float] = []
    with _no_garbage_collection():
        first = _once(form, prepare())
        while len(seconds) < rounds and first + sum(seconds) < enough:
            seconds.append(_once(form, prepare()))
    seconds = seconds or [first]
    return Timing(statistics.median(seconds), min(seconds))


def _once(form: Callable[..., object], arguments: tuple[Any, ...]) -> float:
    start = perf_counter()
    result = form(*arguments)
    elapsed = perf_counter() - start
    del result  # outside the measured time
    return elapsed
