"""
Live predictions in 20 lines
============================

A source, a decoder and a loop. The source is a simulated participant that is read as fast as it
goes; with ``lsl:NAME`` or a ``brainflow:`` board the same loop is live. ``mdjpt run`` does this in
processes of their own, so that no window is late.
"""

import matplotlib.pyplot as plt

import mdjpt
from app.session import build_source, default_bundle
from streaming.pipeline import Pipeline
from streaming.sources.source_spec import parse_source

spec = parse_source("sim:?seed=7&duration=90&sfreq=125")
source = build_source(spec, montage=(), speed=float("inf"))
bundle = mdjpt.load_bundle(default_bundle())
decoder = mdjpt.EmotionDecoder(bundle, hop_s=0.5, alignment=mdjpt.AlignmentConfig("moments"))
predictions = [answer.prediction for answer in Pipeline(source, decoder, hop_s=0.5).run()]
for prediction in predictions[::40]:
    print(f"{prediction.end_s:5.1f} s  {prediction.label or prediction.reason}")

# %%
# Bars below say where there was no label, and why.

figure, axes = plt.subplots(layout="constrained")
for name in decoder.class_names:
    told = [(p.end_s, p.probabilities[name]) for p in predictions if p.probabilities]
    axes.plot(*zip(*told, strict=True), label=name)
for status, colour in (
    ("warming_up", "tab:gray"),
    ("unsure", "tab:olive"),
    ("bad_signal", "tab:red"),
):
    where = [p.end_s for p in predictions if p.status == status]
    axes.plot(where, [-0.05] * len(where), "|", color=colour, label=status if where else None)
axes.set(xlabel="s", ylabel="probability")
axes.legend(loc="upper right")
