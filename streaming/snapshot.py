"""The state of a running session at one moment, as the dashboard and the terminal show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mdjpt.errors import printable
from streaming.reasons import only_simulated

if TYPE_CHECKING:
    from streaming.stream import StreamInfo

__all__ = [
    "OVER",
    "AlignmentStatus",
    "DecoderState",
    "ModelCard",
    "Snapshot",
    "StreamState",
    "simulated_parts",
]

_SILENT = "no samples come; waiting for them"
_NEVER_CAME = "no sample has come yet; is the device on, and does it send?"
_RESTARTS = "the decoder ended and starts again; signals go on"
OVER = {
    _SILENT: "samples come again",
    _NEVER_CAME: "samples come",
    _RESTARTS: "the decoder is back",
}
"""What to say when a remark holds no longer."""

StreamState = Literal["starting", "streaming", "stalled", "ended", "failed", "stopped"]
DecoderState = Literal["none", "loading", "running", "switching", "restarting", "failed"]


@dataclass(frozen=True, slots=True)
class AlignmentStatus:
    """How far the alignment has learned this stream.

    Attributes
    ----------
    kind : str
        "none", "moments", "rows", "covariance-input" or "covariance-mixed".
    effective_s : float
        Seconds of signal that its statistics rest on, what has faded left out.
    prior_share : float
        Weight of the training set's statistics in what it does now, from 1 down to 0.
    converged : bool
        True once more signal changes little.
    frozen : bool
        True while it does not learn: no alignment, or a profile's.
    """

    kind: str = "none"
    effective_s: float = 0.0
    prior_share: float = 1.0
    converged: bool = False
    frozen: bool = True


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the user must know of the model that predicts.

    Attributes
    ----------
    name : str
        File name of the bundle.
    variant : str
        "released" or "paper".
    class_names : tuple of str
        Classes of the head, empty for a bundle without one.
    simulated : bool
        True when the model was trained on simulated data.
    person_simulated : bool
        True when the calibration in use is of a simulated person.
    normalisation : str
        What the network's rows are normalised by: "row statistics" where the bundle stores them,
        "stream" for the stream's own past, else "window".
    licence : str
        Licence of the weights.
    participant : str
        Pseudonym of the person whose calibration is in use, "" without one.
    profile_version : int
        Which calibration of that person, from 1; 0 without one.
    sha256 : str
        Checksum of the bundle, "" when unknown: profiles are made for one bundle.
    unproven : bool
        True when that calibration could not tell whether it is any good.
    device : str
        What computes: "cpu", or the name of a card.
    device_note : str
        Why the card that was asked for does not, else "".
    """

    name: str
    variant: str
    class_names: tuple[str, ...]
    simulated: bool
    normalisation: str = "row statistics"
    licence: str = ""
    participant: str = ""
    profile_version: int = 0
    sha256: str = ""
    unproven: bool = False
    person_simulated: bool = False
    device: str = "cpu"
    device_note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))

    @property
    def only_simulated(self) -> bool:
        """Whether what answers, a calibration or else the model, has never seen a brain."""
        return self.person_simulated if self.participant else self.simulated


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of a session.

    Attributes
    ----------
    state : str
        Of the stream: "starting", "streaming", "stalled", "ended", "failed" or "stopped".
    error : str
        One line for the user when `state` is "failed", else "".
    error_code : int
        Exit code that belongs to `error`.
    info : StreamInfo or None
        None until the source is open.
    n_samples, n_lost, n_gaps : int
        Samples received, samples missing, gaps.
    measured_sfreq : float
        Rate by the time stamps in Hz, 0 before they tell one.
    sample_age_s : float
        Seconds since the last sample arrived.
    elapsed_s : float
        Seconds of signal since the stream was opened.
    decoder_state : str
        "none", "loading", "running", "switching" (running, while the decoder of another profile
        loads), "restarting" or "failed".
    decoder_error : str
        One line when the decoder failed, else "".
    profile_error : str
        One line when the profile that was asked for last cannot be used, else ""; the decoder
        goes on as it was.
    latency_p95_ms : float
        95th percentile of the last 100 windows, 0 before the first.
    n_windows, n_skipped : int
        Windows decoded, windows skipped because a newer one was waiting.
    truth : str or None
        Emotional state of a simulated participant now.
    model : ModelCard or None
        None until the decoder has loaded its bundle.
    alignment : AlignmentStatus or None
        None until the decoder has answered for some seconds.
    recording : str
        File being written, "" when none.
    recording_error : str
        One line when the newest recording failed or its disk does not answer, else "".
    recorded_s : float
        Seconds of signal in the newest recording.
    recording_notes : tuple of str
        One line for each further stream that should be recorded and of which nothing comes now.
    """

    state: StreamState = "starting"
    error: str = ""
    error_code: int = 0
    info: StreamInfo | None = None
    n_samples: int = 0
    n_lost: int = 0
    n_gaps: int = 0
    measured_sfreq: float = 0.0
    sample_age_s: float = 0.0
    elapsed_s: float = 0.0
    decoder_state: DecoderState = "none"
    decoder_error: str = ""
    profile_error: str = ""
    latency_p95_ms: float = 0.0
    n_windows: int = 0
    n_skipped: int = 0
    truth: str | None = None
    model: ModelCard | None = None
    alignment: AlignmentStatus | None = None
    recording: str = ""
    recording_error: str = ""
    recorded_s: float = 0.0
    recording_notes: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know now, one line each: of the source, its silence, the decoder."""
        said = [*(self.info.notes if self.info is not None else ()), *self.recording_notes]
        if self.state == "stalled" and self.n_samples:
            said.append(_SILENT)
        elif self.state == "stalled":
            said.append(_NEVER_CAME)
        if self.decoder_state == "restarting":
            said.append(_RESTARTS)
        elif self.decoder_error:
            said.append(self.decoder_error)
        if self.model is not None and self.model.device_note:
            said.append(self.model.device_note)
        if self.unfit and self.model is not None:
            calibrated = bool(self.model.participant)
            why = only_simulated(calibrated=calibrated, how="mdjpt calibrate-live")
            said.append(f"no labels: {why}")
        return tuple(said)

    @property
    def unfit(self) -> bool:
        """Whether there is a brain to decode, and what answers has only seen simulated people."""
        if self.info is None or self.model is None or not self.model.class_names:
            return False
        return self.model.only_simulated and not self.info.simulated


def simulated_parts(info: StreamInfo, card: ModelCard) -> tuple[str, ...]:
    """Return what of a session is simulated.

    Returns
    -------
    tuple of str
        "signal" when it comes from no brain, "model" when it was trained on simulated data,
        "person" when the calibration in use is of a simulated person.
    """
    parts = {
        "signal": info.simulated,
        "model": card.simulated,
        "person": card.person_simulated,
    }
    return tuple(name for name, is_simulated in parts.items() if is_simulated)
