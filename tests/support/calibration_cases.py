"""A small bundle, streams and labelled trials for the tests of alignment and calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mdjpt.alignment.covariance import input_covariance
from mdjpt.bundle.bundle import Bundle
from mdjpt.calibration.trials import LabelledFeatures
from mdjpt.network.emotion_head import Head
from mdjpt.network.encoder import RowStats
from mdjpt.network.model import EncoderConfig, MdjptNetwork
from mdjpt.signal.window import OwnElectrodes
from tests.support.people_with_states import own_windows

CONFIG = EncoderConfig(embed_dim=16, n_heads=2, ffn_dim=8, n_dims=4, n_mixed=6, n_filters=2)
CLASSES = ("negative", "neutral", "positive")
N_FEATURES = CONFIG.n_maps
CAP = ("Fp1", "Fp2", "C3", "C4", "O1", "O2")


def eeg_windows(n, seed=0, rank=20, gain=1.0):
    """Return windows of noise that is correlated as average-referenced, interpolated EEG is."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).standard_normal((60, rank))
    white = rng.standard_normal((n, rank, 633))
    sources = np.lib.stride_tricks.sliding_window_view(white, 9, axis=-1).mean(axis=-1)
    sources -= sources.mean(axis=-1, keepdims=True)
    sources /= sources.std(axis=-1, keepdims=True)
    return (gain * mixing @ sources / np.sqrt(rank)).astype(np.float32)


def small_bundle(**changes):
    """Return a bundle of a small random network that knows its statistics."""
    torch.manual_seed(3)
    network = MdjptNetwork(CONFIG)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    plain = Bundle(config=CONFIG, weights=weights, licence="BSD-3-Clause", simulated=True)
    windows = eeg_windows(12)
    encoder = plain.encoder()
    stats = encoder.row_stats(windows)
    features = encoder.feature(windows, stats=stats)
    labels = np.arange(12) % 3
    fields = {
        "row_stats": RowStats(*stats),
        "feature_mean": features.mean(axis=0),
        "feature_var": features.var(axis=0),
        "centroids": np.zeros((1, 4, 6, 6), np.float32),
        "input_covariance": input_covariance(windows).astype(np.float32),
        "head": Head.fit(features, labels, 3, n_epochs=1),
        "class_names": CLASSES,
        "sha256": "ab" * 32,
    }
    return Bundle(
        config=CONFIG,
        weights=weights,
        licence="BSD-3-Clause",
        simulated=True,
        **(fields | changes),
    )


def labelled(n_per_class=6, n_classes=3, effect=1.0, seed=0, n_features=N_FEATURES, n_windows=8):
    """Return trials whose classes differ by `effect` standard deviations in some features."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat(np.arange(n_classes), n_per_class))
    centres = effect * np.eye(n_classes, n_features)
    trial_offsets = 0.3 * rng.standard_normal((len(label), n_features))
    trial = np.repeat(np.arange(len(label)), n_windows)
    noise = rng.standard_normal((len(trial), n_features))
    features = (centres[label[trial]] + trial_offsets[trial] + noise).astype(np.float32)
    names = (*CLASSES, "calm")[:n_classes]
    valence = label - 1.0 + 0.2 * rng.standard_normal(len(label))
    ratings = np.stack([valence, rng.standard_normal(len(label))], axis=1)
    return LabelledFeatures(3.0 * features + 1.0, trial, label, names, 0.5, ratings)


def with_electrodes(data, strength=1.0, seed=0, ch_names=CAP):
    """Return the trials with the electrodes of a person whose rhythms tell the classes."""
    windows = own_windows(
        data.window_label, n_electrodes=len(ch_names), strength=strength, seed=seed
    )
    own = zip(windows.samples, windows.good, strict=True)
    return replace(data, own=tuple(OwnElectrodes(*one, ch_names) for one in own))
