"""
Features of a recording
=======================

The encoder turns every 5 s of EEG into 512 numbers. Here it sees 30 s of a real brain at rest
(PhysioNet S001R01, 64 electrodes) with the demo model, whose weights have seen simulated people
only.
"""

import matplotlib.pyplot as plt

import mdjpt
from app.session import default_bundle, demo_recording

recording = mdjpt.read_recording(demo_recording())
print(f"{recording.n_channels} electrodes, {recording.sfreq:g} Hz, {recording.duration_s:g} s")

# %%
# One feature vector a second. The first windows are missing: the scale of the signal is learned
# from the data so far, and until 10 s have been seen nothing is decoded.

table = mdjpt.extract_features(recording, default_bundle(), hop_s=1.0)
print(table.features.shape, "from", table.start_s[0], "s on")

# %%
# Most features of a rectified network are small; the picture orders them by their mean.

order = table.features.mean(axis=0).argsort()[::-1]
figure, axes = plt.subplots(layout="constrained")
image = axes.imshow(
    table.features[:, order[:128]].T,
    aspect="auto",
    extent=(table.start_s[0], table.start_s[-1] + 1, 128, 0),
)
axes.set(xlabel="start of the window, s", ylabel="feature, the strongest 128")
figure.colorbar(image, label="value")
