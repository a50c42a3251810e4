"""
The few-shot protocol
=====================

Labels of a quarter of the people train a head, everybody else is the test: ``mdjpt evaluate
few-shot`` in Python. Causal and smoothed accuracies stand side by side, because smoothing over a
clip looks into its future. People and model are simulated.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from app.session import default_bundle
from mdjpt.evaluation.differential_entropy import entropy_features
from mdjpt.evaluation.encoding import encoder_features
from mdjpt.evaluation.few_shot import FewShotSettings, few_shot
from mdjpt.simulation import DatasetConfig, SimulatedDataset
from mdjpt.store.dataset_preparation import prepare_dataset
from mdjpt.store.preparation import PreparationSettings

# %%
# A dataset of eight people, nine clips of 24 s, three classes.

dataset = DatasetConfig(
    "small",
    ("Fp1", "Fp2", "F7", "F3", "F4", "F8", "T7", "C3", "C4", "T8", "P3", "Pz", "P4", "O1", "O2"),
    125.0,
    ("negative", "neutral", "positive"),
    n_subjects=8,
    n_trials=9,
    trial_s=(24.0, 24.0),
    difficulty=0.2,
)
store = prepare_dataset(
    SimulatedDataset(dataset), Path(tempfile.mkdtemp()) / "small", PreparationSettings(ica=False)
)

# %%
# Two arms on the same splits: the frozen encoder, and differential entropy, the plain baseline.

bundle = mdjpt.load_bundle(default_bundle())
arms = {
    "mdJPT": encoder_features(store, bundle.encoder(), bundle.row_stats, step=500),
    "differential entropy": entropy_features(store, step=500),
}
settings = FewShotSettings(n_folds=4, n_epochs=8)
outcomes = {
    name: few_shot(features, settings, arm=name, simulated=True) for name, features in arms.items()
}

# %%
# A dot a fold.

levels = {"window": "causal", "smoothed": "smoothed over the clip"}
figure, axes = plt.subplots(layout="constrained")
for k, outcome in enumerate(outcomes.values()):
    for j, level in enumerate(levels):
        values = [fold.levels[level].scores["accuracy"] for fold in outcome.folds]
        axes.plot(
            np.full(len(values), k + 0.2 * j),
            values,
            "os"[j],
            color=f"C{j}",
            alpha=0.7,
            label=levels[level] if k == 0 else None,
        )
axes.axhline(1 / 3, color="grey", linestyle="--", label="chance")
axes.set(
    xticks=[k + 0.1 for k in range(len(outcomes))],
    xticklabels=outcomes,
    ylabel="windows right",
    ylim=(0, 1),
)
axes.legend()
