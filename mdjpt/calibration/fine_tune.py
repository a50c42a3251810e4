"""Fine-tuning of the encoder's last convolutions for one person.

The head is trained first and held fixed while the convolutions are tuned (linear probing, then
fine-tuning: Kumar et al., ICLR 2022), with a penalty on their distance from the pre-trained weights
(L2-SP: Li, Grandvalet, Davoine, ICML 2018, eq. 4) and an early end; then the head is trained
again. Everything before the convolutions is computed once. No random number is drawn.

Off by default: on simulated participants it did not help, see
:mod:`mdjpt.evaluation.fine_tune_benchmark`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from mdjpt.alignment.moments import VARIANCE_EPS
from mdjpt.calibration.confidence import best_temperature, smoothed, softmax
from mdjpt.calibration.evidence import balanced_accuracy
from mdjpt.calibration.fine_tune_heads import differentiable
from mdjpt.calibration.fine_tune_inputs import check_size
from mdjpt.calibration.fine_tune_weights import MODULE, tuned_bundle, tuned_shapes
from mdjpt.calibration.labelled import balanced_weights
from mdjpt.calibration.selection import fit_candidate, held_out_of, trial_folds
from mdjpt.calibration.training import balanced_moments, standardised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.anchored import GeneralHead
    from mdjpt.calibration.heads import PersonalHead
    from mdjpt.calibration.labelled import LabelledFeatures
    from mdjpt.calibration.selection import HeldOut
    from mdjpt.network.model import SpatioTemporalEncoder

    Float16 = NDArray[np.float16]
    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]

__all__ = ["N_STEPS", "FineTuner", "Tuned"]

N_STEPS = (5, 10, 20)
"""Numbers of steps to choose from."""
LEARNING_RATE = 2e-3
ANCHORING = 0.01  # alpha of L2-SP
_WINDOWS_A_TRIAL, _WINDOWS_A_STEP = 4, 128  # overlapping windows tell little that is new
_CHUNK = 16


@dataclass(frozen=True, eq=False)
class Tuned:
    """What fine-tuning has brought.

    Attributes
    ----------
    held_out : HeldOut
        Of the tuned encoder with its head, on trials that neither was trained on.
    note : str
        One line for the user.
    weights : dict of str to ndarray
        Weights to replace in the bundle; empty when it was no better.
    features : ndarray of float32 or None
        Of all windows with those weights.
    """

    held_out: HeldOut
    note: str
    weights: dict[str, Float32] = field(default_factory=dict)
    features: Float32 | None = None


@dataclass(frozen=True, eq=False)
class FineTuner:
    """Tunes the last convolutions of a bundle to labelled windows.

    Attributes
    ----------
    bundle : Bundle
        The model.
    inputs : ndarray of float16, shape (n_windows, dims, mixed channels, patches)
        Of the tuned layers, for the windows of the calibration.
    encode : callable
        Takes a bundle and returns the features of the same windows, as live.
    report : callable
        Takes one line now and then.
    unconditional : bool
        Tune although held-out trials speak against it: to measure what that does.
    """

    bundle: Bundle
    inputs: Float16
    encode: Callable[[Bundle], Float32]
    report: Callable[[str], object] = lambda _: None
    unconditional: bool = False

    def __post_init__(self) -> None:
        check_size(len(self.inputs))

    def tune(
        self,
        data: LabelledFeatures,
        alone: HeldOut,
        *,
        keep: float,
        general: GeneralHead | None = None,
        seed: int = 0,
    ) -> Tuned:
        """Tune if held-out trials say that it helps: more are right, or as many and more windows.

        The number of steps that a fold is judged with is the best on the held-out trials of the
        other folds. No more is nested: the kind of head, the temperatures and the moments that
        features are standardised with come from all trials, the fold's own among them.

        Parameters
        ----------
        data : LabelledFeatures
            The trials, with the features of the bundle's own weights.
        alone : HeldOut
            The chosen head on these features: where tuning begins and what it has to beat.
        keep : float
            Share of the past in the smoothing.
        general : GeneralHead, optional
            The model's own head, for an anchored one.
        seed : int
            Of an MLP.
        """
        work = _Work(self.bundle, self.inputs, data, alone, keep, general, seed)
        with _one_thread():
            results, folds = self._cross_validated(work)
            steps = [_best(results, folds != fold) for fold in range(folds.max() + 1)]
            fold_of_window = folds[data.trial]
            logits = np.empty_like(alone.logits)
            for fold, n_steps in enumerate(steps):
                own = fold_of_window == fold
                logits[own] = results[n_steps].logits[own]
            n_steps = _best(results, folds >= 0)
            held_out = held_out_of(alone.candidate, logits, data, keep, n_steps)
            reached, needed = _score(held_out, data, keep), _score(alone, data, keep)
            note = _note(reached, needed, data.n_trials)
            if reached <= needed and not self.unconditional:
                return Tuned(held_out, note)
            self.report(f"fine-tuning on all trials, {n_steps} steps")
            everything = np.ones(len(data.trial), np.bool_)
            *_, (_, network) = work.path(everything, (n_steps,))
            weights = _weights_of(network, self.bundle)
        return Tuned(held_out, note, weights, self.encode(tuned_bundle(self.bundle, weights)))

    def _cross_validated(self, work: _Work) -> tuple[dict[int, HeldOut], NDArray[np.intp]]:
        """Return held-out answers after each number of steps, and the fold of each trial."""
        data, candidate = work.data, work.alone.candidate
        folds = trial_folds(data.label)
        logits = {n: np.empty_like(work.alone.logits) for n in N_STEPS}
        for fold in range(folds.max() + 1):
            self.report(f"fine-tuning without fold {fold + 1} of {folds.max() + 1}")
            test = folds[data.trial] == fold
            for n_steps, network in work.path(~test, N_STEPS):
                tuned = replace(data, features=work.features(network))
                x = standardised(tuned.features, *balanced_moments(tuned))
                logits[n_steps][test] = work.head(x, ~test).logits(x[test])
        results = {n: held_out_of(candidate, own, data, work.keep, n) for n, own in logits.items()}
        return results, folds


@dataclass(frozen=True, eq=False)
class _Work:
    """One calibration's data and what tuning begins from."""

    bundle: Bundle
    inputs: Float16
    data: LabelledFeatures
    alone: HeldOut
    keep: float
    general: GeneralHead | None
    seed: int

    def head(self, x: Float64, train: NDArray[np.bool_]) -> PersonalHead:
        """Train the chosen head on some of the standardised windows."""
        trial, label = self.data.trial[train], self.data.label
        return fit_candidate(self.alone.candidate, x[train], trial, label, self.general, self.seed)

    def features(self, network: SpatioTemporalEncoder) -> Float32:
        """Return the features of all windows, [n_windows, n_features]."""
        with torch.inference_mode():
            return _mapped(network, self.inputs).numpy()

    def path(
        self, train: NDArray[np.bool_], n_steps: tuple[int, ...]
    ) -> Iterator[tuple[int, SpatioTemporalEncoder]]:
        """Tune on some of the windows; yield the network after each number of steps."""
        data, alone = self.data, self.alone
        x = standardised(data.features, *balanced_moments(data))
        head = differentiable(self.head(x, train))
        temperature = best_temperature(
            alone.logits[train],
            data.window_label[train],
            data.trial[train],
            balanced_weights(data.trial[train], data.label),
            self.keep,
        )
        rows = _spread(data.trial, train)
        inputs, labels = self.inputs[rows], torch.from_numpy(data.window_label[rows])
        weights = torch.from_numpy(balanced_weights(data.trial[rows], data.label)).float()
        network, own = _tunable(self.bundle)
        start = [parameter.detach().clone() for parameter in own]
        optimiser = torch.optim.Adam(own, lr=LEARNING_RATE)
        for step in range(1, max(n_steps) + 1):
            optimiser.zero_grad()
            logits = head(_standardised(_mapped(network, inputs), weights)) / temperature
            loss = weights @ functional.cross_entropy(logits, labels, reduction="none")
            moved = sum((p - q).square().sum() for p, q in zip(own, start, strict=True))
            (loss + 0.5 * ANCHORING * moved).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if step in n_steps:
                yield step, network


def _tunable(bundle: Bundle) -> tuple[SpatioTemporalEncoder, list[Tensor]]:
    """Return the network's last part, and those of its weights that are to be tuned."""
    network = bundle.network().spatiotemporal.requires_grad_(requires_grad=False)
    return network, [p.requires_grad_() for _, p in _own_parameters(network, bundle)]


def _weights_of(network: SpatioTemporalEncoder, bundle: Bundle) -> dict[str, Float32]:
    return {name: p.detach().numpy().copy() for name, p in _own_parameters(network, bundle)}


def _own_parameters(
    network: SpatioTemporalEncoder, bundle: Bundle
) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the weights that are tuned, by their names in the bundle."""
    names = tuned_shapes(bundle.config)
    return (own for own in network.named_parameters(prefix=MODULE) if own[0] in names)


def _spread(trial: NDArray[np.intp], train: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the numbers of a few windows of each trial, evenly spread over it."""
    trials = np.unique(trial[train])
    most = max(1, min(_WINDOWS_A_TRIAL, _WINDOWS_A_STEP // len(trials)))
    rows = [np.flatnonzero(train & (trial == k)) for k in trials]
    chosen = [own[np.linspace(0, len(own) - 1, min(most, len(own))).astype(int)] for own in rows]
    return np.concatenate(chosen)


def _mapped(network: SpatioTemporalEncoder, inputs: Float16) -> Tensor:
    """Return the features [n_windows, n_features] of some windows; gradients pass."""
    parts = [
        network(torch.from_numpy(inputs[k : k + _CHUNK]).float()).mean(-1)
        for k in range(0, len(inputs), _CHUNK)
    ]
    return torch.cat(parts)


def _standardised(features: Tensor, weights: Tensor) -> Tensor:
    mean = weights @ features
    variance = weights @ (features - mean).square()
    return (features - mean) / (variance + VARIANCE_EPS).sqrt()


def _best(results: dict[int, HeldOut], trials: NDArray[np.bool_]) -> int:
    """Return the number of steps with the lowest loss on some of the trials."""
    return min(results, key=lambda n: float(results[n].trial_losses[trials].mean()))


def _score(held_out: HeldOut, data: LabelledFeatures, keep: float) -> tuple[int, float]:
    """Return how many trials are right, and the balanced accuracy of the windows as shown."""
    shown = smoothed(softmax(held_out.logits, held_out.temperature), data.trial, keep)
    n_right = int((held_out.answers == data.label).sum())
    return n_right, balanced_accuracy(shown.argmax(axis=1), data.window_label)


def _note(reached: tuple[int, float], needed: tuple[int, float], n_trials: int) -> str:
    used = (
        "fine-tuned encoder used"
        if reached > needed
        else "fine-tuning is no better than the head alone, which is used"
    )
    return (
        f"{used}: {reached[0]} of {n_trials} held-out trials and {reached[1]:.2f} of their windows "
        f"right with it, {needed[0]} and {needed[1]:.2f} without"
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: same numbers everywhere, and a core left for the live system."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
