"""Writers of small files in foreign formats, for the tests of their readers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")


def brain_like(n_channels: int = 8, n_times: int = 2500, seed: int = 0) -> NDArray[np.float32]:
    """Slow noise of about 20 uV."""
    noise = np.random.default_rng(seed).normal(0, 1, (n_channels, n_times + 64))
    smooth = np.array([np.convolve(row, np.hanning(32), "valid") for row in noise])[:, :n_times]
    return (20 * smooth / smooth.std()).astype(np.float32)


# XDF


def _chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


class XdfText:
    """Collects the bytes of an XDF file, chunk by chunk."""

    def __init__(self) -> None:
        self._parts = [
            b"XDF:",
            _chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>"),
        ]

    def header(
        self,
        stream_id: int,
        *,
        name: str = "amp",
        kind: str = "EEG",
        n_channels: int,
        sfreq: float,
        channel_format: str = "float32",
        labels: Sequence[str] = (),
        types: Sequence[str] = (),
        unit: str = "microvolts",
    ) -> XdfText:
        """Append a stream header, with an empty description when there are no labels."""
        types = types or ("EEG",) * len(labels)
        channels = "".join(
            f"<channel><label>{escape(label)}</label><type>{t}</type><unit>{unit}</unit></channel>"
            for label, t in zip(labels, types, strict=True)
        )
        desc = f"<desc><channels>{channels}</channels></desc>" if labels else "<desc/>"
        self._tagged(
            2,
            stream_id,
            f"<info><name>{name}</name><type>{kind}</type><source_id>id-{stream_id}</source_id>"
            f"<channel_count>{n_channels}</channel_count><nominal_srate>{sfreq}</nominal_srate>"
            f"<channel_format>{channel_format}</channel_format>{desc}</info>".encode(),
        )
        return self

    def samples(
        self, stream_id: int, rows: NDArray[np.float32], stamps: Sequence[float]
    ) -> XdfText:
        """Append a chunk of samples, shape (n_times, n_channels), each with its stamp."""
        body = b"".join(
            b"\x08" + struct.pack("<d", stamp) + row.astype("<f4").tobytes()
            for row, stamp in zip(rows, stamps, strict=True)
        )
        self._tagged(3, stream_id, b"\x04" + struct.pack("<I", len(rows)) + body)
        return self

    def strings(self, stream_id: int, events: Iterable[tuple[float, str]]) -> XdfText:
        """Append a chunk of markers, one channel of text."""
        events = list(events)
        body = b"".join(
            b"\x08" + struct.pack("<d", stamp) + b"\x04" + struct.pack("<I", len(t)) + t
            for stamp, t in ((stamp, text.encode()) for stamp, text in events)
        )
        self._tagged(3, stream_id, b"\x04" + struct.pack("<I", len(events)) + body)
        return self

    def offset(self, stream_id: int, collected_s: float, offset_s: float) -> XdfText:
        """Append a measurement of the offset between the clocks."""
        self._tagged(4, stream_id, struct.pack("<dd", collected_s, offset_s))
        return self

    def boundary(self) -> XdfText:
        """Append a boundary."""
        self._parts.append(_chunk(5, BOUNDARY))
        return self

    def content(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)

    def write(self, path: Path) -> Path:
        """Write the file."""
        path.write_bytes(self.content())
        return path

    def _tagged(self, tag: int, stream_id: int, content: bytes) -> None:
        self._parts.append(_chunk(tag, struct.pack("<I", stream_id) + content))


def write_xdf(
    path: Path,
    samples: NDArray[np.float32],
    sfreq: float,
    *,
    labels: Sequence[str] = NAMES,
    unit: str = "microvolts",
    stamps: NDArray[np.float64] | None = None,
    events: Sequence[tuple[float, str]] = (),
) -> Path:
    """Write one stream of EEG in chunks of half a second, after one of markers."""
    n_times = samples.shape[1]
    stamps = 1000 + np.arange(n_times) / sfreq if stamps is None else stamps
    xdf = XdfText()
    xdf.header(7, name="marks", kind="Markers", n_channels=1, sfreq=0, channel_format="string")
    xdf.header(3, n_channels=len(samples), sfreq=sfreq, labels=labels, unit=unit)
    step = max(1, round(sfreq / 2))
    for start in range(0, n_times, step):
        xdf.samples(3, samples[:, start : start + step].T, stamps[start : start + step].tolist())
        if not start % (4 * step):
            xdf.boundary()
    xdf.strings(7, [(float(stamps[0]) + time_s, label) for time_s, label in events])
    return xdf.write(path)


# OpenBCI GUI text

_CYTON_NAMES = (
    "Sample Index, " + ", ".join(f"EXG Channel {i}" for i in range(8)) + ", Accel Channel 0, "
    "Accel Channel 1, Accel Channel 2, Other, Other, Other, Other, Other, Other, Other, "
    "Analog Channel 0, Analog Channel 1, Analog Channel 2, Timestamp, {}Timestamp (Formatted)"
)
_EARLY = (
    "%OpenBCI Raw EEG Data",
    "%",
    "%Sample Rate = 250.0 Hz",
    "%First Column = SampleIndex",
    "%Other Columns = EEG data in microvolts followed by Accel Data (in G) interleaved "
    "with Aux Data",
)
_LATE = (
    "%OpenBCI Raw EXG Data",
    "%Number of channels = 8",
    "%Sample Rate = 250 Hz",
    "%Board = OpenBCI_GUI$BoardCytonSerial",
)
_LAST_COLUMN = "%Last Column = Timestamp"
_ZERO_ROW = ", ".join(["0"] * 23) + ", 00:00:00.000"

OPENBCI_VERSIONS = {
    "v1 with 10 columns": _EARLY,
    "v1 with 12 columns": _EARLY,
    "v2": (*_EARLY[:4], _LAST_COLUMN, _EARLY[4]),
    "v3": (*_EARLY[:4], _LAST_COLUMN, _EARLY[4]),
    "v4": (*_EARLY[:4], _LAST_COLUMN, _EARLY[4]),
    "v5 unnamed": (*_LATE, _ZERO_ROW),
    "v5 named": (*_LATE, _CYTON_NAMES.format("Other, ")),
    "v6": (*_LATE, _CYTON_NAMES.format("Marker Channel, ")),
}
_TAILS = {
    "v1 with 10 columns": ", 0.0",
    "v1 with 12 columns": ", 0.0, 0.0, 0.0",
    "v2": ", 0.0, 0.0, 0.0, 12:00:53.329",
    "v3": ", 0.0, 0.0, 0.0, {ms}",
    "v4": ", 0.0, 0.0, 0.0, 12:00:53.329, {ms}",
    "v5 unnamed": ", 0.0, 0.0, 0.0" + ", 0" * 10 + ", {s}, 12:00:53.329",
    "v5 named": ", 0.0, 0.0, 0.0" + ", 0" * 10 + ", {s}, 0, 12:00:53.329",
    "v6": ", 0.0, 0.0, 0.0" + ", 0" * 10 + ", {s}, {marker}, 12:00:53.329",
}
START_S = 1_557_936_053.0


def write_openbci(path: Path, version: str, samples: NDArray[np.float32]) -> Path:
    """Write a Cyton's 8 channels at 250 Hz; version 6 marks sample 500 with code 3."""
    lines = list(OPENBCI_VERSIONS[version])
    for i, column in enumerate(samples.T):
        now = START_S + i / 250
        tail = _TAILS[version].format(
            ms=round(now * 1e3), s=f"{now:.3f}", marker=3.0 if i == 500 else 0.0
        )
        lines.append(f"{i % 256}, " + ", ".join(f"{value:.2f}" for value in column) + tail)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


# Formats of MNE


def write_brainvision(
    path: Path,
    samples: NDArray[np.float32],
    sfreq: float,
    names: Sequence[str] = NAMES,
    events: Sequence[tuple[float, str]] = (),
    event_s: float = 0.0,
    segments: Sequence[float] = (),
) -> Path:
    """Write a BrainVision recording: markers that are `event_s` long, segments that begin at s."""
    channels = "\n".join(f"Ch{i + 1}={name},,1,µV" for i, name in enumerate(names))
    path.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\nMarkerFile={path.stem}.vmrk\nDataFormat=BINARY\n"
        f"DataOrientation=MULTIPLEXED\nNumberOfChannels={len(names)}\n"
        f"SamplingInterval={1e6 / sfreq:g}\n\n[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n"
        f"[Channel Infos]\n{channels}\n",
        encoding="utf-8",
    )
    size = max(1, round(event_s * sfreq))
    marked = [("Stimulus", label, time_s) for time_s, label in events]
    marked += [("New Segment", "", time_s) for time_s in segments]
    marks = "".join(
        f"Mk{i + 2}={kind},{label},{round(time_s * sfreq) + 1},{size},0\n"
        for i, (kind, label, time_s) in enumerate(marked)
    )
    path.with_suffix(".vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\n\n[Marker Infos]\nMk1=New Segment,,1,1,0,0\n{marks}",
        encoding="utf-8",
    )
    path.with_suffix(".eeg").write_bytes(samples.T.astype("<f4").tobytes())
    return path


def write_eeglab(
    path: Path,
    samples: NDArray[np.float32],
    sfreq: float,
    names: Sequence[str] = NAMES,
    events: Sequence[tuple[float, float, str]] = ((1.0, 0.0, "start"),),
    *,
    data: str = "",
) -> Path:
    """Write an EEGLAB set with events: onset and duration in s, label.

    Its samples are inside of it, or where `data` says.
    """
    from scipy.io import savemat

    locations = np.array([(name,) for name in names], dtype=[("labels", "O")])
    columns = [("type", "O"), ("latency", "O"), ("duration", "O")]
    rows = [(label, onset * sfreq + 1, length * sfreq) for onset, length, label in events]
    eeg = {
        "setname": "test",
        "nbchan": len(samples),
        "pnts": samples.shape[1],
        "trials": 1,
        "srate": sfreq,
        "xmin": 0.0,
        "xmax": samples.shape[1] / sfreq,
        "data": data or samples,
        "chanlocs": locations,
        "event": np.array(rows, dtype=columns),
        "epoch": np.zeros((0, 0)),
        "icawinv": np.zeros((0, 0)),
        "icaweights": np.zeros((0, 0)),
    }
    savemat(path, {"EEG": eeg}, appendmat=False)
    return path


def write_edf_plus(
    path: Path,
    samples: NDArray[np.float32],
    sfreq: int,
    onsets: Sequence[float],
    annotations: Sequence[tuple[float, float, str]] = (),
    names: Sequence[str] = NAMES,
) -> Path:
    """Write EDF+D with records of a second that begin at `onsets`, in steps of 0.1 uV."""

    def column(of_signal: object, of_text: object, width: int) -> bytes:
        cells = [of_signal] * len(names) + [of_text]
        return b"".join(str(cell).ljust(width).encode("ascii") for cell in cells)

    n_text, n_signals = 60, len(names) + 1
    fixed = (
        ("0", 8), ("X X X X", 80), ("Startdate 02-JAN-2024 X X X", 80), ("02.01.24", 8),
        ("10.00.00", 8), (256 * (n_signals + 1), 8), ("EDF+D", 44), (len(onsets), 8), (1, 8),
        (n_signals, 4),
    )  # fmt: skip
    head = b"".join(str(value).ljust(width).encode("ascii") for value, width in fixed)
    head += b"".join(name.ljust(16).encode("ascii") for name in (*names, "EDF Annotations"))
    head += column("", "", 80) + column("uV", "", 8) + column("-3276.8", "-1", 8)
    head += column("3276.7", "1", 8) + column("-32768", "-32768", 8) + column("32767", "32767", 8)
    head += column("", "", 80) + column(sfreq, n_text, 8) + column("", "", 32)
    body = b""
    for number, onset in enumerate(onsets):
        part = samples[:, number * sfreq : (number + 1) * sfreq]
        text = f"+{onset:g}\x14\x14\0" + "".join(
            f"+{time_s:g}\x15{length_s:g}\x14{label}\x14\0"
            for time_s, length_s, label in annotations
            if onset <= time_s < onset + 1
        )
        body += np.round(part * 10).astype("<i2").tobytes() + text.encode().ljust(2 * n_text, b"\0")
    path.write_bytes(head + body)
    return path


def write_neuroscan(
    path: Path,
    samples: NDArray[np.float32],
    sfreq: int,
    names: Sequence[str] = NAMES,
    *,
    bits: int,
    says_n_times: bool,
) -> Path:
    """Write a Neuroscan file with steps of 0.1 uV."""
    header = bytearray(900)
    header[:12] = b"Version 3.0\0"
    header[225:247] = b"01/02/20  \x0012:00:00   \0"[:22]
    data = np.round(samples.T * 10).astype("<i4" if bits == 32 else "<i2").tobytes()
    struct.pack_into("<H", header, 370, len(names))
    struct.pack_into("<H", header, 376, sfreq)
    struct.pack_into("<i", header, 864, samples.shape[1] if says_n_times else 0)
    struct.pack_into("<i", header, 886, 900 + 75 * len(names) + len(data))
    electrodes = b""
    for name in names:
        electrode = bytearray(75)
        electrode[: len(name)] = name.encode()
        struct.pack_into("<f", electrode, 59, 204.8 / 10)
        struct.pack_into("<f", electrode, 71, 1.0)
        electrodes += bytes(electrode)
    no_events = struct.pack("<Bll", 1, 0, 0)[:9].ljust(9, b"\0")
    path.write_bytes(bytes(header) + electrodes + data + no_events)
    return path
