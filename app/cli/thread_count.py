"""How many threads the linear algebra may use."""

from __future__ import annotations

import os

__all__ = ["one_thread"]


def one_thread() -> None:
    """Let this process and its children compute in one thread each, unless the user says otherwise.

    Call it before numpy is imported, which reads this only then. Windows are such small matrices
    that several threads wait for each other longer than they work: on 2 busy cores 7 min of
    calibration cost 91 s of processor time in two threads, 22 s in one.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
