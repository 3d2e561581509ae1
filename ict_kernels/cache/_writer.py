"""Writing behind: one thread writes what others computed, so that no request waits for a disk."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

__all__ = ["Writer"]


class Writer:
    """Runs jobs one after the other in a thread of its own; what is not done at the end of the process is done then.

    Parameters
    ----------
    limit : int
        Bytes that may wait; jobs beyond are refused.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._jobs: list[Future[None]] = []

    def submit(self, job: Callable[[], object], size: int) -> bool:
        """Take a job on that holds so many bytes; False if too much is waiting, or the process is about to end."""
        with self._lock:
            if self._waiting + size > self.limit:
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
            with self._lock:
                self._waiting -= size

    def flush(self) -> None:
        """Wait until all jobs are done; raise what the first of them that failed raised."""
        with self._lock:
            jobs, self._jobs = self._jobs, []
        wait(jobs)
        for job in jobs:
            job.result()

    def close(self) -> None:
        """Wait until all jobs are done, and end the thread."""
        try:
            self.flush()
        finally:
            with self._lock:
                pool, self._pool = self._pool, None
            if pool is not None:
                pool.shutdown()
