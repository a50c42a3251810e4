"""A model bundle: weights and everything that a live system must agree on with their training.

One safetensors file, see `mdjpt.bundle.checked_file`. Its arrays are named by what they belong to:
``encoder.*`` (the names of `MdjptNetwork.state_dict`), ``rows.*``, ``feature.mean`` and
``feature.var``, ``covariance.centroids`` and ``covariance.input``, ``head.*``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from mdjpt.bundle.about import ARCHITECTURE, INPUT_CONTRACT, BundleAbout, FileAbout
from mdjpt.bundle.array_rules import check_arrays
from mdjpt.bundle.checked_file import FileKind, parts_of, read_checked, write_checked
from mdjpt.errors import ModelError
from mdjpt.guard.extras import installed_version
from mdjpt.guard.schema import STRICT, Unchecked, checked
from mdjpt.network.emotion_head import Head
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.encoding_pool import EncodingPool
from mdjpt.network.model import MdjptNetwork, weight_shapes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mdjpt.network.model import Variant

__all__ = ["BUNDLE_FILE", "Bundle", "load_bundle", "save_bundle"]

VARIANCE_EPS = 1e-10  # of the running normalisation, which begins with this standardisation
BUNDLE_FILE = FileKind(
    noun="model bundle",
    entry="mdjpt",
    format_version=1,
    dtypes=("F32",),
    error=ModelError,
    hint="get or make it again",
    otherwise="a safetensors file but no mdJPT bundle; make one from a checkpoint with "
    "`mdjpt model import`",
)
Float32 = NDArray[np.float32]
Array = Unchecked[Float32]


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class Bundle(BundleAbout):
    """A model and its context.

    Attributes
    ----------
    weights : mapping of str to ndarray
        State dict of the network, float32; may hold what only the paper variant uses.
    row_stats : RowStats or None
        Statistics of every normalised row over the training windows.
    feature_mean, feature_var : ndarray of float32, shape (512,), or None
        Of the features over the training windows.
    centroids : ndarray of float32, shape (n, 32, 64, 64), or None
        Mean covariances of the mixed channels, one a dataset.
    input_covariance : ndarray of float32, shape (60, 60), or None
        Mean covariance of the training windows.
    head : Head or None
        From standardised features to logits.
    sha256 : str
        Checksum of the file it was read from, "" for a bundle that was never saved.

    Raises
    ------
    ValueError
        When an array is missing, not finite, or of a shape that `config` does not give, or another
        field is out of its range.

    See Also
    --------
    mdjpt.load_bundle : Read one from a file.

    Examples
    --------
    >>> import mdjpt
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> bundle.variant, bundle.simulated, bundle.class_names
    ('released', True, ('negative', 'neutral', 'positive'))
    """

    weights: Unchecked[Mapping[str, Float32]]
    row_stats: Unchecked[RowStats] | None = None
    feature_mean: Array | None = None
    feature_var: Array | None = None
    centroids: Array | None = None
    input_covariance: Array | None = None
    head: Unchecked[Head] | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        check_arrays(self.config, _arrays(self))
        _check_head(self)

    @property
    def variant(self) -> Variant:
        """What the weights were trained as: "released" or "paper"."""
        return self.config.variant

    @property
    def identity(self) -> str:
        """Checksum that profiles are bound to: of the first bundle with these features."""
        return self.features_of or self.sha256

    @property
    def metadata(self) -> dict[str, Any]:
        """All but the arrays, as the file holds it."""
        return _about(self) | {
            "format_version": BUNDLE_FILE.format_version,
            "sha256": self.sha256,
        }

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

    def features(self, windows: ArrayLike) -> Float32:
        """Encode windows one by one, as the live path does, on all cores.

        Parameters
        ----------
        windows : array_like of float32, shape (n, 60, 625)
            As :class:`mdjpt.signal.window.Preprocessor` prepares them.

        Returns
        -------
        ndarray of float32, shape (n, 512)
            Not standardised. Rows are normalised by the bundle's statistics, those of a window by
            its own where the bundle has none.
        """
        x = np.asarray(windows, np.float32)
        features = np.empty((len(x), self.config.n_maps), np.float32)
        for row, feature in zip(features, self.encoding_pool().map(x), strict=True):
            row[:] = feature
        return features

    def encoding_pool(self) -> EncodingPool:
        """Return what encodes windows beside its caller, one by one as the live path does."""
        return EncodingPool(self.encoder, self.row_stats)

    def standardise(self, features: ArrayLike) -> Float32:
        """Scale features by the training set's mean and variance: what the head expects.

        Parameters
        ----------
        features : array_like of float, shape (n, 512)
            From the encoder.

        Returns
        -------
        ndarray of float32, shape (n, 512)
            (f - mean) / sqrt(var + 1e-10); the features as they are when the bundle has no feature
            statistics.
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

    See Also
    --------
    mdjpt.load_bundle : Read it again.

    Examples
    --------
    >>> import mdjpt, tempfile
    >>> bundle = mdjpt.load_bundle("assets/demo.safetensors")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copy = mdjpt.save_bundle(f"{folder}/copy.safetensors", bundle)
    >>> copy.class_names == bundle.class_names
    True
    """
    made = {
        "created": datetime.now(UTC).date().isoformat(),
        "code_version": installed_version("mdjpt-live") or "unknown",
    }
    dated = replace(bundle, provenance=made | bundle.provenance)
    sha256 = write_checked(Path(path), BUNDLE_FILE, _arrays(dated), _about(dated))
    return replace(dated, sha256=sha256)


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle and check every part of it.

    Raises
    ------
    ModelError
        The file is missing, damaged, no bundle, of another format, or for other input.

    See Also
    --------
    mdjpt.import_checkpoint : Make one of the published weights.
    mdjpt.save_bundle : Write one.

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.load_bundle("assets/demo.safetensors").config.n_maps
    512
    """
    path = Path(path)
    arrays, said, sha256 = read_checked(path, BUNDLE_FILE)
    where = f"{path}: unusable model bundle"
    about = checked(FileAbout, said, where, ModelError, BUNDLE_FILE.hint)
    try:
        return _bundle_of(about, arrays, sha256)
    except (ValueError, KeyError) as error:
        BUNDLE_FILE.refuse(path, error)


def _about(bundle: Bundle) -> dict[str, Any]:
    """Return all but the arrays, for JSON."""
    about = TypeAdapter(BundleAbout).dump_python(bundle, mode="json")
    # A bundle without one of these keeps the text, and the checksum, that it always had.
    later = {name for name in ("novelty_limit", "features_of") if not about[name]}
    return {
        **{name: value for name, value in about.items() if name not in later},
        "architecture": ARCHITECTURE,
        "variant": bundle.variant,
        "input": INPUT_CONTRACT,
        "head": None if bundle.head is None else "mlp",
    }


def _arrays(bundle: Bundle) -> dict[str, Float32]:
    """Return all arrays by their names in the file."""
    parts: dict[str, Mapping[str, Float32 | None]] = {
        "encoder": bundle.weights,
        "head": {} if bundle.head is None else bundle.head.arrays,
        "rows": {} if bundle.row_stats is None else bundle.row_stats._asdict(),
        "feature": {"mean": bundle.feature_mean, "var": bundle.feature_var},
        "covariance": {"centroids": bundle.centroids, "input": bundle.input_covariance},
    }
    return {
        f"{part}.{name}": array
        for part, arrays in parts.items()
        for name, array in arrays.items()
        if array is not None
    }


def _bundle_of(about: FileAbout, arrays: dict[str, Float32], sha256: str) -> Bundle:
    """Build a bundle from a file's content; the constructor checks the values."""
    parts = parts_of(arrays, ("encoder", "head", "rows", "feature", "covariance"))
    if (about.head is None) != (not parts["head"]):
        raise ValueError("description and arrays contradict each other about the head")
    known = {"feature": {"mean", "var"}, "covariance": {"centroids", "input"}}
    for part, names in known.items():
        if odd := parts[part].keys() - names:
            raise ValueError(f"it holds what this version does not know: {part}.{min(odd)}"[:80])
    rows = parts["rows"]
    if rows and rows.keys() != set(RowStats._fields):
        raise ValueError(f"row statistics must be {', '.join(RowStats._fields)}")
    return Bundle(
        **{f.name: getattr(about, f.name) for f in fields(BundleAbout)},
        weights=parts["encoder"],
        row_stats=RowStats(**rows) if rows else None,
        feature_mean=parts["feature"].get("mean"),
        feature_var=parts["feature"].get("var"),
        centroids=parts["covariance"].get("centroids"),
        input_covariance=parts["covariance"].get("input"),
        head=Head(parts["head"]) if parts["head"] else None,
        sha256=sha256,
    )


def _check_head(bundle: Bundle) -> None:
    n_classes = 0 if bundle.head is None else bundle.head.n_classes
    names = bundle.class_names
    if len(names) != n_classes or len(set(names)) != n_classes:
        raise ValueError(f"class_names must name {n_classes} different classes, got {names!r:.80}")
    if bundle.head is not None and bundle.head.n_features != bundle.config.n_maps:
        n = bundle.config.n_maps
        raise ValueError(f"the head must take {n} features, takes {bundle.head.n_features}")
