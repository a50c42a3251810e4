"""Encoders of other authors to compare with, through braindecode and with weights a user has.

Nothing is downloaded. A licence may forbid what a user has in mind: it stands beside each name, and
in every report.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError, ModelError
from mdjpt.evaluation.window_table import FeatureSet, window_table
from mdjpt.signal.filters import N_TIMES, SFREQ

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mdjpt.evaluation.encoding import OnEncoded
    from mdjpt.store.store import Store

    Float32 = NDArray[np.float32]

__all__ = [
    "COMPARISON_ENCODERS",
    "ComparisonEncoder",
    "comparison_encoder",
    "comparison_features",
    "load_comparison",
    "resampled",
]

UNKNOWN = "not verified: ask the authors"
MAX_WEIGHTS_BYTES = 4 << 30
BATCH = 32  # windows encoded at a time
_HEAD = "final_layer"
"""What braindecode calls the classifier on top of an encoder: not part of the features."""


@dataclass(frozen=True, slots=True)
class ComparisonEncoder:
    """A pre-trained encoder that braindecode has the network of."""

    name: str
    """What a user writes."""
    class_name: str
    """In ``braindecode.models``; those that begin with "Interpolated" bring any electrodes onto the
    ones that the weights are for."""
    sfreq: float
    """Sampling rate in Hz that its weights are for."""
    unit_uv: float
    """Microvolts that are 1 at its input."""
    patch_times: int
    """Samples of a patch: a window is cut to a multiple."""
    licence: str
    """Of its authors' code and weights, as they state it."""
    source: str
    """Where the authors offer the weights."""


COMPARISON_ENCODERS = {
    item.name: item
    for item in (
        ComparisonEncoder(
            "labram", "InterpolatedLaBraM", 200.0, 100.0, 200, "MIT", "github.com/935963004/LaBraM"
        ),
        # Its authors divide by the 95th percentile of the absolute values: 30 uV is usual.
        ComparisonEncoder(
            "biot", "InterpolatedBIOT", 200.0, 30.0, 200, "MIT", "github.com/ycq091044/BIOT"
        ),
        ComparisonEncoder(
            "eegpt", "InterpolatedEEGPT", 256.0, 1000.0, 64, UNKNOWN, "github.com/BINE022/EEGPT"
        ),
        ComparisonEncoder(
            "cbramod", "CBraMod", 200.0, 100.0, 200, UNKNOWN, "github.com/wjq-learning/CBraMod"
        ),
    )
}


def comparison_encoder(name: str) -> ComparisonEncoder:
    """Return what is known of an encoder; ModelError when nothing is called that."""
    if name not in COMPARISON_ENCODERS:
        known = ", ".join(COMPARISON_ENCODERS)
        raise ModelError(f"no comparison encoder is called {name!r}; there are {known}")
    return COMPARISON_ENCODERS[name]


def load_comparison(
    encoder: ComparisonEncoder, weights: Path, ch_names: Sequence[str], n_times: int
) -> nn.Module:
    """Build a network for some electrodes (10-05 names) and give it the weights that a user has.

    `weights` is ``.safetensors`` under braindecode's names, `n_times` counts samples at the
    encoder's rate. The network is in evaluation mode: ``network(x,
    return_features=True)["features"]``.

    Raises MdjptError: braindecode is not installed. Raises ModelError: the installed braindecode
    lacks the network, or the weights do not fit it.
    """
    network = _network_class(encoder)(
        chs_info=_chs_info(ch_names),
        n_outputs=2,
        n_times=n_times,
        sfreq=encoder.sfreq,
    )
    _give(network, _read_weights(weights), weights)
    network.eval()
    return network  # type: ignore[no-any-return]


def _network_class(encoder: ComparisonEncoder) -> Any:
    try:
        models = import_module("braindecode.models")
    except (ImportError, OSError) as error:
        raise MdjptError(
            f"the comparison encoder {encoder.name} needs braindecode, which cannot be imported "
            f"({str(error).splitlines()[0]}): pip install braindecode"
        ) from None
    found = getattr(models, encoder.class_name, None)
    if found is None:
        raise ModelError(
            f"the installed braindecode has no {encoder.class_name}: pip install -U braindecode"
        )
    return found


def _chs_info(ch_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return electrodes as braindecode takes them: names and places in metres."""
    found = [_places()[name.upper()] for name in ch_names]
    return [{"ch_name": name, "kind": "eeg", "loc": place} for name, place in found]


def _has_place(ch_name: str) -> bool:
    """Tell whether the 10-05 system knows where an electrode is."""
    return ch_name.upper() in _places()


@cache
def _places() -> dict[str, tuple[str, Any]]:
    import mne

    positions = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    return {name.upper(): (name, place) for name, place in positions.items()}


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        raise ModelError(f"{path}: weights are read from .safetensors only, which runs no code")
    try:
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise ModelError(f"{path}: larger than 4 GiB, no weights of an encoder")
        return load_file(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise ModelError(f"{path}: no safetensors file: {error}") from None


def _give(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load all weights but the classifier's and what the network computes for itself."""
    own = network.state_dict()
    wanted = [name for name in own if _of_encoder(name)]
    for name in wanted:
        if name not in weights:
            raise ModelError(f"{path}: lacks {name!r}: are these weights of another network?")
        if weights[name].shape != own[name].shape:
            raise ModelError(
                f"{path}: {name!r} is {tuple(weights[name].shape)}, the network has "
                f"{tuple(own[name].shape)}"
            )
    # The classifier may not even have a shape yet.
    network.load_state_dict({name: weights[name] for name in wanted}, strict=False)


def _of_encoder(name: str) -> bool:
    return not name.startswith((_HEAD, "interpolation_layer"))


def comparison_features(
    store: Store, encoder: ComparisonEncoder, weights: Path, step: int, on_encoded: OnEncoded
) -> FeatureSet:
    """Encode all windows of 5 s of a store, in microvolts and at the rate of the weights.

    `step` counts samples of the store. The features are means over the network's tokens, in the
    order of the store's files.

    Raises MdjptError and ModelError as for :func:`load_comparison`. Raises DatasetError: the store
    has no labels or no trial that is long enough.
    """
    import torch

    table = window_table(store, N_TIMES, step)
    n_times = _whole_patches(encoder)
    placed = [k for k, name in enumerate(store.card.ch_names) if _has_place(name)]
    names = [store.card.ch_names[k] for k in placed]
    network = load_comparison(encoder, weights, names, n_times)
    features: Float32 | None = None
    done = 0
    for index in np.unique(table.recording).tolist():
        facts = store.recordings[index].facts
        rows = np.flatnonzero(table.recording == index)
        for part in np.array_split(rows, -(-len(rows) // BATCH)):
            scaled = store.raw_windows(index, table.start[part])[:, placed]
            microvolts = scaled * facts.scale_std + facts.scale_mean
            x = resampled(microvolts / encoder.unit_uv, encoder.sfreq, n_times)
            with torch.inference_mode():
                made = _pooled(network(torch.from_numpy(x), return_features=True))
            if features is None:
                features = np.empty((len(table), made.shape[1]), np.float32)
            features[part] = made
            done += len(part)
            on_encoded(done, len(table))
    assert features is not None
    made_by = f"{encoder.name} (licence: {encoder.licence}), mean over its tokens"
    return FeatureSet.of(table, features, made_by, causal=True)


def resampled(windows: NDArray[Any], sfreq: float, n_times: int) -> Float32:
    """Bring windows, shape (n_windows, n_channels, 625), to another rate, cut to `n_times`."""
    from scipy.signal import resample_poly

    ratio = Fraction(sfreq / SFREQ).limit_denominator(1000)
    out = resample_poly(windows, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    return np.ascontiguousarray(out[..., :n_times], np.float32)


def _whole_patches(encoder: ComparisonEncoder) -> int:
    n_times = int(N_TIMES * encoder.sfreq / SFREQ)
    return n_times // encoder.patch_times * encoder.patch_times


def _pooled(output: Any) -> Float32:
    """Return (batch, F) of (batch, ..., F) tokens."""
    tokens = output["features"].float()
    pooled: Float32 = tokens.reshape(len(tokens), -1, tokens.shape[-1]).mean(1).numpy()
    return pooled
