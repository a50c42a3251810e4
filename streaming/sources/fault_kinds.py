"""The faults that ``mdjpt replay --fault`` knows, and what each means."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Faults", "fault_help", "parse_faults"]


def _kind(default: float, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True, slots=True)
class Faults:
    """What a bad device or network does to a stream; each field is a kind, 0 leaves it out.

    Those of samples and stamps come once every `every_s` seconds, those of electrodes last for the
    `for_s` seconds before that.
    """

    every_s: float = _kind(10.0, "seconds from one fault to the next")
    for_s: float = _kind(2.0, "seconds that a fault of electrodes lasts")
    seed: int = _kind(0, "of all that is drawn")
    drop: int = _kind(0, "samples lost")
    duplicate: int = _kind(0, "samples sent twice")
    reorder: int = _kind(0, "samples sent before those that they follow")
    chunk: int = _kind(0, "samples a push, 1 or thousands")
    stall_s: float = _kind(0.0, "seconds without a sample, then all at once")
    jitter_ms: float = _kind(0.0, "most that stamps come late, all the time")
    drift_ppm: float = _kind(0.0, "error of the clock, all the time")
    jump_s: float = _kind(0.0, "the clock is set by so much, forth and back by turns")
    backwards: int = _kind(0, "samples stamped in the wrong order")
    equal: int = _kind(0, "samples under one stamp")
    no_stamp: int = _kind(0, "samples stamped NaN")
    nan: int = _kind(0, "electrodes that send NaN")
    flat: int = _kind(0, "electrodes that send 0")
    rail: int = _kind(0, "electrodes at the rail")
    loud: int = _kind(0, "electrodes a thousand times too loud")
    bridge: int = _kind(0, "electrodes that send what the first does")
    off: int = _kind(0, "electrodes that fell off: hum and noise")
    hum_uv: float = _kind(0.0, "50 Hz on all electrodes, amplitude")
    hum60_uv: float = _kind(0.0, "60 Hz on all electrodes, amplitude")
    offset_mv: float = _kind(0.0, "constant offset, all the time")
    blink_uv: float = _kind(0.0, "blinks, height at the forehead, one a second")
    volts: int = _kind(0, "1: sends volts and calls them microvolts")
    counter: int = _kind(0, "different values of a package counter, sent as a last column")
    twin: int = _kind(0, "1: a second, silent stream with the same source_id")
    no_id: int = _kind(0, "1: an empty source_id")


def fault_help() -> str:
    """Return every kind with what it means, for ``--help``."""
    kinds = (f"{f.name}={f.default or 'N'} {f.metadata['says']}" for f in fields(Faults))
    return "Inject a fault, several times: " + "; ".join(kinds) + "."


def parse_faults(texts: Iterable[str]) -> Faults:
    """Read ``--fault`` arguments such as ``drop=25`` and ``every_s=5``.

    Raises MdjptError: unknown kind, or a value that is no number above 0 (a jump may be below).
    """
    kinds = {f.name: f.type for f in fields(Faults)}
    values: dict[str, Any] = {}
    for text in texts:
        kind, _, value = text.partition("=")
        if kind not in kinds:
            raise MdjptError(f"--fault {text}: no such kind; known are {', '.join(kinds)}")
        signed = kind in ("jump_s", "drift_ppm", "offset_mv")
        try:
            number = int(value) if kinds[kind] == "int" else float(value)
        except ValueError:
            number = 0
        least = 0 if kind == "seed" and value.isdecimal() else 1e-9
        if not least <= (abs(number) if signed else number) < 1e6:
            raise MdjptError(f"--fault {text}: give a number above 0, as in {kind}=10")
        values[kind] = number
    return Faults(**values)
