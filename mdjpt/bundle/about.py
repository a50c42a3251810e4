"""What a bundle says of itself: the JSON object of its file, and the rules for it."""

from __future__ import annotations

import json
from dataclasses import field
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator
from pydantic.dataclasses import dataclass

from mdjpt.guard.schema import STRICT
from mdjpt.network.model import EncoderConfig, Variant
from mdjpt.signal.filters import BAND_HZ, N_TIMES, SFREQ, WINDOW_S
from mdjpt.signal.montage import STANDARD_CHANNELS

__all__ = ["ARCHITECTURE", "INPUT_CONTRACT", "BundleAbout", "FileAbout"]

ARCHITECTURE: Literal["mdJPT"] = "mdJPT"
MAX_TEXT, MAX_CLASSES = 2000, 64
INPUT_CONTRACT: dict[str, Any] = {
    "sfreq_hz": SFREQ,
    "window_s": WINDOW_S,
    "ch_names": list(STANDARD_CHANNELS),
    "units": "robust z-score of microvolts",
    "band_hz": list(BAND_HZ),
    "reference": "common average",
}
"""What a window is, in every bundle of this format."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be a line of text, got {text!r:.80}")
    return text


def _of_our_input(contract: dict[str, Any]) -> dict[str, Any]:
    if contract != INPUT_CONTRACT:
        raise ValueError("it was made for other input (rate, window, channels, filter, reference)")
    return contract


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as a file gives them back."""
    try:
        return cast("dict[str, Any]", json.loads(json.dumps(values, allow_nan=False)))
    except (TypeError, ValueError, RecursionError):
        raise ValueError("must hold what JSON can") from None


def _network_config(value: object) -> EncoderConfig:
    config = EncoderConfig.from_dict(value) if isinstance(value, dict) else value
    if not isinstance(config, EncoderConfig) or config.n_times != N_TIMES:
        raise ValueError(f"must be sizes of a network whose n_times is {N_TIMES}")
    return config


Line = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_printable)]
NetworkConfig = Annotated[
    EncoderConfig, PlainValidator(_network_config), PlainSerializer(EncoderConfig.to_dict)
]


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class BundleAbout:
    """What a bundle says of itself, all but the arrays: as it stands in its JSON."""

    config: NetworkConfig
    """Sizes, variant and activation of the network."""
    licence: Line
    """Of the weights."""
    simulated: bool
    """True when trained on simulated data: every prediction says so."""
    provenance: Annotated[dict[Line, Any], AfterValidator(_as_json)] = field(default_factory=dict)
    """JSON values: datasets, source, date, version of the code."""
    class_names: Annotated[tuple[Line, ...], Field(max_length=MAX_CLASSES)] = ()
    """In the order of the head's logits; empty without a head."""
    temperature: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Divides the logits before the softmax."""
    abstain_below: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Confidence below which the answer is "unsure", from 0 to 1."""
    novelty_limit: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Distance of a window's feature from the training set's above which the model knows nothing of
    it, see :mod:`mdjpt.calibration.novelty`; None where it was not measured."""
    warnings: tuple[Line, ...] = ()
    """One line each, for whoever uses the model."""
    features_of: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Checksum of the bundle that gives the same features and answers, and that this one only adds
    statistics to; "" where there is none."""


@dataclass(frozen=True, eq=False, kw_only=True, config=STRICT)
class FileAbout(BundleAbout):
    """The JSON object of a bundle's file: what else it must agree on."""

    architecture: Literal["mdJPT"]
    variant: Variant
    input: Annotated[dict[str, Any], AfterValidator(_of_our_input)]
    head: Literal["mlp"] | None

    def __post_init__(self) -> None:
        if self.variant != self.config.variant:
            raise ValueError("variant and config contradict each other")
