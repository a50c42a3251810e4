"""The page that ``mdjpt bench --report`` writes: this machine's figures, and those of a card."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Timing", "performance_page"]


@dataclass(frozen=True, slots=True)
class Timing:
    """One row of the benchmark."""

    name: str
    """What was measured."""
    # In `unit`.
    median: float
    p95: float
    n: int
    """Number of measurements."""
    unit: str = "ms"
    """Of both: "ms", "s" or "x"."""


_HEAD = """\
# Figures

Made by `mdjpt bench --report FILE --card RESULT.json`. Medians within one run. A busy machine shows
in every row: what carries over between machines is the row that is a ratio.
"""
_RELEASED = """\
## Beside the released code

The network of the released code (github.com/ncclab-sustech/mdJPT_nips2025 at 42ec6c7), called on
windows of noise on 2 cores with AVX-512; not in the run above. One core: 145 to 160 ms a window in
a batch of 2, 275 ms in a batch of 64, an error in a batch of 1. 66 to 70 s for a training step of
254 windows on 2 cores. Projecting a window on the montage takes 12 to 23 ms (here one product of
0.04 ms), smoothing a trial of 26 windows 450 to 800 ms (here 0.5 ms).
"""


def performance_page(
    rows: Sequence[Timing], missing: Sequence[str], card: Path | None = None
) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    rows : sequence of Timing
        What was measured here.
    missing : sequence of str
        What could not be measured, and why.
    card : Path, optional
        What ``python -m tests.benchmarks.device_check`` has written on a machine with a GPU.

    Raises
    ------
    MdjptError
        `card` cannot be read.
    """
    measured = [
        [row.name, f"{row.median:.3g} {row.unit}", f"{row.p95:.3g} {row.unit}", str(row.n)]
        for row in rows
    ]
    parts = [
        _HEAD,
        f"## This machine\n\n{_machine()}\n",
        _table(("stage", "median", "95 %", "runs"), measured),
        *(f"Not measured: {line}.\n" for line in missing),
        *([] if card is None else [_card_section(card)]),
        _RELEASED,
    ]
    return "\n".join(parts)


def _machine() -> str:
    """Say what the figures are of, and how busy it is."""
    from importlib.metadata import version

    said = [
        f"{_processor()}, {os.cpu_count()} logical cores",
        f"{platform.system()}, Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy")),
    ]
    if hasattr(os, "getloadavg"):
        said.append(f"load {os.getloadavg()[0]:.1f} at the end of the run")
    return ", ".join(said) + "."


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _card_section(path: Path) -> str:
    """Return the figures of a card."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        machine = found["machine"]
        rows = [row for section in found["sections"].items() for row in _rows(*section)]
        failed = [f"Failed: {name} ({one_line(why)}).\n" for name, why in found["errors"].items()]
        return "\n".join(
            [
                f"## A card: {machine['device']}\n",
                f"PyTorch {machine['torch']}, Python {machine['python']}; float32 unless said "
                "otherwise. By `python -m tests.benchmarks.device_check --device cuda --out "
                "RESULT.json`.\n",
                _table(("what", "figure"), rows),
                *failed,
            ]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MdjptError(
            f"{path}: not what tests.benchmarks.device_check writes: {one_line(error)}"
        ) from None


def _rows(name: str, found: dict[str, Any]) -> list[list[str]]:
    """Return the lines of one section of the check; none for one that failed."""
    if name.startswith("parity"):
        worst = max(v for k, v in found.items() if not k.endswith(("GiB", " s")))
        return [[f"{name}: largest error of a feature, relative", f"{worst:.1e}"]]
    if "live path" in found:
        live, eager = found["live path"], found["eager"]
        return [
            [
                f"{name} window, host to host, 95 %",
                f"{live['median ms']:.2f} ms, {live['p95 ms']:.2f} ms",
            ],
            [f"{name} window without the CUDA graph", f"{eager['median ms']:.2f} ms"],
        ]
    if "times real time, hop 2 s" in found:
        speed = found["times real time, hop 2 s"]
        return [[f"{name}, prepared windows every 2 s", f"{speed:,.0f} x real time"]]
    if name.startswith("out of memory") and "note" in found:
        return [[f"{name}: error of the features all the same", f"{found['error']:.0e}"]]
    if "median s" in found:
        said = f"{found['median s']:.3f} s, {found['peak GiB']:.1f} GiB"
        return [[f"{name}: step of {found['windows']} windows", said]]
    if name.startswith("tensor cores") and "error" in found:
        return [[f"{name}: error of features in TensorFloat-32, not used", f"{found['error']:.0e}"]]
    return []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
