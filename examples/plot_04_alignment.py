"""
Alignment over time
===================

No two people's features have the same mean and variance. The decoder learns those of whoever is
connected, beginning with the training set's: a prior of 90 s that fades. Here the two ways are
compared on one simulated person, whose truth is known.
"""

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from app.session import default_bundle
from mdjpt.simulation import SimulatedParticipant

bundle = mdjpt.load_bundle(default_bundle())
sfreq = 125.0
person = SimulatedParticipant(seed=21, sfreq=sfreq)
recording = mdjpt.Recording(person.generate(round(200 * sfreq)), sfreq, person.ch_names)
prepared = mdjpt.prepare_windows(recording, hop_s=1.0)
middle = [round((start + 2.5) * sfreq) for start in prepared.start_s]
truth = np.array([person.state_at(m) for m in middle])

# %%
# The same windows through two decoders, one after the other as they would come live.

right, share = {}, []
for kind in ("none", "moments"):
    decoder = mdjpt.EmotionDecoder(bundle, hop_s=1.0, alignment=mdjpt.AlignmentConfig(kind))
    answers = [decoder.decode(window) for window in prepared.windows]
    best = np.array([max(a.probabilities, key=a.probabilities.get) for a in answers])
    right[kind] = np.cumsum(best == truth) / np.arange(1, len(truth) + 1)

aligner = mdjpt.MomentAligner(bundle.feature_mean, bundle.feature_var)
for feature in bundle.features(prepared.windows):
    aligner = aligner.partial_fit(feature, 1.0)
    share.append(aligner.gauge.prior_share)

# %%
# Above: the share of windows right so far. Below: how much the training set still counts. One
# person is one person; the tables over many stand in the :doc:`online evaluation
# </measured/online_evaluation>`.

figure, (upper, lower) = plt.subplots(2, sharex=True, layout="constrained")
for kind, line in right.items():
    upper.plot(prepared.start_s, line, label=f"alignment {kind}")
upper.axhline(1 / 3, color="grey", linestyle="--", label="chance")
upper.set(ylabel="right so far", ylim=(0, 1))
upper.legend()
lower.plot(prepared.start_s, share)
lower.set(xlabel="s", ylabel="share of the prior", ylim=(0, 1))
