"""Small sound files of every format that recordings and datasets come in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from scipy.io import savemat

from mdjpt.recordings import write_recording_edf
from tests.support.dataset_files import cells, cnt, eeg
from tests.support.recording_files import (
    NAMES,
    brain_like,
    write_brainvision,
    write_eeglab,
    write_neuroscan,
    write_openbci,
    write_xdf,
)

DATA = Path(__file__).parents[1] / "data"
MAT = "mdjpt.datasets.mat_file:load"
N_TIMES = 1000

Dataset = tuple[Path, str, dict[str, Any]]


def edf(folder: Path) -> Path:
    write_recording_edf(folder / "a.edf", brain_like(8, N_TIMES), 250, NAMES, [(1.0, "happy")])
    return folder / "a.edf"


def bdf(folder: Path) -> Path:
    import edfio

    rows = zip(NAMES, brain_like(8, N_TIMES).astype(np.float64), strict=True)
    edfio.Bdf(
        [edfio.BdfSignal(row, 250, label=name, physical_dimension="uV") for name, row in rows]
    ).write(folder / "a.bdf")
    return folder / "a.bdf"


def fif(folder: Path) -> Path:
    import mne

    info = mne.create_info(list(NAMES), 250.0, "eeg")
    raw = mne.io.RawArray(brain_like(8, N_TIMES).astype(np.float64) / 1e6, info, verbose="ERROR")
    raw.save(folder / "a_raw.fif", verbose="ERROR")
    return folder / "a_raw.fif"


def brainvision(folder: Path) -> Path:
    return write_brainvision(folder / "a.vhdr", brain_like(8, N_TIMES), 250, events=[(1.0, "S1")])


def eeglab(folder: Path) -> Path:
    return write_eeglab(folder / "a.set", brain_like(8, N_TIMES), 250)


def neuroscan(folder: Path) -> Path:
    x = brain_like(8, N_TIMES)
    return write_neuroscan(folder / "a.cnt", x, 250, bits=32, says_n_times=False)


def xdf(folder: Path) -> Path:
    return write_xdf(folder / "a.xdf", brain_like(8, N_TIMES), 250, events=[(1.0, "happy")])


def muse(folder: Path) -> Path:
    return Path(shutil.copy(DATA / "rec_muse.xdf", folder))


def openbci(folder: Path) -> Path:
    return write_openbci(folder / "a.txt", "v6", brain_like(8, N_TIMES))


def openbci_unnamed(folder: Path) -> Path:
    return write_openbci(folder / "a.txt", "v4", brain_like(8, N_TIMES))


def csv(folder: Path) -> Path:
    return Path(shutil.copy(DATA / "rec_muselsl.csv", folder))


def plain_mat(folder: Path) -> Dataset:
    savemat(folder / "a.mat", {f"x_eeg{k}": eeg(8, 60, k) for k in range(3)})
    return folder / "a.mat", MAT, {"pattern": r"x_eeg\d", "need": ["x_eeg"]}


def compressed_mat(folder: Path) -> Dataset:
    path = folder / "a.mat"
    savemat(path, {f"x_eeg{k}": eeg(8, 60, k) for k in range(3)}, do_compression=True)
    return path, MAT, {"pattern": r"x_eeg\d", "need": ["x_eeg"]}


def struct_mat(folder: Path) -> Dataset:
    data = {"Data": cells([{"EEG": {"stimuli": cells([eeg(14, 30)])}, "Score": 1.0}] * 2)}
    savemat(folder / "a.mat", {"DREAMER": data})
    return folder / "a.mat", MAT, {"need": ["DREAMER"], "drop": ["baseline"]}


def hdf5_mat(folder: Path) -> Dataset:
    with h5py.File(folder / "a.mat", "w", userblock_size=512) as file:
        file["1"] = eeg(30, 8)
    return folder / "a.mat", MAT, {"pattern": "1", "need": ["1"]}


def cnt_of_dataset(folder: Path) -> Dataset:
    cnt(folder / "a.cnt", ("FP1", "OZ", "VEO"), 300, 10, onsets_s=(2.0, 9.0))
    options = {"ch_names": ["OZ"], "spans": 1, "data_format": "auto"}
    return folder / "a.cnt", "mdjpt.datasets.cnt_file:load", options


def workbook(folder: Path) -> Dataset:
    book = Workbook()
    book.active.append(["Session 1", "Happy", 3])
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx", "mdjpt.datasets.table_file:load_xlsx", {}


def parquet(folder: Path) -> Dataset:
    pq.write_table(pa.table({"file": ["a", "b"], "valence": [1.5, 2.0]}), folder / "a.parquet")
    return folder / "a.parquet", "mdjpt.datasets.table_file:load_parquet", {}
