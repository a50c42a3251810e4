"""Writes small files in the formats of the public datasets."""

from __future__ import annotations

import struct

import numpy as np
from scipy.io import savemat

SEED_N = 62


def eeg(n_channels, n_times, seed=0, scale=20.0):
    """Noise in microvolts, float64 as the sets store it."""
    return np.random.default_rng(seed).normal(scale=scale, size=(n_channels, n_times))


def seed_session(path, n_trials=15, initials="djc", n_times=41, n_channels=SEED_N):
    """Write one session of SEED or SEED-IV; trial k is filled with noise of seed k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    trials = {f"{initials}_eeg{k}": eeg(n_channels, n_times, k) for k in range(1, n_trials + 1)}
    savemat(path, trials, do_compression=True)
    return trials


def cells(values):
    """A MATLAB cell column."""
    column = np.empty((len(values), 1), dtype=object)
    for index, value in enumerate(values):
        column[index, 0] = value
    return column


def cnt(path, ch_names, n_times, sfreq, onsets_s=(), width=4, header_n_times=None, values=None):
    """Write a Neuroscan .cnt file of whole numbers, 0.1 microvolts a step; return the numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n_channels = len(ch_names)
    if values is None:
        rng = np.random.default_rng(5)
        walk = np.cumsum(rng.integers(-20, 21, size=(n_times, n_channels)), axis=0)
        values = np.clip(walk, -30000, 30000)
    data = values.astype(f"<i{width}").tobytes()
    first = 900 + 75 * n_channels
    header = bytearray(first)
    struct.pack_into("<H", header, 370, n_channels)
    struct.pack_into("<H", header, 376, sfreq)
    header[225:235] = b"07/06/18\0\0"
    header[235:247] = b"10:00:00\0\0\0\0"
    struct.pack_into("<i", header, 864, n_times if header_n_times is None else header_n_times)
    struct.pack_into("<i", header, 886, first + len(data))
    struct.pack_into("<f", header, 890, n_times / sfreq)
    for index, name in enumerate(ch_names):
        at = 900 + 75 * index
        header[at : at + len(name)] = name.encode()
        struct.pack_into("<f", header, at + 59, 204.8)  # sensitivity: 1 microvolt for
        struct.pack_into("<f", header, at + 71, 0.1)  # ten steps
    step = n_channels * width
    events = b"".join(
        struct.pack("<HBcl", 1, 0, b"\0", first + (round(onset * sfreq) + 1) * step)
        for onset in onsets_s
    )
    table = struct.pack("<Bll", 1, len(events), 0) + events
    path.write_bytes(bytes(header) + data + table)
    return values
