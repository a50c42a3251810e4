"""What is known of each dataset before its files are there, as ``cards.toml`` tells it."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from mdjpt.datasets.trials import DatasetCard

__all__ = ["CARDS"]

CARDS = {
    name: DatasetCard(name=name, **card | {"class_names": tuple(card["class_names"])})
    for name, card in tomllib.loads(
        files("mdjpt.datasets").joinpath("cards.toml").read_text(encoding="utf-8")
    ).items()
}
"""The cards by the names that :func:`mdjpt.datasets.open_dataset` knows, in its order."""
