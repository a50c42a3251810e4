"""A user's mistake is one line on stderr and the right exit code; good input gives its output."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.cli.bench import measure_starts
from app.cli.main import run_command_line
from app.session import demo_recording
from mdjpt.recordings.export_edf import write_recording_edf
from tests.support.fakes import NAMES, eeg_like

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def mdjpt(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; returns exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = run_command_line([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def recording(path: Path, n_channels: int = 8, seconds: float = 14.0) -> Path:
    """Write a small EDF of EEG-like noise."""
    samples = eeg_like(n_channels, round(seconds * 125))
    write_recording_edf(path, samples, 125.0, NAMES[:n_channels])
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "nonsense"),
        (["run"], 2, "source"),
        (["run", "nonsense:x"], 2, "no such file"),
        (["run", "sim:?colour=red"], 2, "colour"),
        (["run", "sim:", "--hop", "0"], 2, "--hop must be positive"),
        (["run", "sim:", "--alignment", "magic"], 2, "'magic' is not one of 'auto', 'none'"),
        (["run", "sim:", "--alignment", "rows", "--profile", "p"], 2, "leave --alignment out"),
        (["run", "sim:", "--speed", "fast"], 2, "fast"),
        (["run", "sim:", "--device", "gpu"], 2, "--device takes auto|cpu|cuda[:N]|mps|xpu"),
        (["features", "x.edf", "--out", "x.npz", "--device", "xpu:9"], 2, "--device cpu, or auto"),
        (["run", "sim:", "--publish", "mail"], 2, "mail"),
        (["run", "sim:", "--out", "/no/such/folder/x.jsonl"], 2, "/no/such/folder"),
        (["run", "sim:", "--model", "none.safetensors"], 4, "none.safetensors"),
        (["run", "sim:", "--profile", "none.profile"], 4, "none.profile"),
        (["run", "file:none.edf"], 2, "none.edf"),
        (["run", "brainflow:cyton?serial_port=/dev/none"], 3, "/dev/none"),
        (["run", "brainflow:nonsense"], 2, "nonsense"),
        (["run", "lsl:no-such-stream"], 3, "no-such-stream"),
        (["features", "none.edf", "--out", "x.npz"], 2, "none.edf"),
        (["features", str(demo_recording()), "--out", "x.npz", "--scale", "own"], 2, "own"),
        (["evaluate", "benchmark", "--out", "x", "--jobs", "0"], 2, "--jobs must be 1 or more"),
        (["model", "fetch"], 2, "released"),
        (["model", "info", "none.safetensors"], 4, "none.safetensors"),
        (["model", "import", "none.ckpt", "--out", "x.safetensors"], 4, "none.ckpt"),
        (["simulate", "--out", "x.csv"], 2, ".edf"),
        (["replay", "none.edf"], 2, "none.edf"),
        (["replay", "none.edf", "--montage", "nowhere.txt"], 2, "neither a file nor names"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(
    mdjpt: Callable[..., tuple[int, str, str]], arguments: list[str], code: int, words: str
) -> None:
    got, _, err = mdjpt(*arguments)
    assert got == code, err
    assert words in err
    assert err.startswith("mdjpt: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_run_on_a_device_that_is_not_there_ends_with_code_2(
    mdjpt: Callable[..., tuple[int, str, str]],
) -> None:
    got, _, err = mdjpt("run", "sim:", "--device", "xpu:9", "--duration", "12")
    assert got == 2
    assert err.splitlines()[-1].startswith("mdjpt: --device xpu:9: PyTorch ")


@pytest.mark.parametrize(
    ("names", "samples", "words"),
    [
        (("Left", "Right"), eeg_like(2, 2000), "--montage"),
        (("EOG1", "EOG2"), eeg_like(2, 2000), "--montage"),
        (NAMES, eeg_like(8, 250)[:, :3], "3 samples"),
    ],
)
def test_a_recording_that_cannot_be_decoded_is_refused(
    mdjpt: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    names: tuple[str, ...],
    samples: np.ndarray,
    words: str,
) -> None:
    path = tmp_path / "recording.csv"
    header = "timestamps," + ",".join(names)
    rows = np.column_stack([np.arange(samples.shape[1]) / 125.0, samples.T])
    np.savetxt(path, rows, delimiter=",", header=header, comments="")
    code, _, err = mdjpt("run", f"file:{path}", "--speed", "max")
    assert code == 2, err
    assert words in err
    assert err.count("\n") == 1


def test_a_recording_is_decoded_at_full_speed(
    mdjpt: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = recording(tmp_path / "eeg.edf")
    code, out, err = mdjpt("run", f"file:{path}", "--speed", "max", "--out", "-")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert [line["index"] for line in lines] == list(range(19))
    assert [line["status"] for line in lines[:10]] == ["warming_up"] * 10
    assert {line["status"] for line in lines[10:]} <= {"ok", "unsure"}
    assert "x real time" in err


def test_live_and_offline_features_are_the_same_arrays(
    mdjpt: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path, live, offline = demo_recording(), tmp_path / "live.npz", tmp_path / "offline.npz"
    run = ("run", f"file:{path}", "--speed", "max", "--hop", "2", "--features", live)
    assert mdjpt(*run)[0] == 0
    assert mdjpt("features", path, "--out", offline)[0] == 0
    with np.load(live) as a, np.load(offline) as b:
        assert set(a) == set(b) == {"features", "start_s"}
        np.testing.assert_array_equal(a["start_s"], b["start_s"])
        assert a["features"].shape == b["features"].shape == (len(a["start_s"]), 512)
        x, y = (f["features"] - b["features"].mean(axis=0) for f in (a, b))
        cosine = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    assert np.median(cosine) > 0.98


def test_a_simulated_recording_says_so_wherever_it_is_replayed(
    mdjpt: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "simulated.edf"
    assert mdjpt("simulate", "--out", path, "--duration", "12", "--seed", "5")[0] == 0
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    assert truth["simulated"] is True
    assert truth["states"][0]["onset_s"] == 0.0
    code, out, _ = mdjpt("run", f"file:{path}", "--speed", "max")
    assert code == 0
    assert "SIMULATED SIGNAL" in out
    assert f"true state {truth['states'][0]['state']}" in out


def test_the_true_state_beside_a_window_is_the_one_at_its_end(
    mdjpt: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "simulated.edf"
    assert mdjpt("simulate", "--out", path, "--duration", "60", "--seed", "5")[0] == 0
    states = json.loads(path.with_suffix(".truth.json").read_text())["states"]
    code, out, _ = mdjpt("run", f"file:{path}", "--speed", "max", "--hop", "2")
    assert code == 0
    told = re.findall(r"^ *([\d.]+) s .*  true state (\w+)$", out, re.MULTILINE)
    began = [state["onset_s"] for state in states]
    at_end = [states[bisect_right(began, float(end_s)) - 1]["state"] for end_s, _ in told]
    assert len(set(at_end)) > 1
    assert [state for _, state in told] == at_end


def test_the_demo_model_is_sound_and_says_that_it_is_simulated(
    mdjpt: Callable[..., tuple[int, str, str]],
) -> None:
    from app.session import default_bundle

    assert mdjpt("model", "verify", default_bundle())[0] == 0
    code, out, _ = mdjpt("model", "info", default_bundle())
    assert code == 0
    assert "simulated" in out
    assert default_bundle().stat().st_size < 10e6


def test_a_window_that_shows_no_signal_in_time_ends_no_benchmark(
    capfd: pytest.CaptureFixture[str],
) -> None:
    # The world of a busy machine: the window closes before the first sample has come.
    rows = measure_starts(n_starts=1, limit_s=0.0)
    assert not any("first signal" in row.name for row in rows)
    assert "1 of 1 starts: not first signal in 0 s" in capfd.readouterr().err
