"""Feature families: ways to describe a window that the personal decoder is pooled from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.calibration.families.band_power import BandPower
from mdjpt.calibration.families.encoded import Encoded
from mdjpt.calibration.families.tangent import BroadTangent, FineTangent
from mdjpt.calibration.families.windows import OwnWindows

if TYPE_CHECKING:
    from mdjpt.calibration.families.family import FeatureFamily

__all__ = ["FAMILIES", "OwnWindows", "family_named"]

FAMILIES: tuple[type[FeatureFamily], ...] = (Encoded, BandPower, FineTangent, BroadTangent)
"""All of them, the encoder's first."""


def family_named(name: str) -> type[FeatureFamily]:
    """Return the family of a name; ValueError when there is none."""
    for family in FAMILIES:
        if family.name == name:
            return family
    raise ValueError(f"unknown feature family {name!r:.40}")
