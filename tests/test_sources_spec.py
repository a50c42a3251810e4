"""The text that names a source."""

from __future__ import annotations

import pickle
import string
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.errors import MdjptError
from streaming.sources.source_spec import SourceSpec, parse_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("sim:", SourceSpec("sim")),
        ("sim:?seed=7", SourceSpec("sim", "", {"seed": 7})),
        (
            "sim:?sfreq=128&n_channels=14&duration=60",
            SourceSpec("sim", "", {"sfreq": 128.0, "n_channels": 14, "duration": 60.0}),
        ),
        ("file:a.edf", SourceSpec("file", "a.edf")),
        (r"file:C:\Daten\EEG 1.edf", SourceSpec("file", r"C:\Daten\EEG 1.edf")),
        ("file:/tmp/what?.edf", SourceSpec("file", "/tmp/what?.edf")),
        ("file:/tmp/脳波 é.xdf", SourceSpec("file", "/tmp/脳波 é.xdf")),
        ("file:a.xdf?stream=Muse", SourceSpec("file", "a.xdf", {"stream": "Muse"})),
        ("lsl:", SourceSpec("lsl")),
        ("LSL:demo", SourceSpec("lsl", "demo")),
        (
            "lsl:My headset?source_id=a%26b&type=EEG",
            SourceSpec("lsl", "My headset", {"source_id": "a&b", "type": "EEG"}),
        ),
        ("lsl:what%3F", SourceSpec("lsl", "what?")),
        ("brainflow:Synthetic", SourceSpec("brainflow", "synthetic")),
        (
            "brainflow:cyton?serial_port=/dev/ttyUSB0",
            SourceSpec("brainflow", "cyton", {"serial_port": "/dev/ttyUSB0"}),
        ),
        (
            "brainflow:muse_2?mac_address=00:55:DA:B0:00:01&timeout=15",
            SourceSpec("brainflow", "muse_2", {"mac_address": "00:55:DA:B0:00:01", "timeout": 15}),
        ),
    ],
)
def test_each_kind_of_source_is_read(text: str, spec: SourceSpec) -> None:
    assert parse_source(text) == spec


def test_the_path_of_an_existing_file_is_a_source(tmp_path: Path) -> None:
    file = tmp_path / "night 1?.edf"
    file.touch()
    assert parse_source(str(file)) == SourceSpec("file", str(file))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty source"),
        ("nowhere.edf", "no such file and no kind of source"),
        ("tcp:host", "lsl:"),
        (r"C:\no\such.edf", "no such file"),
        ("file:", "names no file"),
        ("brainflow:", "names no board"),
        ("sim:anna", "sim:?seed=7"),
        ("sim:?sed=7", "no option 'sed'; known are classes, duration, n_channels, seed, sfreq"),
        ("sim:?seed", "no option"),
        ("sim:?seed=-1", "must be a whole number, 0 or more, got '-1'"),
        ("sim:?seed=1&seed=2", "given twice"),
        ("sim:?sfreq=0", "above 0"),
        ("sim:?sfreq=nan", "above 0"),
        ("sim:?duration=inf", "above 0"),
        ("sim:?classes=1", "2 to 9"),
        ("lsl:demo?source_id=", "must not be empty"),
        ("lsl:demo?color=red", "known are hostname, sfreq, source_id, type"),
        ("brainflow:cyton?ip_port=99999", "1 to 65535"),
    ],
)
def test_a_wrong_source_is_one_line_of_bad_usage(text: str, says: str) -> None:
    with pytest.raises(MdjptError) as raised:
        parse_source(text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


_NAMES = st.text(string.ascii_letters + string.digits + " ?&=%/:#éü脳-_.", max_size=30)
_SPECS = st.one_of(
    st.builds(partial(SourceSpec, "lsl"), _NAMES, st.builds(dict, type=_NAMES.filter(len))),
    st.builds(partial(SourceSpec, "sim", ""), st.builds(dict, seed=st.integers(0, 2**40))),
)


@given(_SPECS)
def test_a_source_parses_from_its_own_text_and_survives_pickling(spec: SourceSpec) -> None:
    assert parse_source(str(spec)) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_naming_a_source_imports_no_vendor_library() -> None:
    code = (
        "import sys; from streaming.sources.source_spec import parse_source; parse_source('lsl:x');"
        "print([m for m in ('pylsl', 'brainflow', 'mne', 'torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
