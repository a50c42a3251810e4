"""
A scikit-learn pipeline, beside pyRiemann
=========================================

``EncoderFeatures`` is a transformer as scikit-learn knows them: epochs in, features out. It stands
in the same cross-validation as the tangent space of pyRiemann. The person is simulated.
"""

import matplotlib.pyplot as plt
import numpy as np
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mdjpt
from app.session import default_bundle
from mdjpt.simulation import SimulatedParticipant

# %%
# Four minutes of a simulated person, cut into epochs of 5 s; an epoch counts when the state does
# not change in it.

sfreq = 125.0
person = SimulatedParticipant(seed=3, sfreq=sfreq, difficulty=0.2)
samples = person.generate(round(300 * sfreq))
size = round(5 * sfreq)
starts = range(0, samples.shape[1] - size, size)
changes = [t.sample for t in person.transitions(0, samples.shape[1])]
whole = [s for s in starts if not any(s - 250 < c < s + size for c in changes if c)]
epochs = np.stack([samples[:, s : s + size] for s in whole])
label = np.array([person.classes.index(person.state_at(s)) for s in whole])
block = np.searchsorted(changes, whole)
print(epochs.shape, np.bincount(label))

# %%
# Epochs of one block are alike whatever was felt, so whole blocks are held out.

pipelines = {
    "mdJPT encoder": make_pipeline(
        mdjpt.EncoderFeatures(default_bundle(), person.ch_names, sfreq, on_bad="nan"),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=1000),
    ),
    "tangent space": make_pipeline(
        Covariances("oas"), TangentSpace(), LogisticRegression(max_iter=1000)
    ),
}
band_passed = mdjpt.filter_recording(samples, sfreq)
filtered = np.stack([band_passed[:, s : s + size] for s in whole])
scores = {
    name: cross_val_score(
        pipeline,
        filtered if name == "tangent space" else epochs,
        label,
        groups=block,
        cv=LeaveOneGroupOut(),
    )
    for name, pipeline in pipelines.items()
}

# %%
# A dot a held-out block. Nothing here is a result about people.

figure, axes = plt.subplots(layout="constrained")
for k, values in enumerate(scores.values()):
    axes.plot(np.full(len(values), k) + np.linspace(-0.1, 0.1, len(values)), values, "o", alpha=0.5)
    axes.plot(k, values.mean(), "k_", markersize=30)
axes.axhline(1 / 3, color="grey", linestyle="--", label="chance")
axes.set(
    xticks=range(len(scores)),
    xticklabels=scores,
    ylabel="epochs right, by block",
    ylim=(-0.05, 1.05),
)
axes.legend()
