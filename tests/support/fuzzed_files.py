"""Every format that is read, with a sound file, a way to spoil it, and what its reader is for.

Run as ``python -m tests.support.fuzzed_files FORMAT FOLDER SEED N``: prints what came of N mutants.
"""

from __future__ import annotations

import json
import os
import re
import struct
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
    HOSTILE,
    damaged,
    outcomes,
    spoiled,
    spoiled_header,
    spoiled_json,
)

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


def _checked(content: bytes, rng: np.random.Generator, kind: Callable[[], FileKind]) -> bytes:
    """Spoil what a checked file says, or its arrays, and give it checksums that agree."""
    import safetensors

    from mdjpt.bundle.checked_file import write_checked

    if rng.random() < 0.4:
        return spoiled_header(content, rng)
    end = 8 + struct.unpack("<Q", content[:8])[0]
    entry = json.loads(json.loads(content[8:end])["__metadata__"][kind().entry])
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    arrays = {
        name: np.frombuffer(view["data"], types[view["dtype"]]).reshape(view["shape"]).copy()
        for name, view in safetensors.deserialize(content)
    }
    about = entry["about"]
    if rng.random() < 0.6:
        about = spoiled(about, rng)
    else:
        _spoil_arrays(arrays, rng)
    scratch = Path(os.environ["FUZZ_SCRATCH"]) / "scratch"
    try:
        write_checked(scratch, kind(), arrays, about)
    except (ValueError, TypeError, MdjptError):  # what no JSON text of ours can hold
        return spoiled_header(content, rng)
    return scratch.read_bytes()


def _spoil_arrays(arrays: dict[str, Any], rng: np.random.Generator) -> None:
    name = list(arrays)[rng.integers(len(arrays))]
    array = arrays[name]
    changes = [
        lambda: array.ravel(),
        lambda: array.T,
        lambda: array.reshape(-1)[:0],
        lambda: array[..., None],
        lambda: array.astype(np.float64),
        lambda: array.astype(np.int64),
        lambda: -array,
        lambda: array * 1e30 if array.dtype.kind == "f" else array + 2**62,
        lambda: array * 0,
        lambda: np.repeat(array, 2, axis=0) if array.ndim else array[None],
    ]
    kind = rng.integers(len(changes) + 2)
    if kind < len(changes):
        arrays[name] = np.ascontiguousarray(changes[kind]())
    elif kind == len(changes):
        del arrays[name]
    else:
        arrays[f"{name}.more"] = array


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


def _edges(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the pickle and the directory of an archive: its first and last bytes."""
    at = 8_000 if rng.random() < 0.6 else len(content) - 12_000
    part = damaged(content[at : at + 4_000] if at == 8_000 else content[at:], rng)
    head = damaged(content[:12_000], rng)
    if at == 8_000:
        return head + content[12_000:]
    return content[:at] + part


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
_VALUES = ("nan", "inf", "-1", "9" * 400, "1e999", "''", '"\\u001b[2J"', "[" * 5000, "{}", "true")


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


def _cells(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil cells, columns, separators and quotes of a table."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(int(rng.integers(1, 4))):
        row = rows[rng.integers(len(rows))]
        place, kind = int(rng.integers(len(row))), rng.integers(5)
        if kind == 0:
            del row[place]
        elif kind == 1:
            row.insert(place, row[place])
        elif kind == 2:
            row[place] = str(HOSTILE[rng.integers(len(HOSTILE))])
        elif kind == 3:
            row[place] = ("nan", "-inf", "1e400", '"', "\0", "=cmd()", "2024-99-99", "1970-01-01")[
                rng.integers(8)
            ]
        else:
            rows.append(list(row))
        rows = [r for r in rows if r] or [[""]]
    separator = (",", ",", "\t", ";")[rng.integers(4)]
    return "\n".join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")


def _use_config(path: Path) -> None:
    from mdjpt.training.config import read_config

    json.dumps(read_config(path).science())


def _settings(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil values, keys and tables of TOML."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    lines = content.decode().splitlines()
    for _ in range(int(rng.integers(1, 4))):
        place, kind = int(rng.integers(len(lines))), rng.integers(4)
        key = lines[place].partition("=")[0] or "x "
        if kind == 0:
            lines[place] = f"{key}= {_VALUES[rng.integers(len(_VALUES))]}"
        elif kind == 1:
            lines.append(lines[place])
        elif kind == 2:
            lines[place] = f"x{lines[place]}"
        else:
            del lines[place]
            lines = lines or [""]
    return "\n".join(lines).encode()


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


def _chunks(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil an XDF file chunk by chunk: headers, counts, stamps, numbers, order."""
    parts, at = [], 4
    while at < len(content):
        n = content[at]
        stop = at + 1 + n + int.from_bytes(content[at + 1 : at + 1 + n], "little")
        parts.append(bytearray(content[at + 1 + n : stop]))
        at = stop
    for _ in range(int(rng.integers(1, 4))):
        kind, place = rng.integers(6), int(rng.integers(len(parts)))
        headers = [i for i, part in enumerate(parts) if part[:2] == b"\x02\x00"]
        if kind == 0:
            del parts[place]
        elif kind == 1:
            parts.insert(int(rng.integers(len(parts))), bytearray(parts[place]))
        elif kind == 2 and headers:
            header = headers[rng.integers(len(headers))]
            parts[header] = parts[header][:6] + _xml(bytes(parts[header][6:]), rng)
        elif kind == 3 and len(parts[place]) > 20:
            wild = rng.choice([np.nan, np.inf, -1e300, 1e18, 0.0, -1.0])
            parts[place][12:20] = struct.pack("<d", wild)
        elif kind == 4 and len(parts[place]) > 10:
            parts[place][6:11] = b"\x04" + struct.pack("<I", int(rng.integers(2**32)))
        else:
            parts[place] = bytearray(damaged(bytes(parts[place]), rng))
        parts = parts or [bytearray(b"\x01\x00")]
    return b"XDF:" + b"".join(b"\x04" + struct.pack("<I", len(p)) + bytes(p) for p in parts)


def _xml(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil the texts and elements of a description of a stream."""
    if rng.random() < 0.2:
        return damaged(content, rng)
    texts = list(re.finditer(rb">([^<>]*)</", content))
    values = ["", "-1", "nan", "1e9", "0", "2147483648", "9" * 400, "inf", "int64", "string", "x"]
    values += ["a&#27;]0;x&#7;&#8238;", "[red]x[/x]", "&lt;b&gt;", "=cmd()", "日" * 2000]
    for _ in range(int(rng.integers(1, 4))):
        found = texts[rng.integers(len(texts))]
        value = values[rng.integers(len(values))].encode()
        content = content[: found.start(1)] + value + content[found.end(1) :]
        texts = list(re.finditer(rb">([^<>]*)</", content))
    if rng.random() < 0.2:
        element = rng.choice([b"<channel>", b"</channels>", b"<channel_count>2</channel_count>"])
        at = int(rng.integers(len(content)))
        content = content[:at] + bytes(element) + content[at:]
    return content


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
    "bundle": lambda: Fuzzed(_bundle, _use_bundle, partial(_checked, kind=_kind_of_bundle)),
    "profile": lambda: Fuzzed(_profile, _use_profile, partial(_checked, kind=_kind_of_profile)),
    "checkpoint": lambda: Fuzzed(_checkpoint, _use_checkpoint, _edges, is_guarded=True),
    "training": lambda: Fuzzed(_training, _use_training, spoiled_header),
    "labels": lambda: Fuzzed(_written("a.csv", _TRIALS), _use_labels, _cells),
    "truth": lambda: Fuzzed(
        _written(
            "a.truth.json",
            '{"states": [{"onset_s": 0.0, "state": "calm"}, {"onset_s": 20, "state": "happy"}]}',
        ),
        _use_labels,
        spoiled_json,
    ),
    "toml": lambda: Fuzzed(_written("a.toml", _CONFIG), _use_config, _settings),
    "store card": lambda: Fuzzed(_store("store.json"), _use_store, spoiled_json),
    "store table": lambda: Fuzzed(_store("trials.parquet"), _use_store),
    "store samples": lambda: Fuzzed(_store("*.npy"), _use_store),
    "lsl description": lambda: Fuzzed(_description, _use_description, _xml),
    "xdf chunks": lambda: Fuzzed(*_recording("xdf"), _chunks, is_guarded=True),
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
