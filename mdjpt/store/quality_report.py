"""A page on what the preparation of a recording found, in one file that needs nothing else."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import welch

from mdjpt.errors import DatasetError
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.extras import require_training_extra
from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.store.preparation import PreparationReport

__all__ = ["write_report"]

_SPECTRUM_S = 4.0  # length of the spectrum's segments: 0.25 Hz
_SHOWN_S = 10.0  # of the signal that is drawn
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em 1em .2em 0;text-align:left;"
    "vertical-align:top}img{max-width:100%}"
)


def write_report(path: Path, title: str, report: PreparationReport) -> None:
    """Write the HTML page of one recording.

    Raises DatasetError: the file cannot be written. Raises MdjptError: matplotlib is not installed.
    """
    heading = f"{title}: subject {report.subject}, session {report.session}"
    rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in _facts(report))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(heading)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(heading)}</h1><table>{rows}</table>"
        f'<img alt="spectra, bad channels and {_SHOWN_S:g} s of signal" '
        f'src="data:image/png;base64,{base64.b64encode(_picture(report)).decode()}"></html>\n'
    )
    write_file(path, page.encode(), DatasetError)


def _facts(report: PreparationReport) -> list[tuple[str, str]]:
    often = (report.bad_first | report.bad_second).mean(axis=0)
    worst = [
        f"{report.ch_names[index]} in {often[index]:.0%} of the trials"
        for index in np.argsort(-often, kind="stable")[:6]
        if often[index] > 0
    ]
    dropped = [f"{kind} ({probability:.2f})" for kind, probability in report.dropped]
    n_trials, n_times = len(report.bad_first), report.cleaned.shape[1]
    return [
        ("Trials", f"{n_trials}, {n_times / SFREQ / 60:.1f} min in all"),
        ("Electrodes", f"{len(report.ch_names)}: {' '.join(report.ch_names)}"),
        ("Left out", " ".join(report.left_out) or "none"),
        ("Interpolated most", "; ".join(worst) or "none"),
        ("Components dropped", "; ".join(dropped) or "none"),
        ("Robust scale", f"{report.scale_std:.2f} µV around {report.scale_mean:.3f} µV"),
        ("Remarks", "; ".join(report.notes) or "none"),
    ]


def _picture(report: PreparationReport) -> bytes:
    """Draw spectra, bad channels and the middle of the recording as PNG."""
    figures, backend = require_training_extra(
        "matplotlib.figure", "matplotlib.backends.backend_agg"
    )
    figure = figures.Figure(figsize=(10, 11), layout="constrained")
    backend.FigureCanvasAgg(figure)  # no window system, whatever the user's settings
    spectra, bad, signal = figure.subplots(3, 1, height_ratios=(2, 2, 3))
    for samples, label in ((report.filtered, "filtered"), (report.cleaned, "cleaned")):
        frequency, density = _spectrum(samples)
        spectra.semilogy(frequency, density, label=label)
    spectra.set(xlabel="Hz", ylabel="µV²/Hz", title="Spectrum, median over channels")
    spectra.legend()
    state = np.where(report.bad_second, 2, np.where(report.bad_first, 1, 0))
    bad.imshow(state.T, aspect="auto", interpolation="nearest", cmap="Reds", vmin=0, vmax=2)
    bad.set(xlabel="trial", ylabel="channel", title="Interpolated in the first, second pass")
    _label_channels(bad, report.ch_names)
    _draw_signal(signal, report)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=80)
    return content.getvalue()


def _spectrum(samples: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_segment = min(round(_SPECTRUM_S * SFREQ), samples.shape[1])
    frequency, density = welch(samples, SFREQ, nperseg=n_segment)
    kept = (frequency >= 0.5) & (frequency <= 50)
    return frequency[kept], np.median(density[:, kept], axis=0)


def _draw_signal(axes: Any, report: PreparationReport) -> None:
    n_shown = min(round(_SHOWN_S * SFREQ), report.cleaned.shape[1])
    start = (report.cleaned.shape[1] - n_shown) // 2
    part = report.cleaned[:, start : start + n_shown]
    step = 6 * report.scale_std
    offsets = -step * np.arange(len(part))[:, None]
    times_s = (start + np.arange(n_shown)) / SFREQ
    axes.plot(times_s, (part + offsets).T, linewidth=0.5, color="black")
    axes.set(xlabel="s", title=f"Cleaned signal, {step:.0f} µV from line to line")
    _label_channels(axes, report.ch_names, -step)


def _label_channels(axes: Any, ch_names: tuple[str, ...], step: float = 1.0) -> None:
    places = step * np.arange(len(ch_names))
    axes.set_yticks(places, ch_names, fontsize=max(4, 9 - len(ch_names) // 12))
