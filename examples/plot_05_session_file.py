"""
Reading a session file
======================

A recording is an XDF file: any reader of XDF takes it, ``mdjpt.read_recording`` with its gaps
placed. This writes a short one as ``mdjpt run --record`` does, and reads it twice.
"""

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pyxdf

import mdjpt
from app.session import default_bundle
from mdjpt.simulation import SimulatedParticipant
from streaming.pipeline import Pipeline
from streaming.recorder import Recorder
from streaming.sources.recording import RecordingSource

# %%
# Forty seconds of a simulated person with an event, decoded and recorded.

sfreq = 125.0
person = SimulatedParticipant(seed=4, sfreq=sfreq)
samples = person.generate(round(40 * sfreq))
folder = Path(tempfile.mkdtemp())
mdjpt.write_recording_edf(folder / "whole.edf", samples, sfreq, person.ch_names, [(30.0, "bell")])
decoder = mdjpt.EmotionDecoder(mdjpt.load_bundle(default_bundle()), hop_s=0.5)
source = RecordingSource(folder / "whole.edf", speed="max")
recorder = Recorder(folder / "session.xdf")
pipeline = Pipeline(source, decoder, sink=recorder)
n_windows = 0
for answer in pipeline.run():
    recorder.predict(answer.prediction, None)
    n_windows += 1
print(f"{n_windows} windows; files: {sorted(p.name for p in folder.iterdir())}")

# %%
# With pyxdf: the streams that :doc:`the format </formats/recording>` describes, told apart by
# their type.

streams, _ = pyxdf.load_xdf(
    folder / "session.xdf", synchronize_clocks=False, dejitter_timestamps=False
)
for stream in streams:
    print(
        stream["info"]["type"][0], stream["info"]["name"][0], len(stream["time_stamps"]), "samples"
    )
(predictions,) = [s for s in streams if s["info"]["type"][0] == "Predictions"]
rows = [json.loads(text) for (text,) in predictions["time_series"]]
print(json.dumps(rows[-1], indent=1)[:300], "...")

# %%
# With mdJPT Live, and what stands in it.

recording = mdjpt.read_recording(folder / "session.xdf")
print(recording.duration_s, "s,", recording.markers, recording.gaps)

figure, (upper, lower) = plt.subplots(2, sharex=True, layout="constrained")
upper.plot(np.arange(recording.n_times) / recording.sfreq, recording.samples[0], linewidth=0.5)
upper.set(ylabel=f"{recording.ch_names[0]}, µV")
for name in rows[-1]["probabilities"]:
    told = [(row["end_s"], row["probabilities"][name]) for row in rows if row["probabilities"]]
    lower.plot(*zip(*told, strict=True), label=name)
lower.set(xlabel="s", ylabel="probability", ylim=(0, 1))
lower.legend()
