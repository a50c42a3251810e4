"""Every format that is read, with a sound file, a way to spoil it, and what its reader is for.

Run as ``python -m tests.support.fuzzed_files FORMAT FOLDER SEED N``: prints what came of N mutants.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import DatasetError, MdjptError, ModelError
from mdjpt.guard.process import call_named, reason
from tests.support.mutants import (
    damaged,
    outcomes,
    spoiled_header,
    spoiled_json,
)
from tests.support.spoilers import cells, checked, chunks, edges, settings, xml

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdjpt.bundle.checked_file import FileKind

    Mutate = Callable[[bytes, np.random.Generator], bytes]


@dataclass(frozen=True)
class Fuzzed:
    """A format: a file in a folder, what reads and uses it, and what spoils it."""

    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    mutate: Mutate = damaged
    is_guarded: bool = False


# Bundles, profiles, checkpoints


def _bundle(folder: Path) -> Path:
    from mdjpt.bundle.bundle import save_bundle
    from tests.support.calibration_cases import small_bundle

    save_bundle(folder / "b.safetensors", small_bundle())
    return folder / "b.safetensors"


def _use_bundle(path: Path) -> None:
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.bundle.description import describe

    assert all(text.isprintable() for text in describe(path).values())
    bundle = load_bundle(path)
    feature = bundle.encoder().feature(np.ones((1, 60, 625), np.float32), stats=bundle.row_stats)
    if bundle.head is not None:
        bundle.head.logits(bundle.standardise(feature))


def _profile(folder: Path) -> Path:
    from mdjpt.calibration.profile import Profile, save_profile
    from mdjpt.calibration.training import train_personal_decoder
    from tests.support.calibration_cases import labelled, small_bundle, with_electrodes

    decoder = train_personal_decoder(with_electrodes(labelled(n_per_class=6, effect=3.0)))
    sha256 = small_bundle().sha256
    profile = Profile(participant="P-01", bundle_sha256=sha256, versions=(decoder,), active=0)
    save_profile(folder / "p.safetensors", profile)
    return folder / "p.safetensors"


def _use_profile(path: Path) -> None:
    from mdjpt.calibration.decoder import EmotionDecoder
    from mdjpt.calibration.profile import load_profile, load_profile_about
    from mdjpt.signal.window import OwnElectrodes
    from tests.support.calibration_cases import CAP, eeg_windows, small_bundle

    load_profile_about(path)
    decoder = EmotionDecoder(small_bundle(), 0.5, profile=load_profile(path))
    window = eeg_windows(1)[0]
    own = OwnElectrodes(window[: len(CAP)], np.ones(len(CAP), bool), CAP)
    decoder.decode(window, 0, own)


def _kind_of_bundle() -> FileKind:
    from mdjpt.bundle.bundle import BUNDLE_FILE

    return BUNDLE_FILE


def _kind_of_profile() -> FileKind:
    from mdjpt.calibration.profile import PROFILE_FILE

    return PROFILE_FILE


def _checkpoint(folder: Path) -> Path:
    from tests.support.golden import write_checkpoint

    return write_checkpoint(folder / "a.ckpt")


def _use_checkpoint(path: Path) -> None:
    from mdjpt.bundle.checkpoint_process import read_state_dict
    from tests.support.golden import golden_state_dict

    shapes = {name: tuple(tensor.shape) for name, tensor in golden_state_dict().items()}
    try:
        read_state_dict(path.read_bytes(), shapes)
    except Exception as error:
        raise ModelError(reason(error)) from error if not _expected(error) else None


def _expected(error: Exception) -> bool:
    return isinstance(error, MdjptError | MemoryError | RecursionError)


def _training(folder: Path) -> Path:
    import torch

    from mdjpt.network.model import EncoderConfig, MdjptNetwork
    from mdjpt.training.checkpoint import Checkpoint, write_checkpoint

    config = EncoderConfig(embed_dim=16, n_heads=2, ffn_dim=8, n_dims=4, n_mixed=6, n_filters=2)
    network = MdjptNetwork(config)
    science = {"network": config.to_dict()}
    kept = Checkpoint(3, science, network.state_dict(), {}, torch.get_rng_state())
    write_checkpoint(folder / "last.safetensors", kept)
    return folder / "last.safetensors"


def _use_training(path: Path) -> None:
    from mdjpt.training.checkpoint import load_trained_network

    load_trained_network(path)


# Tables, configurations, stores

_TRIALS = "onset_s,duration_s,label,valence\n" + "".join(
    f"{10 * k},8.5,{('calm', 'happy')[k % 2]},{k % 5}\n" for k in range(8)
)
_CONFIG = """
seed = 3
[[dataset]]
path = "stores/seed"
subjects = ["1", "2"]
[network]
variant = "released"
dilations = [1, 2]
[windows]
step = 125
[loss]
temperature = 0.07
[optimiser]
learning_rate = 1e-3
epochs = 2
[machine]
workers = 2
"""


def _written(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    return make


def _use_labels(path: Path) -> None:
    from mdjpt.calibration.label_choice import choose_trials
    from mdjpt.calibration.label_files import read_label_rows

    rows = read_label_rows(path, 90.0)
    choose_trials(rows, str(path), recording_s=90.0, sfreq=125.0)


def _use_config(path: Path) -> None:
    from mdjpt.training.config import read_config

    json.dumps(read_config(path).science())


def _store(part: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from tests.support.training_corpus import write_tiny_store

        return next(write_tiny_store(folder / "store", 0).rglob(part))

    return make


def _use_store(path: Path) -> None:
    from mdjpt.store.inspection import check_store

    folder = next(parent for parent in path.parents if parent.name == "store")
    assert all(isinstance(line, str) for line in check_store(folder))


# XDF and LSL


def _description(folder: Path) -> Path:
    import pylsl

    from streaming.sources.lsl_link.streams import quieten

    quieten()
    info = pylsl.StreamInfo("amp", "EEG", 8, 250.0, "float32", "id-1")
    info.set_channel_labels([*"ABCDEF", "Fp1", "C3"])
    info.set_channel_types(["EEG"] * 8)
    info.set_channel_units(["microvolts"] * 8)
    uid = "<uid>1f0c5d6e-0000-4000-8000-000000000000</uid>"  # as an outlet would have it
    (folder / "a.xml").write_text(info.as_xml().replace("<uid></uid>", uid).replace("<uid />", uid))
    return folder / "a.xml"


def _use_description(path: Path) -> None:
    """Go the way of a live stream, from liblsl's parser to what the program keeps of it."""
    import ctypes

    import pylsl

    from streaming.sources.lsl_link.columns import Columns
    from streaming.sources.lsl_link.streams import StreamQuery, describe
    from streaming.stream import StreamInfo

    parse = pylsl.lib.lib.lsl_streaminfo_from_xml
    parse.restype, parse.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    info = pylsl.StreamInfo(handle=parse(path.read_bytes()))
    query = StreamQuery()
    if not query.select([info]):
        raise MdjptError("not a stream of EEG")
    stream = describe(info)
    columns = Columns.of(stream, None)
    kept = StreamInfo(
        stream.name, columns.names, stream.sfreq, notes=columns.notes, others=columns.others
    )
    texts = (kept.name, *kept.ch_names, *kept.notes, *(c.label for c in kept.others))
    assert all(text.isprintable() for text in texts), texts


# Recordings and files of datasets


def _recording(make: str, montage: bool = False) -> tuple[Any, Any]:
    from mdjpt.recordings.reader_process import read_here
    from tests.support import sound_files

    names = sound_files.NAMES if montage else None
    return getattr(sound_files, make), lambda path: read_here(path, names)


def _of_dataset(make: str) -> tuple[Any, Any]:
    from tests.support import sound_files

    told: dict[str, Any] = {}

    def made(folder: Path) -> Path:
        path, told["function"], told["options"] = getattr(sound_files, make)(folder)
        return path

    def read(path: Path) -> None:
        try:
            call_named(path, **told)
        except Exception as error:
            raise DatasetError(reason(error)) from None

    return made, read


OURS: dict[str, Callable[[], Fuzzed]] = {
    "bundle": lambda: Fuzzed(_bundle, _use_bundle, partial(checked, kind=_kind_of_bundle)),
    "profile": lambda: Fuzzed(_profile, _use_profile, partial(checked, kind=_kind_of_profile)),
    "checkpoint": lambda: Fuzzed(_checkpoint, _use_checkpoint, edges, is_guarded=True),
    "training": lambda: Fuzzed(_training, _use_training, spoiled_header),
    "labels": lambda: Fuzzed(_written("a.csv", _TRIALS), _use_labels, cells),
    "truth": lambda: Fuzzed(
        _written(
            "a.truth.json",
            '{"states": [{"onset_s": 0.0, "state": "calm"}, {"onset_s": 20, "state": "happy"}]}',
        ),
        _use_labels,
        spoiled_json,
    ),
    "toml": lambda: Fuzzed(_written("a.toml", _CONFIG), _use_config, settings),
    "store card": lambda: Fuzzed(_store("store.json"), _use_store, spoiled_json),
    "store table": lambda: Fuzzed(_store("trials.parquet"), _use_store),
    "store samples": lambda: Fuzzed(_store("*.npy"), _use_store),
    "lsl description": lambda: Fuzzed(_description, _use_description, xml),
    "xdf chunks": lambda: Fuzzed(*_recording("xdf"), chunks, is_guarded=True),
}
_RECORDINGS = ("edf", "bdf", "fif", "brainvision", "eeglab", "neuroscan", "xdf", "muse", "csv")
_DATASETS = ("plain_mat", "compressed_mat", "struct_mat", "hdf5_mat", "cnt_of_dataset")
RECORDINGS: dict[str, Callable[[], Fuzzed]] = {
    name: partial(lambda name: Fuzzed(*_recording(name, "openbci" in name), is_guarded=True), name)
    for name in (*_RECORDINGS, "openbci", "openbci_unnamed")
}
DATASETS: dict[str, Callable[[], Fuzzed]] = {
    name: partial(lambda name: Fuzzed(*_of_dataset(name), is_guarded=True), name)
    for name in (*_DATASETS, "workbook", "parquet")
}
FORMATS = OURS | RECORDINGS | DATASETS


def main(names: str, folder: str, seed: str, n: str) -> None:
    """Read mutants of formats and print, as JSON, what came of those of each."""
    found = {}
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        for name in names.split(","):
            place = Path(folder, name)
            place.mkdir()
            os.environ["FUZZ_SCRATCH"] = str(place)
            fuzzed = FORMATS[name]()
            rngs = (np.random.default_rng((int(seed), k)) for k in range(int(n)))
            path = fuzzed.make(place)
            found[name] = outcomes(
                path, fuzzed.read, fuzzed.mutate, rngs, is_guarded=fuzzed.is_guarded
            )
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
