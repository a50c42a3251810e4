"""Writing EDF+ and reading it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import RecordingError
from mdjpt.recordings import write_recording_edf
from mdjpt.recordings.reader_process import read_here
from tests.support.recording_files import NAMES, brain_like

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("sfreq", [125.0, 250.0, 256.0, 160.0, 62.5])
def test_what_is_written_is_read_back(tmp_path: Path, sfreq: float) -> None:
    x, markers = brain_like(8, 2500), [(0.5, "happy"), (3.25, "sad, very")]
    write_recording_edf(tmp_path / "a.edf", x, sfreq, NAMES, markers)
    recording = read_here(tmp_path / "a.edf", None, None)
    assert recording.sfreq == sfreq
    assert recording.ch_names == NAMES
    assert recording.n_times > 2500 - 2 * sfreq
    np.testing.assert_allclose(recording.samples, x[:, : recording.n_times], atol=0.051)
    assert recording.markers == ((0.5, "happy"), (3.25, "sad, very"))


@pytest.mark.parametrize("scale", [1e3, 1e4])
def test_large_values_are_kept_in_coarser_steps(tmp_path: Path, scale: float) -> None:
    x = brain_like(2, 500) * np.float32(scale)
    write_recording_edf(tmp_path / "a.edf", x, 250, ("Fz", "Cz"))
    samples = read_here(tmp_path / "a.edf", None, None).samples
    np.testing.assert_allclose(samples, x, atol=np.abs(x).max() / 3e3)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"ch_names": ("Fz",)}, "channel names"),
        ({"ch_names": ("Fz", "a name that is too long")}, "does not fit into EDF"),
        ({"ch_names": ("Fz", "脑")}, "does not fit into EDF"),
        ({"samples_uV": np.full((2, 500), np.nan)}, "NaN"),
        ({"samples_uV": np.zeros((2, 100))}, "fill no record"),
        ({"sfreq": 0.0}, "positive"),
        ({"path": "nowhere/a.edf"}, "cannot be written"),
    ],
)
def test_what_edf_cannot_hold_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, object], what: str
) -> None:
    given = {
        "path": "a.edf",
        "samples_uV": brain_like(2, 500),
        "sfreq": 250.0,
        "ch_names": ("Fz", "Cz"),
    }
    given |= change
    given["path"] = tmp_path / str(given["path"])
    with pytest.raises(RecordingError, match=what) as error:
        write_recording_edf(**given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
