"""A profile comes back as it was saved, and every other file is refused in one line."""

from __future__ import annotations

import json
import os
import stat
import struct
from dataclasses import replace

import numpy as np
import pytest

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.bundle.checked_file import read_checked, write_checked
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.families.windows import OwnWindows
from mdjpt.calibration.heads import GeneralHead
from mdjpt.calibration.pooled_decoder import UNFAMILIAR
from mdjpt.calibration.profile import (
    MAX_VERSIONS,
    PROFILE_FILE,
    Profile,
    activate_version,
    load_profile,
    load_profile_about,
    new_pseudonym,
    save_profile,
)
from mdjpt.calibration.session_centre import PooledStream
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.errors import ProfileError
from mdjpt.signal.filters import N_TIMES
from mdjpt.signal.window import OwnElectrodes
from streaming.decoder import alignment_status
from tests.support.calibration_cases import (
    CAP,
    eeg_windows,
    labelled,
    small_bundle,
    with_electrodes,
)

BUNDLE = small_bundle()
DATA = labelled(n_per_class=6, effect=3.0)
DECODER = replace(train_personal_decoder(DATA), simulated=True)
OWN = with_electrodes(DATA)
OWN_DECODER = replace(train_personal_decoder(OWN), simulated=True)


def surer(decoder, threshold):
    return replace(decoder, coverage=replace(decoder.coverage, threshold=threshold))


def profile_of(decoder=DECODER, **changes):
    fields = {
        "participant": "P-01",
        "bundle_sha256": BUNDLE.sha256,
        "versions": (decoder,),
        "active": 0,
    }
    return Profile(**(fields | changes))


def describe_anew(path, change):
    """Write a profile's file again with another description; its arrays stay."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    entry = json.loads(header["__metadata__"]["mdjpt-profile"])
    change(entry)
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    header["__metadata__"]["mdjpt-profile"] = canonical
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def write_over(path, old, new):
    """Put `new` in the place of `old` in the header of a profile's file."""
    content = path.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    text = content[8:end].decode()
    assert old in text
    text = text.replace(old, new)
    text += " " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + content[end:])


@pytest.fixture
def path(tmp_path):
    save_profile(tmp_path / "p.safetensors", profile_of())
    return tmp_path / "p.safetensors"


def test_a_person_is_simulated_by_the_version_in_use(path):
    both = load_profile(path).with_version(replace(DECODER, simulated=False))
    save_profile(path, both)
    assert not load_profile_about(path).simulated
    assert "person" not in EmotionDecoder(BUNDLE, 0.5, profile=load_profile(path)).simulated
    activate_version(path, 0)
    assert load_profile_about(path).simulated
    assert "person" in EmotionDecoder(BUNDLE, 0.5, profile=load_profile(path)).simulated


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("data", [DATA, OWN], ids=["encoder", "electrodes"])
def test_a_profile_comes_back_as_it_was_saved(anchored, data, tmp_path):
    general = GeneralHead(BUNDLE.head, np.eye(3), BUNDLE.temperature) if anchored else None
    decoder = replace(
        train_personal_decoder(data, general=general, before=0.4),
        alignment=AlignmentConfig("rows", memory_s=100.0),
        alignment_state={"first_rows.mean": np.arange(3.0)},
        notes=("a note",),
        simulated=True,
    )
    path = tmp_path / "p.safetensors"
    saved = profile_of(decoder)
    save_profile(path, saved)
    loaded = load_profile(path, BUNDLE)
    fields = (loaded.participant, loaded.bundle_sha256, loaded.simulated, loaded.active)
    assert fields == ("P-01", BUNDLE.sha256, True, 0)
    ours, theirs = loaded.current, decoder
    assert ours.about == theirs.about
    assert ours.pool.coverage == theirs.coverage
    np.testing.assert_array_equal(ours.alignment_state["first_rows.mean"], np.arange(3.0))
    np.testing.assert_array_equal(
        ours.predict_proba(data.windows), theirs.predict_proba(data.windows)
    )
    np.testing.assert_array_equal(
        ours.affect.predict(ours.standardise(DATA.features)),
        theirs.affect.predict(theirs.standardise(DATA.features)),
    )


def test_only_its_owner_may_read_a_profile(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["p.safetensors"]


def test_versions_are_kept_and_the_newest_is_in_use():
    profile = profile_of()
    second = surer(DECODER, 0.9)
    grown = profile.with_version(second)
    assert (len(grown.versions), grown.active) == (2, 1)
    assert grown.current.abstain_below == 0.9
    assert replace(grown, active=0).current is DECODER
    for _ in range(MAX_VERSIONS + 3):
        grown = grown.with_version(second)
    assert len(grown.versions) == MAX_VERSIONS


def test_versions_survive_the_file(tmp_path):
    path = tmp_path / "p.safetensors"
    grown = profile_of().with_version(surer(DECODER, 0.9))
    save_profile(path, replace(grown, active=0))
    loaded = load_profile(path)
    assert [v.abstain_below for v in loaded.versions] == [DECODER.abstain_below, 0.9]
    assert loaded.active == 0


def test_a_profile_of_another_model_is_foreign(path):
    other = replace(BUNDLE, sha256="cd" * 32)
    with pytest.raises(ProfileError, match="was made for the model abababab"):
        load_profile(path, other)
    with pytest.raises(ProfileError, match="calibrate again"):
        EmotionDecoder(other, 0.5, profile=profile_of())


def test_a_model_that_gained_a_statistic_goes_on_with_the_profiles_it_had(path, tmp_path):
    grown = replace(BUNDLE, features_of=BUNDLE.sha256, sha256="")
    grown = save_bundle(tmp_path / "grown.safetensors", grown)
    assert grown.sha256 != BUNDLE.sha256
    again = load_bundle(tmp_path / "grown.safetensors")
    profile = load_profile(path, again)
    assert EmotionDecoder(again, 0.5, profile=profile).class_names == DATA.class_names
    with pytest.raises(ValueError, match="features_of"):
        replace(BUNDLE, features_of="the one before")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ProfileError, match="no such profile"):
        load_profile(tmp_path / "none.safetensors")
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile(tmp_path)
    with pytest.raises(ProfileError, match="cannot be written"):
        save_profile(tmp_path / "no" / "p.safetensors", profile_of())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_profile(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for read in (load_profile, load_profile_about):
        with pytest.raises(ProfileError, match="no regular file"):
            read(tmp_path / "pipe.safetensors")


def test_a_bundle_is_no_profile():
    from app.session import default_bundle

    with pytest.raises(ProfileError, match="no profile of a participant"):
        load_profile(default_bundle())


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (0, "calibrate again"),
        (1, "before decoders looked at the person's own electrodes.*calibrate again"),
        (2, "fine-tuned encoder.*calibrate again"),
        (3, "calibrations of simulated people.*calibrate again"),
        (5, "update mdjpt-live"),
        ("x", "update"),
    ],
)
def test_another_format_version_is_named(path, version, words):
    describe_anew(path, lambda entry: entry.update(format_version=version))
    with pytest.raises(ProfileError, match=words) as error:
        load_profile(path)
    assert "\n" not in str(error.value)


def test_no_damage_is_believed_and_every_refusal_is_one_line(path):
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for k in range(300):
        damaged = bytearray(whole)
        if k % 3 == 0:
            damaged = damaged[: rng.integers(len(damaged))]
        else:
            where = rng.integers(len(damaged) if k % 3 == 1 else 1000)
            damaged[where] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ProfileError) as error:
            load_profile(path)
        assert "\n" not in str(error.value)


SPOILED = {
    "families": lambda about: about["versions"][0].update(families=["magic"]),
    "no families": lambda about: about["versions"][0].update(families=[]),
    "ch_names": lambda about: about["versions"][0].update(ch_names="Fp1"),
    "smoothing_s": lambda about: about["versions"][0].update(smoothing_s=-1),
    "class_names": lambda about: about["versions"][0].update(class_names=["a"]),
    "coverage": lambda about: about["versions"][0].update(coverage={"threshold": 2}),
    "evidence": lambda about: about["versions"][0].update(evidence={}),
    "alignment": lambda about: about["versions"][0].update(alignment={"kind": "magic"}),
    "affect": lambda about: about["versions"][0].update(affect={"names": ["x"], "agreement": []}),
    "compared": lambda about: about["versions"][0].update(compared=[["encoded", 10**400]]),
    "notes": lambda about: about["versions"][0].update(notes=json.loads(300 * "[" + 300 * "]")),
    "active": lambda about: about.update(active=5),
    "simulated": lambda about: about["versions"][0].update(simulated="no"),
    "participant": lambda about: about.update(participant="Ada Lovelace"),
    "bundle_sha256": lambda about: about.update(bundle_sha256="x"),
    "versions": lambda about: about.update(versions=[]),
    "nothing": lambda about: about.clear(),
}


NO_EVIDENCE = {
    "n_trials": 0,
    "n_correct": 1000,
    "low": "much",
    "before": 1000,
    "p_value": None,
    "two\nlines": 0.5,
}
SPOILED |= {
    what: lambda about, what=what, value=value: about["versions"][0]["evidence"].update(
        {what: value}
    )
    for what, value in NO_EVIDENCE.items()
}


def refuses_spoiled(read, path, what):
    arrays, about = read_checked(path, PROFILE_FILE)[:2]
    SPOILED[what](about)
    write_checked(path, PROFILE_FILE, arrays, about)
    with pytest.raises(ProfileError, match="unusable profile") as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", list(SPOILED))
def test_a_sound_file_with_impossible_content_is_refused(path, what):
    refuses_spoiled(load_profile, path, what)


def test_a_profile_says_what_it_holds_without_its_decoders(path):
    about = load_profile_about(path)
    assert (about.participant, about.bundle_sha256, about.simulated) == (
        "P-01",
        BUNDLE.sha256,
        True,
    )
    (version,) = about.versions
    assert version == DECODER.about


def test_no_damage_to_what_a_profile_says_is_believed(path):
    whole = path.read_bytes()
    header_ends = 8 + struct.unpack("<Q", whole[:8])[0]
    told = load_profile_about(path)
    rng = np.random.default_rng(1)
    n_refused = 0
    for k in range(600):
        damaged = bytearray(whole)
        if k % 3 == 0:
            damaged = damaged[: rng.integers(len(damaged))]
        else:
            damaged[rng.integers(header_ends)] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert load_profile_about(path) == told
        except ProfileError as error:
            assert "\n" not in str(error)  # noqa: PT017
            n_refused += 1
    # A flipped bit in an array's name is of no concern to who reads no arrays.
    assert n_refused > 400


def test_a_profile_without_a_checksum_of_its_header_is_read_whole(path):
    describe_anew(path, lambda entry: entry.pop("about_sha256"))
    older = path.read_bytes()
    assert load_profile_about(path).participant == "P-01"
    assert load_profile(path).participant == "P-01"
    path.write_bytes(older[:-1] + bytes([older[-1] ^ 1]))
    with pytest.raises(ProfileError, match="damaged"):
        load_profile_about(path)


SAID = set(SPOILED) - {"class_names", "families", "alignment", "affect"}


@pytest.mark.parametrize("what", sorted(SAID))
def test_what_a_profile_cannot_say_is_refused_without_its_decoders(path, what):
    refuses_spoiled(load_profile_about, path, what)


NO_NUMBERS = ["NaN", "1e999", "-1e999", "1" + 400 * "0", "9" * 5000, 900 * "[" + 900 * "]"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, 10**5 * "[" + 10**5 * "]"], ids=lambda t: t[:7])
@pytest.mark.parametrize("where", ["smoothing_s", "compared"])
def test_a_number_that_is_none_in_a_profile_is_damage(path, text, where):
    mark = 0.123454321
    value = mark if where == "smoothing_s" else [["encoded", mark]]
    describe_anew(path, lambda entry: entry["about"]["versions"][0].update({where: value}))
    write_over(path, str(mark), text)
    for read in (load_profile, load_profile_about):
        with pytest.raises(ProfileError, match="damaged") as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda t: t[:7])
def test_an_array_that_ends_nowhere_is_damage(path, text):
    content = path.read_bytes()
    end = struct.unpack("<Q", content[:8])[0]
    offset = json.loads(content[8 : 8 + end])["0.feature.mean"]["data_offsets"][1]
    write_over(path, f",{offset}]", f",{text}]")
    for read in (load_profile, load_profile_about):
        with pytest.raises(ProfileError, match="damaged"):
            read(path)


def test_a_pseudonym_is_random_and_no_name():
    assert new_pseudonym() != new_pseudonym()
    with pytest.raises(ValueError, match="pseudonym"):
        profile_of(participant="Ada Lovelace, born 1815")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    save_profile(path, profile_of(OWN_DECODER))
    arrays, about = read_checked(path, PROFILE_FILE)[:2]
    for name, array in arrays.items():
        without = {other: a for other, a in arrays.items() if other != name}
        hole = np.full((3, 1), -1 if array.dtype.kind == "i" else np.nan, array.dtype)
        more = np.concatenate([array.reshape(-1, *array.shape[-2:])] * 2)
        for spoiled in (without, arrays | {name: hole}, arrays | {name: more}):
            write_checked(path, PROFILE_FILE, spoiled, about)
            with pytest.raises(ProfileError, match="unusable profile") as error:
                load_profile(path)
            assert "\n" not in str(error.value)


def encoded_trials(data):
    """Return the trials with the encoder's features of real windows, and these windows."""
    windows = eeg_windows(30)
    features = BUNDLE.encoder().feature(windows, stats=BUNDLE.row_stats)
    size = (len(data.trial), features.shape[1])
    return replace(data, features=np.resize(features, size)), windows


@pytest.mark.parametrize("with_own", [False, True])
def test_a_profile_decodes_live_as_it_was_trained(with_own):
    data, windows = encoded_trials(OWN if with_own else DATA)
    decoder = train_personal_decoder(data)
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(decoder))
    assert model.class_names == DATA.class_names
    assert model.simulated
    own = data.own[:30] or [None] * 30
    answers = [model.decode(w, k, o) for k, (w, o) in enumerate(zip(windows, own, strict=True))]
    features = np.stack([answer.feature for answer in answers])
    judged = decoder.pool.judge(OwnWindows.of(data.own[:30], features))
    stream = PooledStream(decoder.pool.centre, 0.5, decoder.smoothing_s)
    for answer, logits, trust in zip(answers, *judged, strict=True):
        assert answer.estimate.familiar == (trust >= UNFAMILIAR)
        np.testing.assert_allclose(answer.estimate.logits, logits, atol=1e-6)
        shown = stream.step(logits, trust) if answer.estimate.familiar else np.full(3, 1 / 3)
        np.testing.assert_allclose(list(answer.probabilities.values()), shown, atol=1e-6)
        assert set(answer.affect) <= {"valence", "arousal"}
    with pytest.raises(ValueError, match="not the encoder's features alone"):
        model.decode_feature(features[0])
    if with_own:
        with pytest.raises(ValueError, match="needs the person's own electrodes"):
            model.decode(windows[0])


def test_the_electrodes_of_another_cap_are_found_by_their_names():
    data, windows = encoded_trials(OWN)
    decoder = train_personal_decoder(data)
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(decoder))
    own = data.own[0]
    expected = model.decode(windows[0], 0, own).estimate.logits
    order = [4, 0, 5, 2, 1, 3]
    mixed = OwnElectrodes(own.samples[order], own.good[order], tuple(CAP[k] for k in order))
    more = OwnElectrodes(
        np.vstack([np.full((1, N_TIMES), 900, np.float32), mixed.samples]),
        np.append(True, mixed.good),
        ("Pz", *mixed.ch_names),
    )
    for other in (mixed, more):
        model.reset()
        np.testing.assert_array_equal(model.decode(windows[0], 0, other).estimate.logits, expected)
    bad = OwnElectrodes(own.samples, own.good & (np.arange(6) < 4), CAP)
    fewer = OwnElectrodes(own.samples[:4], own.good[:4], CAP[:4])
    np.testing.assert_array_equal(
        model.decode(windows[0], 0, fewer).estimate.logits,
        model.decode(windows[0], 0, bad).estimate.logits,
    )
    with pytest.raises(ProfileError, match=r"2 of the 6 electrodes .* \(not C3, C4, O1, O2\)"):
        model.decode(windows[0], 0, OwnElectrodes(own.samples[:2], own.good[:2], CAP[:2]))


def test_a_profile_labels_no_noise():
    data, windows = encoded_trials(OWN)
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(train_personal_decoder(data)))
    own = data.own[0]
    loud = OwnElectrodes(
        np.random.default_rng(0).normal(0, 300, own.samples.shape).astype(np.float32), own.good, CAP
    )
    answer = model.decode(windows[0], 0, loud)
    assert not answer.estimate.familiar
    assert answer.affect == {}
    assert max(answer.probabilities.values()) < model.abstain_below
    nothing = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(OWN_DECODER)).state_dict()
    assert model.state_dict().keys() == nothing.keys()
    np.testing.assert_array_equal(model.state_dict()["session.weight_s"], 0.0)


def test_a_decoder_of_a_person_goes_on_where_the_session_was_centred():
    data, windows = encoded_trials(OWN)
    profile = profile_of(train_personal_decoder(data))
    first, second = (EmotionDecoder(BUNDLE, 0.5, profile=profile) for _ in range(2))
    for k in range(20):
        first.decode(windows[k], k, data.own[k])
    state = first.state_dict()
    assert state["session.weight_s"].sum() == pytest.approx(10.0, rel=0.1)
    second.load_state_dict(state)
    first.reset()
    for k in range(20, 25):
        ours, theirs = (d.decode(windows[k], k, data.own[k]).probabilities for d in (second, first))
        assert ours == theirs
    with pytest.raises(ValueError, match=r"mean|weight"):
        second.load_state_dict({name: a for name, a in state.items() if name != "session.mean"})


def test_a_window_like_nothing_known_is_neither_labelled_nor_learned():
    model = EmotionDecoder(BUNDLE, 0.5, AlignmentConfig("moments"))
    window = np.random.default_rng(0).standard_normal((60, 625)).astype(np.float32)
    answer = model.decode(20 * window)
    assert answer.estimate.novelty > model.novelty_limit
    assert max(answer.probabilities.values()) < model.abstain_below
    assert model.gauge.effective_windows == 0.0
    assert model.decode(eeg_windows(1)[0]).estimate.familiar
    assert model.gauge.effective_windows > 0.0


def test_a_profile_without_room_for_its_alignment_is_refused():
    decoder = replace(
        DECODER,
        alignment=AlignmentConfig("rows"),
        alignment_state={"first_rows.mean": np.zeros(3)},
    )
    with pytest.raises(ProfileError, match="unusable profile"):
        EmotionDecoder(BUNDLE, 0.5, profile=profile_of(decoder))


def test_valence_and_arousal_are_told_live_and_smoothed():
    data, _ = encoded_trials(DATA)
    personal = train_personal_decoder(data)
    assert DECODER.affect is not None
    personal = replace(personal, affect=DECODER.affect)
    decoder = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(personal))
    windows = eeg_windows(4)
    told = [decoder.decode(window, k).affect for k, window in enumerate(windows)]
    assert all(set(one) == {"valence"} for one in told)
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(personal))
    own = [model.decode(window).estimate.affect["valence"] for window in windows]
    keep = np.exp(-0.5 / 3.0)
    assert told[0]["valence"] == pytest.approx(own[0])
    assert told[1]["valence"] == pytest.approx(keep * own[0] + (1 - keep) * own[1])
    assert EmotionDecoder(BUNDLE, 0.5).decode(windows[0], 0).affect == {}


def test_a_decoder_goes_on_with_what_another_learned():
    first, second = (EmotionDecoder(BUNDLE, 0.5, AlignmentConfig("moments")) for _ in range(2))
    for k, window in enumerate(eeg_windows(6, gain=1.4)):
        first.decode(window, k)
    second.load_state_dict(first.state_dict())
    assert alignment_status(second) == alignment_status(first)
    assert alignment_status(first).effective_s == pytest.approx(3.0, rel=0.01)
    assert not alignment_status(first).converged
    assert alignment_status(EmotionDecoder(BUNDLE, 0.5)).frozen
