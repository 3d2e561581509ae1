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
        self._jobs: set[Future[object]] = set()

    def submit(self, job: Callable[[], object], size: int) -> bool:
        """Take a job on that holds so many bytes; False if too much is waiting."""
        with self._lock:
            if self._waiting and self._waiting + size > self.limit:
                return False
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="ict-kernels-cache")
            self._waiting += size
            future = self._pool.submit(job)
            self._jobs.add(future)
        future.add_done_callback(lambda done: self._finished(done, size))
        return True

    def _finished(self, done: Future[object], size: int) -> None:
        with self._lock:
            self._waiting -= size
            self._jobs.discard(done)

    def flush(self) -> None:
        """Wait until all jobs are done; raise what one of those that were waiting raised."""
        with self._lock:
            jobs = set(self._jobs)
        for job in wait(jobs).done:
            job.result()

    def close(self) -> None:
        """Wait until all jobs are done, and end the thread."""
        self.flush()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
