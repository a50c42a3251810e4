"""The frozen encoder as a scikit-learn transformer: epochs in, features out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mdjpt.bundle.bundle import Bundle, load_bundle
from mdjpt.signal.filters import WINDOW_S, average_reference, recording_windows
from mdjpt.signal.scaling import FixedScale, robust_scale
from mdjpt.signal.window import Preprocessor
from mdjpt.signal.windower import Windower

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

__all__ = ["EncoderFeatures"]

_AMPLITUDE_UV = 1e-2
"""Median amplitude in microvolts below which epochs are taken for volts: no EEG is that small."""


class EncoderFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of the frozen mdJPT encoder for epochs of EEG.

    Each epoch is band-passed by itself, referenced to the average, scaled by what `fit` has
    learned, projected onto the 60 standard channels and encoded; of an epoch longer than 5 s the
    features of its windows are averaged. The network stays as it was pre-trained.

    Parameters
    ----------
    bundle : Bundle or path
        The model.
    ch_names : sequence of str
        Electrode labels of the epochs' channels; those without a scalp position are left out.
    sfreq : float
        Sampling rate of the epochs in Hz.
    hop_s : float
        Seconds from window to window within an epoch.
    on_bad : {"raise", "nan"}
        What to do with an epoch in which no window can be decoded (flat, railed or noisy
        electrodes): refuse it, or return NaN for it.

    Attributes
    ----------
    scale_ : tuple of float
        Mean and standard deviation in microvolts of the epochs that `fit` was given, over all
        electrodes and samples within 30 times the median amplitude (mdJPT's robust z-score).
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    mdjpt.extract_features : Features of a continuous recording.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> recording = mdjpt.read_recording("assets/recordings/physionet_S001R01_30s.edf")
    >>> n_times = round(5 * recording.sfreq)
    >>> epochs = np.stack(np.split(recording.samples[:, : 6 * n_times], 6, axis=1))
    >>> epochs.shape  # (n_epochs, n_channels, n_times), microvolts
    (6, 64, 800)
    >>> features = mdjpt.EncoderFeatures(
    ...     "assets/demo.safetensors", recording.ch_names, recording.sfreq
    ... )
    >>> pipeline = make_pipeline(features, LogisticRegression())
    >>> pipeline.fit(epochs, [0, 1, 0, 1, 0, 1]).predict_proba(epochs).shape
    (6, 2)
    """

    def __init__(
        self,
        bundle: Bundle | str | PathLike[str],
        ch_names: Sequence[str],
        sfreq: float,
        *,
        hop_s: float = 2.0,
        on_bad: str = "raise",
    ) -> None:
        self.bundle = bundle
        self.ch_names = ch_names
        self.sfreq = sfreq
        self.hop_s = hop_s
        self.on_bad = on_bad

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learn the scale of the epochs.

        Parameters
        ----------
        X : array_like of float, shape (n_epochs, n_channels, n_times)
            Microvolts, each epoch at least 5 s.
        y : ignored

        Raises
        ------
        ValueError
            When the epochs have another shape, are shorter than 5 s or look like volts.
        """
        epochs = self._checked(X)
        electrodes = Preprocessor(self.ch_names, self.sfreq).electrodes
        windows = [w for epoch in epochs for w in self._filtered(_finite(epoch[electrodes]))]
        scale = robust_scale(np.concatenate([average_reference(w) for w in windows], axis=1))
        self.scale_ = tuple(map(float, scale))
        self.n_features_in_ = epochs.shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the features of epochs.

        Parameters
        ----------
        X : array_like of float, shape (n_epochs, n_channels, n_times)
            Microvolts, each epoch at least 5 s.

        Returns
        -------
        ndarray of float32, shape (n_epochs, 512)

        Raises
        ------
        ValueError
            As for `fit`; an epoch cannot be decoded and `on_bad` is "raise".
        """
        check_is_fitted(self, "scale_")
        epochs = self._checked(X)
        bundle = self._loaded()
        encoder, stats = bundle.encoder(), bundle.row_stats
        size = 1 if stats is None else None
        features = np.full((len(epochs), bundle.config.n_maps), np.nan, np.float32)
        for row, epoch in zip(features, epochs, strict=True):
            windows = self._prepared(epoch)
            if windows:
                own = encoder.feature(np.stack(windows), group_size=size, stats=stats)
                row[:] = own.mean(axis=0)
        self._refuse_bad(np.flatnonzero(np.isnan(features[:, 0])))
        return features

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the features, shape (512,)."""
        return np.array([f"mdjpt{k}" for k in range(self._loaded().config.n_maps)], object)

    def __sklearn_tags__(self) -> Any:
        """Say that the input has three dimensions."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def _loaded(self) -> Bundle:
        return self.bundle if isinstance(self.bundle, Bundle) else load_bundle(Path(self.bundle))

    def _checked(self, X: ArrayLike) -> NDArray[np.float32]:
        if self.on_bad not in ("raise", "nan"):
            raise ValueError(f"on_bad must be raise or nan, got {self.on_bad!r}")
        epochs = np.asarray(X, np.float32)
        n_channels = len(self.ch_names)
        if epochs.ndim != 3 or epochs.shape[1] != n_channels or not len(epochs):
            raise ValueError(
                f"epochs must have shape (n_epochs, {n_channels}, n_times), got {epochs.shape}"
            )
        if epochs.shape[2] < round(WINDOW_S * self.sfreq):
            raise ValueError(
                f"an epoch must be at least {WINDOW_S:g} s, the encoder's window; got "
                f"{epochs.shape[2] / self.sfreq:g} s"
            )
        centred = epochs - np.median(epochs, axis=2, keepdims=True)
        amplitude = float(np.nanmedian(np.abs(centred)))
        if 0 < amplitude < _AMPLITUDE_UV:
            raise ValueError(
                f"epochs must be in microvolts; a median amplitude of {amplitude:.2g} looks like "
                "volts: multiply by 1e6"
            )
        return epochs

    def _firsts(self, n_times: int) -> list[int]:
        return [place.first for place in Windower(self.sfreq, self.hop_s).within(0, n_times)]

    def _filtered(self, scalp: NDArray[np.float32]) -> list[NDArray[np.float64]]:
        return list(recording_windows(scalp, self.sfreq, self._firsts(scalp.shape[1])))

    def _prepared(self, epoch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the encoder's inputs, shape (60, 625) each, of one epoch."""
        preprocess = Preprocessor(self.ch_names, self.sfreq, FixedScale(*self.scale_))
        n_window, firsts = round(WINDOW_S * self.sfreq), self._firsts(epoch.shape[1])
        filtered = self._filtered(_finite(epoch[preprocess.electrodes]))
        prepared = [
            preprocess(epoch[:, first : first + n_window], 0, first + n_window, window).window
            for first, window in zip(firsts, filtered, strict=True)
        ]
        return [window for window in prepared if window is not None]

    def _refuse_bad(self, bad: NDArray[np.intp]) -> None:
        if bad.size and self.on_bad == "raise":
            listed = ", ".join(map(str, bad[:8])) + (", ..." if bad.size > 8 else "")
            raise ValueError(
                f"{bad.size} epochs cannot be decoded, too few electrodes show EEG ({listed}): "
                "drop them, or take on_bad='nan'"
            )


def _finite(scalp: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.nan_to_num(scalp, nan=0.0, posinf=0.0, neginf=0.0)
