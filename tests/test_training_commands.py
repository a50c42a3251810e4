"""From a simulated corpus to a bundle with the commands alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.cli.data import check_data, list_data, prepare_data
from app.cli.pretrain import pretrain
from app.cli.simulate import simulate
from mdjpt.bundle.bundle import load_bundle
from mdjpt.errors import DatasetError, MdjptError
from mdjpt.guard.extras import check_training_extra, require_training_extra
from mdjpt.recordings.export_edf import write_recording_edf
from mdjpt.simulation import PRESETS

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[[dataset]]
path = "EPOC-like"
[network]
variant = "released"
embed_dim = 8
n_heads = 2
n_blocks = 1
n_dims = 2
n_mixed = 4
n_filters = 1
dilations = [1]
[optimiser]
steps_per_epoch = 2
epochs = 1
[machine]
accelerator = "cpu"
threads = 1
statistics_windows = 4
"""


@pytest.fixture
def short_preset(monkeypatch: pytest.MonkeyPatch) -> str:
    short = replace(PRESETS["EPOC-like"], n_trials=4, trial_s=(8.0, 8.0), rest_s=2.0)
    monkeypatch.setitem(PRESETS, "EPOC-like", short)
    return "EPOC-like"


def test_a_simulated_corpus_is_prepared_checked_and_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], short_preset: str
) -> None:
    assert simulate(out=tmp_path, preset=[short_preset], subjects=2) == 0
    assert check_data(tmp_path / short_preset) == 0
    output = capsys.readouterr()
    assert "2 of 2: subject 2, session 1: 4 trials" in output.err
    assert "sound; EPOC-like, simulated (SIMULATED)" in output.out
    (tmp_path / "joint.toml").write_text(CONFIG)
    assert pretrain(tmp_path / "joint.toml", out=tmp_path / "run") == 0
    output = capsys.readouterr()
    assert "step 2 of 2: loss " in output.err
    assert output.out.endswith("model.safetensors: trained on EPOC-like\n")
    assert load_bundle(tmp_path / "run" / "model.safetensors").simulated


def test_the_datasets_that_can_be_prepared_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_data(as_json=False) == 0
    assert "seed-iv" in capsys.readouterr().out
    assert list_data(as_json=True) == 0
    assert {"seed", "faced", "deap"} <= {
        card["name"] for card in json.loads(capsys.readouterr().out)
    }


def test_a_folder_of_recordings_is_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    raw = tmp_path / "raw"
    raw.mkdir()
    lines = ["file,subject,label,stimulus,start_s,duration_s"]
    for subject in "ab":
        samples = rng.standard_normal((3, 5000)).cumsum(axis=1).astype(np.float32)
        write_recording_edf(raw / f"{subject}.edf", samples, 250.0, ("Cz", "O1", "O2"), [])
        lines += [f"{subject}.edf,{subject},{c},clip {c},{s},8" for c, s in (("x", 1), ("y", 10))]
    (raw / "trials.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "store"
    options = ["class_names=x,y"]
    code = prepare_data("folder", raw=raw, out=out, ica=False, reports=False, options=options)
    assert code == 0
    assert check_data(out) == 0
    assert "2 subjects, 2 recordings, 4 trials" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", [], "no dataset is called 'nothing'"),
        ("deap", ["target"], "--option takes KEY=VALUE, got 'target'"),
        ("deap", ["colour=red"], "colour"),
        ("deap", [], "no recording of DEAP"),
    ],
)
def test_a_mistake_in_the_command_is_one_line(
    tmp_path: Path, name: str, options: list[str], message: str
) -> None:
    with pytest.raises(MdjptError, match=message):
        prepare_data(name, raw=tmp_path, out=tmp_path / "out", options=options)


def test_an_unknown_preset_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(MdjptError, match=r"unknown dataset 'SEED'; known: SEED-like"):
        simulate(out=tmp_path, preset=["SEED"])


def test_a_folder_that_is_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no finished store"):
        check_data(tmp_path)


def test_a_missing_package_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(MdjptError, match=r'needs no_such_package, .*"mdjpt-live\[train\]"'):
        require_training_extra("json", "no_such_package")
    with pytest.raises(MdjptError, match="needs no_such_package"):
        check_training_extra("json", "no_such_package")
    assert require_training_extra("json") is json
