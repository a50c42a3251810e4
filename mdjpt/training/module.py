"""One step of pre-training, as Lightning runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning
import torch
from torch import Tensor

from mdjpt.network.losses import cda_loss, isa_accuracy, isa_loss, supervised_contrastive_loss
from mdjpt.training.ablation import ablated_network

if TYPE_CHECKING:
    from mdjpt.network.model import MdjptNetwork
    from mdjpt.training.batches import DatasetBatch
    from mdjpt.training.config import PretrainConfig
    from mdjpt.training.lean_network import LeanNetwork

__all__ = ["PretrainModule", "build_network"]


def build_network(config: PretrainConfig) -> MdjptNetwork:
    """Return an untrained network whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return ablated_network(config.network, config.ablation)


class PretrainModule(lightning.LightningModule):  # type: ignore[misc]
    """The losses of one pair of every dataset, and their optimiser."""

    def __init__(self, lean: LeanNetwork, config: PretrainConfig) -> None:
        super().__init__()
        self.lean = lean
        self._loss, self._optimiser = config.loss, config.optimiser

    def training_step(self, batch: list[DatasetBatch], _index: int) -> dict[str, Tensor]:
        """Return the loss, and its parts for the log."""
        outputs = [self.lean(part.windows, len(part.windows) // 2) for part in batch]
        projections = [output.projection for output in outputs]
        contrast = self._contrast(projections, batch)
        cda = self._alignment([output.mixed for output in outputs])
        accuracy = torch.stack([isa_accuracy(rows) for rows in projections]).mean()
        return {
            "loss": contrast + self._loss.cda_factor * cda,
            "contrast": contrast.detach(),
            "cda": cda.detach(),
            "accuracy": accuracy,
        }

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, with the weight decay as an L2 penalty (not decoupled)."""
        return torch.optim.Adam(
            self.lean.parameters(),
            lr=self._optimiser.learning_rate,
            weight_decay=self._optimiser.weight_decay,
        )

    def _contrast(self, projections: list[Tensor], batch: list[DatasetBatch]) -> Tensor:
        """Return the contrast added over the datasets."""
        temperature = self._loss.temperature
        if self._loss.contrast == "labels":
            losses = [
                supervised_contrastive_loss(rows, part.labels, temperature)
                for rows, part in zip(projections, batch, strict=True)
            ]
        elif self._loss.contrast == "subjects":
            losses = [isa_loss(rows, temperature) for rows in projections]
        else:
            losses = [rows.new_zeros((), dtype=torch.float32) for rows in projections]
        return torch.stack(losses).sum()

    def _alignment(self, mixed: list[Tensor]) -> Tensor:
        if self._loss.cda_factor == 0:
            return mixed[0].new_zeros((), dtype=torch.float32)
        return cda_loss(mixed, self._loss.covariance)
