"""Units of electric potential by name, and told by the size of EEG where they are not named."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.signal.units import factors_by_size, microvolts_per


@pytest.mark.parametrize(
    ("factor", "names"),
    [
        (1e6, ("V", "volts")),
        (1e3, ("mV", "Millivolt", "-3")),
        (1.0, (" uV", "µV", "μV", "micro volts", "microV", "-6")),
        (1e-3, ("nanovolts", "-9")),
    ],
)
def test_a_unit_is_known_by_every_name_it_goes_by(factor: float, names: tuple[str, ...]) -> None:
    assert [microvolts_per(name) for name in names] == pytest.approx([factor] * len(names))


@pytest.mark.parametrize("unit", ["", "0", "none", "celsius", "6", "-12"])
def test_what_is_no_unit_of_potential_has_no_factor(unit: str) -> None:
    assert microvolts_per(unit) is None


def eeg(n_channels: int = 4) -> np.ndarray:
    return np.random.default_rng(7).normal(4000, 20, (n_channels, 500))


@pytest.mark.parametrize(
    ("size", "unit", "factor"),
    [(1e-6, "volts", 1e6), (1e-3, "millivolts", 1e3), (1.0, "microvolts", 1.0)],
)
def test_a_unit_that_is_not_named_is_told_by_the_size_of_eeg(
    size: float, unit: str, factor: float
) -> None:
    factors, notes = factors_by_size(eeg() * size, np.full(4, np.nan))
    assert factors.tolist() == [factor] * 4
    assert notes == (f"it names no unit: taken as {unit} by the size of the signal",)


@pytest.mark.parametrize("huge", [3.4e38, np.inf, np.nan])
def test_one_huge_electrode_says_nothing_of_the_others(huge: float) -> None:
    volts = eeg() * 1e-6
    volts[2, 100:] = huge
    assert factors_by_size(volts, np.full(4, np.nan))[0].tolist() == [1e6] * 4


def test_a_named_unit_is_believed_unless_no_eeg_has_that_size() -> None:
    assert factors_by_size(eeg() / 100, np.ones(4)) == (pytest.approx(np.ones(4)), ())
    factors, notes = factors_by_size(eeg() * 1e-6, np.ones(4))
    assert factors.tolist() == [1e6] * 4
    assert "says microvolts, but the signal has the size of volts" in notes[0]


@pytest.mark.parametrize("samples", [np.zeros((4, 500)), eeg()[:, :1]])
def test_a_flat_signal_leaves_microvolts(samples: np.ndarray) -> None:
    assert factors_by_size(samples, np.full(4, np.nan))[0].tolist() == [1.0] * 4
