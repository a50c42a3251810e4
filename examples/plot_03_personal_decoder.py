"""
A personal decoder, with honest evidence
========================================

A calibration trains a decoder for one person and says what its held-out trials prove. The same
trials with labels that mean nothing must prove nothing: both are shown.
"""

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from app.session import default_bundle
from mdjpt.simulation import SimulatedParticipant

# %%
# A simulated person is asked for a state, twelve trials of 12 s by turns.

sfreq, trial_s, classes = 125.0, 12.0, ("sad", "happy")
person = SimulatedParticipant(
    seed=5,
    sfreq=sfreq,
    difficulty=0.3,
    ch_names=("Fp1", "Fp2", "F7", "F8", "T7", "T8", "P3", "P4", "O1", "O2"),
)
label = np.array([0, 1] * 6)
pieces = [person.generate(round(12 * sfreq))]
for k in label:
    person.prompt(classes[k])
    pieces.append(person.generate(round(trial_s * sfreq)))
recording = mdjpt.Recording(np.hstack(pieces), sfreq, person.ch_names)

# %%
# Windows every half second, each with the electrodes that it was made of; one that crosses from
# trial to trial is left out, and so is the first second of a trial: the emotion has to rise.

prepared = mdjpt.prepare_windows(recording, hop_s=0.5, with_own=True)
place = (prepared.start_s - 12.0) / trial_s
inside = (place >= 0) & (place % 1 <= 1 - 5.0 / trial_s) & (place % 1 >= 1.0 / trial_s)
features = mdjpt.load_bundle(default_bundle()).features(prepared.windows[inside])
own = tuple(o for o, use in zip(prepared.own, inside, strict=True) if use)


def calibrated(labels):
    """Train on the trials with these labels."""
    trial = place[inside].astype(int)
    data = mdjpt.LabelledFeatures(features, trial, labels, classes, hop_s=0.5, own=own)
    return mdjpt.train_personal_decoder(data).evidence


true = calibrated(label)
meaningless = calibrated(np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0]))
for name, evidence in (("as felt", true), ("meaningless", meaningless)):
    print(f"{name}: {evidence.verdict}; {evidence.summary()}")

# %%
# The interval is of the share of held-out trials that were right. ``mdjpt calibrate`` writes a
# profile only for a decoder that is better than chance.

figure, axes = plt.subplots(layout="constrained")
for k, (name, e) in enumerate((("labels as felt", true), ("meaningless labels", meaningless))):
    axes.plot([k, k], [e.low, e.high], linewidth=3)
    axes.plot(k, e.accuracy, "ko")
    axes.annotate(f"{name}: {e.verdict}", (k, e.high), ha="center", va="bottom")
axes.axhline(true.chance, color="grey", linestyle="--", label="chance")
axes.set(xlim=(-0.6, 1.6), xticks=[], ylim=(0, 1.15), ylabel="held-out trials right")
axes.legend()
