"""Caps are judged as a whole: what C1 means depends on the labels beside it."""

from __future__ import annotations

import mne
import pytest

from mdjpt.errors import RecordingError
from mdjpt.recordings import montage_names
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.signal.build_caps import build
from mdjpt.signal.caps import (
    ONE_ELECTRODE,
    caps_with,
    common_reference,
    electrode_pair,
    known_cap,
    named_cap,
)
from mdjpt.signal.montage import canonical_name, map_montage
from mdjpt.tables import load_table

BCI_IV_2A = [
    *("EEG-Fz", "EEG-0", "EEG-1", "EEG-2", "EEG-3", "EEG-4", "EEG-5", "EEG-C3", "EEG-6", "EEG-Cz"),
    *("EEG-7", "EEG-C4", "EEG-8", "EEG-9", "EEG-10", "EEG-11", "EEG-12", "EEG-13", "EEG-14"),
    *("EEG-Pz", "EEG-15", "EEG-16", "EOG-left", "EOG-central", "EOG-right"),
]
BIPOLAR = ["FP1-F7", "F7-T7", "T7-P7", "P7-O1", "T8-P8-0", "T8-P8-1"]


def biosemi(n: int) -> list[str]:
    return [f"{'ABCDEFGH'[i // 32]}{i % 32 + 1}" for i in range(n)]


@pytest.mark.parametrize("n", [16, 32, 64, 128, 160, 256])
def test_a_biosemi_cap_is_known_by_its_labels_and_said(n: int) -> None:
    chosen = select_electrodes(["Trig1", *biosemi(n), *[f"EX{k}" for k in range(1, 9)], "Status"])
    assert chosen.columns == tuple(range(1, n + 1))
    assert len(set(chosen.names)) == n
    assert f"biosemi{n}" in chosen.notes[0]
    assert len(map_montage(chosen.names).mapped) >= min(n, 58)


def test_electrodes_of_the_128_cap_lie_where_biosemi_says() -> None:
    chosen = dict(zip(biosemi(128), select_electrodes(biosemi(128)).names, strict=True))
    # BioSemi's own list of equivalents, cap_coords_all.xls.
    known = {"A1": "CZ", "A19": "PZ", "A23": "OZ", "C17": "FPZ", "C21": "FZ", "D19": "C3"}
    known |= {"B22": "C4", "D23": "T7", "B26": "T8", "C29": "FP1", "C16": "FP2"}
    assert {label: chosen[label] for label in known} == known


def test_a_biosemi_cap_without_some_of_its_electrodes_is_still_known() -> None:
    labels = [label for label in biosemi(128) if label not in ("A5", "C7", "D32")]
    assert len(select_electrodes(labels).names) == 125


def test_labels_of_biosemi_that_fit_no_cap_are_refused_with_the_way_out() -> None:
    labels = biosemi(128)[20:70]
    with pytest.raises(RecordingError, match="--montage biosemi16, 32, 64, 128"):
        select_electrodes(labels)
    chosen = select_electrodes(labels, montage_names("biosemi128"))
    assert len(chosen.names) == 50
    assert chosen.names[labels.index("C21") if "C21" in labels else 2] != "C1"


def test_two_ears_and_central_electrodes_are_no_biosemi() -> None:
    labels = ["A1", "A2", "C1", "C2", "C3", "C4", "C5", "C6", "Cz"]
    assert known_cap(labels) is None
    assert select_electrodes(labels).names == ("C1", "C2", "C3", "C4", "C5", "C6", "Cz")


def test_the_naming_of_bci_competition_iv_2a_is_known_as_a_whole() -> None:
    chosen = select_electrodes(BCI_IV_2A)
    assert " ".join(chosen.names) == (
        "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz"
    )
    assert "BCI Competition IV 2a" in chosen.notes[0]
    assert chosen.notes[1].endswith("EOG-left, EOG-central, EOG-right")


def test_a_part_of_numbered_labels_is_refused_and_counted() -> None:
    with pytest.raises(RecordingError, match=r"4 of 21 EEG channels .* name them all") as error:
        select_electrodes(BCI_IV_2A[1:-3])
    assert "EEG-0, EEG-1" in str(error.value)


def test_a_few_numbers_beside_named_electrodes_are_left_out() -> None:
    chosen = select_electrodes(["Fz", "Cz", "Pz", "Oz", "CH5", "CH6"])
    assert chosen.names == ("Fz", "Cz", "Pz", "Oz")
    assert chosen.notes == ("left out, no scalp EEG: CH5, CH6",)


def test_numbers_are_advised_the_montages_that_have_them() -> None:
    labels = [f"E{k}" for k in range(1, 129)]
    with pytest.raises(RecordingError, match="--montage GSN-HydroCel-128"):
        select_electrodes(labels)
    chosen = select_electrodes([*labels, "ECG"], montage_names("gsn-hydrocel-128"))
    places = {labels[i]: n for i, n in zip(chosen.columns, chosen.names, strict=True)}
    # Luu and Ferree 2005, HydroCel GSN 10-10 equivalents.
    assert {k: places[k] for k in ("E36", "E104", "E75", "E33", "E122", "E24")} == {
        "E36": "C3", "E104": "C4", "E75": "OZ", "E33": "F7", "E122": "F8", "E24": "F3",
    }  # fmt: skip
    assert caps_with(["E1", "E129"]) == ["EGI_256", "GSN-HydroCel-256", "GSN-HydroCel-257"]


def test_bipolar_derivations_are_refused_as_such_even_when_they_are_named() -> None:
    for montage in (None, ["F3", "F4", "C3", "C4", "O1", "O2"]):
        with pytest.raises(RecordingError, match=r"bipolar .*FP1-F7, .* no common reference"):
            select_electrodes(BIPOLAR, montage)


@pytest.mark.parametrize("label", ["FP1-A2", "EEG Fp1-REF", "Fp1-LE", "Fp1-M2", "EEG Fp1-A1A2"])
def test_an_electrode_with_its_reference_is_no_pair(label: str) -> None:
    assert electrode_pair(label) is None
    other = label.replace("p1", "p2").replace("P1", "P2")
    assert select_electrodes([label, other]).names == (label, other)


def test_pairs_with_one_electrode_in_common_are_referential() -> None:
    labels = ["EEG Fp1-Cz", "EEG Fp2-Cz", "EEG O1-Cz", "ECG"]
    assert common_reference(labels) == "CZ"
    assert common_reference(BIPOLAR) is None
    chosen = select_electrodes(labels)
    assert chosen.names == ("FP1", "FP2", "O1")
    assert "against CZ" in chosen.notes[0]


@pytest.mark.parametrize("labels", [["Cz"], ["Cz", "ECG"], ["Cz-A1", "Cz"]])
def test_one_electrode_is_refused(labels: list[str]) -> None:
    with pytest.raises(RecordingError, match=ONE_ELECTRODE):
        select_electrodes(labels)


def test_every_built_in_montage_can_be_named() -> None:
    for name in mne.channels.get_builtin_montages():
        cap = named_cap(name)
        assert cap is not None
        assert montage_names(name) == (name,)
        assert all(canonical_name(place) for place in cap.places.values() if place)
    assert named_cap("STANDARD_1020") is not None
    assert named_cap("biosemi65") is None
    with pytest.raises(RecordingError, match="nor a cap"):
        montage_names("biosemi65")


def test_a_montage_whose_labels_say_nothing_is_taken_in_its_order() -> None:
    labels = [f"EEG {k:03d}" for k in range(1, 33)]
    chosen = select_electrodes(labels, montage_names("biosemi32"))
    assert chosen.names[:3] == ("FP1", "AF3", "F7")
    with pytest.raises(RecordingError, match="names 32 electrodes, the recording has 30"):
        select_electrodes(labels[:30], montage_names("biosemi32"))


def test_the_shipped_caps_are_what_their_command_makes() -> None:
    shipped, built = load_table("caps"), build()
    assert shipped.keys() == built.keys()
    assert all((shipped[name] == built[name]).all() for name in built)


def test_an_electrode_that_is_there_twice_is_used_once_and_said() -> None:
    chosen = select_electrodes(["Fp1", "Cz", "FP1", "T3", "T7", "O1"])
    assert (chosen.columns, chosen.names) == ((0, 1, 3, 5), ("Fp1", "Cz", "T3", "O1"))
    assert chosen.notes == (
        "several channels are one electrode, the first of them is used: FP1, T7",
    )
