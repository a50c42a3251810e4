"""The emotion head: from standardised features to one number a class.

Source: arXiv 2510.22197 and its released configuration: 512 -> 128 -> 64 -> classes, ReLU, dropout
0.1, Adam with L2 weight decay.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Head"]

HIDDEN = (128, 64)
DROPOUT = 0.1
LEARNING_RATE = 5e-4
WEIGHT_DECAY = 2.2e-3
BATCH_SIZE = 256
N_EPOCHS = 8


class Head:
    """A multi-layer perceptron of three layers. Immutable, so threads may share it.

    Parameters
    ----------
    arrays : mapping of str to ndarray of float32
        "fc1.weight", shape (128, 512), "fc1.bias" (128,), "fc2.weight" (64, 128), "fc2.bias" (64,),
        "fc3.weight" (n_classes, 64) and "fc3.bias" (n_classes,); the widths are free.

    Raises
    ------
    ValueError
        When an array is missing, unknown, not finite, or does not fit the layer before it.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        names = [f"fc{k}.{part}" for k in (1, 2, 3) for part in ("weight", "bias")]
        if set(arrays) != set(names):
            odd = ", ".join(sorted(set(arrays) ^ set(names)))
            raise ValueError(f"a head holds exactly {', '.join(names)}; missing or unknown: {odd}")
        self._arrays = {name: np.array(arrays[name], np.float32) for name in names}
        columns = self._arrays["fc1.weight"].shape[-1:]
        for k in (1, 2, 3):
            columns = _checked_layer(k, self._arrays, columns)

    @property
    def n_features(self) -> int:
        """Features of a window."""
        return int(self._arrays["fc1.weight"].shape[1])

    @property
    def n_classes(self) -> int:
        """Classes, one logit each."""
        return len(self._arrays["fc3.bias"])

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Weights and biases, float32, as the constructor takes them."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def logits(self, features: ArrayLike) -> NDArray[np.float32]:
        """Return one number a class, to be turned into probabilities by a softmax.

        Parameters
        ----------
        features : array_like of float, shape (n_windows, n_features)
            Standardised as the head was trained.

        Returns
        -------
        ndarray of float32, shape (n_windows, n_classes)

        Raises
        ------
        ValueError
            When the features have another shape.
        """
        x = np.asarray(features, np.float32)
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise ValueError(
                f"features must have shape (n_windows, {self.n_features}), got {x.shape}"
            )
        a = self._arrays
        for k in (1, 2):
            x = np.maximum(x @ a[f"fc{k}.weight"].T + a[f"fc{k}.bias"], 0)
        return cast("NDArray[np.float32]", x @ a["fc3.weight"].T + a["fc3.bias"])

    __call__ = logits

    def predict_proba(self, features: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
        """Return the probabilities of the classes.

        Parameters
        ----------
        features : array_like of float, shape (n, n_features)
            Standardised as the head was trained.
        temperature : float
            Divides the logits before the softmax.

        Returns
        -------
        ndarray of float64, shape (n, n_classes)
        """
        scaled = torch.from_numpy(self.logits(features)).double() / temperature
        probabilities: NDArray[np.float64] = torch.softmax(scaled, dim=1).numpy()
        return probabilities

    @classmethod
    def fit(
        cls,
        features: ArrayLike,
        labels: ArrayLike,
        n_classes: int | None = None,
        *,
        n_epochs: int = N_EPOCHS,
        batch_size: int = BATCH_SIZE,
        learning_rate: float = LEARNING_RATE,
        weight_decay: float = WEIGHT_DECAY,
        hidden: tuple[int, int] = HIDDEN,
        seed: int = 0,
    ) -> Head:
        """Train a head by cross-entropy; the same seed gives the same weights.

        Parameters
        ----------
        features : array_like of float, shape (n_windows, n_features)
            Standardised, finite.
        labels : array_like of int, shape (n_windows,)
            From 0 to n_classes - 1.
        n_classes : int, optional
            Default: the largest label and one.
        n_epochs, batch_size : int
            Passes over the windows, windows a step.
        learning_rate, weight_decay : float
            Of Adam; the decay is an L2 penalty.
        hidden : tuple of int
            Widths of the two hidden layers.
        seed : int
            Of the first weights, the order of the windows and the dropout.

        Raises
        ------
        ValueError
            When features and labels do not fit or are out of range.
        """
        x, y, k = _checked_examples(features, labels, n_classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _perceptron((x.shape[1], *hidden, k))
            optimiser = torch.optim.Adam(
                network.parameters(), lr=learning_rate, weight_decay=weight_decay
            )
            network.train()
            for _ in range(n_epochs):
                order = torch.randperm(len(x))
                for start in range(0, len(x), batch_size):
                    batch = order[start : start + batch_size]
                    optimiser.zero_grad()
                    functional.cross_entropy(network(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
        return cls({n: p.detach().numpy() for n, p in network.named_parameters()})


def _perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers named fc1, fc2, ... with ReLU and dropout between them."""
    network = nn.Sequential()
    for k, (n_in, n_out) in enumerate(pairwise(widths), 1):
        if k > 1:
            network.add_module(f"relu{k}", nn.ReLU())
            network.add_module(f"dropout{k}", nn.Dropout(DROPOUT))
        network.add_module(f"fc{k}", nn.Linear(n_in, n_out))
    return network


def _checked_layer(
    k: int, arrays: Mapping[str, NDArray[np.float32]], columns: tuple[int, ...]
) -> tuple[int, ...]:
    """Check one layer against the width of the one before; return its own width."""
    weight, bias = arrays[f"fc{k}.weight"], arrays[f"fc{k}.bias"]
    if bias.ndim != 1 or not bias.size or weight.shape != (*bias.shape, *columns):
        shapes = f"{weight.shape} and {bias.shape}"
        raise ValueError(f"fc{k} of the head has weight and bias of impossible shapes {shapes}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError(f"fc{k} of the head holds NaN or infinity")
    return bias.shape


def _checked_examples(
    features: ArrayLike, labels: ArrayLike, n_classes: int | None
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return features and labels as tensors and the number of classes."""
    x, y = np.array(features, np.float32), np.array(labels)
    if x.ndim != 2 or not x.size or y.shape != x.shape[:1]:
        raise ValueError(
            "features must have shape (n_windows, n_features) and labels (n_windows,), got "
            f"{x.shape} and {y.shape}"
        )
    if not np.isfinite(x).all():
        raise ValueError("features must be finite, got NaN or infinity")
    if y.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, got {y.dtype}")
    k = int(y.max()) + 1 if n_classes is None else n_classes
    if y.min() < 0 or y.max() >= k:
        raise ValueError(f"labels must be from 0 to {k - 1}, got {y.min()} to {y.max()}")
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.int64)), k
