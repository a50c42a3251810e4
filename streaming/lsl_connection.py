"""One connection to an LSL stream: finding it, what it says of itself, its samples in microvolts.

LSL cannot be kept off the network: its ports listen on every interface whatever its configuration.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl
from pylsl.util import LostError, TimeoutError as LslTimeout

from mdjpt.errors import RecordingError, SourceError, SourceLost, SourceNotFound
from mdjpt.recordings import select_electrodes
from streaming.units import looks_like_volts, microvolts_per

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

