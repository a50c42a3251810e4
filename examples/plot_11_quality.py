"""
Bad electrodes
==============

An electrode without contact is found in every window by itself, left out, and replaced by its
neighbours. With fewer than half of them good there is no label, and the reason names them.
"""

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from mdjpt.simulation import SimulatedParticipant

person = SimulatedParticipant(seed=2, sfreq=250.0, bad_electrodes={"Fz": "flat", "T8": "flat"})
window = person.generate(1250)
window[person.ch_names.index("O1")] += np.random.default_rng(0).normal(0, 400, 1250)
quality = mdjpt.electrode_quality(window, person.sfreq)
found = dict(zip(person.ch_names, quality.reason, strict=True))
found = {name: reason for name, reason in found.items() if reason}
print(found)

# %%
# Five seconds of all electrodes; the bad ones in red.

figure, axes = plt.subplots(figsize=(7, 8), layout="constrained")
seconds = np.arange(window.shape[1]) / person.sfreq
for k, (name, signal) in enumerate(zip(person.ch_names, window, strict=True)):
    shown = np.clip(signal - np.median(signal), -150, 150)
    axes.plot(seconds, shown - 100 * k, linewidth=0.5, color="tab:red" if name in found else "0.3")
axes.set(
    xlabel="s", yticks=[-100 * k for k in range(len(person.ch_names))], yticklabels=person.ch_names
)
