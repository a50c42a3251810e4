"""A recipe's file leads from data to a model with its card, and its mistakes are told at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.cli.recipe import read_recipe
from mdjpt.bundle.bundle import load_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.errors import DatasetError, MdjptError, ModelError
from mdjpt.evaluation.shared_head import with_shared_head
from mdjpt.store.store import open_store
from tests.support.training_corpus import write_tiny_store

RECIPES = sorted((Path(__file__).parents[1] / "assets/recipes").glob("*.toml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return what the smoke run of a recipe printed, and its folder."""
    out = tmp_path_factory.mktemp("recipe")
    ran = CliRunner().invoke(cli, ["recipe", "run", str(RECIPES[0]), "--out", str(out), "--smoke"])
    assert ran.exception is None, ran.exception
    return ran.stdout, out / "smoke"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_says_what_it_costs_and_can_be_tried(path):
    recipe = read_recipe(path)
    assert recipe.hours["pretrain"] > 1
    assert recipe.memory_gib > 0
    assert recipe.smoke


def test_a_smoke_run_ends_with_a_model_that_answers_and_its_card(made):
    said, out = made
    steps = [line.split(":")[0] for line in said.splitlines() if line.startswith("== ")]
    assert steps == ["== fetch", "== prepare", "== pretrain", "== evaluate", "== bundle"]
    bundle = load_bundle(out / "model.safetensors")
    assert bundle.simulated
    assert bundle.class_names == ("negative", "neutral", "positive")
    assert bundle.identity == bundle.sha256
    card = (out / "model.md").read_text("utf-8")
    assert card in said
    assert "**Simulated: it says nothing about people.**" in card
    assert "| people | 8 |" in card
    assert "of people it never saw on emoeeg-mc" in card
    assert "of a dataset it never saw on faced" in card
    decoder = EmotionDecoder(bundle, 2.0)
    window = np.random.default_rng(0).standard_normal((60, 625)).astype(np.float32)
    assert set(decoder.decode(window).probabilities) == set(bundle.class_names)


def test_the_accuracy_on_a_card_is_that_of_people_the_head_did_not_see(made):
    _, out = made
    accuracy = load_bundle(out / "model.safetensors").provenance["accuracy"]
    assert [entry["people"] for entry in accuracy] == [4, 4, 4, 4]
    assert all(entry["simulated"] and entry["chance"] == 0.333 for entry in accuracy)
    # Two steps of training on four people: what was seen would be told nearly perfectly.
    assert all(0.1 < entry["accuracy"] < 0.8 for entry in accuracy)


def test_a_step_can_be_run_by_itself_again(made):
    _, out = made
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    words = ["recipe", "run", str(RECIPES[0]), "--out", str(out.parent), "--smoke"]
    ran = CliRunner().invoke(cli, [*words, "--step", "prepare"])
    assert ran.exception is None
    assert "4 subjects, 4 recordings" in ran.stdout
    assert "== pretrain" not in ran.stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")} == before


def test_mistakes_are_told_before_any_work(tmp_path):
    text = RECIPES[0].read_text("utf-8")
    for wrong, says in (
        (text.replace("memory_gib = 4.0", ""), "memory_gib"),
        (text.replace("epochs = 10", "epochs = 0"), "epochs"),
        (text + "\n[[data", "no TOML"),
    ):
        path = tmp_path / "recipe.toml"
        path.write_text(wrong, "utf-8")
        ran = CliRunner().invoke(cli, ["recipe", "run", str(path), "--out", str(tmp_path / "out")])
        assert isinstance(ran.exception, MdjptError)
        assert says in str(ran.exception)
    assert not (tmp_path / "out").exists()


def test_a_head_needs_statistics_and_labels_with_a_side_of_valence(made, tmp_path):
    bundle = load_bundle(made[1] / "pretrain" / "model.safetensors")
    store = open_store(write_tiny_store(tmp_path / "tiny", 0))
    with pytest.raises(DatasetError, match="fewer than two valences among the classes calm, happy"):
        with_shared_head(bundle, [store])
    bare = replace(bundle, feature_mean=None, feature_var=None)
    with pytest.raises(ModelError, match="mdjpt model adapt"):
        with_shared_head(bare, [store])
