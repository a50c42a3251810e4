"""The streams of one recording, written as XDF."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.recordings.xdf_layout import (
    EEG_TYPE,
    GAP_PREFIX,
    MARKERS_TYPE,
    OTHERS_TYPE,
    POSITIONS_TYPE,
    PREDICTIONS_TYPE,
)
from streaming.recorder import chunks
from streaming.recorder.chunks import StreamHeader
from streaming.snapshot import simulated_parts
from streaming.stream import TRUTH_PREFIX, Column, Marker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streaming.prediction import Prediction
    from streaming.recorder.side_streams import SideBlock
    from streaming.recorder.storage import CheckedFile
    from streaming.snapshot import ModelCard
    from streaming.stream import Chunk, StreamInfo

__all__ = ["XdfWriter"]

BOUNDARY_EVERY_S = 3.0
_EEG, _POSITIONS, _MARKERS, _OTHERS = 1, 2, 3, 4


@dataclass
class _Extent:
    """What a stream holds so far."""

    first_s: float
    last_s: float
    n_times: int


class XdfWriter:
    """Writes raw EEG, sample positions, events, predictions and what else was sent into one file.

    The streams share the source's clock, so each has one clock offset, of 0; only those of other
    senders, see :meth:`beside`, bring their own. Each call hands the new and empty file whole
    chunks in one piece: a file cut off anywhere is valid up to its last chunk. One thread uses a
    writer; every method may raise OSError. The header tells when the recording began, now by
    default.
    """

    def __init__(self, file: CheckedFile, began: datetime.datetime | None = None) -> None:
        self._file = file
        self._began = began or datetime.datetime.now().astimezone()
        self._info: StreamInfo
        self._extents: dict[int, _Extent] = {}
        self._last_stream = _OTHERS
        self._predictions: int | None = None
        self._sides: dict[int, int] = {}
        self._offsets: dict[int, float] = {}
        self._card: ModelCard | None = None
        self._first_sample: int | None = None
        self._stop_sample = 0
        self._boundary_at = 0
        self._stamp = 0.0

    @property
    def recorded_s(self) -> float:
        """Seconds from the first sample of the file to its last, gaps included."""
        if self._first_sample is None:
            return 0.0
        return (self._stop_sample - self._first_sample) / self._info.sfreq

    def begin(self, info: StreamInfo) -> None:
        """Write the headers; before anything else."""
        self._info = info
        facts = {"simulated": str(info.simulated).lower(), "clock": info.clock}
        facts |= {"notes": "; ".join(info.notes)} if info.notes else {}
        identity = info.source_id or info.name
        electrodes = tuple(Column(name, "uV") for name in info.ch_names)
        headers = {
            _EEG: StreamHeader(
                info.name, EEG_TYPE, "float32", electrodes, info.sfreq, identity, facts
            ),
            _POSITIONS: StreamHeader(
                "mdjpt-positions",
                POSITIONS_TYPE,
                "int64",
                (Column("first_sample"), Column("n_times")),
                source_id=f"{identity}-positions",
            ),
            _MARKERS: StreamHeader(
                "mdjpt-markers",
                MARKERS_TYPE,
                "string",
                (Column("label"),),
                source_id=f"{identity}-markers",
            ),
        }
        if info.others:
            headers[_OTHERS] = StreamHeader(
                f"{info.name}-others",
                OTHERS_TYPE,
                "double64",
                info.others,
                info.sfreq,
                f"{identity}-others",
            )
        parts = [chunks.stream_header(stream, header) for stream, header in headers.items()]
        self._append(chunks.file_header(self._began.isoformat()), *parts)

    def write(self, chunk: Chunk) -> None:
        """Write samples with their position, what was lost before them, and their events.

        Raises ValueError: the chunk has another number of channels or lies before the end: written,
        it would make all that is in the file unreadable.
        """
        self._check(chunk)
        parts = []
        events = [*chunk.markers]
        if chunk.n_times:
            n_lost = 0 if self._first_sample is None else chunk.first_sample - self._stop_sample
            if n_lost > 0:
                events.append(Marker(float(chunk.timestamps[0]), f"{GAP_PREFIX}{n_lost}"))
            where = np.array([[chunk.first_sample], [chunk.n_times]], np.int64)
            parts += [
                self._samples(_POSITIONS, chunk.timestamps[:1], where),
                self._samples(_EEG, chunk.timestamps, chunk.samples.astype(np.float32, copy=False)),
            ]
            if chunk.others is not None:
                parts.append(self._samples(_OTHERS, chunk.timestamps, chunk.others))
        parts += self._marks(events)
        if parts:
            self._append(*parts)
        if chunk.n_times:
            self._passed(chunk)

    def mark(self, markers: Sequence[Marker]) -> None:
        """Write events."""
        parts = self._marks(markers)
        if parts:
            self._append(*parts)

    def predict(self, prediction: Prediction, card: ModelCard | None) -> None:
        """Write a prediction; the first one of each model begins a stream that names it."""
        parts = []
        if card != self._card or self._predictions is None:
            self._card = card
            self._predictions = self._new_stream()
            parts = [chunks.stream_header(self._predictions, self._predictions_header(card))]
        text = json.dumps(prediction.to_json())
        parts += self._texts(self._predictions, [(prediction.timestamp, text)])
        self._append(*parts)

    def beside(self, block: SideBlock) -> None:
        """Write what came of another stream; the first of it begins a stream of the file."""
        parts = []
        stream = self._sides.get(block.key)
        if stream is None:
            stream = self._sides[block.key] = self._new_stream()
            parts.append(chunks.foreign_header(stream, block.header))
        if self._offsets.get(stream) != block.offset[1]:
            self._offsets[stream] = block.offset[1]
            parts.append(chunks.clock_offset(stream, *block.offset))
        stamps, values = block.timestamps, block.values
        if len(stamps):
            self._count(stream, float(stamps[0]), float(stamps[-1]), len(stamps))
            parts.append(
                chunks.texts(stream, list(zip(stamps.tolist(), values, strict=True)))
                if isinstance(values, tuple)
                else chunks.samples(stream, stamps, values)
            )
        if parts:
            self._append(*parts)

    def end(self) -> None:
        """Sum the streams up."""
        footers = [
            chunks.stream_footer(stream, extent.first_s, extent.last_s, extent.n_times)
            for stream, extent in self._extents.items()
        ]
        self._append(chunks.boundary(), *footers)

    def sync(self) -> None:
        """Wait until all is on the disk."""
        self._file.sync()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file."""
        self._file.remove()

    def _check(self, chunk: Chunk) -> None:
        if len(chunk.samples) != self._info.n_channels:
            raise ValueError(f"expected {self._info.n_channels} channels, got {len(chunk.samples)}")
        if chunk.others is not None and len(chunk.others) != len(self._info.others):
            raise ValueError(
                f"expected {len(self._info.others)} other columns, got {len(chunk.others)}"
            )
        if chunk.n_times and chunk.first_sample < self._stop_sample:
            raise ValueError(
                f"sample {chunk.first_sample} lies before the end, {self._stop_sample}"
            )

    def _new_stream(self) -> int:
        """Return the number of another stream of the file."""
        self._last_stream += 1
        return self._last_stream

    def _append(self, *parts: bytes) -> None:
        self._file.append(b"".join(parts), self.recorded_s)

    def _passed(self, chunk: Chunk) -> None:
        """Move on behind a chunk; a boundary every few seconds."""
        self._stop_sample = chunk.stop_sample
        if self._first_sample is None:
            self._first_sample = self._boundary_at = chunk.first_sample
        if self._stop_sample - self._boundary_at >= BOUNDARY_EVERY_S * self._info.sfreq:
            self._boundary_at = self._stop_sample
            self._append(chunks.boundary())

    def _samples(
        self,
        stream: int,
        stamps: NDArray[np.float64],
        values: NDArray[np.float32 | np.float64 | np.int64],
    ) -> bytes:
        finite = stamps[np.isfinite(stamps)]
        if finite.size:
            self._stamp = float(finite[-1])
        offset = self._extend(stream, float(stamps[0]), float(stamps[-1]), len(stamps))
        return offset + chunks.samples(stream, stamps, values)

    def _marks(self, markers: Sequence[Marker]) -> list[bytes]:
        events = [
            (m.timestamp, TRUTH_PREFIX + m.label if m.kind == "truth" else m.label) for m in markers
        ]
        return self._texts(_MARKERS, events)

    def _texts(self, stream: int, events: Sequence[tuple[float, str]]) -> list[bytes]:
        if not events:
            return []
        offset = self._extend(stream, events[0][0], events[-1][0], len(events))
        return [offset + chunks.texts(stream, [(stamp, (text,)) for stamp, text in events])]

    def _extend(self, stream: int, first_s: float, last_s: float, n_times: int) -> bytes:
        """Count samples on the source's clock; the first ones of a stream come with its offset."""
        is_first = stream not in self._extents
        self._count(stream, first_s, last_s, n_times)
        return chunks.clock_offset(stream, self._stamp, 0.0) if is_first else b""

    def _count(self, stream: int, first_s: float, last_s: float, n_times: int) -> None:
        extent = self._extents.setdefault(stream, _Extent(first_s, last_s, 0))
        extent.last_s = last_s
        extent.n_times += n_times

    def _predictions_header(self, card: ModelCard | None) -> StreamHeader:
        facts = {"simulated": str(self._info.simulated).lower()}
        if card is not None:
            parts = simulated_parts(self._info, card)
            facts |= {
                "simulated": str(bool(parts)).lower(),
                "simulated_parts": ",".join(parts),
                "model": card.name,
                "variant": card.variant,
                "classes": ",".join(card.class_names),
                "normalisation": card.normalisation,
                "licence": card.licence,
                "unproven": str(card.unproven).lower(),
            }
        return StreamHeader(
            "mdjpt-predictions",
            PREDICTIONS_TYPE,
            "string",
            (Column("prediction"),),
            source_id=f"{self._info.source_id or self._info.name}-predictions",
            description=facts,
        )
