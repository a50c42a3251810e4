"""The near future of a signal, forecast from its past.

What the second pass of a zero-phase filter lacks at the right edge of a live window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["autoregression", "forecast"]

_ORDER = 16
_FIT_MEMORY = 375
_MEAN_MEMORY = 875


def autoregression(x: Float64, order: int) -> Float64:
    """Fit an autoregressive model to each channel by Burg's method.

    Burg's estimate is stable by construction and, unlike Yule and Walker's, keeps its resolution
    where slow drift is a thousand times stronger than the rest (Kay 1988, Modern Spectral
    Estimation, section 7.3).

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_times)
        Around zero; more than `order` samples.
    order : int
        Past samples that the model looks at.

    Returns
    -------
    ndarray of float64, shape (n, order)
        x[t] is forecast by the sum over i of coefficient i times x[t - 1 - i].
    """
    series = np.ascontiguousarray(x.T)  # time first: shifted copies stay contiguous
    forward, backward = series[1:].copy(), series[:-1].copy()
    scratch, other = np.empty_like(forward), np.empty_like(forward)
    coefficients = np.zeros((len(x), 0))
    power = np.einsum("tn,tn->n", forward, forward) + np.einsum("tn,tn->n", backward, backward)
    floor = 1e-12 * power + np.finfo(np.float64).tiny
    for _ in range(order):
        cross = np.einsum("tn,tn->n", forward, backward)
        gain = np.clip(2.0 * cross / np.maximum(power, floor), -1.0, 1.0)
        step = gain[:, None]
        coefficients = np.hstack([coefficients - step * coefficients[:, ::-1], step])
        scaled = np.multiply(backward, gain, out=scratch[: len(backward)])
        backward -= np.multiply(forward, gain, out=other[: len(forward)])
        forward -= scaled
        power = (1.0 - gain**2) * power - forward[0] ** 2 - backward[-1] ** 2
        forward, backward = forward[1:], backward[:-1]
    return coefficients


def forecast(x: Float64, n_steps: int) -> Float64:
    """Continue a signal by an autoregressive model of its last samples.

    Each channel has its own model, of order 16, fitted to the last 375 samples (3 s at 125 Hz)
    around the mean of the last 875 (a live window and its margin). It works in blocks as long as
    the order: powers of the companion matrix give the next 16 samples in one product.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_times)
        The past. A few samples are simply held.
    n_steps : int
        Samples wanted.

    Returns
    -------
    ndarray of float64, shape (n, n_steps)
    """
    order = min(_ORDER, x.shape[1] // 4)
    if order == 0:
        return np.repeat(x[:, -1:], n_steps, axis=1)
    mean = x[:, -_MEAN_MEMORY:].mean(axis=1, keepdims=True)
    recent = x[:, -_FIT_MEMORY:] - mean
    model = autoregression(recent, order)
    block = np.empty((len(x), order, order))
    response = model
    for ahead in range(order):
        block[:, order - 1 - ahead] = response
        carried = response[:, :1] * model
        carried[:, :-1] += response[:, 1:]
        response = carried
    newest_first = recent[:, : -order - 1 : -1, None]
    blocks = []
    for _ in range(0, n_steps, order):
        newest_first = block @ newest_first
        blocks.append(newest_first[:, ::-1, 0])
    continued: Float64 = np.hstack(blocks)[:, :n_steps] + mean
    return continued
