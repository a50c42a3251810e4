"""The figures that the paper reports, to be printed beside one's own.

Zhang, Zhong, Li, Shen, Liu, "Multi-dataset Joint Pre-training of Emotional EEG Enables
Generalizable Affective Computing" (NeurIPS 2025, arXiv 2510.22197). Percent.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PUBLISHED", "PublishedFigure", "published_figures"]


class PublishedFigure(NamedTuple):
    """One entry of the paper's tables.

    Attributes
    ----------
    dataset, protocol, method : str
        Short name of the dataset, "few-shot" or "zero-shot", and what was evaluated.
    accuracy : float
        Percent.
    auroc : float or None
        Percent, where it is given.
    """

    dataset: str
    protocol: str
    method: str
    accuracy: float
    auroc: float | None = None


_FEW_SHOT = {
    "mdJPT": {
        "seed": (79.65, 92.98),
        "seed-iv": (53.53, 77.51),
        "seed-v": (65.02, 88.70),
        "seed-vii": (43.93, 79.27),
        "faced": (23.46, 65.53),
        "deap": (71.71, 75.75),
    },
    "DE": {
        "seed": (62.35, 79.38),
        "seed-iv": (45.44, 70.03),
        "seed-v": (45.58, 73.64),
        "seed-vii": (29.12, 64.78),
        "faced": (19.97, 60.63),
        "deap": (55.54, 56.72),
    },
    "LaBraM": {
        "seed": (71.47, 86.15),
        "seed-iv": (47.88, 69.97),
        "seed-v": (41.80, 70.81),
        "seed-vii": (26.85, 66.62),
        "faced": (20.35, 67.59),
        "deap": (67.45, 77.83),
    },
}
_ZERO_SHOT = {
    "seed": 72.47,
    "seed-iv": 50.59,
    "seed-v": 52.91,
    "seed-vii": 33.26,
    "deap": 73.34,
    "faced": 17.44,
}
_ABLATIONS_SEED_V = {
    "mdJPT without ISA": 30.51,
    "mdJPT not time-locked": 55.47,
    "mdJPT with supervised contrast": 47.99,
    "mdJPT with a transformer as channel encoder": 59.90,
    "mdJPT with a transformer as spatio-temporal encoder": 63.63,
    "mdJPT without CDA": 63.52,
    "mdJPT on the best single dataset": 56.47,
}

PUBLISHED: tuple[PublishedFigure, ...] = (
    *(
        PublishedFigure(dataset, "few-shot", method, *figures)
        for method, datasets in _FEW_SHOT.items()
        for dataset, figures in datasets.items()
    ),
    *(
        PublishedFigure(dataset, "zero-shot", "mdJPT", figure)
        for dataset, figure in _ZERO_SHOT.items()
    ),
    *(
        PublishedFigure("seed-v", "few-shot", method, figure)
        for method, figure in _ABLATIONS_SEED_V.items()
    ),
)


def published_figures(dataset: str, protocol: str) -> list[PublishedFigure]:
    """Return what the paper reports for a dataset and protocol; nothing for most."""
    return [item for item in PUBLISHED if (item.dataset, item.protocol) == (dataset, protocol)]
