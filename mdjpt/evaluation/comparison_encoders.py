"""Encoders of other authors to compare with, through braindecode and with weights a user has.

Nothing is downloaded. A licence may forbid what a user has in mind: it stands beside each name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mdjpt.errors import MdjptError, ModelError

__all__ = ["COMPARISON_ENCODERS", "ComparisonEncoder", "comparison_encoder_class"]


UNKNOWN = "not verified: ask the authors"


@dataclass(frozen=True, slots=True)
class ComparisonEncoder:
    """A pre-trained encoder that braindecode has the network of.

    Attributes
    ----------
    name : str
        What a user writes.
    class_name : str
        In ``braindecode.models``.
    sfreq : float
        Sampling rate in Hz that its weights are for.
    licence : str
        Of its authors' code and weights, as they state it.
    source : str
        Where the authors offer the weights.
    """

    name: str
    class_name: str
    sfreq: float
    licence: str
    source: str


COMPARISON_ENCODERS = {
    item.name: item
    for item in (
        ComparisonEncoder("labram", "Labram", 200.0, "MIT", "github.com/935963004/LaBraM"),
        ComparisonEncoder("biot", "BIOT", 200.0, "MIT", "github.com/ycq091044/BIOT"),
        ComparisonEncoder("eegpt", "EEGPT", 256.0, UNKNOWN, "github.com/BINE022/EEGPT"),
        ComparisonEncoder("cbramod", "CBraMod", 200.0, UNKNOWN, "github.com/wjq-learning/CBraMod"),
    )
}


def comparison_encoder_class(name: str) -> Any:
    """Return the class of a network, to be given weights by the caller.

    Parameters
    ----------
    name : str
        Key of `COMPARISON_ENCODERS`.

    Raises
    ------
    ModelError
        Nothing is called that, or the installed braindecode lacks it.
    MdjptError
        braindecode is not installed.
    """
    if name not in COMPARISON_ENCODERS:
        known = ", ".join(COMPARISON_ENCODERS)
        raise ModelError(f"no comparison encoder is called {name!r}; there are {known}")
    try:
        models = import_module("braindecode.models")
    except ModuleNotFoundError:
        raise MdjptError(
            f"the comparison encoder {name} needs braindecode, which is not installed: "
            "pip install braindecode"
        ) from None
    found = getattr(models, COMPARISON_ENCODERS[name].class_name, None)
    if found is None:
        raise ModelError(f"the installed braindecode has no {name}: pip install -U braindecode")
    return found
