"""A head for everybody: learned from several datasets at once by the valence of their labels.

With it a bundle answers without a calibration. How good it is on people it never saw is measured
with it: on each dataset by heads that were trained without a quarter of the people, and, with two
datasets or more, by a head that never saw the dataset.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.alignment.moments import MomentAligner
from mdjpt.calibration.confidence import fit_confidence
from mdjpt.calibration.novelty import measure_novelty_limit
from mdjpt.errors import DatasetError, ModelError
from mdjpt.evaluation.encoding import encoder_features
from mdjpt.evaluation.head_training import train_head
from mdjpt.evaluation.transfer import SharedClasses, own_names, relabelled, valence_of
from mdjpt.evaluation.window_table import joined
from mdjpt.signal.filters import SFREQ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.evaluation.window_table import FeatureSet
    from mdjpt.store.store import Store

__all__ = ["with_shared_head"]

STEP = 250  # samples: 2 s, the training step
N_FOLDS = 4
VALENCES = ("negative", "neutral", "positive")


def with_shared_head(
    bundle: Bundle,
    stores: Sequence[Store],
    *,
    seed: int = 0,
    on_encoded: Callable[[int, int], None] = lambda _done, _total: None,
) -> Bundle:
    """Give a bundle a head for negative, neutral and positive, its confidence and its accuracy.

    Each session's features are aligned window by window as live (:class:`MomentAligner`), and the
    confidence is fitted to people whom the head that judged them had not seen.

    Parameters
    ----------
    bundle : Bundle
        With statistics of its features.
    stores : sequence of Store
        Of labelled trials; classes without a side of valence are left out.
    seed : int
        Of folds and heads.
    on_encoded : callable
        Takes how many windows of a store are encoded, and of how many.

    Raises
    ------
    ModelError
        The bundle has no statistics of its features: adapt it first.
    DatasetError
        Fewer than two valences or people in the stores.
    """
    if bundle.feature_mean is None or bundle.feature_var is None:
        raise ModelError("no statistics of its features: mdjpt model adapt measures some")
    own = [name for store in stores for name in store.card.class_names]
    names = tuple(v for v in VALENCES if v in {valence_of(name) for name in own})
    if len(names) < 2:
        raise DatasetError(f"fewer than two valences among the classes {', '.join(own)}")
    shared, encoder, parts = SharedClasses("valence", names), bundle.encoder(), []
    for store in stores:
        features = encoder_features(
            store, encoder, bundle.row_stats, step=STEP, on_encoded=on_encoded
        )
        parts.append(_aligned(relabelled(features, shared), bundle))
    everybody = joined(list(own_names(parts)), "all")
    if len(everybody.subjects) < N_FOLDS:
        raise DatasetError(f"{len(everybody.subjects)} people: it takes {N_FOLDS} to judge a head")
    logits = _held_out(everybody, seed)
    people = everybody.sessions()
    found = fit_confidence(
        [logits[rows] for rows in people],
        [everybody.label[rows] for rows in people],
        hop_s=STEP / SFREQ,
    )
    known = everybody.select(everybody.label >= 0)
    provenance = bundle.provenance | {
        "head": f"valence of {len(known.subjects)} people of {_named(parts)}",
        "accuracy": [*_of_people(parts, logits), *_of_datasets(parts, seed)],
    }
    return replace(
        bundle,
        head=train_head(known, known, seed=seed).head,
        class_names=names,
        temperature=found.temperature,
        abstain_below=found.abstain_below,
        novelty_limit=measure_novelty_limit(everybody.features),
        provenance=provenance,
        warnings=tuple(w for w in bundle.warnings if not w.startswith("no emotion head")),
        simulated=bundle.simulated or any(part.simulated for part in parts),
        features_of="",
        sha256="",
    )


def _aligned(features: FeatureSet, bundle: Bundle) -> FeatureSet:
    """Standardise each session's features in the order of time, from its own past, as live."""
    assert bundle.feature_mean is not None
    assert bundle.feature_var is not None
    out = np.empty_like(features.features)
    for rows in features.sessions():
        aligner = MomentAligner(bundle.feature_mean, bundle.feature_var)
        for row in rows:
            out[row] = aligner.transform(features.features[row])
            aligner.partial_fit(features.features[row], STEP / SFREQ)
    return features.with_features(out)


def _held_out(everybody: FeatureSet, seed: int) -> NDArray[np.float64]:
    """Return the logits of each window by a head that was trained without its person."""
    known = everybody.label >= 0
    logits = np.zeros((len(everybody), len(everybody.class_names)))
    people = np.random.default_rng([seed, 3]).permutation(everybody.subjects)
    for fold in np.array_split(people, N_FOLDS):
        judged = everybody.of_subjects(fold.tolist())
        head = train_head(everybody.select(known & ~judged), everybody, seed=seed).head
        logits[judged] = head.logits(everybody.features[judged])
    return logits


def _of_people(parts: Sequence[FeatureSet], logits: NDArray[np.float64]) -> list[dict[str, Any]]:
    edges = np.cumsum([len(part) for part in parts])[:-1]
    pairs = zip(parts, np.split(logits, edges), strict=True)
    return [_measured("people it never saw", part, own) for part, own in pairs]


def _of_datasets(parts: Sequence[FeatureSet], seed: int) -> list[dict[str, Any]]:
    found = []
    for k, tested in enumerate(parts):
        others = [part for n, part in enumerate(parts) if n != k]
        if not others:
            continue
        learned = joined(list(own_names(others)), "others")
        learned = learned.select(learned.label >= 0)
        if len(np.unique(learned.label)) < len(learned.class_names):
            continue  # what no other dataset holds cannot be learned from them
        head = train_head(learned, learned, seed=seed).head
        logits = head.logits(tested.features).astype(np.float64)
        found.append(_measured("a dataset it never saw", tested, logits))
    return found


def _measured(what: str, part: FeatureSet, logits: NDArray[np.float64]) -> dict[str, Any]:
    """Balanced accuracy of single windows, of the classes that the dataset holds."""
    known = part.label >= 0
    classes = np.unique(part.label[known])
    answers, truth = logits[known].argmax(axis=1), part.label[known]
    balanced = float(np.mean([np.mean(answers[truth == c] == c) for c in classes]))
    return {
        "what": f"windows of 5 s, balanced over classes, of {what}",
        "dataset": part.dataset,
        "accuracy": round(balanced, 3),
        "chance": round(1 / len(part.class_names), 3),
        "people": len(part.subjects),
        "simulated": part.simulated,
    }


def _named(parts: Sequence[FeatureSet]) -> str:
    return ", ".join(part.dataset for part in parts)
