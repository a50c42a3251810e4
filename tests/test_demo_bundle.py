from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.session import default_bundle
from assets.build_demo import build
from mdjpt.bundle.bundle import load_bundle, save_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_command_makes_a_bundle_and_its_report(tmp_path: Path) -> None:
    bundle, text = build(3, tmp_path, quick=True)
    save_bundle(tmp_path / "demo.safetensors", bundle)
    again = load_bundle(tmp_path / "demo.safetensors")
    assert again.simulated
    assert "**Everything is simulated**" in text
    assert text.count("| random weights") == 2


def test_the_demo_bundle_knows_all_that_live_decoding_asks_of_it() -> None:
    bundle = load_bundle(default_bundle())
    assert bundle.simulated
    assert bundle.head is not None
    assert bundle.row_stats is not None
    assert bundle.novelty_limit is not None
    assert bundle.centroids is not None
    assert np.isfinite(bundle.centroids).all()
    assert {"SEED-like", "FACED-like"} < set(bundle.provenance["datasets"])
