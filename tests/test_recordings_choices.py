"""What a file leaves open is chosen by the same options in every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.cli.main import run_command_line
from app.session import build_source
from mdjpt.errors import MdjptError
from streaming.sources.source_spec import parse_source
from tests.support.recording_files import NAMES, XdfText, brain_like

if TYPE_CHECKING:
    from pathlib import Path


def two_streams(path: Path, names: tuple[str, str]) -> Path:
    """Write two streams of EEG, whose source_ids are id-1 and id-2."""
    xdf = XdfText()
    for number, name in enumerate(names, 1):
        xdf.header(number, name=name, n_channels=8, sfreq=125, labels=NAMES)
        rows = brain_like(8, 2500, seed=number).T
        xdf.samples(number, rows, (1000 + np.arange(2500) / 125).tolist())
    return xdf.write(path)


def table(path: Path) -> Path:
    rows = [",".join(f"{v:.3f}" for v in row) for row in brain_like(8, 2500).T]
    path.write_text("\n".join([",".join(NAMES), *rows]))
    return path


@pytest.mark.parametrize(
    ("names", "option"),
    [(("left", "right"), "stream=left"), (("amp", "amp"), "source_id=id-1")],
)
def test_several_streams_are_named_with_what_tells_them_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, str], option: str
) -> None:
    path = two_streams(tmp_path / "a.xdf", names)
    which = option.partition("=")[2]
    assert run_command_line(["check", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"?{option}" in said
    assert all(word in said for word in (names if names[0] != names[1] else ("id-1", "id-2")))
    assert run_command_line(["check", str(path), "--stream", which]) == 0
    source = build_source(parse_source(f"file:{path}?{option}"), (), np.inf)
    source.open()
    np.testing.assert_allclose(source.read(0).samples, brain_like(8, 2500, 1)[:, :62], rtol=1e-6)


@pytest.mark.parametrize("command", ["check", "features", "export", "calibrate", "replay"])
def test_every_command_takes_the_same_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    more = {
        "features": ["--out", str(tmp_path / "x.npz")],
        "export": ["--to", "csv", "--out", str(tmp_path / "x.csv")],
        "calibrate": ["--out", str(tmp_path / "p")],
    }
    path = two_streams(tmp_path / "a.xdf", ("left", "right"))
    options = ["--stream", "middle", "--sfreq", "125", "--board", "cyton", "--montage", "biosemi64"]
    assert run_command_line([command, str(path), *more.get(command, []), *options]) == 2
    said = capsys.readouterr().err
    assert "--sfreq is for tables of text" in said or "no raw table of BrainFlow" in said


def test_a_table_without_time_is_played_at_the_rate_that_is_given(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    source = build_source(parse_source(f"file:{path}?sfreq=125"), (), np.inf)
    assert source.open().sfreq == 125
    assert run_command_line(["check", str(path), "--sfreq", "125"]) == 0
    with pytest.raises(MdjptError, match="option sfreq must be a number"):
        parse_source(f"file:{path}?sfreq=fast")
