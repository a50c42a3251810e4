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
from mdjpt.calibration.profile import (
    MAX_VERSIONS,
    PROFILE_FILE,
    Profile,
    load_profile,
    load_profile_about,
    new_pseudonym,
    save_profile,
)
from mdjpt.calibration.selection import CANDIDATES
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.errors import ProfileError
from streaming.decoder import alignment_status
from tests.support.calibration_cases import eeg_windows, labelled, small_bundle

BUNDLE = small_bundle()
DATA = labelled(n_per_class=6, effect=3.0)
DECODER = train_personal_decoder(DATA, candidates=CANDIDATES[:1])


def profile_of(decoder=DECODER, **changes):
    fields = {
        "participant": "P-01",
        "bundle_sha256": BUNDLE.sha256,
        "simulated": True,
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


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
def test_a_profile_comes_back_as_it_was_saved(candidate, tmp_path):
    decoder = replace(
        train_personal_decoder(DATA, candidates=(candidate,), before=0.4),
        alignment=AlignmentConfig("rows", memory_s=100.0),
        alignment_state={"first_rows.mean": np.arange(3.0)},
        notes=("a note",),
    )
    path = tmp_path / "p.safetensors"
    saved = profile_of(decoder)
    save_profile(path, saved)
    loaded = load_profile(path, BUNDLE)
    fields = (loaded.participant, loaded.bundle_sha256, loaded.simulated, loaded.active)
    assert fields == ("P-01", BUNDLE.sha256, True, 0)
    ours, theirs = loaded.current, decoder
    for name in ("class_names", "kind", "temperature", "abstain_below", "novelty_limit"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (ours.evidence, ours.alignment, ours.notes) == (
        theirs.evidence,
        theirs.alignment,
        ("a note",),
    )
    assert [name for name, _ in ours.compared] == [name for name, _ in theirs.compared]
    np.testing.assert_array_equal(ours.alignment_state["first_rows.mean"], np.arange(3.0))
    np.testing.assert_array_equal(
        ours.predict_proba(DATA.features), theirs.predict_proba(DATA.features)
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
    second = replace(DECODER, abstain_below=0.9)
    grown = profile.with_version(second)
    assert (len(grown.versions), grown.active) == (2, 1)
    assert grown.current.abstain_below == 0.9
    assert replace(grown, active=0).current is DECODER
    for _ in range(MAX_VERSIONS + 3):
        grown = grown.with_version(second)
    assert len(grown.versions) == MAX_VERSIONS


def test_versions_survive_the_file(tmp_path):
    path = tmp_path / "p.safetensors"
    grown = profile_of().with_version(replace(DECODER, abstain_below=0.9))
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
    [(0, "calibrate again"), (2, "fine-tuned encoder"), (3, "update mdjpt-live"), ("x", "update")],
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
    "kind": lambda about: about["versions"][0].update(kind="magic"),
    "class_names": lambda about: about["versions"][0].update(class_names=["a"]),
    "temperature": lambda about: about["versions"][0].update(temperature=-1),
    "evidence": lambda about: about["versions"][0].update(evidence={}),
    "alignment": lambda about: about["versions"][0].update(alignment={"kind": "magic"}),
    "affect": lambda about: about["versions"][0].update(affect={"names": ["x"], "agreement": []}),
    "compared": lambda about: about["versions"][0].update(compared=[["lda", 10**400]]),
    "notes": lambda about: about["versions"][0].update(notes=json.loads(300 * "[" + 300 * "]")),
    "active": lambda about: about.update(active=5),
    "simulated": lambda about: about.update(simulated="no"),
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
    assert (version.class_names, version.kind) == (DECODER.class_names, DECODER.kind)
    assert version.evidence == DECODER.evidence


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


SAID = set(SPOILED) - {"class_names", "temperature", "alignment", "affect"}


@pytest.mark.parametrize("what", sorted(SAID))
def test_what_a_profile_cannot_say_is_refused_without_its_decoders(path, what):
    refuses_spoiled(load_profile_about, path, what)


NO_NUMBERS = ["NaN", "1e999", "-1e999", "1" + 400 * "0", "9" * 5000, 900 * "[" + 900 * "]"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, 10**5 * "[" + 10**5 * "]"], ids=lambda t: t[:7])
@pytest.mark.parametrize("where", ["temperature", "compared"])
def test_a_number_that_is_none_in_a_profile_is_damage(path, text, where):
    mark = 0.123454321
    value = mark if where == "temperature" else [["lda", mark]]
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


def test_a_profile_decodes_live_as_it_was_trained():
    features = BUNDLE.encoder().feature(eeg_windows(30), stats=BUNDLE.row_stats)
    data = replace(DATA, features=np.resize(features, (len(DATA.trial), features.shape[1])))
    decoder = train_personal_decoder(data, candidates=CANDIDATES[:1])
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(decoder))
    assert model.class_names == DATA.class_names
    assert model.simulated
    before = model.state_dict()
    answer = model.decode(eeg_windows(30)[0])
    np.testing.assert_allclose(
        list(answer.probabilities.values()),
        decoder.predict_proba(answer.feature[None])[0],
        rtol=1e-5,
    )
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert set(answer.affect) <= {"valence", "arousal"}


def test_the_aligners_of_a_profile_may_go_on_learning():
    features = BUNDLE.encoder().feature(eeg_windows(30), stats=BUNDLE.row_stats)
    data = replace(DATA, features=np.resize(features, (len(DATA.trial), features.shape[1])))
    decoder = replace(
        train_personal_decoder(data, candidates=CANDIDATES[:1]),
        alignment=AlignmentConfig("moments"),
    )
    model = EmotionDecoder(BUNDLE, 0.5, profile=profile_of(decoder), keep_learning=True)
    model.decode(eeg_windows(30)[0])
    assert model.gauge.effective_windows == pytest.approx(0.1, rel=0.02)


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
    features = BUNDLE.encoder().feature(eeg_windows(30), stats=BUNDLE.row_stats)
    data = replace(DATA, features=np.resize(features, (len(DATA.trial), features.shape[1])))
    personal = train_personal_decoder(data, candidates=CANDIDATES[:1])
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
