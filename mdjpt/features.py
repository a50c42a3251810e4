"""Features of a whole recording: the training filters over the whole file, window by window.

The live path filters each window by itself; here the zero-phase filters see all that lies between
two gaps, as in training. Everything else (windows, quality, reference, scale, projection) is the
same code.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mdjpt.bundle.bundle import Bundle, load_bundle
from mdjpt.errors import RecordingError
from mdjpt.network.encoding_pool import n_cores
from mdjpt.recordings import Recording, read_recording
from mdjpt.signal.filters import average_reference, filter_recording, recording_windows
from mdjpt.signal.mains import mains_lines
from mdjpt.signal.scaling import FixedScale, robust_scale
from mdjpt.signal.window import Preprocessor
from mdjpt.signal.windower import Windower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mne.io import BaseRaw
    from numpy.typing import NDArray

    from mdjpt.positions.gaps import Run
    from mdjpt.signal.window import OwnElectrodes, PreparedWindow, Verdict
    from mdjpt.signal.windower import Window

    _Filtered = tuple[Window, NDArray[np.float64], Verdict]

__all__ = ["FeatureTable", "PreparedWindows", "extract_features", "prepare_windows"]

Scale = Literal["causal", "recording"] | FixedScale
PIECE_S = 60.0
"""Seconds of windows that are filtered at a time, one piece a core."""


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of the decodable windows of a recording.

    Attributes
    ----------
    features : ndarray of float32, shape (n_windows, 512)
        The encoder's features.
    start_s : ndarray of float64, shape (n_windows,)
        Start of each window in seconds, gaps included.

    See Also
    --------
    mdjpt.extract_features : What makes it.

    Examples
    --------
    >>> import mdjpt
    >>> table = mdjpt.extract_features(
    ...     "assets/recordings/physionet_S001R01_30s.edf", "assets/demo.safetensors"
    ... )
    >>> table.features.shape[1], table.start_s[:2].tolist()
    (512, [6.0, 8.0])
    """

    features: NDArray[np.float32]
    start_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PreparedWindows:
    """Inputs of the encoder cut from a recording."""

    windows: NDArray[np.float32]
    """Prepared windows. Shape (n_windows, 60, 625)."""
    start_s: NDArray[np.float64]
    """Start of each window in seconds, gaps included. Shape (n_windows,)."""
    own: tuple[OwnElectrodes, ...] = ()
    """The electrodes that each window was made of; empty unless they were asked for."""


def extract_features(
    recording: Recording | BaseRaw | str | Path,
    bundle: Bundle | str | Path,
    *,
    hop_s: float = 2.0,
    scale: Scale = "causal",
) -> FeatureTable:
    """Compute the features of a recording.

    Parameters
    ----------
    recording : Recording, mne.io.BaseRaw or path
        Raw signal.
    bundle : Bundle or path
        Model; its row statistics normalise the network's rows, the window's own where it has none.
    hop_s : float
        Seconds from window to window; 2 s is the training step (mdJPT, released configuration).
    scale : {"causal", "recording"} or FixedScale
        Robust scale over the data so far, as live, or over the whole recording, as in training, or
        one that is known.

    Raises
    ------
    RecordingError
        When no window of the recording can be decoded.

    See Also
    --------
    mdjpt.EncoderFeatures : For epochs.
    mdjpt.prepare_windows : The encoder's inputs alone.

    Examples
    --------
    >>> import mdjpt
    >>> path = "assets/recordings/physionet_S001R01_30s.edf"
    >>> mdjpt.extract_features(path, "assets/demo.safetensors").features.shape
    (10, 512)
    """
    model = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    starts: list[float] = []

    def windows() -> Iterator[NDArray[np.float32]]:
        for window, _, start_s in _prepared(_recording(recording), hop_s, scale):
            starts.append(start_s)
            yield window

    features = list(model.encoding_pool().map(windows()))
    return FeatureTable(np.stack(features), np.array(starts))


def prepare_windows(
    recording: Recording,
    *,
    hop_s: float = 2.0,
    scale: Scale = "causal",
    with_own: bool = False,
) -> PreparedWindows:
    """Filter a whole recording and cut the encoder's inputs from it.

    Windows that touch a gap, with too few good electrodes or of noise, and with the causal scale
    those of the warm-up, are left out, as live.

    Parameters
    ----------
    recording, hop_s, scale
        As for :func:`extract_features`.
    with_own : bool
        Keep the electrodes that each window was made of, 160 kB for 64.

    Raises
    ------
    RecordingError
        When nothing is left.

    See Also
    --------
    mdjpt.extract_features : The features of these windows.

    Examples
    --------
    >>> import mdjpt
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> mdjpt.prepare_windows(recording).windows.shape
    (10, 60, 625)
    """
    windows, own, starts = zip(*_prepared(recording, hop_s, scale), strict=True)
    return PreparedWindows(np.stack(windows), np.array(starts), own if with_own else ())


def _prepared(
    recording: Recording, hop_s: float, scale: Scale
) -> Iterator[tuple[NDArray[np.float32], OwnElectrodes, float]]:
    """Yield each window that can be decoded, what it was made of, and its start in seconds."""
    if isinstance(scale, str) and scale not in ("causal", "recording"):
        raise RecordingError(f"scale must be causal or recording, got {scale!r}")
    preprocess = Preprocessor(recording.ch_names, recording.sfreq)
    runs = [_Run(recording, preprocess, run) for run in recording.runs()]
    if scale == "recording" and runs:
        known = np.isfinite(recording.samples[preprocess.electrodes]).any(axis=1)
        filtered = [filter_recording(run.scalp[known], recording.sfreq) for run in runs]
        referenced = average_reference(np.concatenate(filtered, axis=1))
        preprocess.scale = FixedScale(*robust_scale(referenced))
    elif isinstance(scale, FixedScale):
        preprocess.scale = scale
    nothing = True
    for run in runs:
        for prepared, start_s in run.windows(Windower(recording.sfreq, hop_s)):
            if prepared.window is not None and prepared.own is not None:
                nothing = False
                yield prepared.window, prepared.own, start_s
    if nothing:
        raise RecordingError(
            f"{recording.source}: no window of its {recording.duration_s:.1f} s can be "
            "decoded: it takes 10 s of EEG (no noise) from at least half of the electrodes"
        )


class _Run:
    """A stretch of a recording without a gap: no filter and no window reaches beyond it."""

    def __init__(self, recording: Recording, preprocess: Preprocessor, run: Run) -> None:
        self._samples = recording.samples[:, run.start : run.stop]
        self._first = run.first_sample
        self._preprocess = preprocess
        self.scalp = _finite(self._samples[preprocess.electrodes])

    def windows(self, windower: Windower) -> Iterator[tuple[PreparedWindow, float]]:
        """Yield each window and its start in seconds; pieces of a minute are filtered ahead."""
        places = list(windower.within(self._first, self._first + self._samples.shape[1]))
        minute = round(PIECE_S * windower.sfreq)
        pieces = groupby(places, lambda place: (place.first - self._first) // minute)
        with ThreadPoolExecutor(n_cores(), "mdjpt-filter") as threads:
            begun: deque[Future[list[_Filtered]]] = deque()
            for _, piece in pieces:
                begun.append(threads.submit(self._filtered, list(piece), windower))
                if len(begun) > n_cores():
                    yield from self._finished(begun.popleft().result(), windower)
            while begun:
                yield from self._finished(begun.popleft().result(), windower)

    def _filtered(self, places: list[Window], windower: Windower) -> list[_Filtered]:
        """Judge and filter the windows of one piece; from any thread."""
        verdicts: list[Verdict] = []

        def lines_from(start: int) -> NDArray[np.float64]:
            verdict = self._preprocess.judge(self._raw(start, windower), 0)
            verdicts.append(verdict)
            if "nan" not in verdict.quality.causes:
                return verdict.lines
            return mains_lines(self.scalp[:, start : start + windower.n_window], windower.sfreq)

        starts = [place.first - self._first for place in places]
        windows = recording_windows(
            self.scalp, windower.sfreq, starts, PIECE_S, lines_from=lines_from
        )
        return list(zip(places, windows, verdicts, strict=True))

    def _finished(
        self, filtered: list[_Filtered], windower: Windower
    ) -> Iterator[tuple[PreparedWindow, float]]:
        """Scale and project windows, which must come in their order."""
        for place, window, verdict in filtered:
            raw = self._raw(place.first - self._first, windower)
            prepared = self._preprocess(raw, 0, place.stop, window, verdict)
            yield prepared, place.first / windower.sfreq

    def _raw(self, start: int, windower: Windower) -> NDArray[np.float32]:
        return self._samples[:, start : start + windower.n_window]


def _recording(recording: Recording | BaseRaw | str | Path) -> Recording:
    if isinstance(recording, Recording):
        return recording
    if isinstance(recording, (str, Path)):
        return read_recording(recording)
    from mdjpt.recordings.mne_file import recording_of

    return recording_of(recording)


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace lost samples by 0, so that the filters stay finite; their windows are left out."""
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
