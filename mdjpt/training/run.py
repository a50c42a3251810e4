"""Pre-training from stores to a model bundle.

::

    OUT/settings.json              what is learned from what
    OUT/log.csv                    one row a step
    OUT/checkpoint.safetensors     the newest state, to resume from
    OUT/model.safetensors          the bundle, when the training is done
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mdjpt.bundle.bundle import Bundle, save_bundle
from mdjpt.errors import DatasetError, MdjptError
from mdjpt.guard.atomic_file import write_file
from mdjpt.network.encoder import Encoder
from mdjpt.signal.filters import N_TIMES
from mdjpt.store.store import Store, open_store
from mdjpt.training.checkpoint import Checkpoint, read_checkpoint
from mdjpt.training.fit import fit, is_main_process
from mdjpt.training.module import build_network
from mdjpt.training.progress import StepReport, TrainingProgress, trim_log
from mdjpt.training.statistics import TrainingStatistics, measure_statistics, sample_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mdjpt.network.model import MdjptNetwork
    from mdjpt.training.config import PretrainConfig

__all__ = ["BUNDLE_FILE", "CHECKPOINT_FILE", "LOG_FILE", "pretrain", "train"]

SETTINGS_FILE, LOG_FILE = "settings.json", "log.csv"
CHECKPOINT_FILE, BUNDLE_FILE = "checkpoint.safetensors", "model.safetensors"


def pretrain(
    config: PretrainConfig,
    out: Path,
    *,
    resume: bool = False,
    on_step: Callable[[StepReport], None] = lambda _: None,
) -> Path:
    """Train a network on prepared stores and write it with its statistics as a bundle.

    Parameters
    ----------
    config : PretrainConfig
        All settings.
    out : Path
        Folder of the run, made when missing.
    resume : bool
        Go on from the newest checkpoint in `out`, or begin when there is none.
    on_step : callable
        Takes the report of every step.

    Returns
    -------
    Path
        The bundle; the checkpoint of a network that live systems do not take: for windows of
        another length than 5 s, or with a half of its encoder replaced.

    Raises
    ------
    DatasetError
        A store cannot be used.
    MdjptError
        `out` holds another training, a file cannot be written, or the loss is no number.
    """
    stores = open_stores(config)
    network = train(config, stores, out, resume=resume, on_step=on_step)
    if config.network.n_times != N_TIMES or config.ablation.any:
        return out / CHECKPOINT_FILE
    if not is_main_process():
        return out / BUNDLE_FILE
    n, grid = max(config.machine.statistics_windows // len(stores), 2), config.windows
    parts = [
        sample_windows(store, n, n_times=grid.n_times, step=grid.step, seed=config.seed)
        for store in stores
    ]
    statistics = measure_statistics(Encoder(network), parts)
    save_bundle(out / BUNDLE_FILE, _bundle(config, stores, network, statistics))
    return out / BUNDLE_FILE


def open_stores(config: PretrainConfig) -> list[Store]:
    """Open the stores of a training with the subjects and sessions chosen.

    Raises DatasetError as for :func:`mdjpt.store.store.open_store`; a trial lacks the label that
    the contrast needs.
    """
    stores = [
        open_store(choice.path).select(choice.subjects or None, choice.sessions or None)
        for choice in config.datasets
    ]
    for store in stores:
        if config.loss.contrast == "labels" and any(t.label is None for t in store.trials):
            raise DatasetError(
                f'{store.path}: has trials without a label, which contrast "labels" needs'
            )
    return stores


def train(
    config: PretrainConfig,
    stores: Sequence[Store],
    out: Path,
    *,
    resume: bool = False,
    on_step: Callable[[StepReport], None] = lambda _: None,
) -> MdjptNetwork:
    """Train a network, or finish its training, and return it: see :func:`pretrain`."""
    resumed = _prepare_folder(config, out, resume=resume)
    network = build_network(config)
    if resumed is not None:
        network.load_state_dict(resumed.network)
    done = 0 if resumed is None else resumed.step
    if done < config.optimiser.n_steps:
        progress = TrainingProgress(config, out / LOG_FILE, out / CHECKPOINT_FILE, resumed, on_step)
        fit(config, stores, network, progress, done, out)
    return network.cpu()


def _prepare_folder(config: PretrainConfig, out: Path, *, resume: bool) -> Checkpoint | None:
    """Make the folder of a run and return the state that it is taken up from."""
    path = out / CHECKPOINT_FILE
    if path.exists() and not resume:
        raise MdjptError(f"{out}: holds a training already: add --resume, or choose another --out")
    resumed = read_checkpoint(path) if path.exists() else None
    if resumed is not None:
        _refuse_other_settings(path, resumed.science, config.science())
    settings = {"science": config.science(), "machine": asdict(config.machine)}
    write_file(out / SETTINGS_FILE, json.dumps(settings, indent=1).encode())
    trim_log(out / LOG_FILE, 0 if resumed is None else resumed.step)
    return resumed


def _refuse_other_settings(path: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    # Lists and tuples are the same in JSON.
    present = json.loads(json.dumps(now))
    if changed := {key for key in present | then if present.get(key) != then.get(key)}:
        raise MdjptError(
            f"{path}: begun with other settings of {min(changed)!r}: restore them to resume, or "
            "choose another --out"
        )


def _bundle(
    config: PretrainConfig,
    stores: Sequence[Store],
    network: MdjptNetwork,
    statistics: TrainingStatistics,
) -> Bundle:
    """Put weights, statistics and provenance together."""
    cards = [store.card for store in stores]
    licences = dict.fromkeys(f"{card.name}: {card.licence or 'unknown'}" for card in cards)
    return Bundle(
        config=config.network,
        weights={name: tensor.numpy() for name, tensor in network.state_dict().items()},
        licence=("derived from data under: " + "; ".join(licences))[:2000],
        simulated=any(card.simulated for card in cards),
        provenance={
            "datasets": [card.name for card in cards],
            "people": sum(len(store.subjects) for store in stores),
            "hours": round(sum(store.hours for store in stores), 2),
            "pre_training": config.science(),
            "statistics_windows": statistics.n_windows,
            "feature_statistics": "under the stored row statistics",
        },
        **statistics.arrays(),
    )
