"""
Export to BIDS
==============

``mdjpt export session.xdf --to bids`` in Python: the recording, its events and what stood beside
it become a dataset that other programs read. Here MNE-BIDS reads it again.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne_bids

import mdjpt
from app.session import demo_recording
from mdjpt.recordings.beside import Beside
from mdjpt.recordings.export import export_recording
from mdjpt.recordings.export_bids import BidsNames

recording = mdjpt.read_recording(demo_recording())
root = Path(tempfile.mkdtemp()) / "dataset"
written = export_recording(recording, Beside(), "bids", root, BidsNames("01", task="rest"))
for path in written.files:
    print(path.relative_to(root))

# %%
# Read with MNE-BIDS.

path = mne_bids.BIDSPath(subject="01", task="rest", datatype="eeg", root=root)
raw = mne_bids.read_raw_bids(path, verbose="error")
print(raw.info["sfreq"], "Hz,", len(raw.ch_names), "electrodes")

figure, axes = plt.subplots(layout="constrained")
for k, name in enumerate(raw.ch_names[::24]):
    axes.plot(
        raw.times[:800], 1e6 * raw.get_data(name)[0, :800] - 200 * k, linewidth=0.6, label=name
    )
axes.set(xlabel="s", ylabel="µV, 200 apart", title=path.basename)
axes.legend()
