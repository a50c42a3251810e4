"""Units of electric potential by name, and volts told from microvolts by the size of EEG."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.signal.units import looks_like_volts, microvolts_per


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


def test_volts_are_told_from_microvolts_by_their_size() -> None:
    microvolts = np.random.default_rng(7).normal(0, 20, (4, 500))
    assert looks_like_volts(microvolts / 1e6)
    assert not looks_like_volts(microvolts)
    assert not looks_like_volts(np.zeros((4, 500)))
    assert not looks_like_volts(microvolts[:, :1])
