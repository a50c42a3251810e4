import json
import os
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

import mdjpt
from mdjpt.bundle.bundle import BUNDLE_FILE, Bundle, load_bundle, save_bundle
from mdjpt.bundle.checked_file import read_checked, write_checked
from mdjpt.bundle.description import describe, verify
from mdjpt.errors import ModelError
from mdjpt.network.emotion_head import Head
from mdjpt.network.encoder import RowStats
from mdjpt.network.model import EncoderConfig, MdjptNetwork

SMALL = EncoderConfig(embed_dim=16, n_heads=2, ffn_dim=8, n_dims=4, n_mixed=6, n_filters=2)
N_MAPS = SMALL.n_maps


def small_bundle(variant="released", **changes):
    """Return a complete bundle of a small random network."""
    torch.manual_seed(1)
    config = EncoderConfig(**{**SMALL.to_dict(), "variant": variant, "dilations": (1, 3, 6, 12)})
    rng = np.random.default_rng(2)

    def positive(*shape):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)

    rows = RowStats(positive(240), positive(240), positive(24), positive(24))
    fields = {
        "config": config,
        "weights": {k: v.numpy() for k, v in MdjptNetwork(config).state_dict().items()},
        "licence": "BSD-3-Clause",
        "simulated": True,
        "provenance": {"datasets": ["simulated"], "created": "2026-01-01", "code_version": "0"},
        "row_stats": rows,
        "feature_mean": positive(N_MAPS),
        "feature_var": positive(N_MAPS),
        "centroids": positive(2, 4, 6, 6),
        "head": Head.fit(positive(8, N_MAPS), np.arange(8) % 3, n_epochs=1),
        "class_names": ("negative", "neutral", "positive"),
        "temperature": 1.5,
        "abstain_below": 0.4,
        "warnings": ("made for a test",),
    }
    return Bundle(**(fields | changes))


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "small.safetensors"
    save_bundle(path, small_bundle())
    return path


@pytest.fixture
def windows():
    return np.random.default_rng(4).standard_normal((2, 60, 625), np.float32)


def test_a_bundle_comes_back_as_it_was_saved(bundle_path, windows):
    saved, loaded = small_bundle(), load_bundle(bundle_path)
    assert loaded.config == saved.config
    for name in ("licence", "simulated", "provenance", "class_names", "temperature", "warnings"):
        assert getattr(loaded, name) == getattr(saved, name)
    assert (loaded.abstain_below, loaded.variant) == (0.4, "released")
    for name in ("feature_mean", "feature_var", "centroids"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    for ours, theirs in zip(loaded.row_stats, saved.row_stats, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    features = [b.encoder().feature(windows, stats=b.row_stats) for b in (saved, loaded)]
    np.testing.assert_array_equal(*features)
    logits = [
        b.head.logits(b.standardise(f)) for b, f in zip((saved, loaded), features, strict=True)
    ]
    np.testing.assert_array_equal(*logits)


def test_the_public_names_load_and_save(bundle_path, tmp_path):
    again = mdjpt.save_bundle(tmp_path / "again.safetensors", mdjpt.load_bundle(bundle_path))
    assert (tmp_path / "again.safetensors").read_bytes() == bundle_path.read_bytes()
    assert again.sha256 == mdjpt.load_bundle(bundle_path).sha256


def test_a_bare_encoder_is_a_bundle(tmp_path, windows):
    bare = small_bundle(
        row_stats=None,
        feature_mean=None,
        feature_var=None,
        centroids=None,
        head=None,
        class_names=(),
    )
    loaded = load_bundle(_saved(tmp_path, bare))
    assert loaded.row_stats is None
    assert loaded.head is None
    features = loaded.encoder().feature(windows, group_size=1)
    np.testing.assert_array_equal(loaded.standardise(features), features)


def test_metadata_hold_the_input_contract_and_the_checksum(bundle_path):
    metadata = load_bundle(bundle_path).metadata
    assert metadata["input"]["sfreq_hz"] == 125.0
    assert len(metadata["input"]["ch_names"]) == 60
    assert metadata["format_version"] == 1
    assert len(metadata["sha256"]) == 64
    assert json.loads(json.dumps(metadata)) == metadata


def test_a_date_and_a_version_are_added_to_the_provenance(tmp_path):
    saved = save_bundle(tmp_path / "b.safetensors", small_bundle(provenance={}))
    assert saved.provenance.keys() == {"created", "code_version"}


def test_standardised_features_have_the_training_mean_and_variance():
    bundle = small_bundle()
    x = np.random.default_rng(0).standard_normal((500, N_MAPS)) * np.sqrt(bundle.feature_var)
    z = bundle.standardise(x + bundle.feature_mean)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(0), 0, atol=0.2)
    np.testing.assert_allclose(z.var(0), 1, atol=0.3)


def test_a_paper_bundle_serves_both_variants_and_a_released_one_its_own(windows):
    paper = small_bundle("paper")
    own, other = (paper.encoder(v).feature(windows, group_size=1) for v in (None, "released"))
    assert not np.allclose(own, other)
    with pytest.raises(ModelError, match="no weights for the paper variant"):
        small_bundle().encoder("paper")
    with pytest.raises(ValueError, match="variant must be"):
        small_bundle().encoder("other")


def test_the_network_of_a_bundle_can_be_trained_on():
    bundle = small_bundle()
    before = bundle.weights["mixing.weight"].copy()
    network = bundle.network()
    network(torch.randn(2, 60, 625), 2).projection.sum().backward()
    torch.optim.SGD(network.parameters(), lr=1.0).step()
    np.testing.assert_array_equal(bundle.weights["mixing.weight"], before)
    assert not np.array_equal(network.mixing.weight.detach().numpy(), before)


def test_verify_accepts_a_sound_bundle_and_describe_tells_of_it(bundle_path):
    verify(bundle_path)
    lines = describe(bundle_path)
    assert lines["classes"] == "negative, neutral, positive"
    assert lines["simulated"].startswith("yes")
    assert lines["warning 1"] == "made for a test"
    assert all("\n" not in line for line in lines.values())


def _saved(folder, bundle):
    path = folder / "bundle.safetensors"
    save_bundle(path, bundle)
    return path


def _rewritten(folder, source, change):
    """Write a file with a valid checksum whose arrays or description were changed."""
    file = read_checked(source, BUNDLE_FILE)
    arrays, about = dict(file.arrays), dict(file.about)
    change(arrays, about)
    path = folder / "changed.safetensors"
    write_checked(path, BUNDLE_FILE, arrays, about)
    return path


def _refused(path, words=None):
    with pytest.raises(ModelError, match=words) as caught:
        load_bundle(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 300


CONTRADICTIONS = {
    "'colour' is unknown": lambda arrays, about: about.update(colour="red"),
    "'licence' is missing": lambda arrays, about: about.pop("licence"),
    "'licence' must be a valid string": lambda arrays, about: about.update(licence=3),
    "architecture": lambda arrays, about: about.update(architecture="EEGNet"),
    "other input": lambda arrays, about: about["input"].update(sfreq_hz=250.0),
    "'config' must be sizes of a network": lambda arrays, about: about.update(config=[1]),
    "n_mixed must": lambda arrays, about: about["config"].update(n_mixed=1 << 40),
    "integers": lambda arrays, about: about["config"].update(dilations=[1, "3"]),
    "n_blocks and": lambda arrays, about: about["config"].update(n_blocks=4000),
    "n_times is 625": lambda arrays, about: about["config"].update(n_times=1250),
    "missing or unknown": lambda arrays, about: about["config"].pop("n_dims"),
    "variant and config": lambda arrays, about: about.update(variant="paper"),
    "about the head": lambda arrays, about: about.update(head=None),
    "3 different classes": lambda arrays, about: about.update(class_names=["a", "b"]),
    "different classes": lambda arrays, about: about.update(class_names=["a", "b", "a"]),
    "'class_names' must be a valid array": lambda arrays, about: about.update(class_names="abc"),
    "'temperature' must be greater": lambda arrays, about: about.update(temperature=0),
    "description cannot be read": lambda arrays, about: about.update(temperature=10**400),
    "'abstain_below' must": lambda arrays, about: about.update(abstain_below=True),
    "'simulated' must be": lambda arrays, about: about.update(simulated="no"),
    "'provenance' must be": lambda arrays, about: about.update(provenance=["x"]),
    r"'warnings\[0\]' must be a line": lambda arrays, about: about.update(warnings=["two\nlines"]),
    "weights are missing": lambda arrays, about: arrays.pop("encoder.mixing.bias"),
    "unknown encoder": lambda arrays, about: arrays.update({"encoder.x": np.zeros(1)}),
    "does not know: x": lambda arrays, about: arrays.update({"x.y": np.zeros(1)}),
    "does not know: feature.max": lambda arrays, about: arrays.update({"feature.max": np.zeros(1)}),
    "encoder.mixing.bias must": lambda arrays, about: arrays.update(
        {"encoder.mixing.bias": np.zeros(7)}
    ),
    "row statistics must": lambda arrays, about: arrays.pop("rows.norm1_std"),
    "rows.norm1_std must": lambda arrays, about: arrays.update(
        {"rows.norm1_std": -arrays["rows.norm1_std"]}
    ),
    "belong together": lambda arrays, about: arrays.pop("feature.mean"),
    "feature.var must": lambda arrays, about: arrays.update({"feature.var": np.zeros(512)}),
    "covariance.centroids must": lambda arrays, about: arrays.update(
        {"covariance.centroids": np.zeros((2, 4, 6))}
    ),
    "head": lambda arrays, about: arrays.pop("head.fc2.bias"),
    "fc3 of the head": lambda arrays, about: arrays.update({"head.fc3.bias": np.zeros(4)}),
    "NaN or infinity": lambda arrays, about: arrays.update(
        {"feature.mean": np.full(N_MAPS, np.inf)}
    ),
}


@pytest.mark.parametrize("words", CONTRADICTIONS)
def test_a_bundle_that_contradicts_itself_is_refused(bundle_path, tmp_path, words):
    path = _rewritten(tmp_path, bundle_path, CONTRADICTIONS[words])
    _refused(path, words)


def test_another_format_version_names_both_versions(bundle_path, tmp_path):
    content = bundle_path.read_bytes()
    path = tmp_path / "new.safetensors"
    path.write_bytes(content.replace(rb"format_version\":1", rb"format_version\":7"))
    _refused(path, "bundle format 7 is not 1")


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path):
    _refused(tmp_path / "none.safetensors", "no such model bundle")
    _refused(tmp_path, "cannot be read")
    (tmp_path / "empty.safetensors").touch()
    _refused(tmp_path / "empty.safetensors", "not a safetensors file")


@pytest.mark.parametrize("entry", ["", "[]", "[" * 9999, '{"a": 1}', "NaN"])
def test_a_description_that_is_none_is_refused(tmp_path, entry):
    path = tmp_path / "entry.safetensors"
    save_file({"encoder.x": np.zeros(3, np.float32)}, path, {"mdjpt": entry})
    _refused(path, "cannot be read")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, path)
    _refused(path, "no mdJPT bundle")
    for content in (b"PK\x03\x04" * 99, b"%PDF-1.7\n" * 9, bytes(999), b"\xff" * 999):
        path.write_bytes(content)
        _refused(path, "not a safetensors file")


@pytest.mark.parametrize("length", [1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_huge_header_is_refused_unread(tmp_path, length):
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{" * 99)
    _refused(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    path = tmp_path / "pipe.safetensors"
    os.mkfifo(path)
    _refused(path, "no regular file")
    with pytest.raises(ModelError, match="cannot be read"):
        load_bundle("a\0b")


def test_a_file_too_large_for_a_bundle_is_refused_unread(tmp_path):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(257 << 20)
    _refused(path, "257 MiB")


def test_half_precision_arrays_are_refused(tmp_path):
    path = tmp_path / "half.safetensors"
    save_file({"encoder.x": np.zeros(3, np.float16)}, path, {"mdjpt": '{"format_version":1}'})
    _refused(path, "F16")


@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_bundle_is_refused(bundle_path, tmp_path_factory, cut):
    content = bundle_path.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    path.write_bytes(content[: int(cut * len(content))])
    _refused(path)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(bundle_path, tmp_path_factory, place, bit):
    content = bytearray(bundle_path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    # Every second flip hits the header, which is small.
    start, stop = (0, header) if place < 0.5 else (header, len(content))
    content[start + int((place * 2 % 1) * (stop - start))] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    _refused(path)


def test_a_bundle_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(ModelError, match="cannot be written"):
        save_bundle(tmp_path / "no" / "folder.safetensors", small_bundle())
    (tmp_path / "taken").mkdir()
    with pytest.raises(ModelError, match="cannot be written"):
        save_bundle(tmp_path / "taken", small_bundle())
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def test_a_provenance_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        small_bundle(provenance={"when": object()})


def test_a_head_for_other_features_is_refused():
    head = Head.fit(np.eye(3), np.arange(3), n_epochs=1)
    with pytest.raises(ValueError, match=f"must take {N_MAPS} features, takes 3"):
        small_bundle(head=head)
