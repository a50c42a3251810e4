"""A clock for tests."""

from __future__ import annotations


class HandClock:
    """Stands still until someone waits on it or moves it."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
