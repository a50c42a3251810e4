"""A calibration in the terminal: what it says, what it takes, what it leaves on the disk."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from app.calibration.plan import CalibrationPlan, make_trials
from app.calibration.session import CalibrationSession, Phase
from app.calibration.terminal_guide import LineReader, TerminalGuide
from app.cli.calibrate_live import calibrate_live
from app.cli.main import run_command_line
from mdjpt.bundle.bundle import save_bundle
from mdjpt.calibration.label_choice import choose_trials
from mdjpt.calibration.label_files import read_label_rows
from mdjpt.calibration.training import NotBetterError
from mdjpt.recordings import read_recording
from tests.support.calibration_cases import small_bundle
from tests.support.hand_clock import HandClock

CLASSES = ("negative", "positive")
PLAN = CalibrationPlan(CLASSES, 2, trial_s=8, break_every=2, baseline_s=5)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_bundle(path, replace(small_bundle(), sha256=""))
    return path


class Terminal:
    """A guided session on a hand clock, and what the terminal shows."""

    def __init__(self, *, interactive: bool, plan: CalibrationPlan = PLAN) -> None:
        self.clock = HandClock()
        self.marked: list[str] = []
        self.session = CalibrationSession(plan, self.marked.append, self.clock)
        self.out = io.StringIO()
        self.guide = TerminalGuide(self.session, self.out, interactive=interactive)

    def until(self, phase: Phase) -> None:
        for _ in range(2000):
            view = self.session.tick()
            self.guide.show(view)
            if view.phase is phase:
                return
            self.clock.wait(0.25)
        raise AssertionError(f"{phase} never came")

    def typed(self, line: str) -> str:
        """Type a line and return what is written to it."""
        before = len(self.out.getvalue())
        self.guide.take(line + "\n")
        self.guide.show(self.session.tick())
        return self.out.getvalue()[before:]


def test_without_a_keyboard_the_session_leads_itself_through() -> None:
    terminal = Terminal(interactive=False)
    terminal.session.start()
    terminal.until(Phase.DONE)
    lines = terminal.out.getvalue().splitlines()
    assert lines[:2] == ["rest with your eyes open, 5 s", "close your eyes, 5 s"]
    assert sum("trial 2 of 4" in line for line in lines) == 1
    assert lines[-1] == "done, thank you"
    assert not any("how pleasant" in line for line in lines)
    assert not any(label.startswith("rating") for label in terminal.marked)


def test_a_person_at_the_keyboard_begins_rates_and_ends_breaks() -> None:
    terminal = Terminal(interactive=True)
    assert terminal.typed("") == "rest with your eyes open, 5 s\n"
    terminal.until(Phase.RATING)
    assert "1 negative, 2 positive" in terminal.out.getvalue()
    for nonsense in ("7", "7 x", "0 5", "7 5 zeal", "7 5 3", "good"):
        assert "two numbers from 1 to 9" in terminal.typed(nonsense)
    terminal.typed("7 5 2")
    assert terminal.marked[-1] == "rating/1/valence=7/arousal=5/felt=positive"
    terminal.until(Phase.RATING)
    terminal.typed("2 8 Negative")
    assert terminal.marked[-1].endswith("valence=2/arousal=8/felt=negative")
    assert "a break: Enter goes on" in terminal.out.getvalue()
    assert terminal.typed("").startswith("trial 3 of 4")
    terminal.until(Phase.RATING)
    terminal.typed("5 5")
    assert terminal.marked[-1].endswith("rating/3/valence=5/arousal=5")
    terminal.until(Phase.RATING)
    assert terminal.typed("") == "done, thank you\n"


def test_a_person_at_the_keyboard_pauses_repeats_and_ends() -> None:
    terminal = Terminal(interactive=True)
    terminal.typed("")
    terminal.until(Phase.TRIAL)
    assert terminal.typed("p") == "paused: p goes on\n"
    assert terminal.typed("p").startswith("trial 1 of 4")
    assert "Enter goes on" in terminal.typed("what?")
    terminal.until(Phase.RATING)
    assert terminal.typed("r").startswith("trial 1 of 4")
    assert terminal.typed("q") == "ended before its time\n"
    assert terminal.marked[-1] == "calibration/abort"


def test_lines_are_read_without_waiting_for_them() -> None:
    reader = LineReader(io.StringIO("6 4 joy\n\nq\n"))
    lines: list[str] = []
    while len(lines) < 3:
        lines += reader.lines()
    assert lines == ["6 4 joy\n", "\n", "q\n"]


def test_a_whole_calibration_leaves_a_recording_labels_and_a_verdict(
    model, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    chosen: dict[str, Any] = {
        "out": tmp_path / "p.safetensors",
        "model": model,
        "classes": ",".join(CLASSES),
        "trials": 3,
        "trial_s": 8.0,
        "baseline_s": 2.0,
        "seed": 4,
        "record": tmp_path / "recordings",
        "speed": 25.0,
    }
    with suppress(NotBetterError):
        assert calibrate_live("sim:?seed=11&n_channels=8", **chosen) == 0
        assert (tmp_path / "p.safetensors").exists()
    (path,) = (tmp_path / "recordings").glob("*.xdf")
    rows = read_label_rows(path.with_suffix(".csv"))
    trials = choose_trials(rows, "labels", recording_s=1000.0, sfreq=250.0).trials
    plan = CalibrationPlan(CLASSES, 3, seed=4)
    assert [trial.label for trial in trials] == [trial.label for trial in make_trials(plan)]
    assert all(8.0 <= trial.duration_s < 12.0 for trial in trials)
    markers = read_recording(path).markers
    for trial in trials:
        felt = [
            label.removeprefix("truth/")
            for at, label in sorted(markers)
            if label.startswith("truth/") and at < trial.end_s
        ]
        assert felt[-1] == trial.label
    shown = capsys.readouterr()
    assert "8 of 8 electrodes are good" in shown.out
    assert "(SIMULATED SIGNAL)" in shown.out
    assert "training on held-out trials" in shown.err


def test_ended_before_the_first_sample_it_says_that_nothing_was_recorded(
    model, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    @contextmanager
    def stopped_at_once():
        stopped = threading.Event()
        stopped.set()
        yield stopped

    monkeypatch.setattr("app.cli.calibrate_live.stopped_by_signal", stopped_at_once)
    code = calibrate_live("sim:", out=tmp_path / "p.safetensors", model=model)
    assert code == 130
    assert "nothing was recorded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["file:eeg.edf"], 2, "nobody can be asked in a file"),
        (["sim:", "--classes", "joy"], 2, "2 to 9 different names"),
        (["sim:", "--trial-s", "2"], 2, "trial_s must be 7 to 600"),
        (["sim:", "--media", "/nowhere"], 2, "cannot be read"),
        (["sim:", "--label-by", "guess"], 2, "not one of 'intended', 'rated'"),
        (["sim:", "--model", "none.safetensors"], 4, "none.safetensors"),
        (["sim:?duration=20"], 3, "the source ended before the calibration did"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused_in_one_line(
    arguments, code, words, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    out = tmp_path / "p.safetensors"
    line = ["calibrate-live", *arguments, "--out", str(out), "--speed", "20"]
    assert run_command_line(line) == code
    *before, error = capsys.readouterr().err.splitlines()
    assert words in error
    recordings = [*tmp_path.glob("calibrations/*.xdf")]
    assert before == [f"recorded: {recording}" for recording in recordings]
    assert len(recordings) == (code == 3)
    assert not out.exists()
