"""
Pre-training in small
=====================

Joint pre-training on two simulated datasets with different caps, with a network of a few thousand
weights and eighty steps: the real thing has a million weights and 20,480 steps (``mdjpt
pretrain``, :doc:`/howto/train`). What two people feel at the same second of the same clip should
give similar features; the loss asks for that.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from mdjpt.network.model import EncoderConfig
from mdjpt.simulation import DatasetConfig, SimulatedDataset
from mdjpt.store.dataset_preparation import prepare_dataset
from mdjpt.store.preparation import PreparationSettings
from mdjpt.training.config import DatasetChoice, MachineSettings, OptimiserSettings, PretrainConfig
from mdjpt.training.run import pretrain

# %%
# Two experiments: four people each, eight clips of 20 s.

folder = Path(tempfile.mkdtemp())
caps = {
    "frontal": ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "T8"),
    "parietal": ("C3", "Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
}
for name, ch_names in caps.items():
    dataset = DatasetConfig(
        name,
        ch_names,
        125.0,
        ("negative", "positive"),
        n_subjects=4,
        n_trials=8,
        trial_s=(20.0, 20.0),
        difficulty=0.1,
    )
    prepare_dataset(SimulatedDataset(dataset), folder / name, PreparationSettings(ica=False))

# %%
# Eighty steps of the small network.

small = EncoderConfig(
    variant="released",
    embed_dim=8,
    n_blocks=1,
    n_heads=2,
    n_dims=4,
    n_mixed=8,
    n_filters=2,
    dilations=(1, 3),
)
config = PretrainConfig(
    datasets=tuple(DatasetChoice(folder / name) for name in caps),
    seed=0,
    network=small,
    optimiser=OptimiserSettings(steps_per_epoch=40, epochs=2, learning_rate=3e-3),
    machine=MachineSettings(accelerator="cpu", threads=1, statistics_windows=16),
)
reports = []
bundle = pretrain(config, folder / "run", on_step=reports.append)
print(f"{bundle.name}: {bundle.stat().st_size / 1024:.0f} kB after {len(reports)} steps")

# %%
# The contrast, and the share of windows whose partner was found.

figure, (upper, lower) = plt.subplots(2, sharex=True, layout="constrained")
upper.plot([r.step for r in reports], [r.contrast for r in reports])
upper.set(ylabel="contrastive loss")
lower.plot([r.step for r in reports], [r.accuracy for r in reports])
lower.set(xlabel="step", ylabel="partners found", ylim=(0, 1))
