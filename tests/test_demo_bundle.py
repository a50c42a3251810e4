from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.session import default_bundle
from assets.build_demo import build
from mdjpt.alignment.config import KINDS, alignment_named
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.features import prepare_windows
from mdjpt.recordings.recording import Recording
from mdjpt.simulation import SimulatedParticipant, cap

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
    assert bundle.input_covariance is not None
    assert np.linalg.eigvalsh(bundle.input_covariance.astype(np.float64)).min() > -1e-4
    assert bundle.centroids is not None
    assert np.isfinite(bundle.centroids).all()
    assert {"SEED-like", "FACED-like"} < set(bundle.provenance["datasets"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_demo_bundle_decodes_with_every_alignment(kind: str) -> None:
    bundle = load_bundle(default_bundle())
    person = SimulatedParticipant(5, cap(14), 250.0)
    recording = Recording(person.generate(30 * 250), 250.0, person.ch_names)
    decoder = EmotionDecoder(bundle, 2.0, alignment_named(kind, bundle))
    for window in prepare_windows(recording, hop_s=2.0).windows:
        answer = decoder.decode(window)
        assert sum(answer.probabilities.values()) == pytest.approx(1.0)
    assert (decoder.gauge.effective_windows > 1.0) == (kind != "none")


def test_a_profile_for_the_demo_bundle_before_it_knew_its_input_still_holds() -> None:
    bundle = load_bundle(default_bundle())
    assert bundle.features_of == "be1b41b943d4" + bundle.features_of[12:]
    assert bundle.identity == bundle.features_of != bundle.sha256
