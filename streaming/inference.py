"""The body of the decoder's loop: the next window of the ring becomes a prediction."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdjpt.calibration.session_centre import UNLIKE
from mdjpt.errors import MdjptError
from mdjpt.signal.quality import Quality
from mdjpt.signal.windower import Window, Windower
from streaming import reasons
from streaming.label_hold import LABEL_MARGIN, LabelHold
from streaming.prediction import Prediction, Status
from streaming.ring import Gap, Overrun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mdjpt.calibration.decoder import Decoded, Encoding
    from mdjpt.signal.window import OwnElectrodes, PreparedWindow, Preprocessor
    from streaming.ring import RingBuffer, RingView
    from streaming.stream import StreamInfo

__all__ = ["Answer", "Inference", "WindowDecoder"]

GAP_RESETS_S = 5.0
"""A gap of this length makes the smoother forget what came before."""

AHEAD = 16
"""Windows of a source that can wait which are encoded before their turn: 8 s at the usual hop."""

PRIMED_BY = 6
"""Windows from which a decoder that takes over learns the running scale."""


class WindowDecoder(Protocol):
    """What :class:`Inference` needs; :class:`mdjpt.calibration.decoder.EmotionDecoder` has it."""

    @property
    def abstain_below(self) -> float:
        """Confidence below which the answer is "unsure"."""
        ...

    @property
    def calibrated(self) -> bool:
        """True when a person's calibration answers, not the model by itself."""
        ...

    @property
    def simulated(self) -> tuple[str, ...]:
        """What was trained on simulated people only: "model", the calibration's "person"."""
        ...

    @property
    def unproven(self) -> bool:
        """True for a calibration that could not tell whether it is any good."""
        ...

    def begin(self, window: NDArray[np.float32], index: int) -> Encoding | None:
        """Start to encode a window before its turn; None where its turn must come first."""
        ...

    def decode(
        self,
        window: NDArray[np.float32],
        index: int,
        own: OwnElectrodes | None = None,
        encoding: Encoding | None = None,
    ) -> Decoded:
        """Decode one window, shape (60, 625), and the electrodes that it was made of."""
        ...

    def reset(self) -> None:
        """Forget the windows seen so far."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A prediction and, where something was decoded, the feature behind it.

    Attributes
    ----------
    prediction : Prediction
        What every output shows.
    feature : ndarray of float32, shape (512,), or None
        The encoder's feature, None for a window that was not decoded.
    """

    prediction: Prediction
    feature: NDArray[np.float32] | None = None


class Inference:
    """Decodes a stream's windows: each one of a source that can wait, else the newest only.

    Parameters
    ----------
    ring : RingBuffer
        Where the raw samples are.
    info : StreamInfo
        The stream; ``lossless`` decides whether windows may be skipped.
    preprocessor : Preprocessor
        Filters of this stream.
    decoder : WindowDecoder
        The model.
    hop_s : float
        Seconds from window to window.
    label_margin : float
        Lead in probability that another class needs before the label changes.
    clock : callable
        The monotonic clock that stamped the samples' arrival.
    """

    def __init__(
        self,
        ring: RingBuffer,
        info: StreamInfo,
        preprocessor: Preprocessor,
        decoder: WindowDecoder,
        *,
        hop_s: float,
        label_margin: float = LABEL_MARGIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ring = ring
        self._label = LabelHold(label_margin)
        self._info = info
        self._preprocessor = preprocessor
        self._decoder = decoder
        self._clock = clock
        self._windower = Windower(info.sfreq, hop_s)
        self._next = self._upcoming = 0
        self._begun: deque[tuple[int, Callable[[], Answer | None]]] = deque()
        self._gap_hops = 0
        self.n_skipped = 0
        """Windows skipped because a newer one was waiting."""
        self._announce()

    @property
    def finished(self) -> bool:
        """True when no further window can become complete."""
        return self._ring.ended and self._windower.window(self._next).stop > self._ring.written

    def take_over(self, next_index: int) -> None:
        """Go on where a decoder that died has stopped.

        A live stream goes on at its newest window. The running scale is learned again from what
        the ring still holds, so that the first answer need not wait for the warm-up.

        Parameters
        ----------
        next_index : int
            First window that has no answer yet.
        """
        newest = self._windower.newest(self._ring.written)
        self._next = next_index if self._info.lossless else max(next_index, newest)
        self._upcoming = self._next
        if next_index:  # before the first answer nobody waited for one
            self.n_skipped += self._next - next_index
        self._announce()
        stop = self._windower.window(self._next).first
        n_times = self._windower.n_window
        for first in range(max(self._ring.oldest, stop - PRIMED_BY * n_times), stop, n_times):
            try:
                view = self._ring.read(first, n_times, self._windower.n_margin)
            except MdjptError:
                continue
            self._preprocessor(view.samples, first - view.first_sample, first + n_times)

    def step(self) -> Answer | None:
        """Decode the window whose turn it is; None when none is complete. Never blocks.

        The next windows of a source that can wait are prepared and encoded meanwhile. All that one
        window changes for the next happens in their order.
        """
        if not self._begun and not self._begin_next():
            return None
        while self._info.lossless and len(self._begun) < AHEAD and self._begin_next():
            pass
        index, finish = self._begun.popleft()
        answer = finish()
        self._next = index + 1
        self._announce()
        return answer

    def _begin_next(self) -> bool:
        """Begin the next window; False when none is complete."""
        window = self._take()
        if window is None:
            return False
        self._upcoming = window.index + 1
        self._begun.append((window.index, self._begin(window)))
        return True

    def _begin(self, window: Window) -> Callable[[], Answer | None]:
        """Read and prepare a window; return what answers when its turn has come."""
        try:
            view = self._ring.read(
                window.first, window.stop - window.first, self._windower.n_margin
            )
        except Gap as gap:
            ago_s = (window.stop - gap.stop_sample) / self._info.sfreq
            said = reasons.samples_lost(gap.n_lost, ago_s)
            return partial(self._lost, window, said)
        except Overrun:
            return lambda: None
        real = self._ring.real_sfreq(window.first, window.stop)
        if real:
            said = reasons.wrong_rate(real, self._info.sfreq)
            return partial(self._unusable, window, Quality(0), view, said)
        n_margin = window.first - view.first_sample
        prepared = self._preprocessor(view.samples, n_margin, window.stop)
        encoding = None
        if prepared.window is not None and self._info.lossless:
            encoding = self._decoder.begin(prepared.window, window.index)
        return partial(self._decode, window, view, prepared, encoding)

    def _lost(self, window: Window, said: str) -> Answer:
        self._note_gap()
        return self._abstain(window, "gap", Quality(0), None, said)

    def _unusable(self, window: Window, quality: Quality, view: RingView, said: str) -> Answer:
        self._forget()
        return self._abstain(window, "bad_signal", quality, view, said)

    def _take(self) -> Window | None:
        newest = self._windower.newest(self._ring.written)
        if newest < self._upcoming:
            return None
        if self._info.lossless:
            if self._windower.window(self._upcoming).first >= self._ring.oldest:
                return self._windower.window(self._upcoming)
            # Only a gap longer than the ring can overwrite what a waiting decoder wants.
            return self._windower.window(self._windower.first_from(self._ring.oldest))
        self.n_skipped += newest - self._upcoming
        return self._windower.window(newest)

    def _decode(
        self,
        window: Window,
        view: RingView,
        prepared: PreparedWindow,
        encoding: Encoding | None,
    ) -> Answer:
        quality = prepared.quality
        if not prepared.usable:
            return self._unusable(window, quality, view, reasons.bad_electrodes(quality))
        if not prepared.familiar:
            self._note_gap()
            return self._abstain(window, "unsure", quality, view, reasons.NO_FIELD)
        if prepared.window is None:
            said = reasons.warming_up(prepared.missing_s)
            return self._abstain(window, "warming_up", quality, view, said)
        return self._answer(window, view, prepared, prepared.window, encoding)

    def _answer(
        self,
        window: Window,
        view: RingView,
        prepared: PreparedWindow,
        model_input: NDArray[np.float32],
        encoding: Encoding | None,
    ) -> Answer:
        self._gap_hops = 0
        given = (model_input, window.index, prepared.own)
        decoded = (
            self._decoder.decode(*given)
            if encoding is None
            else self._decoder.decode(*given, encoding)
        )
        values = np.array(list(decoded.probabilities.values()))
        if not (np.isfinite(decoded.feature).all() and np.isfinite(values).all()):
            self._forget()
            return self._abstain(window, "bad_signal", prepared.quality, view, reasons.NO_ANSWER)
        best = self._label(decoded.probabilities)
        doubt = self._doubt(decoded, best)
        prediction = self._prediction(
            window,
            "unsure" if doubt else "ok",
            prepared.quality,
            view,
            label=None if doubt else best,
            probabilities=decoded.probabilities,
            confidence=0.0 if best is None else decoded.probabilities[best],
            affect=decoded.affect,
            reason=doubt,
        )
        return Answer(prediction, decoded.feature)

    def _doubt(self, decoded: Decoded, best: str | None) -> str:
        """Return why `best` is no label, "" when it is one."""
        decoder, estimate = self._decoder, decoded.estimate
        if best is None:
            return reasons.NO_HEAD
        answers = "person" if decoder.calibrated else "model"
        if answers in decoder.simulated and not self._info.simulated:
            return reasons.only_simulated(calibrated=decoder.calibrated)
        if decoded.probabilities[best] >= decoder.abstain_below:
            return ""
        if estimate is not None and not estimate.familiar:
            return reasons.unlike_anything(calibrated=decoder.calibrated)
        said = reasons.not_clear_enough(decoded.probabilities, best, decoder.abstain_below)
        return said if decoded.familiarity >= UNLIKE else f"{said}; {reasons.UNLIKE_SESSION}"

    def _abstain(
        self,
        window: Window,
        status: Status,
        quality: Quality,
        view: RingView | None,
        reason: str,
    ) -> Answer:
        return Answer(self._prediction(window, status, quality, view, reason=reason))

    def _prediction(
        self,
        window: Window,
        status: Status,
        quality: Quality,
        view: RingView | None,
        *,
        label: str | None = None,
        probabilities: dict[str, float] | None = None,
        confidence: float = 0.0,
        affect: Mapping[str, float] | None = None,
        reason: str,
    ) -> Prediction:
        newest = self._ring.latest(1) if view is None else view
        sfreq = self._info.sfreq
        return Prediction(
            index=window.index,
            start_s=window.first / sfreq,
            end_s=window.stop / sfreq,
            timestamp=self._ring.stamp(window.stop - 1),
            status=status,
            reason=reason,
            label=label,
            probabilities=probabilities or {},
            confidence=confidence,
            quality=quality,
            latency_ms=1e3 * (self._clock() - float(newest.arrivals[-1])),
            simulated_parts=("signal",) * self._info.simulated + self._decoder.simulated,
            unproven=self._decoder.unproven,
            valence=None if affect is None else affect.get("valence"),
            arousal=None if affect is None else affect.get("arousal"),
        )

    def _note_gap(self) -> None:
        self._gap_hops += 1
        if self._gap_hops * self._windower.hop_s >= GAP_RESETS_S:
            self._forget()

    def _forget(self) -> None:
        """Let nothing before this moment take part in what is shown."""
        self._decoder.reset()
        self._label.reset()

    def _announce(self) -> None:
        window = self._windower.window(self._next)
        self._ring.want(window.first - self._windower.n_margin, window.stop)
