"""From windows of EEG to tokens, maps and features: arrays in, arrays out.

`Encoder.feature` is the live path, folded and tuned for one window on one core, or for an
accelerator. `Encoder.encode` gives every intermediate array and runs the network as it is written,
on the processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from mdjpt.errors import one_line
from mdjpt.network.device import chosen_device, device_label, leave_device, windows_at_once
from mdjpt.network.folded import standardise
from mdjpt.network.folded_network import FoldedNetwork, Rows, WindowGraph
from mdjpt.network.model import N_CHANNELS, MdjptNetwork, stratified_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from mdjpt.network.model import EncoderConfig

__all__ = ["Encoder", "EncoderOutput", "RowStats"]

Float32 = np.float32
Result = TypeVar("Result")
_PROCESSOR = torch.device("cpu")
_TOLERANCE = 1e-3  # of the largest feature: rounding on an accelerator is below 1e-4
MAX_KEPT = 64  # windows of a group whose tokens stay in memory (0.8 MB each) between the passes


class EncoderOutput(NamedTuple):
    """What the network makes of windows; the sizes are those of the published model.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, 60, 99, 32)
        Channel, patch, dim; after the first normalisation.
    mixed : ndarray of float32, shape (n_windows, 32, 64, 99)
        Dim, mixed channel, patch.
    maps : ndarray of float32, shape (n_windows, 512, 99)
        Weighted by the attention.
    feature : ndarray of float32, shape (n_windows, 512)
        The mean of the maps over the patches.
    projection : ndarray of float32, shape (n_windows, 1024)
        Of unit length; its own normalisations always take the windows of a group.

    See Also
    --------
    mdjpt.Encoder : What makes it.

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> encoder = mdjpt.load_bundle("assets/demo.safetensors").encoder()
    >>> out = encoder.encode(np.random.default_rng(0).normal(size=(2, 60, 625)), group_size=1)
    >>> out.tokens.shape, out.mixed.shape, out.maps.shape
    ((2, 60, 99, 32), (2, 32, 64, 99), (2, 512, 99))
    >>> out.feature.shape, out.projection.shape
    ((2, 512), (2, 1024))
    """

    tokens: NDArray[Float32]
    mixed: NDArray[Float32]
    maps: NDArray[Float32]
    feature: NDArray[Float32]
    projection: NDArray[Float32]


class RowStats(NamedTuple):
    """Mean and unbiased standard deviation of every row that is normalised.

    Attributes
    ----------
    norm1_mean, norm1_std : ndarray of float32, shape (1920,) or (n_groups, 1920)
        Of the tokens, in the order channel * 32 + dim.
    norm2_mean, norm2_std : ndarray of float32, shape (2048,) or (n_groups, 2048)
        Of the mixed channels, in the order dim * 64 + channel.

    See Also
    --------
    mdjpt.Encoder : Takes them.
    mdjpt.RowAligner : Adapts them to one stream.

    Examples
    --------
    >>> import mdjpt
    >>> stats = mdjpt.load_bundle("assets/demo.safetensors").row_stats
    >>> stats.norm1_mean.shape, stats.norm2_std.shape
    ((1920,), (2048,))
    """

    norm1_mean: NDArray[Float32]
    norm1_std: NDArray[Float32]
    norm2_mean: NDArray[Float32]
    norm2_std: NDArray[Float32]


class _Series:
    """One array a window of a group: kept in memory, or computed again at every pass."""

    def __init__(self, compute: Callable[[], Iterator[Tensor]], n_windows: int) -> None:
        self._n_windows = n_windows
        self._compute = compute
        self._kept = list(compute()) if n_windows <= MAX_KEPT else None

    def __iter__(self) -> Iterator[Tensor]:
        return self._compute() if self._kept is None else iter(self._kept)

    def then(self, function: Callable[[Tensor], Tensor]) -> _Series:
        """Apply a function, which may use up its argument, to every array."""
        return _Series(lambda: (function(x) for x in self), self._n_windows)

    def moments(self) -> Rows:
        """Mean and unbiased deviation of each row over its patches and all windows.

        Windows are merged in float64 (Chan, Golub, LeVeque 1983, eq. 2.1).
        """
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())
        for x in self:
            patches = x[..., :-1]
            n = patches.shape[-1]
            own = patches.mean(-1, keepdim=True)
            spread = torch.linalg.vector_norm(patches - own, dim=-1, keepdim=True).double() ** 2
            difference = own.double() - mean
            mean = mean + difference * (n / (count + n))
            squares = squares + spread + difference**2 * (count * n / (count + n))
            count += n
        return Rows(mean.float(), (squares / (count - 1)).sqrt().float())


class Encoder:
    """A network ready to encode windows. One thread at a time: it owns its scratch memory.

    Parameters
    ----------
    network : MdjptNetwork
        Either variant; its weights are copied.
    device : torch.device, optional
        Where to compute; by default what :func:`mdjpt.network.device.use_device` has chosen for
        this process. An accelerator that fails, or does not give the processor's numbers, is left
        for the processor.

    Attributes
    ----------
    config : EncoderConfig
        Sizes, variant and activation of the network.
    device_note : str
        Why the device was left, "" while all is well.

    See Also
    --------
    mdjpt.EncoderFeatures : The same for epochs of any cap, as a scikit-learn transformer.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> import numpy as np
    >>> encoder = mdjpt.load_bundle("assets/demo.safetensors").encoder()
    >>> windows = np.random.default_rng(0).normal(size=(2, 60, 625))
    >>> encoder.feature(windows, group_size=1).shape
    (2, 512)
    """

    def __init__(self, network: MdjptNetwork, device: torch.device | None = None) -> None:
        self.config: EncoderConfig = network.config
        own = MdjptNetwork(self.config).requires_grad_(requires_grad=False)
        own.load_state_dict(network.state_dict())
        self._network = own.eval()
        self.device_note = ""
        self._graphs: dict[bool, WindowGraph] = {}
        self._batches: FoldedNetwork | None = None
        self._device, self._folded = _PROCESSOR, FoldedNetwork(own, _PROCESSOR)
        wanted = chosen_device() if device is None else device
        if wanted.type != "cpu":
            self._move_to(wanted)

    def twin(self) -> Encoder:
        """Return an encoder of the same weights and device for another thread."""
        return Encoder(self._network, self._device)

    @property
    def at_once(self) -> int:
        """Windows that are encoded at a time: 1 on the processor."""
        return windows_at_once(self._device, self.config)

    @property
    def device_name(self) -> str:
        """What computes, "cpu" or the name of the card."""
        return device_label(self._device)

    @property
    def variant(self) -> str:
        """Variant of the network, "released" or "paper"."""
        return self.config.variant

    def encode(
        self, windows: ArrayLike, group_size: int | None = None, stats: RowStats | None = None
    ) -> EncoderOutput:
        """Encode windows and keep every array on the way (2.5 MB a window).

        Parameters
        ----------
        windows : array_like of float32, shape (n_windows, 60, 625)
            The standard channels at 125 Hz, robustly z-scored.
        group_size : int, optional
            Consecutive windows whose rows are normalised together; it divides n_windows.
        stats : RowStats, optional
            Statistics to normalise with: one row for all windows, or one for each of as many
            groups of consecutive windows.

        Returns
        -------
        EncoderOutput
            All arrays, float32.

        Raises
        ------
        ValueError
            Not exactly one of `group_size` and `stats`, windows of another shape or not finite,
            groups that do not divide the windows, statistics of another shape.
        """
        x = self._checked(windows)
        size = self._group_size(len(x), group_size, stats)
        with torch.inference_mode():
            return self._encoded(torch.tensor(x), size, stats)

    def feature(
        self, windows: ArrayLike, group_size: int | None = None, stats: RowStats | None = None
    ) -> NDArray[Float32]:
        """Encode windows to their features alone: the live path, and whole files.

        Rows that repeat within a window (interpolated channels) are encoded once. The feature of a
        window depends on the windows of its group, not on how many groups are given at once.

        Parameters
        ----------
        windows, group_size, stats
            As for `encode`.

        Returns
        -------
        ndarray of float32, shape (n_windows, 512)

        Raises
        ------
        ValueError
            As for `encode`.
        """
        x = self._checked(windows)
        size = self._group_size(len(x), group_size, stats)
        with torch.inference_mode():
            return self._safely(lambda: self._features(x, size, stats))

    def row_stats(self, windows: ArrayLike, group_size: int | None = None) -> RowStats:
        """Measure the statistics of every normalised row over many windows.

        Groups of more than 64 windows are encoded three times rather than kept, so memory stays
        bounded however many windows there are; a memory-mapped array will do.

        Parameters
        ----------
        windows : array_like of float32, shape (n_windows, 60, 625)
            At least one.
        group_size : int, optional
            Windows of a group; by default all of them are one group and the rows are 1-D.

        Returns
        -------
        RowStats
            Of shape (1920,) and (2048,); (n_groups, 1920) and (n_groups, 2048) with a group size.

        Raises
        ------
        ValueError
            As for `encode`, and when there is no window.
        """
        x = self._checked(windows)
        if not len(x):
            raise ValueError("windows must hold at least one window to measure statistics of")
        size = self._group_size(len(x), len(x) if group_size is None else group_size, None)
        with torch.inference_mode():
            rows = self._safely(
                lambda: [self._measured(x[k : k + size]) for k in range(0, len(x), size)]
            )
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        return RowStats(*(a[0] if group_size is None else a for a in columns))

    def _encoded(self, x: Tensor, size: int, stats: RowStats | None) -> EncoderOutput:
        """Run the network as it is written, one window at a time where windows are independent."""
        network, config = self._network, self.config
        if not len(x):
            return EncoderOutput(*(np.zeros(shape, np.float32) for shape in _empty_shapes(config)))
        raw = torch.stack([network.channel_encoder(window) for window in x])
        first, second = (None, None) if stats is None else _plain_rows(stats, config, len(x))
        tokens = stratified_norm(raw, size, 2) if first is None else standardise(raw, *first)
        mixed = torch.cat([network.mix(window[None]) for window in tokens])
        if second is None:
            normalised = stratified_norm(mixed, size, 3)
        else:
            normalised = standardise(mixed.clone(), *second)
        maps = torch.cat([network.spatiotemporal(window[None]) for window in normalised])
        output = (tokens, mixed, maps, maps.mean(-1), network.projector(maps, size))
        return EncoderOutput(*(array.contiguous().numpy() for array in output))

    def _features(self, x: NDArray[Float32], size: int, stats: RowStats | None) -> NDArray[Float32]:
        features = np.empty((len(x), self.config.n_maps), np.float32)
        if size == 1 and (stats is None or len(x) == 1):
            self._encode_alone(x, stats, features)
            return features
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            if stats is None:
                self._encode_group(x[part], features[part])
            else:
                own = stats if stats[0].ndim == 1 else RowStats(*(a[start // size] for a in stats))
                self._encode_alone(x[part], own, features[part])
        return features

    def _encode_alone(
        self, x: NDArray[Float32], stats: RowStats | None, out: NDArray[Float32]
    ) -> None:
        """Encode windows by stored statistics, or each by its own."""
        if len(x) == 1 and self._device.type == "cuda":
            out[0] = self._live_graph(stats)(x[0], stats)
            return
        folded = self._folded if len(x) == 1 else self._many()
        rows = None if stats is None else folded.rows_of(stats)
        for start in range(0, len(x), folded.at_once):
            tokens = folded.tokens(x[start : start + folded.at_once])
            out[start : start + folded.at_once] = folded.alone(tokens, rows).cpu().numpy()

    def _encode_group(self, x: NDArray[Float32], out: NDArray[Float32]) -> None:
        """Encode windows of one group by the statistics of all of them."""
        tokens, folded = self._series(x), self._folded
        first = tokens.moments()
        series = tokens.then(lambda t: folded.mixed(t, first))
        second = series.moments()
        for k, mixed in enumerate(series):
            out[k] = folded.feature(mixed, second)[0].cpu().numpy()

    def _measured(self, x: NDArray[Float32]) -> RowStats:
        """(g, 60, T) -> the statistics of both normalisations over one group."""
        tokens = self._series(x)
        first = tokens.moments()
        second = tokens.then(lambda t: self._folded.mixed(t, first)).moments()
        # Tokens are (dim, channel) here; their rows are stored in the order (channel, dim).
        arrays = [a[..., 0, 0].T for a in first] + [a[..., 0, 0] for a in second]
        return RowStats(*(a.reshape(-1).cpu().numpy() for a in arrays))

    def _series(self, x: NDArray[Float32]) -> _Series:
        """(g, 60, T) -> the tokens of each window, (D, 60, 1, N + 1)."""
        return _Series(lambda: (self._folded.tokens(window[None]) for window in x), len(x))

    def _many(self) -> FoldedNetwork:
        """Return what encodes many windows: on an accelerator another one, with more scratch."""
        if self._batches is None:
            at_once = windows_at_once(self._device, self.config)
            self._batches = (
                self._folded
                if at_once == 1
                else FoldedNetwork(self._network, self._device, at_once)
            )
        return self._batches

    def _live_graph(self, stats: RowStats | None) -> WindowGraph:
        kind = stats is None
        if kind not in self._graphs:
            self._graphs[kind] = WindowGraph(self._folded, stats)
        return self._graphs[kind]

    def _safely(self, encode: Callable[[], Result]) -> Result:
        """Encode; where the accelerator fails, leave it and encode again, so that nothing is lost.

        Out of memory, it first tries half as many windows at a time.
        """
        while True:
            try:
                return encode()
            except (RuntimeError, TypeError, NotImplementedError) as error:
                if self._device.type == "cpu":
                    raise
                many = self._batches
                if isinstance(error, torch.OutOfMemoryError) and many and many.at_once > 1:
                    self._batches = None
                    half = many.at_once // 2
                    self._batches = FoldedNetwork(self._network, self._device, half)
                else:
                    self._leave_device(one_line(error))

    def _move_to(self, device: torch.device) -> None:
        """Compute on an accelerator from now on, if it gives the processor's numbers."""
        shape = (1, N_CHANNELS, self.config.n_times)
        probe = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        with torch.inference_mode():
            expected = self._folded.alone(self._folded.tokens(probe), None)
            try:
                folded = FoldedNetwork(self._network, device)
                found = folded.alone(folded.tokens(probe), None).cpu()
            except (RuntimeError, TypeError, NotImplementedError) as error:
                self._leave_device(one_line(error))
                return
        off = float((found - expected).abs().max() / expected.abs().max())
        if off < _TOLERANCE:
            self._folded, self._device = folded, device
        else:
            self._leave_device(f"its features are off by {off:.1g}")

    def _leave_device(self, why: str) -> None:
        self._graphs, self._batches = {}, None
        self._device, self._folded = _PROCESSOR, FoldedNetwork(self._network, _PROCESSOR)
        self.device_note = leave_device(why)

    def _checked(self, windows: ArrayLike) -> NDArray[Float32]:
        """Return windows as float32, or say what is wrong with them."""
        x = np.asarray(windows, np.float32)
        shape = (N_CHANNELS, self.config.n_times)
        if x.ndim != 3 or x.shape[1:] != shape:
            raise ValueError(
                f"windows must have shape (n_windows, {shape[0]}, {shape[1]}), got {x.shape}"
            )
        for k, window in enumerate(x):
            if not np.isfinite(window).all():
                raise ValueError(f"windows must be finite, got NaN or infinity in window {k}")
        return x

    def _group_size(self, n: int, group_size: int | None, stats: RowStats | None) -> int:
        """Return how many windows each of the groups of `n` windows holds, at least 1."""
        if (group_size is None) == (stats is None):
            raise ValueError("give exactly one of group_size and stats")
        if stats is not None:
            n_groups = _n_groups(stats, self.config)
            if n % n_groups:
                raise ValueError(f"stats hold {n_groups} groups, which do not divide {n} windows")
            return max(n // n_groups, 1)
        size = cast("int", group_size)
        if size < 1 or n % size:
            raise ValueError(f"group_size must divide the {n} windows, got {size}")
        return size


def _empty_shapes(config: EncoderConfig) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of an output for no window."""
    n, dims = config.n_patches, config.n_dims
    tokens, mixed = (0, N_CHANNELS, n, dims), (0, dims, config.n_mixed, n)
    return tokens, mixed, (0, config.n_maps, n), (0, config.n_maps), (0, config.projection_dim)


def _n_groups(stats: RowStats, config: EncoderConfig) -> int:
    """Check the shape of row statistics and return how many groups they are for."""
    n_tokens, n_mixed = N_CHANNELS * config.n_dims, config.n_dims * config.n_mixed
    lead = stats.norm1_mean.shape[:-1]
    for name, n in zip(RowStats._fields, (n_tokens, n_tokens, n_mixed, n_mixed), strict=True):
        array = getattr(stats, name)
        if array.shape != (*lead, n) or array.ndim > 2 or array.dtype != np.float32:
            raise ValueError(
                f"{name} must be float32 of shape ({n},) or (n_groups, {n}), got {array.dtype} "
                f"{array.shape}"
            )
    return lead[0] if lead else 1


def _plain_rows(stats: RowStats, config: EncoderConfig, n: int) -> tuple[Rows, Rows]:
    """Repeat stored statistics for `n` windows in the layout of the network as it is written."""
    groups = [torch.tensor(np.atleast_2d(a)) for a in stats]
    windows = [a.repeat_interleave(n // len(a), 0) for a in groups]
    first = [a.view(n, N_CHANNELS, 1, config.n_dims) for a in windows[:2]]
    second = [a.view(n, config.n_dims, config.n_mixed, 1) for a in windows[2:]]
    return Rows(*first), Rows(*second)
