"""Counts of recent requests in the memory of this process."""

import time
from collections import OrderedDict
from threading import Lock

from limits import RateLimitItem

MAX_KEYS = 50_000


class MemoryCounters:
    """Counts the requests of each key in a moving window, for at most `max_keys` keys per window.

    Keys are ordered by their last request, so the expired ones come first. Each request removes
    at most two of them, so that no request scans all keys.
    """

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._windows: dict[int, OrderedDict[str, list[float]]] = {}
        self._lock = Lock()

    def hit(self, limit: RateLimitItem, *key: str) -> float:
        """Count a request and return 0, or return the seconds until the next one is allowed."""
        now, seconds = time.monotonic(), limit.get_expiry()
        with self._lock:
            window = self._windows.setdefault(seconds, OrderedDict())
            for _ in range(2):
                self._remove_oldest(window, now - seconds)
            hits = window.setdefault(limit.key_for(*key), [])
            while hits and hits[0] <= now - seconds:
                del hits[0]
            if len(hits) >= limit.amount:
                return hits[0] + seconds - now
            hits.append(now)
            window.move_to_end(limit.key_for(*key))
            return 0

    def clear(self, limit: RateLimitItem, *key: str) -> None:
        """Forget the requests of a key."""
        with self._lock:
            window = self._windows.get(limit.get_expiry(), OrderedDict())
            window.pop(limit.key_for(*key), None)

    def reset(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._windows.clear()

    def _remove_oldest(self, window: OrderedDict[str, list[float]], start: float) -> None:
        """Remove the key whose last request is oldest if it has expired or there are too many."""
        if not window:
            return
        key, hits = next(iter(window.items()))
        if hits[-1] <= start or len(window) >= self._max_keys:
            del window[key]
