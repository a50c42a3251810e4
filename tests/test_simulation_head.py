"""The head of simulated participants against the physics it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.simulation.volume_conductor import (
    BRAIN_RADIUS,
    SKULL_RADIUS,
    electrode_vectors,
    homogeneous_lead_field,
    random_rotation,
    shell_transfer,
    three_shell_lead_field,
)

NAMES = ("Fz", "Cz", "O1", "T8", "P3")


def dipoles(n: int, depth: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    positions = rng.standard_normal((n, 3))
    positions *= depth / np.linalg.norm(positions, axis=1, keepdims=True)
    return positions, rng.standard_normal((n, 3))


def solved_transfer(n: int, ratio: float) -> float:
    """Solve the boundary conditions of harmonic n for three shells: (potential, current) match."""
    a, b = BRAIN_RADIUS, SKULL_RADIUS
    down = -(n + 1)
    system = np.array(
        [
            [a**n, -(a**n), -(a**down), 0, 0],
            [n * a ** (n - 1), -ratio * n * a ** (n - 1), -ratio * down * a ** (down - 1), 0, 0],
            [0, b**n, b**down, -(b**n), -(b**down)],
            [
                0,
                ratio * n * b ** (n - 1),
                ratio * down * b ** (down - 1),
                -n * b ** (n - 1),
                -down * b ** (down - 1),
            ],
            [0, 0, 0, n, down],
        ]
    )
    source = np.array([-(a**down), -down * a ** (down - 1), 0, 0, 0])
    solution = np.linalg.solve(system, source)
    return float((solution[3] + solution[4]) / ((2 * n + 1) / n))


@pytest.mark.parametrize("ratio", [1.0, 1 / 20, 1 / 80])
def test_shell_transfer_solves_the_boundary_value_problem(ratio: float) -> None:
    solved = [solved_transfer(n, ratio) for n in range(1, 16)]
    np.testing.assert_allclose(shell_transfer(ratio, 15), solved, rtol=1e-9)


def test_without_a_skull_the_series_equals_the_closed_form() -> None:
    electrodes, (positions, moments) = electrode_vectors(NAMES), dipoles(6, 0.5)
    series = three_shell_lead_field(electrodes, positions, moments, 1.0)
    closed = homogeneous_lead_field(electrodes, positions, moments)
    np.testing.assert_allclose(series, closed, atol=1e-9)


def test_a_radial_dipole_makes_one_microvolt_right_above_it() -> None:
    cz = electrode_vectors(("Cz",))
    for depth in (0.4, 0.7, 0.84):
        np.testing.assert_allclose(three_shell_lead_field(cz, depth * cz, cz, 1 / 40), 1.0)


def test_the_skull_smears_what_electrodes_see() -> None:
    electrodes = electrode_vectors(("Cz", "C2"))
    source = 0.8 * electrodes[:1]
    bare = three_shell_lead_field(electrodes, source, electrodes[:1], 1.0)
    covered = three_shell_lead_field(electrodes, source, electrodes[:1], 1 / 40)
    assert covered[1, 0] > bare[1, 0] + 0.1


def test_a_lead_field_turns_with_the_head() -> None:
    rotation = random_rotation(np.random.default_rng(1), 20.0)
    electrodes, (positions, moments) = electrode_vectors(NAMES), dipoles(4, 0.7)
    turned = three_shell_lead_field(
        electrodes @ rotation.T, positions @ rotation.T, moments @ rotation.T, 1 / 40
    )
    field = three_shell_lead_field(electrodes, positions, moments, 1 / 40)
    np.testing.assert_allclose(turned, field, atol=1e-12)


def test_dipoles_outside_the_brain_are_refused() -> None:
    electrodes, (positions, moments) = electrode_vectors(NAMES), dipoles(2, 0.9)
    with pytest.raises(ValueError, match=r"0\.87 radii"):
        three_shell_lead_field(electrodes, positions, moments, 1 / 40)


def test_electrodes_outside_the_10_05_scheme_have_mirrored_places() -> None:
    vectors = electrode_vectors(("A1", "A2", "m1", "M2", "CB1", "CB2"))
    np.testing.assert_allclose(vectors[::2] * [-1, 1, 1], vectors[1::2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0)


def test_an_electrode_without_a_place_is_named() -> None:
    with pytest.raises(ValueError, match="'ECG' has no known position"):
        electrode_vectors(("Cz", "ECG"))
