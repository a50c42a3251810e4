"""The encoder with an alignment at every stage: one window in, one feature out, then learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from mdjpt.network.encoder import Encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mdjpt.alignment.stages import Alignment
    from mdjpt.bundle.bundle import Bundle
    from mdjpt.network.encoder import RowStats

    Float32 = NDArray[np.float32]

__all__ = ["AlignedEncoder"]


_NOTHING = np.empty(0, np.float32)


class _Seen(NamedTuple):
    """What each stage saw of the newest window before it changed it."""

    input: Float32
    first_rows: Float32
    second_rows: Float32
    mixed: Float32
    features: Float32


class AlignedEncoder(Encoder):
    """Encodes the windows of one stream in order, each stage aligned. One thread feeds it.

    The alignment learns when :meth:`learn` is called, after the answer.
    """

    def __init__(self, bundle: Bundle, alignment: Alignment) -> None:
        super().__init__(bundle.network())
        self.alignment = alignment
        self._stats = bundle.row_stats
        self._seen: _Seen | None = None
        self._inside = (_NOTHING, _NOTHING, _NOTHING)

    def encode_next(self, window: Float32) -> Float32:
        """Return the feature, shape (512,), of the next window, before it is standardised.

        `window` is the preprocessor's output, float32, shape (60, 625).
        """
        aligner = self.alignment.input
        aligned = window if aligner is None else aligner.transform(window)
        stats = None if self.alignment.inside else self._stats
        group_size = 1 if stats is None else None
        feature: Float32 = self.feature(aligned[None], group_size, stats)[0]
        self._seen = _Seen(window, *self._inside, feature)
        return feature

    def learn(self, weight_s: float, probabilities: NDArray[np.float64] | None = None) -> None:
        """Fit every stage to the newest window; call it once the window is answered.

        `weight_s` are the seconds of signal that no earlier window held, `probabilities` the
        answer, shape (n_classes,).
        """
        seen, self._seen = self._seen, None
        if seen is not None:
            for name, aligner in self.alignment.stages.items():
                aligner.partial_fit(getattr(seen, name), weight_s, probabilities)

    def _encode_alone(self, x: Float32, stats: RowStats | None, out: Float32) -> None:
        """Encode as the alignment says; with row statistics as the base does."""
        if stats is not None or not self.alignment.inside:
            super()._encode_alone(x, stats, out)
            return
        for k, window in enumerate(x):
            out[k] = self._aligned(window)[0].cpu().numpy()

    def _aligned(self, window: Float32) -> Tensor:
        """(60, T) -> (1, F)."""
        stats, config, folded = self._stats, self.config, self._folded
        tokens = folded.tokens(window[None])
        # Rows are stored in the order [channel, dim]; tokens are [dim, channel] here.
        own_first = self._own(tokens.transpose(0, 1))
        first = self._statistics(own_first, stats, 1)
        shape = (2, len(window), config.n_dims)
        mean, std = self._placed(first).view(shape).transpose(1, 2)[..., None, None]
        mixed = folded.mixed(tokens, (mean, std))
        seen = _NOTHING
        if self.alignment.mixed is not None:
            seen = mixed[:, :, 0, :-1].cpu().numpy().copy()
            mixed[:, :, 0, :-1] = self._placed(self.alignment.mixed.transform(seen))
        own_second = self._own(mixed)
        second = self._statistics(own_second, stats, 2)
        mean, std = self._placed(second).view(2, config.n_dims, config.n_mixed, 1, 1)
        self._inside = (own_first, own_second, seen)
        return folded.feature(mixed, (mean, std))

    def _placed(self, array: Float32) -> Tensor:
        return torch.from_numpy(array).to(self._folded.device)

    def _own(self, x: Tensor) -> Float32:
        """Return the moments of a window's own rows, (2, rows), where anybody needs them."""
        needed = self._stats is None or self.alignment.first_rows is not None
        return _moments(x) if needed else _NOTHING

    def _statistics(self, own: Float32, stats: RowStats | None, which: int) -> Float32:
        """Return mean and deviation to normalise with, (2, rows)."""
        aligner = self.alignment.first_rows if which == 1 else self.alignment.second_rows
        if aligner is not None:
            return np.ascontiguousarray(aligner.transform(own), np.float32)
        if stats is None:
            return own
        pair = stats[:2] if which == 1 else stats[2:]
        return np.stack(pair)


def _moments(x: Tensor) -> Float32:
    """Return mean and unbiased deviation of each row over its patches, (2, rows)."""
    # The slot behind the last patch means nothing.
    std, mean = torch.std_mean(x[..., :-1], dim=-1)
    return torch.stack([mean.reshape(-1), std.reshape(-1)]).cpu().numpy()
