"""Models have names: those in the person's folder, and the demo."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.model_files import add_model, find_model, list_models, models_folder, remove_model
from app.session import default_bundle
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.bundle.checkpoint import import_checkpoint
from mdjpt.errors import ModelError
from tests.support.golden import write_checkpoint


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    import_checkpoint(write_checkpoint(folder / "epoch=19.ckpt"), folder / "bare.safetensors")
    return folder / "bare.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def ran(*words):
    result = CliRunner().invoke(cli, list(words))
    assert result.exception is None, result.exception
    return result.stdout


def test_a_model_is_added_used_by_name_and_removed(bare):
    assert [entry.name for entry in list_models()] == ["demo"]
    said = ran("model", "add", str(bare), "--name", "lab")
    assert "use it as --model lab" in said
    assert "decodes nothing yet: mdjpt calibrate-live SOURCE --model lab" in said
    listed = ran("model", "list")
    assert "negative, neutral, positive  (SIMULATED)" in listed
    assert "no emotion head: calibrate on it" in listed
    assert "none: gives features only" in ran("model", "info", "lab")
    assert "sound" in ran("model", "verify", "demo")
    assert "removed" in ran("model", "remove", "lab")
    assert [entry.name for entry in list_models()] == ["demo"]


def test_the_copy_keeps_the_checksum_that_profiles_are_bound_to(bare):
    entry = add_model(bare)
    assert (entry.name, entry.needs_calibration) == ("bare", True)
    assert entry.path.read_bytes() == bare.read_bytes()


def test_names_are_taken_before_paths_and_paths_stay_what_they_were(bare, tmp_path):
    assert find_model("demo") == default_bundle()
    assert find_model(str(bare)) == bare
    assert find_model("missing.safetensors").name == "missing.safetensors"
    shutil.copy(bare, tmp_path / "plain")
    assert find_model("plain").name == "plain"
    with pytest.raises(ModelError, match="no such model: name one of demo, or a bundle's path"):
        find_model("nobody")


def test_what_cannot_be_added_or_removed_is_said_in_one_line(bare, tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(b"no bundle")
    with pytest.raises(ModelError, match="damaged"):
        add_model(tmp_path / "damaged.safetensors")
    with pytest.raises(ModelError, match="is no name for a model"):
        add_model(bare, "../x")
    with pytest.raises(ModelError, match="there is a model of this name already"):
        add_model(bare, "demo")
    with pytest.raises(ModelError, match="no such model in"):
        remove_model("../demo")
    with pytest.raises(ModelError, match="comes with the program"):
        remove_model("demo")
    assert not models_folder().exists()


def test_a_damaged_model_is_listed_with_what_is_wrong(bare):
    add_model(bare).path.write_bytes(b"cut off")
    (demo, broken) = list_models()
    assert (demo.problem, broken.needs_calibration) == ("", False)
    assert "bare.safetensors" in broken.problem


def test_the_card_says_what_a_bundle_says_of_itself_and_what_it_does_not(bare, tmp_path):
    card = CliRunner().invoke(cli, ["model", "card", str(bare)])
    assert "| people | not said |" in card.stdout
    assert "| accuracy | not measured |" in card.stdout
    assert "note: it does not say: data, people, hours, accuracy" in card.stderr
    checked = CliRunner().invoke(cli, ["model", "card", str(bare), "--check"])
    assert isinstance(checked.exception, ModelError)
    measured = {"what": "transfer", "dataset": "a|b", "accuracy": 0.5, "chance": 0.333}
    told = load_bundle(default_bundle())
    told = replace(
        told,
        provenance=told.provenance
        | {"people": 54, "hours": 12.5, "accuracy": [measured | {"people": 9, "simulated": True}]},
    )
    save_bundle(tmp_path / "told.safetensors", told)
    text = ran("model", "card", "told.safetensors", "--check")
    assert "**Simulated: it says nothing about people.**" in text
    assert "| people | 54 |\n| hours | 12.5 |\n| licence | BSD-3-Clause |" in text
    assert r"transfer on a\|b (SIMULATED): 0.5, chance 0.333, 9 people" in text
