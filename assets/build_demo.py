"""Make the demo bundle: ``python -m assets.build_demo --work DIR``. Everything in it is simulated.

The encoder is pre-trained jointly on four simulated datasets (:mod:`assets.demo_encoder`). Row
statistics, feature statistics and the head come from simulated participants, seen through the live
preprocessor; confidence and novelty limit are measured on others, and the report on participants
that nothing was fitted to, beside the same network with random weights. ``--complete`` adds to the
bundle of an earlier version what it could not hold yet, and changes nothing else.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from joblib import Parallel, delayed

from assets.demo_encoder import (
    DATASETS,
    N_STEPS,
    learning_curve,
    pretrain_encoder,
    pretraining,
)
from assets.demo_people import CAPS, CLASSES, DURATION_S, Person, simulate_all
from assets.demo_report import judge, report
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.covariance import input_covariance
from mdjpt.bundle.bundle import Bundle, load_bundle, save_bundle
from mdjpt.calibration.confidence import fit_confidence
from mdjpt.calibration.decoder import EmotionDecoder, answered_logits
from mdjpt.calibration.novelty import foreign_windows, measure_novelty_limit
from mdjpt.network.emotion_head import Head
from mdjpt.network.model import MdjptNetwork
from mdjpt.simulation import cap
from mdjpt.training.statistics import centroid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdjpt.network.encoder import Encoder, RowStats
    from mdjpt.network.model import EncoderConfig

HERE = Path(__file__).parent
TRAIN, CALIBRATE, TEST = range(1000, 1060), range(2000, 2048), range(3000, 3024)
TRAIN_HOP_S, HOP_S = 2.0, 1.0
N_STATISTICS = 1500
"""Windows of the training people over which the rows' statistics are measured."""
N_CENTROID = 120
"""Windows of each cap's centroid."""
ALIGNMENT = AlignmentConfig("moments")
"""As live by default: the confidence is that of aligned answers."""
LICENCE = "BSD-3-Clause"


@dataclass(frozen=True, slots=True)
class People:
    """Who the head is fitted to, who the confidence is measured on, and who judges both."""

    train: list[Person]
    calibrate: list[Person]
    test: list[Person]


def simulate_people(step: int) -> People:
    """Simulate every `step`-th participant."""
    return People(
        simulate_all(TRAIN[::step], TRAIN_HOP_S),
        simulate_all(CALIBRATE[::step], HOP_S),
        simulate_all(TEST[::step], HOP_S),
    )


def encode_all(bundle: Bundle, people: Sequence[Person]) -> list[NDArray[np.float32]]:
    """Encode several people side by side, in threads: their windows are gigabytes."""
    work = (delayed(bundle.features)(person.windows) for person in people)
    return list(Parallel(n_jobs=-1, backend="threading")(work))


def chosen_windows(people: Sequence[Person]) -> NDArray[np.float32]:
    """Return the windows that the rows' statistics and the input's covariance are measured on."""
    windows = np.concatenate([person.windows[::3] for person in people])
    chosen = np.linspace(0, len(windows) - 1, min(N_STATISTICS, len(windows))).astype(int)
    return windows[chosen]


def with_input_covariance(bundle: Bundle, people: Sequence[Person]) -> Bundle:
    """Add the input's covariance to a bundle of these people; its features stay what they are.

    Raises
    ------
    ValueError
        When the bundle was not made from these people: its row statistics are others.
    """
    windows = chosen_windows(people)
    assert bundle.row_stats is not None
    for name, own in bundle.encoder().row_stats(windows)._asdict().items():
        known = getattr(bundle.row_stats, name)
        if not np.allclose(own, known, rtol=1e-3, atol=1e-4 * float(np.abs(known).max())):
            raise ValueError(f"{name} of these people is not that of the bundle")
    covariance = input_covariance(windows).astype(np.float32)
    return replace(bundle, input_covariance=covariance, features_of=bundle.identity)


def with_statistics(plain: Bundle, people: Sequence[Person]) -> Bundle:
    """Measure on live windows what live alignment compares with."""
    encoder, windows = plain.encoder(), chosen_windows(people)
    rows = encoder.row_stats(windows)
    features = np.concatenate(encode_all(replace(plain, row_stats=rows), people))
    return replace(
        plain,
        row_stats=rows,
        feature_mean=features.mean(axis=0),
        feature_var=features.var(axis=0),
        input_covariance=input_covariance(windows).astype(np.float32),
        centroids=np.stack([_cap_centroid(encoder, rows, people, n) for n in sorted(set(CAPS))]),
    )


def _cap_centroid(
    encoder: Encoder, rows: RowStats, people: Sequence[Person], n_channels: int
) -> NDArray[np.float32]:
    # A small selection of people may lack a cap: then all of them stand for it.
    own = [p for p in people if p.n_channels == n_channels] or people
    windows = np.concatenate([person.windows for person in own])
    chosen = np.linspace(0, len(windows) - 1, min(N_CENTROID, len(windows))).astype(int)
    return centroid(encoder, windows[chosen], rows)


def with_head(bundle: Bundle, people: Sequence[Person], seed: int) -> Bundle:
    """Fit the head to windows with one state, standardised by the bundle."""
    features = encode_all(bundle, people)
    x = np.concatenate([own[p.labels >= 0] for own, p in zip(features, people, strict=True)])
    y = np.concatenate([p.labels[p.labels >= 0] for p in people])
    return replace(
        bundle,
        class_names=CLASSES,
        head=Head.fit(bundle.standardise(x), y, len(CLASSES), seed=seed),
    )


def with_confidence(bundle: Bundle, people: Sequence[Person]) -> Bundle:
    """Measure novelty limit, temperature and threshold on people who were used for nothing else."""
    features = encode_all(bundle, people)
    noise = foreign_windows([cap(n) for n in sorted(set(CAPS))])
    foreign = bundle.standardise(bundle.features(noise)) if len(noise) else None
    familiar = bundle.standardise(np.concatenate(features))
    bundle = replace(bundle, novelty_limit=measure_novelty_limit(familiar, foreign))
    logits = []
    for own in features:
        decoder = EmotionDecoder(bundle, HOP_S, ALIGNMENT)
        logits.append(answered_logits(map(decoder.decode_feature, own)))
    found = fit_confidence(logits, [person.labels for person in people], hop_s=HOP_S)
    return replace(bundle, temperature=found.temperature, abstain_below=found.abstain_below)


def complete(plain: Bundle, people: People, seed: int) -> Bundle:
    """Put statistics, head and confidence around an encoder."""
    bundle = with_head(with_statistics(plain, people.train), people.train, seed)
    return with_confidence(bundle, people.calibrate)


def around(network: MdjptNetwork) -> Bundle:
    """Return a bundle with nothing but the network."""
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return Bundle(config=network.config, weights=weights, licence=LICENCE, simulated=True)


def random_network(config: EncoderConfig, seed: int) -> MdjptNetwork:
    """Return a network with random weights."""
    torch.manual_seed(seed)
    return MdjptNetwork(config)


def build(seed: int, work: Path, quick: bool) -> tuple[Bundle, str]:
    """Pre-train, simulate, fit, calibrate and judge; return the bundle and its report."""
    n_steps = 2 if quick else N_STEPS
    network = pretrain_encoder(seed, work, n_steps)
    torch.set_num_threads(1)
    people = simulate_people(12 if quick else 1)
    rival = complete(around(random_network(network.config, seed)), people, seed)
    bundle = replace(
        complete(around(network), people, seed),
        provenance={
            "datasets": list(DATASETS),
            "pre_training": pretraining(seed, work, n_steps).science(),
            "head": f"{len(people.train)} simulated participants of {DURATION_S:g} s",
            "command": "python -m assets.build_demo",
            "date": datetime.now(UTC).date().isoformat(),
        },
        warnings=("trained on simulated participants only: says nothing about a real brain",),
    )
    scores = {
        name: judge(model, people.test, HOP_S, ALIGNMENT)
        for name, model in (("pre-trained", bundle), ("random weights", rival))
    }
    return bundle, report(bundle, scores, learning_curve(work))


def main() -> int:
    """Write demo.safetensors and demo.md beside this file."""
    parser = argparse.ArgumentParser(description="Make the demo bundle from simulated EEG.")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--quick", action="store_true", help="two steps, a twelfth of the people")
    parser.add_argument("--work", type=Path, help="folder for stores and training")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--complete", action="store_true", help="add what an older bundle lacks")
    options = parser.parse_args()
    path = options.out / "demo.safetensors"
    if options.complete:
        people = simulate_all(TRAIN, TRAIN_HOP_S)
        save_bundle(path, with_input_covariance(load_bundle(path), people))
        return 0
    if options.work is None:
        parser.error("name a folder for stores and training with --work")
    bundle, text = build(options.seed, options.work, options.quick)
    save_bundle(path, bundle)
    (options.out / "demo.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
