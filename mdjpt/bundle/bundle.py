"""A model bundle: weights and everything that a live system must agree on with their training.

One safetensors file, see `mdjpt.bundle.checked_file`. Its arrays are named by what they belong to:
``encoder.*`` (the names of `MdjptNetwork.state_dict`), ``rows.*``, ``feature.mean`` and
``feature.var``, ``covariance.centroids``, ``head.*``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from mdjpt.bundle.checked_file import (
    FORMAT_VERSION,
    BundleFile,
    read_bundle_file,
    write_bundle_file,
)
from mdjpt.bundle.rules import check_bundle, weight_shapes
from mdjpt.errors import ModelError
from mdjpt.network.emotion_head import Head
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.model import N_CHANNELS, EncoderConfig, MdjptNetwork
from mdjpt.signal.filters import BAND_HZ, N_TIMES, SFREQ, WINDOW_S
from mdjpt.signal.montage import STANDARD_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from mdjpt.network.model import Variant

    Float32 = NDArray[np.float32]

__all__ = ["Bundle", "describe", "load_bundle", "save_bundle", "verify"]

ARCHITECTURE = "mdJPT"
VARIANCE_EPS = 1e-10  # of the running normalisation, which begins with this standardisation

INPUT_CONTRACT: dict[str, Any] = {
    "sfreq_hz": SFREQ,
    "window_s": WINDOW_S,
    "ch_names": list(STANDARD_CHANNELS),
    "units": "robust z-score of microvolts",
    "band_hz": list(BAND_HZ),
    "reference": "common average",
}
"""What a window is, in every bundle of this format."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Bundle:
    """A model and its context.

    Attributes
    ----------
    config : EncoderConfig
        Sizes, variant and activation of the network.
    weights : mapping of str to ndarray
        State dict of the network, float32; may hold what only the paper variant uses.
    licence : str
        Of the weights.
    simulated : bool
        True when trained on simulated data: every prediction says so.
    provenance : dict
        JSON values: datasets, source, date, version of the code.
    row_stats : RowStats or None
        Statistics of every normalised row over the training windows.
    feature_mean, feature_var : ndarray or None
        [512] float32, of the features over the training windows.
    centroids : ndarray or None
        [n, 32, 64, 64] float32, mean covariances of the mixed channels, one a dataset.
    head : Head or None
        From standardised features to logits.
    class_names : tuple of str
        In the order of the head's logits; empty without a head.
    temperature : float
        Divides the logits before the softmax.
    abstain_below : float
        Confidence below which the answer is "unsure", from 0 to 1.
    novelty_limit : float or None
        Distance of a window's feature from the training set's above which the model knows nothing
        of it, see :mod:`mdjpt.calibration.novelty`; None where it was not measured.
    warnings : tuple of str
        One line each, for whoever uses the model.
    sha256 : str
        Checksum of the file it was read from, "" for a bundle that was never saved.

    Raises
    ------
    ValueError
        When an array is missing, not finite, or of a shape that `config` does not give, or another
        field is out of its range.
    """

    config: EncoderConfig
    weights: Mapping[str, Float32]
    licence: str
    simulated: bool
    provenance: dict[str, Any] = field(default_factory=dict)
    row_stats: RowStats | None = None
    feature_mean: Float32 | None = None
    feature_var: Float32 | None = None
    centroids: Float32 | None = None
    head: Head | None = None
    class_names: tuple[str, ...] = ()
    temperature: float = 1.0
    abstain_below: float = 0.0
    novelty_limit: float | None = None
    warnings: tuple[str, ...] = ()
    sha256: str = ""

    def __post_init__(self) -> None:
        check_bundle(self)

    @property
    def variant(self) -> Variant:
        """What the weights were trained as: "released" or "paper"."""
        return self.config.variant

    @property
    def metadata(self) -> dict[str, Any]:
        """All but the arrays, as the file holds it."""
        return _about(self) | {"format_version": FORMAT_VERSION, "sha256": self.sha256}

    def network(self, variant: Variant | None = None) -> MdjptNetwork:
        """Build the network, for further training.

        Raises
        ------
        ValueError
            When there is no such variant.
        ModelError
            When the bundle lacks weights that the variant needs.
        """
        config = self.config if variant is None else replace(self.config, variant=variant)
        names = weight_shapes(config).keys()
        if missing := names - self.weights.keys():
            raise ModelError(
                f"the bundle has no weights for the {config.variant} variant "
                f"({len(missing)} arrays, as {min(missing)}); use {self.variant}"
            )
        with torch.device("meta"):
            network = MdjptNetwork(config)
        state = {name: torch.from_numpy(np.array(self.weights[name])) for name in names}
        network.load_state_dict(state, assign=True)
        return network.requires_grad_(requires_grad=True)

    def encoder(self, variant: Variant | None = None) -> Encoder:
        """Build an encoder of the bundle's variant, or of another if its weights are there.

        Raises
        ------
        ValueError, ModelError
            As for `network`.
        """
        return Encoder(self.network(variant))

    def standardise(self, features: ArrayLike) -> Float32:
        """Scale features by the training set's mean and variance: what the head expects.

        Parameters
        ----------
        features : array_like
            [n, 512] from the encoder.

        Returns
        -------
        ndarray
            (f - mean) / sqrt(var + 1e-10), float32; the features as they are when the bundle has
            no feature statistics.
        """
        x = np.asarray(features, np.float32)
        if self.feature_mean is None or self.feature_var is None:
            return x
        return cast("Float32", (x - self.feature_mean) / np.sqrt(self.feature_var + VARIANCE_EPS))


def save_bundle(path: str | Path, bundle: Bundle) -> Bundle:
    """Write a bundle, whole or not at all.

    Returns
    -------
    Bundle
        As it stands in the file: date and version of the code are added to the provenance where
        they are missing, and it knows its checksum.

    Raises
    ------
    ModelError
        When the file cannot be written.
    ValueError
        When the provenance holds what JSON cannot.
    """
    made = {"created": datetime.now(UTC).date().isoformat(), "code_version": _code_version()}
    dated = replace(bundle, provenance=made | bundle.provenance)
    sha256 = write_bundle_file(Path(path), _arrays(dated), _about(dated))
    return replace(dated, sha256=sha256)


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle and check every part of it.

    Raises
    ------
    ModelError
        The file is missing, damaged, no bundle, of another format, or for other input.
    """
    path = Path(path)
    file = read_bundle_file(path)
    try:
        return _bundle_of(file)
    except (ValueError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ModelError(f"{path}: unusable model bundle: {reason}; get or make it again") from None


def verify(path: str | Path) -> None:
    """Check a bundle as loading does, then see that its encoder gives finite features.

    Raises
    ------
    ModelError
        As for `load_bundle`, and when the features are not finite.
    """
    bundle = load_bundle(path)
    window = np.random.default_rng(0).standard_normal((1, N_CHANNELS, N_TIMES), np.float32)
    if not np.isfinite(bundle.encoder().feature(window, group_size=1)).all():
        raise ModelError(f"{path}: its weights give features that are not finite; make it again")


def describe(path: str | Path) -> dict[str, str]:
    """Return what a person wants to know of a bundle, one line an entry.

    Raises
    ------
    ModelError
        As for `load_bundle`.
    """
    bundle = load_bundle(path)
    n_values = sum(array.size for array in bundle.weights.values())
    lines = {
        "architecture": f"{ARCHITECTURE}, {bundle.variant} variant, {n_values:,} encoder weights",
        "input": "60 standard channels, 5 s at 125 Hz, 0.5-47 Hz, common average, robust z-score",
        "normalisation": "window" if bundle.row_stats is None else "row statistics",
        "head": "none: gives features only" if bundle.head is None else "mlp",
        "classes": ", ".join(bundle.class_names) or "-",
        "confidence": f"temperature {bundle.temperature:.3g}, unsure below "
        f"{bundle.abstain_below:.3g}",
        "simulated": "yes: trained on simulated EEG" if bundle.simulated else "no",
        "licence": bundle.licence,
    }
    lines |= {key: str(value) for key, value in sorted(bundle.provenance.items())}
    lines |= {f"warning {k}": text for k, text in enumerate(bundle.warnings, 1)}
    return lines | {"sha256": bundle.sha256}


def _about(bundle: Bundle) -> dict[str, Any]:
    """Return all but the arrays, for JSON."""
    # A bundle without the measurement keeps the text, and the checksum, that it always had.
    limit = {} if bundle.novelty_limit is None else {"novelty_limit": bundle.novelty_limit}
    return limit | {
        "architecture": ARCHITECTURE,
        "variant": bundle.variant,
        "config": bundle.config.to_dict(),
        "input": INPUT_CONTRACT,
        "head": None if bundle.head is None else "mlp",
        "class_names": list(bundle.class_names),
        "temperature": bundle.temperature,
        "abstain_below": bundle.abstain_below,
        "simulated": bundle.simulated,
        "provenance": bundle.provenance,
        "licence": bundle.licence,
        "warnings": list(bundle.warnings),
    }


def _arrays(bundle: Bundle) -> dict[str, Float32]:
    """Return all arrays by their names in the file."""
    arrays = _prefixed("encoder.", bundle.weights)
    arrays |= {} if bundle.head is None else _prefixed("head.", bundle.head.arrays)
    arrays |= {} if bundle.row_stats is None else _prefixed("rows.", bundle.row_stats._asdict())
    single = {
        "feature.mean": bundle.feature_mean,
        "feature.var": bundle.feature_var,
        "covariance.centroids": bundle.centroids,
    }
    return arrays | {name: array for name, array in single.items() if array is not None}


def _bundle_of(file: BundleFile) -> Bundle:
    """Build a bundle from a file's content; the constructor checks the values."""
    about, parts = dict(file.about), _parts(file.arrays)
    config = EncoderConfig.from_dict(_config_of(about))
    if about.pop("variant") != config.variant:
        raise ValueError("variant and config contradict each other")
    if (about.pop("head") == "mlp") != ("head" in parts):
        raise ValueError("description and arrays contradict each other about the head")
    features = parts.pop("feature", {})
    rows, head = parts.pop("rows", None), parts.pop("head", None)
    bundle = Bundle(
        config=config,
        weights=parts.pop("encoder", {}),
        licence=about.pop("licence"),
        simulated=about.pop("simulated"),
        provenance=about.pop("provenance"),
        row_stats=None if rows is None else _row_stats(rows),
        feature_mean=features.pop("mean", None),
        feature_var=features.pop("var", None),
        centroids=parts.get("covariance", {}).pop("centroids", None),
        head=None if head is None else Head(head),
        class_names=_tuple_of(about.pop("class_names")),
        temperature=about.pop("temperature"),
        abstain_below=about.pop("abstain_below"),
        novelty_limit=about.pop("novelty_limit", None),
        warnings=_tuple_of(about.pop("warnings")),
        sha256=file.sha256,
    )
    if left := [*about, *features, *parts.pop("covariance", {}), *parts]:
        raise ValueError(f"it holds what this version does not know: {', '.join(left)[:80]}")
    return bundle


def _config_of(about: dict[str, Any]) -> dict[str, Any]:
    """Take the network's sizes from a description that must be for our kind of input."""
    if about.pop("architecture") != ARCHITECTURE:
        raise ValueError(f"its architecture is not {ARCHITECTURE}")
    if about.pop("input") != INPUT_CONTRACT:
        raise ValueError("it was made for other input (rate, window, channels, filter, reference)")
    config = about.pop("config")
    if not isinstance(config, dict):
        raise ValueError("config is no JSON object")
    return config


def _row_stats(rows: dict[str, Float32]) -> RowStats:
    if rows.keys() != set(RowStats._fields):
        raise ValueError(f"row statistics must be {', '.join(RowStats._fields)}")
    return RowStats(**rows)


def _tuple_of(value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"a list was expected, got {value!r}"[:80])
    return tuple(value)


def _parts(arrays: Mapping[str, Float32]) -> dict[str, dict[str, Float32]]:
    """Sort the arrays by the first part of their names."""
    parts: dict[str, dict[str, Float32]] = {}
    for name, array in arrays.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = array
    return parts


def _prefixed(prefix: str, arrays: Mapping[str, Float32]) -> dict[str, Float32]:
    return {prefix + name: array for name, array in arrays.items()}


def _code_version() -> str:
    try:
        return version("mdjpt-live")
    except PackageNotFoundError:
        return "unknown"
