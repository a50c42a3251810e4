"""Predictions as LSL streams: numbers of every window, and the label when it changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from streaming.snapshot import simulated_parts

if TYPE_CHECKING:
    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = ["LABELS_TYPE", "LSLPublisher"]

LABELS_TYPE = "Labels"
"""Type of the stream of labels: as "Markers" a session would record its own labels as events."""


class LSLPublisher:
    """Offers the predictions as two LSL streams, reachable from the network like all of LSL.

    The first, of type "Emotion" and the given name, has one channel a class with its probability,
    then "confidence", "abstained" (1 where no label is given), "decision" (number of the class, -1
    for none), "valence", "arousal" and "eeg_time" (source clock at the window's end, seconds). What
    is not known is NaN. It is stamped when it is sent. The second, of type "Labels" and the name
    with "-label" behind it, is text and speaks when its text changes: "label", or ``status/`` and
    the status where there is none, and "reason", why there is none. It is stamped with the EEG's
    time where the EEG is on LSL's clock.
    """

    def __init__(self, name: str = "mdjpt-emotion") -> None:
        self._name = name
        self._numbers: Any = None
        self._labels: Any = None
        self._classes: tuple[str, ...] = ()
        self._on_lsl_clock = False
        self._told: tuple[str, str] | None = None

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Create the outlets; they say classes, model and whether it is simulated."""
        import pylsl

        self.close()
        self._classes = card.class_names
        self._on_lsl_clock = info.clock == "lsl"
        self._told = None
        columns = [*card.class_names, "confidence", "abstained", "decision", "valence", "arousal"]
        identity = f"mdjpt-emotion-{info.source_id or info.name}"
        numbers = pylsl.StreamInfo(
            self._name, "Emotion", len(columns) + 1, 1.0 / hop_s, pylsl.cf_double64, identity
        )
        labels = pylsl.StreamInfo(
            f"{self._name}-label", LABELS_TYPE, 2, 0.0, pylsl.cf_string, f"{identity}-label"
        )
        parts = simulated_parts(info, card)
        named = ((numbers, [*columns, "eeg_time"]), (labels, ["label", "reason"]))
        for outlet_info, names in named:
            description = outlet_info.desc()
            description.append_child_value("simulated", str(bool(parts)).lower())
            description.append_child_value("simulated_parts", ",".join(parts))
            description.append_child_value("unproven", str(card.unproven).lower())
            description.append_child_value("model", card.name)
            channels = description.append_child("channels")
            for name in names:
                channels.append_child("channel").append_child_value("label", name)
        self._numbers, self._labels = pylsl.StreamOutlet(numbers), pylsl.StreamOutlet(labels)

    def publish(self, prediction: Prediction) -> None:
        """Push a sample; consumers are never waited for."""
        p = prediction
        decision = self._classes.index(p.label) if p.label in self._classes else -1
        values = [p.probabilities.get(name, math.nan) for name in self._classes]
        values += [p.confidence, 0.0 if p.label is not None else 1.0, decision]
        values += [math.nan if v is None else v for v in (p.valence, p.arousal)]
        self._numbers.push_sample([*values, p.timestamp])
        said = (p.label if p.label is not None else f"status/{p.status}", p.reason)
        if said != self._told:
            self._told = said
            # 0 is LSL's word for now.
            self._labels.push_sample(list(said), p.timestamp if self._on_lsl_clock else 0.0)

    def close(self) -> None:
        """Withdraw the streams; safe to call twice."""
        self._numbers = self._labels = None
