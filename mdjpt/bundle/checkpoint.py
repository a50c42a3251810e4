"""Import of a published mdJPT checkpoint, a Lightning file, into a bundle.

The published file is trusted with nothing: `mdjpt.bundle.checkpoint_process` opens it in a process
of its own and hands back arrays of the names and shapes asked for.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.bundle.bundle import Bundle, save_bundle
from mdjpt.bundle.released_names import FLAT, released_name
from mdjpt.errors import ModelError
from mdjpt.guard.process import GuardedReader, Limits
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.network.model import EncoderConfig, weight_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.network.model import Variant

    Weights = dict[str, NDArray[np.float32]]

__all__ = ["LICENCE", "RELEASED_BLOBS", "import_checkpoint", "released_name"]

LICENCE = "none stated by its authors; not redistributable"
REPOSITORY = "github.com/ncclab-sustech/mdJPT_nips2025"
COMMIT = "42ec6c7bc75dafe54a2b84781f0d935ecf97c625"
RELEASED_BLOBS = {
    "6ae915489e775bdf41e02b7b97791808675ee782": "log/pretrain/ckpt/epoch=19.ckpt",
    "561161fbd040d3f1c56588cb3464622120b63976": "log/pretrain/ckpt/epoch=14.ckpt",
    "654327fd47e5ee0a06a26b898c3f8fd554ef9234": "log/pretrain/ckpt/epoch=9.ckpt",
    "499da513a869de90701eb2724632bdf0a15a2de9": "log/pretrain/ckpt/epoch=4.ckpt",
}
"""Git blob id of each published checkpoint and its path in the repository."""
DATASETS = ["SEED", "SEED-IV", "SEED-VII", "FACED", "DEAP"]

MAX_BYTES = 256 << 20
MEMORY_BYTES = 768 << 20
CPU_S = 30
TIMEOUT_S = 60.0
_READER = GuardedReader("mdjpt.bundle.checkpoint_process", ModelError)


def import_checkpoint(
    ckpt_path: str | Path, bundle_path: str | Path, variant: Variant = "released"
) -> Bundle:
    """Turn a checkpoint of the published layout into a bundle.

    The bundle holds the weights of both variants and neither head nor row statistics: it gives
    features only. Blocks for some seconds; no code of the file is run.

    Parameters
    ----------
    ckpt_path : str or Path
        Lightning checkpoint (.ckpt).
    bundle_path : str or Path
        File to write (.safetensors).
    variant : {"released", "paper"}
        What the bundle's encoder computes by default.

    Returns
    -------
    Bundle
        As it was written.

    Raises
    ------
    ModelError
        The file is missing, no checkpoint, damaged, holds more than tensors or another network, or
        the bundle cannot be written.
    ValueError
        When there is no such variant.

    See Also
    --------
    mdjpt.load_bundle : Read the bundle that this writes.

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.import_checkpoint("epoch=19.ckpt", "released.safetensors")  # doctest: +SKIP
    """
    path = Path(ckpt_path)
    config = EncoderConfig(variant=variant)
    shapes = weight_shapes(EncoderConfig(variant="paper"))
    content = regular_bytes(path, MAX_BYTES, ModelError, "checkpoint")
    weights, facts = _opened(path, content, shapes)
    provenance, warnings = _origin(path, content)
    bundle = Bundle(
        config=config,
        weights=weights,
        licence=LICENCE,
        simulated=False,
        provenance=provenance | facts,
        warnings=(*warnings, "no emotion head: gives features only until calibrated"),
    )
    return save_bundle(bundle_path, bundle)


def _shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that one of our arrays has in the published checkpoint."""
    flat = name.startswith(FLAT) and name.endswith("weight")
    return (*shape[:2], 1, *shape[2:]) if flat else shape


def _origin(path: Path, content: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Recognise the published files by their git blob id."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if blob in RELEASED_BLOBS:
        source = f"{REPOSITORY} commit {COMMIT} {RELEASED_BLOBS[blob]}"
        return {"source": source, "git_blob": blob, "datasets": DATASETS}, ()
    name = "".join(c for c in path.name if c.isprintable())
    unknown = "not one of the four published checkpoints: its origin is unknown"
    return {"source": f"file {name}", "git_blob": blob, "datasets": []}, (unknown,)


def _opened(
    path: Path, content: bytes, shapes: dict[str, tuple[int, ...]]
) -> tuple[Weights, dict[str, Any]]:
    """Have the arrays read in a process of its own, and believe nothing of its answer."""
    theirs = {released_name(name): _shape(name, shape) for name, shape in shapes.items()}
    limits = Limits(MEMORY_BYTES, CPU_S, TIMEOUT_S)
    return _READER.read(path, limits, partial(_ours, shapes), content=content, shapes=theirs)


def _ours(shapes: dict[str, tuple[int, ...]], value: Any) -> tuple[Weights, dict[str, Any]]:
    """Give the arrays of the published checkpoint our names and shapes."""
    arrays = {n: np.asarray(value["arrays"][released_name(n)], np.float32) for n in shapes}
    weights = {name: arrays[name].reshape(shape) for name, shape in shapes.items()}
    return weights, dict(value["facts"])
