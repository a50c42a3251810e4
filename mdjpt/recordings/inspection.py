"""What is said of a recording once it is read: refused when useless, remarked on when odd."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.recordings.recording import Recording

__all__ = ["band_amplitude", "inspected"]

MIN_DURATION_S = 1.0
MAX_SFREQ = 100_000.0
MIN_SFREQ_OF_BAND = 94.0  # twice the upper edge of the decoder's band, 47 Hz

MOST_NAMED = 3
BAND = (1.0, 40.0)  # Hz, without mains
SEGMENT_S = 4.0
MAX_SEGMENTS = 32
# Scalp EEG stays between about 3 and 60 uV in this band; only what is far outside is remarked on.
TOO_LARGE_UV = 200.0
TOO_SMALL_UV = 0.2


def inspected(recording: Recording) -> Recording:
    """Refuse a recording that holds nothing to decode; add remarks to any other.

    Its infinite samples become NaN.

    Raises RecordingError: less than a second of signal, an impossible sampling rate, or no number
    at all.
    """
    if recording.sfreq > MAX_SFREQ:
        raise RecordingError(f"sampling rate {recording.sfreq:g} Hz is impossible; damaged header?")
    signal_s = recording.n_times / recording.sfreq
    if signal_s < MIN_DURATION_S:
        raise RecordingError(
            f"holds {recording.n_times} samples ({signal_s:.2g} s); "
            f"a recording needs at least {MIN_DURATION_S:g} s"
        )
    finite = np.isfinite(recording.samples)
    if not finite.any():
        raise RecordingError("holds no number, every sample is NaN; check the export")
    samples = recording.samples
    if not finite.all():
        samples = np.where(finite, samples, np.float32(np.nan))
    recording = replace(recording, samples=samples)
    further = (*_on_gaps(recording), *_on_rate(recording), *_on_magnitude(recording))
    return replace(recording, notes=(*recording.notes, *further))


def _on_gaps(recording: Recording) -> tuple[str, ...]:
    """Say what is missing, the longest first."""
    lost = sorted(recording.gaps, key=lambda gap: gap[0] - gap[1])
    if not lost:
        return ()
    rate = recording.sfreq
    named = [f"{(b - a) / rate:.3g} s at {a / rate:.1f} s" for a, b in lost[:MOST_NAMED]]
    more = f" and {len(lost) - MOST_NAMED} shorter gaps" if len(lost) > MOST_NAMED else ""
    return (f"samples are missing, no window reaches across: {', '.join(named)}{more}",)


def _on_rate(recording: Recording) -> tuple[str, ...]:
    """Remark on a rate that is too low."""
    sfreq = recording.sfreq
    if sfreq >= MIN_SFREQ_OF_BAND:
        return ()
    return (
        f"sampled at {sfreq:g} Hz: nothing above {sfreq / 2:g} Hz, the decoder uses up to 47 Hz",
    )


def _on_magnitude(recording: Recording) -> tuple[str, ...]:
    """Remark on amplitudes that no scalp shows."""
    amplitude = band_amplitude(recording.samples, recording.sfreq)
    if not amplitude > 0 or TOO_SMALL_UV <= amplitude <= TOO_LARGE_UV:
        return ()
    return (
        f"typical amplitude {amplitude:.3g} uV in {BAND[0]:g}-{BAND[1]:g} Hz, scalp EEG shows "
        "about 5 to 50: check the unit of the file and the gain of the amplifier",
    )


def band_amplitude(samples: NDArray[np.float32], sfreq: float) -> float:
    """Return the typical amplitude between 1 and 40 Hz of EEG, shape (n_channels, n_times).

    Median over segments of 4 s and channels of the RMS in the band, in microvolts as the samples;
    NaN when no segment is free of NaN.
    """
    n = min(samples.shape[1], round(SEGMENT_S * sfreq))
    starts = np.unique(np.linspace(0, samples.shape[1] - n, MAX_SEGMENTS).astype(int))
    window = np.hanning(n)
    frequencies = np.fft.rfftfreq(n, 1 / sfreq)
    in_band = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
    amplitudes = []
    for start in starts:
        segment = samples[:, start : start + n].astype(np.float64)
        spectrum = np.fft.rfft((segment - segment.mean(axis=1, keepdims=True)) * window)
        # Parseval, one-sided: RMS of the band from the windowed segment's spectrum.
        power = 2 * (np.abs(spectrum[:, in_band]) ** 2).sum(axis=1) / (n * (window**2).sum())
        amplitudes.append(np.sqrt(power))
    found = np.concatenate(amplitudes)
    found = found[np.isfinite(found)]
    return float(np.median(found)) if found.size else float("nan")
