"""Reports, figures, commands and the benchmark of the evaluation."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from app.cli.evaluate import (
    evaluate_few_shot,
    evaluate_scaling,
    evaluate_transfer,
    evaluate_zero_shot,
)
from app.cli.main import run_command_line
from mdjpt.bundle.bundle import Bundle, save_bundle
from mdjpt.errors import DatasetError, MdjptError
from mdjpt.evaluation.benchmark import run_benchmark
from mdjpt.evaluation.benchmark_settings import (
    ARMS,
    EXTRA_ARMS,
    QUICK,
    REDUCED,
    SOURCES,
)
from mdjpt.evaluation.benchmark_summary import interval
from mdjpt.evaluation.benchmark_summary import main as summary_main
from mdjpt.evaluation.few_shot import FewShotSettings, few_shot
from mdjpt.evaluation.figures import confusion_figure, embedding_figure
from mdjpt.evaluation.kept_settings import keep_settings
from mdjpt.evaluation.metrics import METRICS
from mdjpt.evaluation.report import Table, csv_text, report_of
from mdjpt.network.encoder import Encoder
from mdjpt.network.model import MdjptNetwork
from mdjpt.store.store import open_store
from tests.support.evaluation_features import synthetic_features
from tests.support.training_corpus import TINY, write_tiny_store

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def outcomes():
    features = synthetic_features()
    seed_v = replace(features, dataset="seed-v")
    settings = FewShotSettings(n_folds=2, n_epochs=2, selection="none")
    return [few_shot(seed_v, settings, arm=name) for name in ("ours", "<theirs>")]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    return [write_tiny_store(folder / f"tiny-{k}", k) for k in (0, 1)]


@pytest.fixture(scope="module")
def models(stores, tmp_path_factory):
    """Two untrained bundles that say they were pre-trained on one dataset, and on two."""
    folder = tmp_path_factory.mktemp("models")
    network = MdjptNetwork(TINY)
    windows = open_store(stores[0]).windows(0, [0, 250, 900, 1150])
    row_stats = Encoder(network).row_stats(windows)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    for n in (1, 2):
        provenance = {"datasets": ["tiny-0", "elsewhere"][:n]}
        bundle = Bundle(
            config=TINY,
            weights=weights,
            licence="none",
            simulated=True,
            provenance=provenance,
            row_stats=row_stats,
        )
        save_bundle(folder / f"on-{n}.safetensors", bundle)
    return [folder / f"on-{n}.safetensors" for n in (2, 1)]


def test_a_report_holds_scores_tests_choices_and_the_papers_figures(outcomes):
    text = report_of(outcomes).markdown()
    for expected in (
        "# Few-shot on seed-v",
        "Simulated",
        r"| ours - \<theirs> |",
        "corrected resampled t",
        "none, all epochs",
        "65.02",
        "Confusion: ours, causal, by window",
        "the paper's measure",
    ):
        assert expected in text


def test_the_page_is_whole_and_escapes_what_it_shows(outcomes):
    figures = {"Confusion": confusion_figure(outcomes[0], outcomes[0].levels[:1])}
    page = report_of(outcomes, figures=figures).html()
    assert "&lt;theirs&gt;" in page
    assert "<theirs>" not in page
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("data:", "")


def test_the_table_for_machines_has_a_row_for_each_arm_level_and_fold(outcomes):
    rows = list(csv.DictReader(io.StringIO(csv_text(outcomes))))
    assert len(rows) == 2 * 4 * 2
    assert rows[0].keys() >= METRICS.keys()
    assert float(rows[0]["accuracy"]) == pytest.approx(
        outcomes[0].folds[0].levels["window"].scores["accuracy"], abs=1e-6
    )


def test_a_cell_keeps_its_column():
    assert "| a \\| b |" in Table("t", ("x",), (("a | b",),)).markdown()


def test_figures_are_drawn_without_a_display(outcomes, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert confusion_figure(outcomes[0], outcomes[0].levels).startswith(PNG)
    sets = [synthetic_features(2, n_clips=3, seed=k, dataset=str(k)) for k in (0, 1)]
    assert embedding_figure(sets).startswith(PNG)


def test_few_shot_writes_its_report(stores, models, tmp_path, capsys):
    code = evaluate_few_shot(
        stores[1],
        out=tmp_path,
        models=models,
        entropy=True,
        n_folds=2,
        n_epochs=1,
        figures=True,
    )
    assert code == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"report.md", "report.html", "scores.csv", "outcomes.json"}
    text = (tmp_path / "report.md").read_text()
    for arm in ("on-2", "on-1", "DE"):
        assert f"| {arm} |" in text
    assert "rows normalised by the statistics of the pre-training" in text
    assert "report.html" in capsys.readouterr().out


def test_unseen_clips_and_the_choice_of_the_epoch_are_options(stores, models, tmp_path):
    evaluate_few_shot(
        stores[0],
        out=tmp_path,
        models=models[:1],
        clips="unseen",
        selection="released",
        n_epochs=2,
    )
    text = (tmp_path / "report.md").read_text()
    assert "seen clips" in text
    assert "on the test subjects (as released: optimistic)" in text
    assert "was pre-trained on tiny-0" in text


def test_zero_shot_writes_its_report(stores, models, tmp_path):
    evaluate_zero_shot(stores[1], out=tmp_path, models=models[:1], exclude=["subject", "stimulus"])
    assert "the same subject and the same clip" in (tmp_path / "report.md").read_text()


def test_transfer_writes_its_report(stores, models, tmp_path):
    evaluate_transfer(
        stores[1],
        sources=stores[:1],
        out=tmp_path,
        models=models[:1],
        entropy=True,
        n_epochs=1,
        figures=True,
    )
    text = (tmp_path / "report.md").read_text()
    assert "| sources | tiny-0 | all |" in text
    assert "by emotion: calm, happy" in text


def test_scaling_orders_models_by_their_datasets(stores, models, tmp_path):
    evaluate_scaling(stores[1], out=tmp_path, models=models, n_folds=2, n_epochs=1)
    text = (tmp_path / "report.md").read_text()
    assert text.index("| 1: on-1 |") < text.index("| 2: on-2 |")
    assert "data:image/png" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "option",
    [
        "--protocol kind",
        "--selection test",
        "--clips all",
        "--folds 0",
        "--train-share 1.5",
        "--epochs 0",
        "--normalisation none",
        "--variant third",
        "--step 0",
        "--protocol released",
    ],
)
def test_a_wrong_option_is_one_line(option, stores, models, tmp_path, capsys):
    command = ["evaluate", "few-shot", stores[0], "--model", models[0], "--out", tmp_path]
    assert run_command_line([*map(str, command), *option.split()]) == 2
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith("mdjpt: ")
    assert option.split()[1] in error


def test_nothing_to_evaluate_is_an_error(stores, tmp_path):
    with pytest.raises(MdjptError, match="--model"):
        evaluate_few_shot(stores[0], out=tmp_path)
    with pytest.raises(DatasetError):
        evaluate_few_shot(tmp_path, out=tmp_path, entropy=True)


def test_a_model_is_not_compared_with_itself(stores, models, tmp_path):
    with pytest.raises(MdjptError, match="twice"):
        evaluate_few_shot(stores[0], out=tmp_path, models=models[:1] * 2)


def test_every_arm_of_the_benchmark_differs_from_the_joint_one():
    joint, *others = (*ARMS, *EXTRA_ARMS)
    assert joint.datasets == SOURCES
    assert len({arm.name for arm in others}) == len(others)
    for arm in others:
        assert replace(arm, name=joint.name) != joint


def test_the_benchmarks_datasets_differ_in_label_set_and_electrodes():
    datasets = [REDUCED.dataset(name, 0) for name in REDUCED.trials]
    assert len({d.classes for d in datasets}) == len({d.key for d in datasets}) == 5
    assert len({d.ch_names for d in datasets}) > 2


def test_an_interval_is_students():
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.302653 / np.sqrt(3), rel=1e-5)


def test_settings_are_kept_and_others_refused(tmp_path):
    path = tmp_path / "new" / "settings.json"
    keep_settings(path, {"seed": 1, "trial_s": (2.0, 3.0)})
    keep_settings(path, {"seed": 1, "trial_s": [2.0, 3.0]})
    with pytest.raises(MdjptError, match="new: holds another evaluation"):
        keep_settings(path, {"seed": 2, "trial_s": (2.0, 3.0)})
    path.write_bytes(b"{")
    with pytest.raises(MdjptError, match="cannot be read"):
        keep_settings(path, {})


def test_the_benchmark_refuses_a_folder_of_another_seed(tmp_path):
    (tmp_path / "settings.json").write_text('{"seed": 3}')
    with pytest.raises(MdjptError, match="another evaluation"):
        run_benchmark(0, tmp_path, QUICK)
    assert summary_main([str(tmp_path), "--out", str(tmp_path / "summary")]) == 2


@pytest.mark.slow
def test_a_quick_benchmark_runs_is_taken_up_and_summed_up(tmp_path, capsys):
    for seed in (1, 2, 2):
        run_benchmark(seed, tmp_path / str(seed), QUICK, extra=True)
    assert "joint: was there" in capsys.readouterr().err
    folders = [str(tmp_path / seed) for seed in ("1", "2")]
    assert summary_main([*folders, "--out", str(tmp_path / "summary")]) == 0
    text = (tmp_path / "summary" / "report.md").read_text()
    assert "joint minus it" in text
    for arm in (*ARMS, *EXTRA_ARMS):
        assert f"| {arm.name} |" in text
