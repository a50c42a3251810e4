"""Where predictions go besides the screen: a JSON-lines file and an LSL outlet."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = ["JsonLinesPublisher", "LSLPublisher"]


class JsonLinesPublisher:
    """Writes one JSON object a line, flushed at once so that a reader sees it.

    Parameters
    ----------
    path : Path or None
        File to write, replaced if it exists; None writes to standard output.

    Raises
    ------
    MdjptError
        When the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._owned = path is not None
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8") if path else sys.stdout
        except OSError as error:
            raise MdjptError(
                f"cannot write {path}: {error.strerror}; choose another --out"
            ) from None

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Need nothing of the stream."""

    def publish(self, prediction: Prediction) -> None:
        """Write one line."""
        self._file.write(json.dumps(prediction.to_json(), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._owned:
            self._file.close()
        else:
            with suppress(BrokenPipeError, ValueError):
                self._file.flush()


class LSLPublisher:
    """Offers the predictions as an LSL stream of type "Emotion", reachable from the network.

    One channel a class with its probability, then "confidence" and "abstained" (1 where no label
    is given). Windows that were not decoded carry NaN probabilities.

    Parameters
    ----------
    name : str
        Name of the LSL stream.
    """

    def __init__(self, name: str = "mdjpt-emotion") -> None:
        self._name = name
        self._outlet: Any = None
        self._classes: tuple[str, ...] = ()

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Create the outlet; its description names classes, model and whether it is simulated."""
        import pylsl

        self.close()
        self._classes = card.class_names
        labels = [*card.class_names, "confidence", "abstained"]
        lsl_info = pylsl.StreamInfo(
            self._name,
            "Emotion",
            len(labels),
            1.0 / hop_s,
            pylsl.cf_float32,
            f"mdjpt-emotion-{info.source_id or info.name}",
        )
        description = lsl_info.desc()
        simulated = info.simulated or card.simulated
        description.append_child_value("simulated", str(simulated).lower())
        description.append_child_value("model", card.name)
        channels = description.append_child("channels")
        for label in labels:
            channels.append_child("channel").append_child_value("label", label)
        self._outlet = pylsl.StreamOutlet(lsl_info)

    def publish(self, prediction: Prediction) -> None:
        """Push one sample, stamped now; consumers are never waited for."""
        values = [prediction.probabilities.get(name, float("nan")) for name in self._classes]
        abstained = 0.0 if prediction.label is not None else 1.0
        self._outlet.push_sample([*values, prediction.confidence, abstained])

    def close(self) -> None:
        """Withdraw the stream."""
        self._outlet = None
