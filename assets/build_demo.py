"""Make the demo bundle: ``python -m assets.build_demo``. Everything in it is simulated.

The encoder has the released architecture with random weights of its own seed. Row statistics,
feature statistics and the head come from simulated participants, seen through the live
preprocessor; the confidence is calibrated on others, and the report is written on participants
that nothing was fitted to.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from joblib import Parallel, delayed

from mdjpt.bundle import Bundle, save_bundle
from mdjpt.head import Head
from mdjpt.model import EncoderConfig, MdjptNetwork
from mdjpt.simulation import SimulatedParticipant, cap
from streaming.decoder import Smoother
from streaming.preprocessor import Preprocessor
from streaming.windower import Windower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.encoder import Encoder, RowStats

HERE = Path(__file__).parent
CLASSES = ("negative", "neutral", "positive")
SFREQ = 250.0
HOP_S = 1.0
DURATION_S = 300.0
SETTLED_S = 1.0
"""A window counts as one state when it starts this long after the state began."""
TRAIN, CALIBRATE, TEST = range(1000, 1048), range(2000, 2012), range(3000, 3012)
CAPS = (32, 32, 64, 14, 32, 8)
"""Caps of the participants in turn: the live default, and others a user may wear."""
ABSTAIN_BELOW = 0.5
LICENCE = "BSD-3-Clause"


@dataclass(frozen=True, slots=True)
class Windows:
    """Prepared windows of one simulated participant.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n_windows, 60, 625)
        Inputs of the encoder.
    labels : ndarray of int64, shape (n_windows,)
        Index of the true state, -1 where the window holds a transition.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]


def simulate(seed: int, n_channels: int) -> Windows:
    """Simulate a participant and cut the windows that the live path would decode."""
    participant = SimulatedParticipant(seed, cap(n_channels), SFREQ, CLASSES)
    raw = participant.generate(round(DURATION_S * SFREQ))
    preprocess, windower = Preprocessor(participant.ch_names, SFREQ), Windower(SFREQ, HOP_S)
    inputs, labels = [], []
    for k in range(windower.newest(raw.shape[1]) + 1):
        window = windower.window(k)
        n_margin = min(windower.n_margin, window.first)
        segment = raw[:, window.first - n_margin : window.stop]
        prepared = preprocess(segment, n_margin, window.stop / SFREQ)
        if prepared.window is not None:
            inputs.append(prepared.window)
            labels.append(_label(participant, window.first, window.stop))
    return Windows(np.stack(inputs), np.array(labels))


def _label(participant: SimulatedParticipant, first: int, stop: int) -> int:
    """Return the state of a whole window, -1 when it changes or has just changed."""
    before = participant.state_at(max(0, first - round(SETTLED_S * SFREQ)))
    return CLASSES.index(before) if before == participant.state_at(stop - 1) else -1


def simulate_all(seeds: Sequence[int]) -> list[Windows]:
    """Simulate participants in parallel, with the caps in turn."""
    jobs = (delayed(simulate)(seed, CAPS[i % len(CAPS)]) for i, seed in enumerate(seeds))
    return list(Parallel(n_jobs=-1)(jobs))


def random_network(seed: int) -> MdjptNetwork:
    """Return a network of the released size with random weights."""
    torch.manual_seed(seed)
    return MdjptNetwork(EncoderConfig(variant="released"))


def measure_rows(encoder: Encoder, people: Sequence[Windows], n_windows: int = 1500) -> RowStats:
    """Measure the row statistics on an even choice of the training windows."""
    inputs = np.concatenate([person.inputs[::7] for person in people])
    chosen = np.linspace(0, len(inputs) - 1, min(n_windows, len(inputs))).astype(int)
    return encoder.row_stats(inputs[chosen])


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one participant's windows, with their labels (-1: a transition)."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


def encode(encoder: Encoder, stats: RowStats, people: Sequence[Windows]) -> list[Features]:
    """Encode every participant."""
    return [Features(encoder.feature(p.inputs, stats=stats), p.labels) for p in people]


def best_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the temperature of the lowest cross-entropy (Guo et al. 2017, section 4.2)."""
    candidates = np.geomspace(0.5, 8.0, 60)
    losses = [
        -np.log(_softmax(logits / t)[np.arange(len(labels)), labels]).mean() for t in candidates
    ]
    return float(candidates[int(np.argmin(losses))])


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _balanced(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    chosen = probabilities.argmax(axis=1)
    return float(np.mean([(chosen[labels == k] == k).mean() for k in np.unique(labels)]))


def judge(bundle: Bundle, people: Sequence[Features]) -> dict[str, NDArray[np.float64]]:
    """Return each unseen participant's balanced accuracies and coverage, as decoded live."""
    rows: dict[str, list[float]] = {"window": [], "smoothed": [], "labelled": [], "coverage": []}
    assert bundle.head is not None
    for person in people:
        logits = bundle.head.logits(bundle.standardise(person.features)).astype(np.float64)
        probabilities = _softmax(logits / bundle.temperature)
        smoother = Smoother(HOP_S)
        smoothed = np.stack([smoother(p) for p in probabilities])
        steady = person.labels >= 0
        sure = steady & (smoothed.max(axis=1) >= bundle.abstain_below)
        labels = person.labels
        rows["window"].append(_balanced(probabilities[steady], labels[steady]))
        rows["smoothed"].append(_balanced(smoothed[steady], labels[steady]))
        rows["labelled"].append(float((smoothed.argmax(axis=1) == labels)[sure].mean()))
        rows["coverage"].append(float(sure.sum() / steady.sum()))
    return {name: np.array(values) for name, values in rows.items()}


def build(seed: int, quick: bool) -> tuple[Bundle, str]:
    """Simulate, fit, calibrate and judge; return the bundle and its report."""
    torch.set_num_threads(1)
    step = 6 if quick else 1
    train, calibrate, test = (simulate_all(seeds[::step]) for seeds in (TRAIN, CALIBRATE, TEST))
    network = random_network(seed)
    plain = Bundle(
        config=network.config, weights=_weights(network), licence=LICENCE, simulated=True
    )
    encoder = plain.encoder()
    stats = measure_rows(encoder, train)
    fitted, held_out, unseen = (encode(encoder, stats, p) for p in (train, calibrate, test))
    x, y = _steady(fitted)
    mean, var = x.mean(axis=0), x.var(axis=0)
    bundle = replace(
        plain,
        row_stats=stats,
        feature_mean=mean,
        feature_var=var,
        class_names=CLASSES,
        head=Head.fit((x - mean) / np.sqrt(var + 1e-10), y, len(CLASSES), seed=seed),
    )
    assert bundle.head is not None
    x, y = _steady(held_out)
    logits = bundle.head.logits(bundle.standardise(x)).astype(np.float64)
    bundle = replace(
        bundle,
        temperature=best_temperature(logits, y),
        abstain_below=ABSTAIN_BELOW,
        provenance={
            "datasets": f"simulated: {len(train)} participants of {DURATION_S:g} s",
            "encoder": f"random weights, seed {seed}",
            "command": "python -m assets.build_demo",
            "date": datetime.now(UTC).date().isoformat(),
        },
        warnings=("trained on simulated participants only: says nothing about a real brain",),
    )
    return bundle, report(bundle, judge(bundle, unseen), len(train))


def _weights(network: MdjptNetwork) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def _steady(people: Sequence[Features]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    x = np.concatenate([p.features[p.labels >= 0] for p in people])
    return x, np.concatenate([p.labels[p.labels >= 0] for p in people])


def report(bundle: Bundle, scores: dict[str, NDArray[np.float64]], n_train: int) -> str:
    """Write down what was measured, in Markdown."""
    rows = "\n".join(
        f"| {name} | {values.mean():.3f} | {values.min():.3f} | {values.max():.3f} |"
        for name, values in scores.items()
    )
    n_test = len(scores["window"])
    made = f"`{bundle.provenance['command']}` on {bundle.provenance['date']}"
    return f"""# The demo bundle

Made by {made}. **Everything is simulated**: it shows that the program
works and says nothing about real emotions. Encoder: released architecture, random weights. Head,
row statistics and feature statistics: {n_train} simulated participants with caps of
{sorted(set(CAPS))} electrodes. Temperature {bundle.temperature:.2f}, abstains below
{bundle.abstain_below:.2f}.

{n_test} simulated participants that nothing was fitted to, three classes (chance 0.333), causal
live path, windows of 5 s every {HOP_S:g} s without transitions:

| | mean | worst participant | best participant |
|---|---|---|---|
{rows}

`window`: balanced accuracy of single windows. `smoothed`: of the smoothed probabilities that the
program shows. `labelled`: accuracy where a label was given; `coverage`: share of windows with one.
"""


def main() -> int:
    """Write demo.safetensors and demo.md beside this file."""
    parser = argparse.ArgumentParser(description="Make the demo bundle from simulated EEG.")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--quick", action="store_true", help="a sixth of the participants")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    bundle, text = build(options.seed, options.quick)
    save_bundle(options.out / "demo.safetensors", bundle)
    (options.out / "demo.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
