from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.errors import MdjptError
from mdjpt.signal.montage import (
    STANDARD_CHANNELS,
    canonical_name,
    electrode_positions,
    map_montage,
    montage_matrix,
    topographic_positions,
    usual_name,
)

GOLDEN = Path(__file__).parent / "data" / "science_montage.npz"
MUSE = ["TP9", "AF7", "AF8", "TP10", "Right AUX"]
SEED_62 = [*STANDARD_CHANNELS, "CB1", "CB2"]

channel_lists = st.lists(
    st.sampled_from([*STANDARD_CHANNELS, "AF7", "F9", "CB1", "EOG", "T3"]), min_size=1, max_size=70
)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.mark.parametrize(
    "name", ["SEED", "SEEDIV", "DEAP", "FACED", "EMOEEG", "EPOC14", "EIGHT", "EIGHT_lower", "ONE"]
)
def test_projection_equals_the_released_one(golden, name):
    channels = golden[f"channels_{name}"].tolist()
    ours = montage_matrix(channels) @ golden[f"in_{name}"]
    np.testing.assert_allclose(ours, golden[f"out_{name}"], atol=1e-6)


def test_old_names_are_the_new_ones():
    old = ["FP1", "FP2", "C3", "C4", "T3", "T4", "T5", "T6"]
    new = ["FP1", "FP2", "C3", "C4", "T7", "T8", "P7", "P8"]
    np.testing.assert_array_equal(montage_matrix(old), montage_matrix(new))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Fp1", "FP1"),
        ("EEG Fp1-REF", "FP1"),
        ("EEG F1-Ref", "F1"),
        ("EEG Fp1", "FP1"),
        ("EEG.AF3", "AF3"),
        ("Fp1.", "FP1"),
        ("Cz..", "CZ"),
        ("T10.", "T10"),
        ("FP1-A2", "FP1"),
        ("C3-A1A2", "C3"),
        ("Fp1-Le", "FP1"),
        ("EEG C3 (uV)", "C3"),
        ("TP9-0", "TP9"),
        ("t6", "P8"),
        ("FCC3h", "FCC3H"),
    ],
)
def test_decorated_labels_keep_their_electrode(label, name):
    assert canonical_name(label) == name


@pytest.mark.parametrize(
    "label",
    [
        *["EOG1", "ECG", "VEO", "HEO", "M1", "M2", "A1", "A2", "EEG A1-REF", "CB1", "Right AUX"],
        *["AUX_RIGHT", "COUNTER", "EEG 001", "CH1", "STATUS", "", "Fpz-Cz", "Fp1-F3", "SaO2"],
    ],
)
def test_labels_off_the_scalp_and_bipolar_ones_have_no_name(label):
    assert canonical_name(label) is None


def test_a_muse_stands_in_for_its_nearest_standard_channels():
    montage = map_montage(MUSE)
    assert montage.approximate == {"TP9": "TP7", "AF7": "AF3", "AF8": "AF4", "TP10": "TP8"}
    assert montage.dropped == ("Right AUX",)
    assert montage.scalp.tolist() == [True, True, True, True, False]
    assert "approximate: AF7 for AF3" in montage.summary()


def test_with_eight_standard_channels_nothing_stands_in():
    montage = map_montage(["FP1", "FP2", "C3", "C4", "P7", "P8", "O1", "O2", "AF7"])
    assert montage.approximate == {}
    assert montage.dropped == ("AF7",)
    assert montage.scalp.all()


def test_a_present_channel_is_never_replaced_by_a_stand_in():
    montage = map_montage(["AF7", "AF3", "CZ"])
    assert montage.approximate == {}
    np.testing.assert_array_equal(montage.matrix[STANDARD_CHANNELS.index("AF3")], [0, 1, 0])


def test_of_repeated_labels_the_first_counts():
    montage = map_montage(["Cz", "T7", "T3", "CZ"])
    assert montage.dropped == ("T3", "CZ")
    assert montage.scalp.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(montage.matrix[:, 2:], 0)


def test_biosemi_letters_are_not_taken_for_10_20_names():
    labels = [f"{letter}{number}" for letter in "ABCD" for number in range(1, 33)]
    assert map_montage(labels).mapped == ()


def test_unknown_names_are_refused_with_the_way_out():
    with pytest.raises(MdjptError, match=r"labels: ch1, ch2\): name the electrodes with --montage"):
        map_montage(["ch1", "ch2"]).require_usable()
    assert not montage_matrix(["ch1", "ch2"]).any()


def test_usable_needs_one_flag_a_channel():
    with pytest.raises(ValueError, match="usable must hold 2 flags"):
        map_montage(["Cz", "Pz"], [True])


@given(channel_lists, st.data())
def test_a_bad_electrode_counts_as_absent(names, data):
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names))))
    has_eight = len(map_montage(names).mapped) >= 8 and not map_montage(names).approximate
    masked = map_montage(names, usable)
    assert not masked.matrix[:, ~usable].any()
    assert not masked.scalp[~usable].any()
    alone = map_montage([n for n, ok in zip(names, usable, strict=True) if ok])
    distinct = len(set(map(canonical_name, names)) - {None}) == len(names)
    if has_eight and distinct and not alone.approximate:
        np.testing.assert_array_equal(masked.matrix[:, usable], alone.matrix)


@given(channel_lists)
def test_rows_are_means_and_a_constant_stays_constant(names):
    montage = map_montage(names)
    total = montage.matrix.sum(axis=1)
    np.testing.assert_allclose(total, 1.0 if montage.mapped else 0.0, atol=1e-6)
    assert set(montage.mapped).isdisjoint(montage.interpolated)
    assert len(montage.mapped) + len(montage.interpolated) == 60


def test_positions_lie_on_a_symmetric_sphere():
    positions = electrode_positions(STANDARD_CHANNELS)
    np.testing.assert_allclose(np.linalg.norm(positions, axis=1), 1, atol=1e-6)
    left, right = electrode_positions(["C3", "PO7"]), electrode_positions(["C4", "PO8"])
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-6)
    np.testing.assert_allclose(electrode_positions(["Cz"])[0], [0, 0, 1], atol=1e-6)


def test_drawn_from_above_the_nose_is_up_and_the_right_is_right():
    flat = topographic_positions(["Cz", "Fpz", "T4", "AUX"])
    np.testing.assert_allclose(flat[0], 0, atol=1e-6)
    np.testing.assert_allclose(flat[1], [0, 1], atol=0.1)
    np.testing.assert_allclose(flat[2], [1, 0], atol=0.1)
    assert np.isnan(flat[3]).all()


def test_no_electrode_gives_empty_positions():
    assert electrode_positions([]).shape == (0, 3)
    assert topographic_positions([]).shape == (0, 2)


def test_the_shipped_positions_are_what_their_command_makes():
    from mdjpt.signal.build_positions import build
    from mdjpt.tables import load_table

    names, positions = build()
    shipped = load_table("positions")
    assert shipped["names"].tolist() == names
    np.testing.assert_allclose(shipped["positions"], positions, atol=1e-4)


@pytest.mark.parametrize("name", ["Fp1", "Fpz", "AFp3h", "Cz", "FCC1h", "CPz", "P10", "TP9", "F3"])
def test_a_name_is_written_as_people_write_it(name):
    assert usual_name(name.upper()) == name
    assert usual_name(name) == name
