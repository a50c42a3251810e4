"""How many threads the linear algebra may use, and where the network computes."""

from __future__ import annotations

import os

import typer

__all__ = ["compute_on", "one_thread"]


def one_thread() -> None:
    """Let this process and its children compute in one thread each, unless the user says otherwise.

    Call it before numpy is imported, which reads this only then. Windows are such small matrices
    that several threads wait for each other longer than they work: on 2 busy cores 7 min of
    calibration cost 91 s of processor time in two threads, 22 s in one.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def compute_on(device: str) -> None:
    """Let the network compute on a device, and say which if it is not the processor.

    Raises MdjptError: there is no such device.
    """
    from mdjpt.network.device import device_label, use_device

    used = use_device(device, lambda note: typer.echo(f"note: {note}", err=True))
    if used.type != "cpu":
        typer.echo(f"note: the network computes on {device_label(used)}", err=True)
