"""Writing behind: one thread writes what others computed, so that no request waits for a disk."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Condition

__all__ = ["Writer"]


class Writer:
    """Runs jobs one after the other in a thread of its own; what is not done at the end of the process is done then.

    Parameters
    ----------
    limit : int
        Bytes that may wait; jobs beyond are refused, or have to wait for room.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._changed = Condition()
        self._pool: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._jobs: list[Future[None]] = []

    def submit(self, job: Callable[[], object], size: int, *, patient: bool = False) -> bool:
        """Take a job on that holds so many bytes; False if too much is waiting, or the process is about to end.

        If `patient`, wait for room; a job beyond the limit by itself then waits until it is the only one.
        """
        with self._changed:
            if patient:
                self._changed.wait_for(lambda: not self._waiting or self._waiting + size <= self.limit)
            elif self._waiting + size > self.limit:
                return False
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="ict-kernels-cache")
            try:
                future = self._pool.submit(self._run, job, size)
            except RuntimeError:  # the main thread has ended, others go on
                return False
            self._waiting += size
            self._jobs = [each for each in self._jobs if not each.done() or each.exception()]
            self._jobs.append(future)
        return True

    def _run(self, job: Callable[[], object], size: int) -> None:
        try:
            job()
        finally:
            with self._changed:
                self._waiting -= size
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all jobs are done; raise what the first of them that failed raised."""
        with self._changed:
            jobs = list(self._jobs)
        wait(jobs)
        with self._changed:
            self._jobs = [each for each in self._jobs if each not in jobs]
        for job in jobs:
            job.result()

    def close(self) -> None:
        """Wait until all jobs are done, and end the thread."""
        try:
            self.flush()
        finally:
            with self._changed:
                pool, self._pool = self._pool, None
            if pool is not None:
                pool.shutdown()
