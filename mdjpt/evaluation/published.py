"""The figures that the paper reports, to be printed beside one's own.

Zhang, Zhong, Li, Shen, Liu, "Multi-dataset Joint Pre-training of Emotional EEG Enables
Generalizable Affective Computing" (NeurIPS 2025, arXiv 2510.22197). Percent.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PublishedFigure", "published_figures"]


class PublishedFigure(NamedTuple):
    """One entry of the paper's tables."""

    method: str
    """What was evaluated."""
    accuracy: float
    """Percent."""
    auroc: float | None = None
    """Percent, where it is given."""


_PUBLISHED: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {
    "few-shot": {
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
        "mdJPT without ISA": {"seed-v": (30.51,)},
        "mdJPT not time-locked": {"seed-v": (55.47,)},
        "mdJPT with supervised contrast": {"seed-v": (47.99,)},
        "mdJPT with a transformer as channel encoder": {"seed-v": (59.90,)},
        "mdJPT with a transformer as spatio-temporal encoder": {"seed-v": (63.63,)},
        "mdJPT without CDA": {"seed-v": (63.52,)},
        "mdJPT on the best single dataset": {"seed-v": (56.47,)},
    },
    "zero-shot": {
        "mdJPT": {
            "seed": (72.47,),
            "seed-iv": (50.59,),
            "seed-v": (52.91,),
            "seed-vii": (33.26,),
            "deap": (73.34,),
            "faced": (17.44,),
        },
    },
}
"""Accuracy and, where it is given, AUROC: by protocol, method and short name of the dataset."""


def published_figures(dataset: str, protocol: str) -> list[PublishedFigure]:
    """Return what the paper reports for a dataset and protocol; nothing for most."""
    methods = _PUBLISHED.get(protocol, {})
    return [PublishedFigure(name, *of[dataset]) for name, of in methods.items() if dataset in of]
