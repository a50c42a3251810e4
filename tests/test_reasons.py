"""Every window without a label says why, in words that a user can act on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.session import default_bundle, demo_recording
from mdjpt.bundle.bundle import load_bundle
from mdjpt.calibration.decoder import Decoded, EmotionDecoder, Estimate
from mdjpt.calibration.novelty import NOISES, noise
from mdjpt.recordings import read_recording
from mdjpt.signal.montage import short_name
from mdjpt.signal.quality import Quality
from streaming import reasons
from streaming.pipeline import Pipeline
from streaming.sources.recording import RecordingSource
from streaming.sources.simulated import SimulatedSource
from streaming.sources.source_spec import parse_source
from streaming.stream import StreamInfo
from tests.support.fakes import NAMES, PowerDecoder, ScriptedSource, cut, eeg_like

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.signal.window import OwnElectrodes
    from streaming.inference import WindowDecoder
    from streaming.prediction import Prediction
    from streaming.stream import Chunk, Source

SFREQ = 160.0
LOST_FROM, N_LOST = 3200, 12
EEG = Path(__file__).parent / "data" / "science_eeg.npz"


@pytest.fixture(scope="module")
def eeg() -> NDArray[np.float32]:
    """Return 40 s of a real head, 8 electrodes."""
    with np.load(EEG) as arrays:
        return arrays["samples"].astype(np.float32)


@pytest.fixture(scope="module")
def demo() -> EmotionDecoder:
    return EmotionDecoder(load_bundle(default_bundle()), hop_s=0.5)


def shown(source: Source, decoder: WindowDecoder | None = None) -> list[Prediction]:
    """Return what the live path says of a source; each prediction has a label or a reason."""
    said = [a.prediction for a in Pipeline(source, decoder or PowerDecoder(), hop_s=0.5).run()]
    assert said
    for p in said:
        assert (p.label is None) == bool(p.reason) == (p.status != "ok")
    return said


def predictions(
    samples: NDArray[np.float32] | list[Chunk],
    decoder: WindowDecoder | None = None,
    names: tuple[str, ...] = NAMES,
) -> list[Prediction]:
    chunks = samples if isinstance(samples, list) else cut(samples, (), SFREQ)
    info = StreamInfo("test", names, SFREQ, lossless=True)
    return shown(ScriptedSource(chunks, info), decoder)


def test_warming_up_counts_the_seconds_down() -> None:
    chunks = cut(eeg_like(8, 12 * 125), (), 125.0)
    said = shown(ScriptedSource(chunks, StreamInfo("test", NAMES, 125.0, lossless=True)))
    assert [p.reason for p in said] == [
        *(f"warming up, {left} s left" for left in (5, 5, 4, 4, 3, 3, 2, 2, 1, 1)),
        *("" for _ in range(5)),
    ]


def test_lost_samples_are_counted_with_the_time_that_has_passed(eeg: NDArray[np.float32]) -> None:
    head = cut(eeg[:, :LOST_FROM], (), SFREQ)
    tail = cut(eeg[:, LOST_FROM:], (), SFREQ, first_sample=LOST_FROM + N_LOST)
    gaps = {p.end_s: p.reason for p in predictions([*head, *tail]) if p.status == "gap"}
    assert gaps[20.5] == "12 samples lost 0.4 s ago; back in 5 s"
    assert gaps[21.5] == "12 samples lost 1.4 s ago; back in 4 s"
    assert gaps[25.0] == "12 samples lost 4.9 s ago; back in 1 s"
    assert max(gaps) == 25.0


def test_a_gap_says_how_many_samples_of_its_window_it_took(eeg: NDArray[np.float32]) -> None:
    head, tail = eeg[:, :LOST_FROM], eeg[:, LOST_FROM:]
    chunks = [*cut(head, (), SFREQ), *cut(tail, (), SFREQ, first_sample=LOST_FROM + 1600)]
    gaps = {p.end_s: p.reason for p in predictions(chunks) if p.status == "gap"}
    assert gaps[20.5] == "80 samples lost just now; back in 5 s"
    assert gaps[28.0] == "800 samples lost just now; back in 5 s"
    assert gaps[31.0] == "640 samples lost 1.0 s ago; back in 4 s"
    assert reasons.samples_lost(1, 2.0).startswith("1 sample lost 2.0 s ago")


@pytest.mark.parametrize(
    ("rows", "fault", "said"),
    [
        (6, "mains", "mains on 6 of 8 electrodes"),
        (8, "mains", "mains on all 8 electrodes"),
        (5, "flat", "flat on 5 of 8 electrodes"),
        (5, "nan", "not finite on 5 of 8 electrodes"),
        (6, "railed", "at the rail on 6 of 8 electrodes"),
        (7, "noisy", "noisy on 7 of 8 electrodes"),
    ],
)
def test_a_bad_signal_is_told_by_its_cause(
    eeg: NDArray[np.float32], rows: int, fault: str, said: str
) -> None:
    """Real EEG on which the fault comes after 20 s."""
    bad = spoiled(eeg[:rows, 3200:], fault)
    samples = np.hstack([eeg[:, :3200], np.vstack([bad, eeg[rows:, 3200:]])])
    newest = predictions(samples)[-1]
    assert (newest.status, newest.reason) == ("bad_signal", said)
    assert newest.quality == Quality(8 - rows, NAMES[:rows], (fault,) * rows)


def spoiled(eeg: NDArray[np.float32], fault: str) -> NDArray[np.float32]:
    turn = 2 * np.pi * np.arange(eeg.shape[1]) / SFREQ
    made = {
        # That swells and fades with a loose cable, so that no notch takes it out.
        "mains": eeg + 2000 * np.sin(2.5 * turn) * np.sin(50 * turn),
        "flat": 0 * eeg,
        "nan": eeg + np.nan,
        "railed": 0 * eeg + 187_500.0,
        "noisy": 40 * eeg,
    }
    return made[fault].astype(np.float32)


def test_few_bad_electrodes_are_named_and_every_cause_is_told(eeg: NDArray[np.float32]) -> None:
    samples = eeg.copy()
    samples[0] += np.nan
    samples[[1, 4, 6]] = 0.0
    samples[7] = spoiled(eeg[7:], "mains")
    names = ("Fc5.", "EEG T7-REF", *NAMES[2:])
    newest = predictions(samples, names=names)[-1]
    assert newest.reason == "flat: T7-REF, P3, O1; not finite: Fc5; mains: O2"
    assert newest.quality.bad == ("Fc5.", "EEG T7-REF", "P3", "O1", "O2"), "as the stream says"


def test_electrodes_are_counted_from_the_fourth_on() -> None:
    bad = ("T7", "T8", "P7", "P8", "O1")
    quality = Quality(9, bad, ("flat",) * 5)
    assert reasons.bad_electrodes(quality) == "flat: T7, T8, and 3 more"
    assert reasons.bad_electrodes(replace(quality, good=4)) == "flat on 5 of 9 electrodes"
    assert reasons.bad_electrodes(Quality(1, bad[:2], ("flat", "nan"))) == (
        "flat: T7; not finite: T8"
    )


def test_an_electrode_that_is_back_since_a_moment_is_not_called_good_without_a_cause() -> None:
    """What it missed lies in front of the window, where it still disturbs the filters."""
    samples = eeg_like(8, 40 * 160)
    samples[:6, :3240] = np.nan
    found = {p.end_s: p for p in predictions(samples)}
    assert found[26.0].reason == "not finite on 6 of 8 electrodes"
    assert found[28.0].quality.bad == ()


@pytest.mark.parametrize("kind", ["white", "common"])
def test_input_that_comes_from_no_head_is_called_so(kind: str) -> None:
    assert kind in NOISES
    samples = noise(kind, 8, 30 * 160, SFREQ, np.random.default_rng(0))
    said = predictions(samples)
    assert {(p.status, p.reason) for p in said} == {("unsure", reasons.NO_FIELD)}


class Doubtful(PowerDecoder):
    """Answers every window alike, with a threshold of 0.48."""

    abstain_below = 0.48

    def __init__(
        self, probabilities: dict[str, float], *, familiar: bool = True, session: float = 1.0
    ) -> None:
        super().__init__()
        self._probabilities, self._familiar, self._session = probabilities, familiar, session

    def decode(
        self, window: NDArray[np.float32], index: int, own: OwnElectrodes | None = None
    ) -> Decoded:
        feature = super().decode(window, index, own).feature
        estimate = Estimate(np.zeros(3), np.full(3, 1 / 3), 9.0, self._familiar, {})
        return Decoded(feature, self._probabilities, {}, estimate, self._session)


UNCLEAR = {"calm": 0.41, "sad": 0.3, "happy": 0.29}


def test_an_answer_that_is_not_clear_enough_says_by_how_much(eeg: NDArray[np.float32]) -> None:
    newest = predictions(eeg, Doubtful(UNCLEAR))[-1]
    assert (newest.status, newest.reason) == ("unsure", "confidence 0.41 below 0.48")
    assert newest.probabilities == UNCLEAR
    close = {"calm": 0.47961, "sad": 0.3, "happy": 0.22039}
    assert predictions(eeg, Doubtful(close))[-1].reason == "confidence 0.4796 below 0.4800"


def test_doubt_in_a_session_unlike_the_calibration_says_what_to_do(
    eeg: NDArray[np.float32],
) -> None:
    said = predictions(eeg, Doubtful(UNCLEAR, session=0.4))[-1].reason
    assert said == f"confidence 0.41 below 0.48; {reasons.UNLIKE_SESSION}"


def test_a_label_that_is_held_while_another_leads_a_little_names_both() -> None:
    leading = {"calm": 0.45, "sad": 0.47, "happy": 0.08}
    said = reasons.not_clear_enough(leading, "calm", 0.48)
    assert said == "sad 0.47, calm 0.45: neither leads clearly"


@pytest.mark.parametrize(
    ("calibrated", "said"),
    [
        (False, "unlike anything that the model knows"),
        (True, "unlike anything in the calibration"),
    ],
)
def test_a_window_unlike_anything_says_so(
    eeg: NDArray[np.float32], calibrated: bool, said: str
) -> None:
    decoder = Doubtful(UNCLEAR, familiar=False)
    decoder.calibrated = calibrated
    newest = predictions(eeg, decoder)[-1]
    assert (newest.status, newest.reason) == ("unsure", said)


def test_a_model_without_a_head_and_one_that_gives_no_numbers_say_so(
    eeg: NDArray[np.float32],
) -> None:
    assert predictions(eeg, Doubtful({}))[-1].reason == reasons.NO_HEAD
    newest = predictions(eeg, Doubtful({"calm": np.nan, "sad": 1.0}))[-1]
    assert (newest.status, newest.reason) == ("bad_signal", reasons.NO_ANSWER)


# Models and people that are simulated


def test_the_demo_model_labels_no_real_brain(demo: EmotionDecoder) -> None:
    """A recording of PhysioNet: probabilities as before, and what would give a label."""
    source = RecordingSource(read_recording(demo_recording()), speed="max")
    decoded = [p for p in shown(source, demo) if p.probabilities]
    assert len(decoded) == 41
    assert {(p.status, p.reason) for p in decoded} == {
        ("unsure", reasons.only_simulated(calibrated=False))
    }
    assert "has only seen simulated people: calibrate" in decoded[0].reason
    assert all(p.confidence > demo.abstain_below for p in decoded[:3]), "it would have labelled"
    assert all(p.to_json()["simulated_parts"] == ["model"] for p in decoded)


def test_the_demo_model_labels_a_simulated_participant(demo: EmotionDecoder) -> None:
    spec = parse_source("sim:?seed=7&n_channels=16&duration=20")
    said = shown(SimulatedSource.from_spec(spec, montage=None, speed=float("inf")), demo)
    assert "ok" in {p.status for p in said}
    assert all(p.simulated_parts == ("signal", "model") for p in said)


@pytest.mark.parametrize(
    ("simulated", "calibrated", "labels"),
    [
        ((), False, True),
        (("model",), False, False),
        (("model",), True, True),
        (("model", "person"), True, False),
        (("person",), True, False),
    ],
)
def test_a_real_brain_is_labelled_by_what_has_seen_one(
    eeg: NDArray[np.float32], simulated: tuple[str, ...], calibrated: bool, labels: bool
) -> None:
    """With a calibration it is the person that counts: a real one may build on the demo model."""
    decoder = PowerDecoder()
    decoder.simulated, decoder.calibrated = simulated, calibrated
    newest = predictions(eeg, decoder)[-1]
    assert newest.simulated_parts == simulated
    assert newest.simulated == bool(simulated)
    if labels:
        assert newest.status == "ok"
    else:
        assert newest.reason == reasons.only_simulated(calibrated=calibrated)


def test_a_calibration_of_a_simulated_person_says_whom_to_calibrate() -> None:
    said = reasons.only_simulated(calibrated=True, how="mdjpt calibrate-live")
    assert said == (
        "this calibration is of a simulated person: calibrate as somebody new "
        "(mdjpt calibrate-live), or choose another"
    )


@pytest.mark.parametrize(
    ("label", "short"),
    [("EEG Fp1-REF", "Fp1-REF"), ("Fc5.", "Fc5"), ("O2", "O2"), ("eeg T7", "T7")],
)
def test_an_electrode_goes_by_its_name_without_decoration(label: str, short: str) -> None:
    assert short_name(label) == short
