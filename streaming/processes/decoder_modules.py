"""What every decoder needs; the process that they are forked from has it ready beforehand."""

from __future__ import annotations

import torch

import streaming.decoder
import streaming.inference
import streaming.ring  # noqa: F401
from mdjpt.signal.filters import SFREQ
from mdjpt.signal.window import warm_up_filters

__all__: list[str] = []

torch.set_num_threads(1)
warm_up_filters(SFREQ)
