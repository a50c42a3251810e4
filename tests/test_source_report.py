"""What a source would bring to the model, told before a session begins."""

from __future__ import annotations

import pytest

from app.dashboard.source_report import look_at
from app.session import demo_recording
from app.source_choice import SourceChoice, source_identity
from app.widgets.words import for_the_window
from tests.support.lsl_sender import LslSender


def test_a_stream_without_labels_asks_for_names_and_takes_them():
    with LslSender("bare", ch_names=(), n_channels=2):
        asked = look_at(SourceChoice("lsl:bare"))
        named = look_at(SourceChoice("lsl:bare", montage=("C3", "C4")))
    assert "name the electrodes under “Electrode names”" in asked.problem
    assert (named.info.ch_names, named.own_names) == (("C3", "C4"), False)
    assert "as typed under “Electrode names”" in " ".join(named.lines)


def test_labels_of_a_stream_stand_above_names_that_were_typed():
    with LslSender("own", ch_names=("C3", "C4")):
        report = look_at(SourceChoice("lsl:own", montage=("O2", "O1")))
    assert (report.info.ch_names, report.own_names) == (("C3", "C4"), True)


def test_a_file_tells_what_is_mapped_missing_and_not_used():
    lines = look_at(SourceChoice(f"file:{demo_recording()}")).lines
    assert lines[0].startswith("64 electrodes at 160 Hz; 58 of the model's 60 are measured, 2 are")
    assert lines[1].startswith("Not used: ")
    assert "reference: average of the 64 electrodes" in lines[2]
    assert "hum" in lines[2]


def test_a_board_is_described_without_being_connected():
    assumed = look_at(SourceChoice("brainflow:cyton?serial_port=/dev/none"))
    assert assumed.info.ch_names[:2] == ("Fp1", "Fp2")
    assert "as BrainFlow assumes them" in assumed.lines[-1]
    named = look_at(SourceChoice("brainflow:ganglion?serial_port=x", "", ("C3", "C4", "-", "-")))
    assert named.info.ch_names == ("C3", "C4")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sim:?n_channels=128", "n_channels must lie between 1 and 64, got 128"),
        ("sim:?sfreq=50", "sfreq must be at least 100 Hz"),
        ("brainflow:ganglion?serial_port=x", "“Electrode names”"),
        ("brainflow:nope", "no such board"),
        ("file:/no/such/file.edf", "no such file"),
        ("nonsense:", "no such file and no kind of source"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(source, words):
    problem = look_at(SourceChoice(source)).problem
    assert words in problem
    assert "\n" not in problem
    assert "--" not in problem


def test_names_belong_to_a_sender_and_not_to_its_settings():
    same = source_identity("brainflow:cyton?serial_port=/dev/a")
    assert same == source_identity("brainflow:cyton?serial_port=/dev/b")
    different = ["lsl:a", "lsl:b", "lsl:a?source_id=1", "lsl:a?source_id=2", "file:/a", "sim:"]
    assert len({source_identity(source) for source in different}) == len(different)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("name them with --montage, or x", "name them “Electrode names”, or x"),
        ("or the cap: --montage biosemi64", "or the cap: “biosemi64” under “Electrode names”"),
        ("give it with --sfreq HZ", "give it by ?sfreq=HZ behind its path"),
        ("2 match; say which, as in lsl:A?source_id=1", "2 match; choose it in the list of"),
    ],
)
def test_messages_name_the_fields_of_the_window(said, read):
    assert for_the_window(said).startswith(read)
