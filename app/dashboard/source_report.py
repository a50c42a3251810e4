"""What a source would bring to the model, looked at before a session begins. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.session import build_source
from app.widgets.words import for_the_window
from mdjpt.errors import MdjptError
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.signal.montage import map_montage, short_name
from streaming.sources.source_spec import SourceSpec, parse_source
from streaming.stream import StreamInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.source_choice import SourceChoice
    from streaming.stream import Source

__all__ = ["SourceReport", "look_at"]

LOOK_S = 1.5  # signal in which hum is looked for; less than a second tells nothing
SILENT_AFTER = 3  # reads without a sample
NAMED = 8


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a look at a source has brought.

    Attributes
    ----------
    info : StreamInfo or None
        None when it cannot be connected so.
    own_names : bool
        True when the source names its electrodes itself: names that the user types are not used.
    hum : str
        Which mains hum stands out, "" when that is not known before the session begins.
    problem : str
        Why it cannot be connected, "" when it can.
    """

    info: StreamInfo | None = None
    own_names: bool = False
    hum: str = ""
    problem: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What becomes of the channels, in lines for the user."""
        info = self.info
        if info is None:
            return (self.problem,)
        montage = map_montage(info.ch_names)
        n_model = len(montage.mapped) + len(montage.interpolated)
        said = [
            f"{info.n_channels} electrodes at {info.sfreq:g} Hz; {len(montage.mapped)} of the "
            f"model's {n_model} are measured, {len(montage.interpolated)} are missing and made "
            "from their neighbours"
        ]
        if montage.approximate:
            pairs = [f"{short_name(a)} for {b}" for a, b in montage.approximate.items()]
            said.append(f"Nearest instead: {_listed(pairs)}")
        if montage.dropped:
            said.append(f"Not used: {_listed([short_name(name) for name in montage.dropped])}")
        units = {unit.replace("uV", "µV") or "unknown" for unit in info.ch_units}
        said.append(
            f"Unit {', '.join(sorted(units)) or 'µV'} · reference: average of the "
            f"{int(montage.scalp.sum())} electrodes" + (f" · {self.hum}" if self.hum else "")
        )
        return (*said, *map(for_the_window, info.notes))


def look_at(choice: SourceChoice) -> SourceReport:
    """Look at what the user is about to connect; blocks for some seconds, opens no board.

    Parameters
    ----------
    choice : SourceChoice
        Source and the electrode names that were typed, which count only where the source's own
        labels say nothing.
    """
    try:
        spec = parse_source(choice.source)
        if spec.kind == "brainflow":
            return SourceReport(_board(spec, choice.montage))
        return _opened(spec, (), own_names=True)
    except MdjptError as error:
        refused = str(error)
    if "--montage" in refused and choice.montage:
        try:
            return _opened(spec, choice.montage, own_names=False)
        except MdjptError as error:
            refused = str(error)
    return SourceReport(problem=for_the_window(refused))


def _board(spec: SourceSpec, names: tuple[str, ...]) -> StreamInfo:
    """Describe a board without connecting it; its labels are BrainFlow's, not its own."""
    from streaming.sources.boards import board_rows

    rows = board_rows(spec.name, spec.options)
    chosen = select_electrodes(rows.labels, names or None)
    assumed = () if names else ("electrodes as BrainFlow assumes them; type others if they differ",)
    return StreamInfo(
        spec.name,
        chosen.names,
        rows.sfreq,
        ch_units=("uV",) * len(chosen.names),
        notes=(*chosen.notes, *assumed),
    )


def _opened(spec: SourceSpec, names: tuple[str, ...], *, own_names: bool) -> SourceReport:
    """Open a source, listen for a moment, and let go of it."""
    source = build_source(spec, names, np.inf)
    try:
        info = source.open()
        # A simulated participant has no mains.
        hum = "" if spec.kind == "sim" else _hum(_heard(source, info), info)
    finally:
        source.close()
    return SourceReport(info, own_names, hum)


def _heard(source: Source, info: StreamInfo) -> NDArray[np.float32]:
    """Return the next moment of a source, shape (n_channels, n_times); less when it is silent."""
    heard: list[NDArray[np.float32]] = [np.empty((info.n_channels, 0), np.float32)]
    n_times, silent = 0, 0
    while n_times < LOOK_S * info.sfreq and silent < SILENT_AFTER and not source.ended:
        chunk = source.read(LOOK_S / SILENT_AFTER)
        heard.append(chunk.samples)
        n_times += chunk.n_times
        silent = 0 if chunk.n_times else silent + 1
    return np.concatenate(heard, axis=1)


def _hum(samples: NDArray[np.float32], info: StreamInfo) -> str:
    from mdjpt.signal.mains import mains_lines

    if samples.shape[1] < info.sfreq:
        return "no samples came" if not samples.shape[1] else ""
    lines = mains_lines(samples, info.sfreq)
    strong = lines[lines > 0]
    if not strong.size:
        return "no mains hum stands out"
    worst = 50 if np.sum(strong == 50.0) >= np.sum(strong == 60.0) else 60
    return f"{worst} Hz mains hum on {strong.size} of {info.n_channels}, taken out"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
