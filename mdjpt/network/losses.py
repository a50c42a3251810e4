"""The losses of joint pre-training: alignment between subjects, and between datasets.

Source: Zhang, Zhong, Li, Shen, Liu, "Multi-dataset Joint Pre-training of Emotional EEG Enables
Generalizable Affective Computing", NeurIPS 2025, section 3: inter-subject alignment (ISA) is the
InfoNCE loss of SimCLR (Chen et al. 2020, eq. 1), cross-dataset alignment (CDA) a distance between
mean covariances. Both are computed in float32 also where the network runs in bfloat16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Covariance",
    "cda_loss",
    "covariance_centroid",
    "isa_accuracy",
    "isa_loss",
    "supervised_contrastive_loss",
]

Covariance = Literal["true", "released"]


def isa_loss(projections: Tensor, temperature: float = 0.07) -> Tensor:
    """Inter-subject alignment: the windows of the same time are each other's only positive.

    Parameters
    ----------
    projections : Tensor, shape (2 n_pairs, d)
        Of unit length; rows k and n_pairs + k are two subjects at the same time of the same
        stimulus.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor, scalar float32
        Mean over all rows of -ln softmax of the positive among all other rows.

    Raises
    ------
    ValueError
        The number of rows is odd or below 2, or the temperature is not positive.

    See Also
    --------
    mdjpt.cda_loss : Aligns datasets.

    References
    ----------
    Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020,
    https://doi.org/10.48550/arXiv.2002.05709 (eq. 1)
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> import torch
    >>> same = torch.eye(4).repeat(2, 1)  # two subjects who do the same in four windows
    >>> float(mdjpt.isa_loss(same)) < 1e-4
    True
    """
    n_rows = _checked_rows(projections, temperature)
    with torch.autocast(projections.device.type, enabled=False):
        logits = _similarities(projections, temperature)
        positives = torch.arange(n_rows, device=logits.device).roll(n_rows // 2)
        return functional.cross_entropy(logits, positives)


@torch.no_grad()
def isa_accuracy(projections: Tensor) -> Tensor:
    """Return the share of rows whose most similar other row is their positive.

    The rows are as for :func:`isa_loss`. A scalar float32, 0 to 1; guessing gives 1 / (2 n_pairs -
    1).
    """
    n_rows = _checked_rows(projections, 1.0)
    nearest = _similarities(projections.detach(), 1.0).argmax(1)
    return (nearest == torch.arange(n_rows, device=nearest.device).roll(n_rows // 2)).float().mean()


def supervised_contrastive_loss(
    projections: Tensor, labels: Tensor, temperature: float = 0.07
) -> Tensor:
    """Contrast classes instead of times: every row with the same label is a positive.

    Source: Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, eq. 2.

    Parameters
    ----------
    projections : Tensor, shape (2 n_pairs, d)
        Of unit length.
    labels : Tensor of int, shape (2 n_pairs,)
        Class of each row; rows whose class occurs once have no positive and are left out.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor, scalar float32

    Raises
    ------
    ValueError
        As for :func:`isa_loss`, or there is not one label a row.

    See Also
    --------
    mdjpt.isa_loss : Without labels.

    References
    ----------
    Khosla et al., Supervised Contrastive Learning, NeurIPS 2020,
    https://doi.org/10.48550/arXiv.2004.11362

    Examples
    --------
    >>> import mdjpt
    >>> import torch
    >>> projections = torch.eye(2).repeat(2, 1)
    >>> labels = torch.tensor([0, 1, 0, 1])
    >>> float(mdjpt.supervised_contrastive_loss(projections, labels)) < 1e-4
    True
    """
    n_rows = _checked_rows(projections, temperature)
    if labels.shape != (n_rows,):
        raise ValueError(f"labels must hold {n_rows} classes, got shape {tuple(labels.shape)}")
    with torch.autocast(projections.device.type, enabled=False):
        log_shares = functional.log_softmax(_similarities(projections, temperature), dim=1)
        same = (labels[:, None] == labels).fill_diagonal_(fill_value=False)
        n_positives = same.sum(1)
        # The diagonal is -inf, and -inf times 0 would be NaN: masked rather than multiplied.
        summed = log_shares.masked_fill(~same, 0.0).sum(1)
        has_positive = n_positives > 0
        return -(summed[has_positive] / n_positives[has_positive]).mean().nan_to_num(0.0)


def cda_loss(mixed_per_dataset: Sequence[Tensor], covariance: Covariance = "true") -> Tensor:
    """Cross-dataset alignment: ln(1 + sum of the distances between all covariance centroids).

    Parameters
    ----------
    mixed_per_dataset : sequence of Tensor, each of shape (B, D, M, N)
        The mixed channels (M) of each dataset's windows over the patches (N), for every dim (D);
        the first floor(B / 2) windows are one subject's, the rest another's. Only B may differ.
    covariance : {"true", "released"}
        ``true``: between the mixed channels, divided by N - 1. ``released``: what the published
        code computes instead, for comparison: the centred values are transposed and reshaped
        before the product, which scrambles channels with time.

    Returns
    -------
    Tensor, scalar float32
        Over all dims and unordered pairs of centroids, two a dataset, the Frobenius distances are
        added.

    Raises
    ------
    ValueError
        No dataset, fewer than two windows of one, or unequal D, M, N; fewer than two patches.

    See Also
    --------
    mdjpt.isa_loss : Aligns subjects.

    References
    ----------
    Zhang et al., Multi-dataset Joint Pre-training of Emotional EEG Enables Generalizable Affective
    Computing, NeurIPS 2025, https://doi.org/10.48550/arXiv.2510.22197

    Examples
    --------
    >>> import mdjpt
    >>> import torch
    >>> mixed = torch.randn(4, 2, 3, 99, generator=torch.manual_seed(0))
    >>> far = mdjpt.cda_loss([mixed, 5 * mixed])
    >>> bool(far > mdjpt.cda_loss([mixed, mixed]))
    True
    """
    _check_mixed(mixed_per_dataset, covariance)
    halves = [half for mixed in mixed_per_dataset for half in _halves(mixed)]
    with torch.autocast(halves[0].device.type, enabled=False):
        centroids = torch.stack([covariance_centroid(half, covariance) for half in halves])
        n = len(centroids)
        first, second = torch.triu_indices(n, n, offset=1, device=centroids.device)
        # Differences, not Gram matrices: distances are small against the norms near the optimum,
        # and float32 would lose them. At distance 0 vector_norm has the gradient 0.
        distances = torch.linalg.vector_norm(centroids[first] - centroids[second], dim=(-2, -1))
        return torch.log1p(distances.sum())


def covariance_centroid(mixed: Tensor, covariance: Covariance = "true") -> Tensor:
    """Return the mean over windows of the covariance of the mixed channels, diagonal zero.

    Parameters
    ----------
    mixed : Tensor, shape (B, D, M, N)
        At least one window.
    covariance : {"true", "released"}
        As for :func:`cda_loss`.

    Returns
    -------
    Tensor of float32 (float64 for float64), shape (D, M, M)
    """
    values = mixed if mixed.dtype == torch.float64 else mixed.float()
    centred = values - values.mean(-1, keepdim=True)
    if covariance == "released":
        centred = centred.transpose(-2, -1).reshape(centred.shape)
    n_windows, _, n_mixed, n_patches = centred.shape
    # The mean of the windows' products is one product over all their patches: no (B, D, M, M).
    joined = centred.permute(1, 2, 0, 3).flatten(2)
    products = joined @ joined.transpose(-2, -1) / (n_windows * (n_patches - 1))
    return products * (1 - torch.eye(n_mixed, dtype=products.dtype, device=products.device))


def _similarities(projections: Tensor, temperature: float) -> Tensor:
    """(R, d) -> (R, R), a row's similarity to itself -inf."""
    values = projections if projections.dtype == torch.float64 else projections.float()
    itself = torch.eye(len(values), dtype=torch.bool, device=values.device)
    return (values @ values.T / temperature).masked_fill(itself, -torch.inf)


def _halves(mixed: Tensor) -> tuple[Tensor, Tensor]:
    n_first = len(mixed) // 2
    return mixed[:n_first], mixed[n_first:]


def _checked_rows(projections: Tensor, temperature: float) -> int:
    n_rows = len(projections)
    if projections.ndim != 2 or n_rows < 2 or n_rows % 2:
        raise ValueError(
            f"projections must have shape (2 n_pairs, d), got {tuple(projections.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    return n_rows


def _check_mixed(mixed_per_dataset: Sequence[Tensor], covariance: str) -> None:
    if covariance not in get_args(Covariance):
        raise ValueError(f'covariance must be "true" or "released", got {covariance!r}')
    if not mixed_per_dataset:
        raise ValueError("mixed_per_dataset must hold at least one dataset")
    shapes = {tuple(mixed.shape[1:]) for mixed in mixed_per_dataset}
    shape = next(iter(shapes))
    if len(shapes) > 1 or len(shape) != 3 or shape[2] < 2:
        raise ValueError(
            f"mixed_per_dataset needs shapes (B, D, M, N), N > 1, got {sorted(shapes)}"
        )
    if min(len(mixed) for mixed in mixed_per_dataset) < 2:
        raise ValueError("mixed_per_dataset must hold two windows or more of every dataset")
