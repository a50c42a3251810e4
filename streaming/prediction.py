"""The answer of the decoder for one window, as every output carries it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mdjpt.signal.quality import Quality

__all__ = ["Prediction", "Status"]

Status = Literal["ok", "warming_up", "bad_signal", "gap", "unsure"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Emotion decoded from one window."""

    index: int
    """Number of the window: window k starts at round(k * hop_s * sfreq)."""
    # Seconds since the stream was opened.
    start_s: float
    end_s: float
    timestamp: float
    """Source clock at the window's end."""
    status: Status
    """Whether the label counts."""
    label: str | None
    """The decoded class; None unless `status` is "ok". It changes only when another class leads
    clearly, see :class:`streaming.label_hold.LabelHold`."""
    probabilities: dict[str, float]
    """Smoothed class probabilities; empty when nothing was decoded."""
    confidence: float
    """Probability of the class that is shown or would be, 0 when nothing was decoded."""
    quality: Quality
    """Electrodes used and left out."""
    latency_ms: float
    """From the arrival of the window's newest sample to this answer."""
    simulated_parts: tuple[str, ...] = ()
    """What is simulated, see :func:`streaming.snapshot.simulated_parts`."""
    unproven: bool = False
    """True when the decoder comes from a calibration that could not tell whether it is any good."""
    # Smoothed, in the units of the person's ratings; None without a profile that can tell them.
    valence: float | None = None
    arousal: float | None = None
    reason: str = ""
    """Why there is no label, see :mod:`streaming.reasons`; "" with one."""

    @property
    def simulated(self) -> bool:
        """Whether anything is simulated: the signal, the model or the person calibrated on."""
        return bool(self.simulated_parts)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain JSON types, one line of ``mdjpt run --out``."""
        fields = asdict(self)
        fields["quality"] = {"good": self.quality.good, "bad": list(self.quality.bad)}
        fields |= {"simulated": self.simulated, "simulated_parts": list(self.simulated_parts)}
        return fields
