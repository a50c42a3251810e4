import io
import os
import re
import shutil
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

import mdjpt
import mdjpt.bundle.checkpoint
from mdjpt.bundle.checkpoint import RELEASED_BLOBS, import_checkpoint, released_name
from mdjpt.bundle.checkpoint_process import read_state_dict
from mdjpt.errors import ModelError
from mdjpt.network.model import EncoderConfig, weight_shapes
from tests.support.golden import golden_state_dict, write_checkpoint

ROOT = Path(__file__).parents[1]
SHAPES = {name: tuple(tensor.shape) for name, tensor in golden_state_dict().items()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("ckpt") / "epoch=19.ckpt")


@pytest.fixture(scope="module")
def imported(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("imported") / "released.safetensors"
    return mdjpt.import_checkpoint(checkpoint, path), mdjpt.load_bundle(path)


def test_every_array_of_the_network_has_its_name_in_the_published_checkpoint():
    shapes = weight_shapes(EncoderConfig(variant="paper"))
    named = {released_name(name) for name in shapes}
    assert len(named) == len(shapes)
    unused = {"timeConv.", "norm2.", "lnr_attn.scale"}
    left = SHAPES.keys() - named
    assert named < SHAPES.keys()
    assert all(any(part in name for part in unused) for name in left)


def test_an_imported_checkpoint_holds_the_weights_of_both_variants(imported):
    written, loaded = imported
    assert written.sha256 == loaded.sha256
    state = golden_state_dict()
    for name, array in loaded.weights.items():
        np.testing.assert_array_equal(array.ravel(), state[released_name(name)].numpy().ravel())
    assert loaded.variant == "released"
    for variant in ("released", "paper"):
        assert loaded.encoder(variant).variant == variant


def test_an_imported_checkpoint_says_where_it_comes_from_and_what_it_lacks(imported):
    bundle = imported[1]
    assert (bundle.head, bundle.row_stats, bundle.class_names) == (None, None, ())
    assert bundle.licence == "none stated by its authors; not redistributable"
    assert bundle.provenance["source"] == "file epoch=19.ckpt"
    assert (bundle.provenance["epoch"], bundle.provenance["global_step"]) == (19, 20480)
    assert "origin is unknown" in bundle.warnings[0]
    assert "features only" in bundle.warnings[1]
    assert not bundle.simulated


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_blob_id_is_the_one_git_gives(imported, checkpoint):
    blob = imported[1].provenance["git_blob"]
    by_git = subprocess.run(
        ["git", "hash-object", "--no-filters", checkpoint],
        capture_output=True,
        text=True,
        check=True,
    )
    assert blob == by_git.stdout.strip()
    assert len(set(RELEASED_BLOBS)) == 4


def test_a_published_file_is_recognised_and_may_default_to_the_paper_variant(
    checkpoint, imported, tmp_path, monkeypatch
):
    blob = imported[1].provenance["git_blob"]
    monkeypatch.setitem(RELEASED_BLOBS, blob, "log/pretrain/ckpt/epoch=19.ckpt")
    bundle = import_checkpoint(checkpoint, tmp_path / "b.safetensors", "paper")
    assert bundle.variant == "paper"
    assert bundle.provenance["source"].endswith("log/pretrain/ckpt/epoch=19.ckpt")
    assert "SEED-VII" in bundle.provenance["datasets"]
    assert not any("origin" in warning for warning in bundle.warnings)


def _refused(path, folder, words):
    out = folder / "out.safetensors"
    with pytest.raises(ModelError, match=words) as caught:
        import_checkpoint(path, out)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert not out.exists()


class Gadget:
    """An object whose unpickling would run a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    _refused(tmp_path / "none.ckpt", tmp_path, "no such checkpoint")
    _refused(tmp_path, tmp_path, "cannot be read")


def test_a_file_too_large_for_a_checkpoint_is_refused_unread(tmp_path):
    with (tmp_path / "large.ckpt").open("wb") as file:
        file.truncate(257 << 20)
    _refused(tmp_path / "large.ckpt", tmp_path, "257 MiB")


def test_a_process_that_takes_too_long_is_ended(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(mdjpt.bundle.checkpoint, "TIMEOUT_S", 0.0)
    _refused(checkpoint, tmp_path, "not read after 0 s")


def test_a_process_that_dies_is_an_error(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))
    _refused(checkpoint, tmp_path, "damaged: its reader crashed")


def test_a_checkpoint_that_would_run_code_is_refused_by_the_process(tmp_path):
    touched = tmp_path / "touched"
    path = write_checkpoint(tmp_path / "evil.ckpt", hooks=Gadget(os.mkdir, str(touched)))
    _refused(path, tmp_path, r"refused: it holds program objects \(\w+\.mkdir\)")
    assert not touched.exists()


def test_an_unknown_variant_is_refused(checkpoint, tmp_path):
    with pytest.raises(ValueError, match="variant must be"):
        import_checkpoint(checkpoint, tmp_path / "b.safetensors", "other")


def _content(**changes):
    file = io.BytesIO()
    write_checkpoint(file, **changes)
    return file.getvalue()


def _state_dict(**changes):
    return OrderedDict(golden_state_dict() | {k.replace("__", "."): v for k, v in changes.items()})


GADGETS = {
    "os": ("system", "mkdir", "execv", "popen", "remove"),
    "subprocess": ("Popen", "run", "check_output"),
    "builtins": ("eval", "exec", "__import__", "open", "getattr", "compile"),
    "importlib": ("import_module",),
    "runpy": ("run_path",),
    "shutil": ("rmtree",),
    "pty": ("spawn",),
    "pickle": ("loads",),
    "ctypes": ("CDLL",),
    "torch": ("load",),
    "webbrowser": ("open",),
}


@pytest.mark.parametrize(
    ("module", "function"), [(m, f) for m, functions in GADGETS.items() for f in functions]
)
def test_no_function_is_called_while_a_checkpoint_is_read(tmp_path, module, function):
    called = getattr(pytest.importorskip(module), function)
    content = _content(state_dict=_state_dict(mixing=Gadget(called, str(tmp_path / "touched"))))
    with pytest.raises(ModelError, match="refused: it holds program objects"):
        read_state_dict(content, SHAPES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state_dict": None}, "no state_dict"),
        ({"state_dict": [1, 2]}, "no state_dict"),
        ({"state_dict": {}}, "another network: it has no"),
        ({"state_dict": _state_dict(uni_mlp__fc__bias=3.0)}, "uni_mlp.fc.bias is no tensor"),
        (
            {"state_dict": _state_dict(uni_mlp__fc__bias=torch.zeros(7))},
            r"bias is \[7\], not \[64\]",
        ),
        ({"state_dict": _state_dict(uni_mlp__fc__bias=torch.arange(64))}, "torch.int64"),
        ({"state_dict": _state_dict(uni_mlp__fc__bias=torch.full((64,), torch.nan))}, "NaN"),
        ({"state_dict": _state_dict(uni_mlp__fc__bias=torch.eye(64).to_sparse())}, "float32"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(changes, words):
    with pytest.raises(ModelError, match=words):
        read_state_dict(_content(**changes), SHAPES)


def test_half_precision_weights_are_read():
    state = _state_dict(uni_mlp__fc__bias=torch.full((64,), 0.5, dtype=torch.float16))
    arrays, facts = read_state_dict(_content(state_dict=state, epoch="x" * 99), SHAPES)
    assert arrays["uni_mlp.fc.bias"].dtype == np.float32
    assert facts == {"global_step": 20480, "lightning": "2.6.6"}


def test_a_plain_pickle_is_refused_unopened(tmp_path):
    file = io.BytesIO()
    torch.save({"a": 1}, file, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="not an archive"):
        read_state_dict(file.getvalue(), SHAPES)


def test_a_truncated_checkpoint_is_refused(checkpoint):
    content = checkpoint.read_bytes()
    for length in (0, 1, 100_000, len(content) - 1):
        with pytest.raises(ModelError, match="no checkpoint, or damaged"):
            read_state_dict(content[:length], SHAPES)


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(ModelError, match="unpacks to more"):
        read_state_dict(file.getvalue(), SHAPES)


def test_damaged_checkpoints_give_the_weights_or_one_error(checkpoint):
    content = checkpoint.read_bytes()
    rng = np.random.default_rng(8)
    # The pickle and the directory of the archive are its sensitive parts: its first and last bytes.
    edges = np.r_[0:12_000, len(content) - 12_000 : len(content)]
    for _ in range(150):
        mutant = bytearray(content)
        for place in rng.choice(edges, 3):
            mutant[place] = rng.integers(256)
        try:
            arrays, _ = read_state_dict(bytes(mutant), SHAPES)
        except ModelError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert arrays.keys() == SHAPES.keys()


def test_no_other_place_in_the_source_opens_a_pickle():
    pattern = re.compile(
        r"\b(?:c?[pP]ickle\.(?:loads?|Unpickler)|torch\.(?:load|hub)|joblib\.load|dill|marshal\.loads?)"
        r"\b\s*\(|allow_pickle\s*=\s*True|weights_only\s*=\s*False|\b(?:pd|pandas)\.read_pickle"
    )
    found = [
        f"{file.relative_to(ROOT).as_posix()}: {line.strip()}"
        for folder in ("app", "mdjpt", "streaming", "assets")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in file.read_text("utf-8").splitlines()
        if pattern.search(line)
    ]
    only = 'torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)'
    assert found == [f"mdjpt/bundle/checkpoint_process.py: return {only}"]
