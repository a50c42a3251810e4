"""A session without a device or a model: seeded signals and answers, faults on call.

Everything is a function of the clock, so a test that moves the clock by hand sees exactly what a
user would see at that moment.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.signal.quality import Quality
from streaming import reasons
from streaming.prediction import Prediction
from streaming.ring import RingView
from streaming.snapshot import ModelCard, Snapshot
from streaming.stream import Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streaming.prediction import Status

__all__ = ["CH_NAMES_32", "FakeSession", "ManualClock"]

# fmt: off
CH_NAMES_32 = (
    "Fp1", "Fp2", "AF3", "AF4", "F7", "F3", "Fz", "F4", "F8", "FC5", "FC1", "FC2", "FC6",
    "T7", "C3", "Cz", "C4", "T8", "CP5", "CP1", "CP2", "CP6", "P7", "P3", "Pz", "P4", "P8",
    "PO3", "PO4", "O1", "Oz", "O2",
)
# fmt: on
HOP_S = 0.5
WINDOW_S = 5.0
WARM_UP_S = 10.0
TRUTH_S = 24.0
STALL_S = 0.8
LOOP_S = 32.0
LEAST = 0.45


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now_s += seconds


class FakeSession:
    """A participant of numbers, as :class:`app.session.LiveSession`.

    Parameters
    ----------
    ch_names : sequence of str
        Electrode labels.
    sfreq : float
        Sampling rate in Hz.
    class_names : sequence of str
        Emotions; empty for a model without a head.
    simulated : bool
        Whether signal and model call themselves simulated, and whether the truth is known.
    seed : int
        Of signals and answers.
    clock : callable
        Seconds, monotonic.
    head_start_s : float
        Signal that exists already when the session is started.
    """

    def __init__(
        self,
        ch_names: Sequence[str] = CH_NAMES_32,
        sfreq: float = 250.0,
        class_names: Sequence[str] = ("negative", "neutral", "positive"),
        *,
        simulated: bool = True,
        seed: int = 7,
        clock: Callable[[], float] = time.monotonic,
        head_start_s: float = 0.0,
    ) -> None:
        self.info = StreamInfo(
            name="Simulated participant" if simulated else "Amplifier",
            ch_names=tuple(ch_names),
            sfreq=sfreq,
            clock="simulated" if simulated else "lsl",
            simulated=simulated,
        )
        self.model: ModelCard | None = ModelCard(
            "demo.safetensors", "released", tuple(class_names), simulated
        )
        self.stopped = 0
        self.marks: list[str] = []
        self.recorded: list[Path] = []
        self._recording_since: float | None = None
        self.profiles: list[Path | None] = []
        self._clock = clock
        self._head_start_s = head_start_s
        self._began_s: float | None = None
        self._frozen_s: float | None = None
        self._faults: dict[str, object] = {}
        self._lost: list[tuple[int, int]] = []
        self._bad: tuple[str, ...] = ()
        self._n_answered = 0
        self._n_truths = 0
        self._loop = _pink_noise(len(ch_names), int(LOOP_S * sfreq), sfreq, seed)
        self._rng = np.random.default_rng(seed)
        self._drift = np.zeros(max(1, len(class_names)))

    # What the dashboard calls.

    def start(self) -> None:
        """Let the signal begin."""
        self._began_s = self._clock() - self._head_start_s

    def stop(self) -> None:
        """End it."""
        self.stopped += 1

    def snapshot(self) -> Snapshot:
        """Return the state of this moment, with the faults that were switched on."""
        if self._began_s is None:
            return Snapshot()
        age_s = self._clock() - self._frozen_s if self._frozen_s is not None else 0.012
        since = self._recording_since
        n_lost = sum(min(stop, self._n_written) - first for first, stop in self._lost)
        plain = Snapshot(
            state="stalled" if age_s > STALL_S else "streaming",
            info=self.info,
            n_samples=self._n_written - n_lost,
            n_lost=n_lost,
            n_gaps=len(self._lost),
            measured_sfreq=self.info.sfreq * 0.9998,
            sample_age_s=age_s,
            elapsed_s=self._elapsed_s,
            decoder_state="running",
            latency_p95_ms=38.4,
            n_windows=self._n_answered,
            truth=self._truth_at(self._elapsed_s),
            model=self.model,
            recording="" if since is None else str(self.recorded[-1]),
            recorded_s=0.0 if since is None else self._elapsed_s - since,
        )
        return replace(plain, **self._faults)  # type: ignore[arg-type]

    def new_predictions(self) -> list[Prediction]:
        """Answer for every hop since the last call."""
        if self._faults.get("decoder_state", "running") != "running":
            return []
        n_due = int((self._elapsed_s - WINDOW_S) / HOP_S) + 1 if self._elapsed_s > WINDOW_S else 0
        due = range(self._n_answered, n_due)
        self._n_answered = max(self._n_answered, n_due)
        return [self._predict(k) for k in due]

    def new_markers(self) -> list[tuple[int, Marker]]:
        """Tell the changes of the true state."""
        if not (self.info.simulated and self._classes and self._began_s is not None):
            return []
        n_due = int(self._elapsed_s / TRUTH_S) + 1
        due = range(self._n_truths, n_due)
        self._n_truths = n_due
        sfreq = self.info.sfreq
        return [
            (
                round(k * TRUTH_S * sfreq),
                Marker(k * TRUTH_S, self._truth_at(k * TRUTH_S) or "", "truth"),
            )
            for k in due
        ]

    def latest(self, n_times: int) -> RingView | None:
        """Return up to `n_times` newest samples, NaN where they were lost."""
        stop = self._n_written
        if stop == 0:
            return None
        first = max(0, stop - n_times)
        positions = np.arange(first, stop)
        samples = self._loop[:, positions % self._loop.shape[1]]
        for begin, end in self._lost:
            samples[:, (positions >= begin) & (positions < end)] = np.nan
        for name in self._bad:
            row = self.info.ch_names.index(name)
            turn = 2 * np.pi / self.info.sfreq * positions
            samples[row] += 2000 * np.sin(2.5 * turn) * np.sin(50 * turn)
        stamps = positions / self.info.sfreq
        return RingView(samples, stamps, stamps, first)

    def mark(self, label: str) -> None:
        """Keep `label` in :attr:`marks`."""
        self.marks.append(label)

    def record(self, path: Path) -> None:
        """Keep `path` in :attr:`recorded`, unless one is being written."""
        if self._recording_since is None:
            self.recorded.append(path)
            self._recording_since = self._elapsed_s

    def stop_recording(self) -> None:
        """Count no further."""
        self._recording_since = None

    def use_profile(self, path: Path | None) -> None:
        """Keep `path` in :attr:`profiles` and name its folder as the participant."""
        self.profiles.append(path)
        if self.model is not None:
            name, version = ("", 0) if path is None else (path.parent.name, 1)
            self.model = replace(self.model, participant=name, profile_version=version)

    @property
    def wanted_profile(self) -> Path | None:
        """The newest of :attr:`profiles`."""
        return self.profiles[-1] if self.profiles else None

    # Faults.

    def stall(self) -> None:
        """Deliver nothing any more."""
        self._frozen_s = self._clock()

    def lose(self, n_times: int) -> None:
        """Lose the next `n_times` samples."""
        self._lost.append((self._n_written, self._n_written + n_times))

    def spoil(self, *names: str) -> None:
        """Put hum that no notch takes out on these electrodes and report them as bad."""
        self._bad = names

    def fault(self, **fields: object) -> None:
        """Override fields of the snapshot: ``fault(state="failed", error="...")``."""
        self._faults.update(fields)

    @property
    def _classes(self) -> tuple[str, ...]:
        return self.model.class_names if self.model is not None else ()

    @property
    def _elapsed_s(self) -> float:
        if self._began_s is None:
            return 0.0
        return (self._clock() if self._frozen_s is None else self._frozen_s) - self._began_s

    @property
    def _n_written(self) -> int:
        return int(self._elapsed_s * self.info.sfreq)

    def _truth_at(self, time_s: float) -> str | None:
        if not (self.info.simulated and self._classes):
            return None
        return self._classes[(1 + 2 * int(time_s / TRUTH_S)) % len(self._classes)]

    def _predict(self, k: int) -> Prediction:
        start_s, end_s = k * HOP_S, k * HOP_S + WINDOW_S
        scores = self._scores(start_s + 0.7 * WINDOW_S)
        quality = Quality(
            len(self.info.ch_names) - len(self._bad), self._bad, ("mains",) * len(self._bad)
        )
        status, reason = self._status(start_s, end_s, scores, quality)
        decoded = status in ("ok", "unsure")
        best = max(scores, key=scores.__getitem__) if scores else None
        return Prediction(
            index=k,
            start_s=start_s,
            end_s=end_s,
            timestamp=end_s,
            status=status,
            label=best if status == "ok" else None,
            probabilities=scores if decoded else {},
            confidence=max(scores.values(), default=0.0) if decoded else 0.0,
            quality=quality,
            latency_ms=31.0,
            simulated_parts=("signal",) * self.info.simulated,
            reason=reason,
        )

    def _scores(self, time_s: float) -> dict[str, float]:
        if not self._classes:
            return {}
        self._drift = 0.9 * self._drift + self._rng.normal(0, 0.35, self._drift.size)
        logits = self._drift.copy()
        truth = self._truth_at(time_s)
        if truth is not None:
            logits[self._classes.index(truth)] += 1.8
        odds = np.exp(logits - logits.max())
        return dict(zip(self._classes, (odds / odds.sum()).tolist(), strict=True))

    def _status(
        self, start_s: float, end_s: float, scores: dict[str, float], quality: Quality
    ) -> tuple[Status, str]:
        """Return status and reason, as the live path would."""
        if end_s <= WARM_UP_S:
            return "warming_up", reasons.warming_up(WARM_UP_S - end_s)
        sfreq = self.info.sfreq
        first, stop = round(start_s * sfreq), round(end_s * sfreq)
        missing = [range(max(a, first), min(b, stop)) for a, b in self._lost]
        if lost := [gap for gap in missing if gap]:
            ago_s = (stop - max(gap.stop for gap in lost)) / sfreq
            return "gap", reasons.samples_lost(sum(map(len, lost)), ago_s)
        if len(quality.bad) > len(self.info.ch_names) / 2:
            return "bad_signal", reasons.bad_electrodes(quality)
        if not scores:
            return "unsure", reasons.NO_HEAD
        if self.model is not None and self.model.only_simulated and not self.info.simulated:
            return "unsure", reasons.only_simulated(calibrated=bool(self.model.participant))
        best = max(scores, key=scores.__getitem__)
        if scores[best] >= LEAST:
            return "ok", ""
        return "unsure", reasons.not_clear_enough(scores, best, LEAST)


def _pink_noise(n_channels: int, n_times: int, sfreq: float, seed: int) -> NDArray[np.float32]:
    """Return 1/f noise with waxing alpha and blinks, periodic, about 12 microvolts rms."""
    rng = np.random.default_rng(seed)
    freqs = np.fft.rfftfreq(n_times, 1 / sfreq)
    shape = 1 / np.maximum(freqs, 0.7) ** 0.9 + 1.6 * np.exp(-0.5 * ((freqs - 10) / 0.7) ** 2)
    shape *= (freqs > 0.2) & (freqs < 60)
    mixing = rng.normal(size=(n_channels, 6)) * 0.5
    spectrum = rng.normal(size=(n_channels + 6, freqs.size, 2)).astype(np.float32)
    noise = np.fft.irfft((spectrum[..., 0] + 1j * spectrum[..., 1]) * shape, n_times)
    eeg = noise[:n_channels] * 0.8 + mixing @ noise[n_channels:]
    eeg *= 12 / eeg.std(axis=1, keepdims=True)
    blink = np.exp(-0.5 * (np.arange(-0.5, 0.5, 1 / sfreq) / 0.07) ** 2)
    for start in rng.integers(0, n_times - blink.size, int(n_times / sfreq / 5)):
        eeg[: max(1, n_channels // 8), start : start + blink.size] += 90 * blink
    return np.ascontiguousarray(eeg, dtype=np.float32)
