"""Lead fields of current dipoles in a spherical head.

Lengths are in units of the head's radius, so that electrodes are unit vectors. Sources in the
brain are seen through a skull (three concentric shells), eyes and muscles without one (homogeneous
sphere). Both lead fields are gradients of the potential of a point source and therefore hold for
radial and tangential dipoles alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdjpt.signal.montage import electrode_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "BRAIN_RADIUS",
    "SKULL_RADIUS",
    "electrode_vectors",
    "homogeneous_lead_field",
    "random_rotation",
    "shell_transfer",
    "three_shell_lead_field",
]

# 80, 85 and 92 mm: Rush and Driscoll, IEEE Trans Biomed Eng 16:15-22, 1969.
BRAIN_RADIUS = 80 / 92
SKULL_RADIUS = 85 / 92
# The series' terms decay at least as BRAIN_RADIUS ** n times the skull's transfer.
_N_TERMS = 40

# Electrodes that caps carry outside the 10-05 scheme: earlobes, mastoids and SEED's CB1, CB2.
_OFF_SCHEME = {
    "A1": (-0.93, 0.05, -0.36),
    "A2": (0.93, 0.05, -0.36),
    "M1": (-0.89, -0.24, -0.39),
    "M2": (0.89, -0.24, -0.39),
    "CB1": (-0.60, -0.72, -0.34),
    "CB2": (0.60, -0.72, -0.34),
}


def electrode_vectors(names: Sequence[str]) -> NDArray[np.float64]:
    """Return where electrodes sit: 10-05 names, earlobes A1 A2, mastoids M1 M2, and CB1 CB2.

    Labels may be in any case. The unit vectors are float64, shape (n_channels, 3): x to the right
    ear, y to the nose, z to the vertex.

    Raises ValueError if a name has no known place.
    """
    vectors = electrode_positions(names).astype(np.float64)
    for row, name in zip(vectors, names, strict=True):
        if name.upper() in _OFF_SCHEME:
            row[:] = _OFF_SCHEME[name.upper()]
        if np.isnan(row).any():
            raise ValueError(f"electrode {name!r} has no known position on the head")
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def shell_transfer(skull_ratio: float, n_terms: int = _N_TERMS) -> NDArray[np.float64]:
    r"""Return how much of each spherical harmonic of a brain source reaches the scalp.

    .. math:: c_n = \xi (2n+1)^2 / ((n+1) d_n), \quad
        d_n = ((n+1)\xi + n)(n\xi/(n+1) + 1)
        + (1-\xi)((n+1)\xi + n)(f_1^{2n+1} - f_2^{2n+1}) - n(1-\xi)^2 (f_1/f_2)^{2n+1}

    with the radii f_1 of the brain and f_2 of the skull and :math:`\xi` = `skull_ratio`; relative
    to a homogeneous sphere, hence 1 for every n when :math:`\xi = 1`.

    Parameters
    ----------
    skull_ratio : float
        Conductivity of the skull over that of brain and scalp, (0, 1].
    n_terms : int
        Number of harmonics.

    Returns
    -------
    ndarray of float64, shape (n_terms,)
        Transfer for n = 1..n_terms.

    References
    ----------
    Ary, Klein and Fender, IEEE Trans Biomed Eng 28:447-452, 1981.
    """
    n = np.arange(1, n_terms + 1)
    xi = skull_ratio
    power = 2 * n + 1
    outer = (n + 1) * xi + n
    d = outer * (n * xi / (n + 1) + 1)
    d += (1 - xi) * outer * (BRAIN_RADIUS**power - SKULL_RADIUS**power)
    d -= n * (1 - xi) ** 2 * (BRAIN_RADIUS / SKULL_RADIUS) ** power
    return np.asarray(xi * power**2 / ((n + 1) * d), dtype=np.float64)


def three_shell_lead_field(
    electrodes: NDArray[np.float64],
    positions: NDArray[np.float64],
    moments: NDArray[np.float64],
    skull_ratio: float,
) -> NDArray[np.float64]:
    r"""Return the scalp potential of unit dipoles inside the brain.

    .. math:: V = \sum_n c_n \frac{2n+1}{n} f^{n-1}
        \left[ n P_n(x)\, q \cdot \hat r + P_n'(x)\, q \cdot (u - x \hat r) \right]

    for an electrode u, a dipole q at :math:`f \hat r` and :math:`x = u \cdot \hat r`: the gradient
    of the Neumann function of the sphere, each harmonic weighted by :func:`shell_transfer`. The
    sum is divided by its value for a radial dipole of the same depth right under the electrode,
    so that a moment of 1 makes 1 microvolt at the scalp above it, whatever its depth.

    Parameters
    ----------
    electrodes : ndarray of float64, shape (n_channels, 3)
        Unit vectors.
    positions : ndarray of float64, shape (n_dipoles, 3)
        Dipoles, norm below :data:`BRAIN_RADIUS`.
    moments : ndarray of float64, shape (n_dipoles, 3)
        Dipole moments; a norm of 1 is the unit described above.
    skull_ratio : float
        Conductivity of the skull over that of brain and scalp.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_dipoles)
        Microvolts per unit moment, against infinity.

    Raises
    ------
    ValueError
        If a dipole lies outside the brain.
    """
    depth = np.linalg.norm(positions, axis=1)
    if depth.max(initial=0.0) >= BRAIN_RADIUS or depth.min(initial=1.0) <= 0:
        raise ValueError(f"dipoles must lie between the centre and {BRAIN_RADIUS:.2f} radii")
    radial = positions / depth[:, None]
    x = electrodes @ radial.T
    along = np.sum(moments * radial, axis=1)
    across = electrodes @ moments.T - x * along
    field, above = np.zeros_like(x), np.zeros_like(depth)
    previous, legendre = np.ones_like(x), x.copy()
    slope_previous, slope = np.zeros_like(x), np.ones_like(x)
    for n, transfer in enumerate(shell_transfer(skull_ratio), start=1):
        weight = transfer * (2 * n + 1) / n * depth ** (n - 1)
        field += weight * (n * legendre * along + slope * across)
        above += weight * n
        following = ((2 * n + 1) * x * legendre - n * previous) / (n + 1)
        slope_previous, slope = slope, (2 * n + 1) * legendre + slope_previous
        previous, legendre = legendre, following
    return np.asarray(field / above)


def homogeneous_lead_field(
    electrodes: NDArray[np.float64],
    positions: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> NDArray[np.float64]:
    r"""Return the surface potential of dipoles in a homogeneous sphere, in closed form.

    .. math:: V = q \cdot \left[ \frac{2 (u-r)}{d^3}
        + \frac{u + (u-r)/d}{1 - u \cdot r + d} \right], \quad d = |u - r|

    (Brody, Terry and Ideker, IEEE Trans Biomed Eng 20:141-143, 1973), divided by its value for a
    radial dipole of the same depth right under the electrode as in :func:`three_shell_lead_field`.

    Parameters
    ----------
    electrodes : ndarray of float64, shape (n_channels, 3)
        Unit vectors.
    positions, moments : ndarray of float64, shape (n_dipoles, 3)
        Dipoles inside the sphere and their moments.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_dipoles)
        Microvolts per unit moment, against infinity.
    """
    apart = electrodes[:, None, :] - positions[None, :, :]
    d = np.linalg.norm(apart, axis=2)[..., None]
    cosine = (electrodes @ positions.T)[..., None]
    gradient = 2 * apart / d**3 + (electrodes[:, None, :] + apart / d) / (1 - cosine + d)
    gap = 1 - np.linalg.norm(positions, axis=1)
    above = 2 / gap**2 + 1 / gap
    return np.asarray(np.einsum("nmk,mk->nm", gradient, moments) / above)


def random_rotation(rng: np.random.Generator, rms_deg: float) -> NDArray[np.float64]:
    """Return a small random rotation, shape (3, 3), as of a cap that sits a little askew.

    `rms_deg` is the root mean square of the angle about each axis, degrees (Rodrigues' formula).
    """
    vector = rng.standard_normal(3) * np.deg2rad(rms_deg)
    angle = np.linalg.norm(vector)
    k = vector / angle
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
