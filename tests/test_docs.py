"""The pages are exact enough to write a reader, and the gallery uses what anybody may use."""

from __future__ import annotations

import ast
import importlib
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mdjpt
from app.session import default_bundle
from mdjpt.bundle.about import FileAbout
from mdjpt.bundle.bundle import BUNDLE_FILE
from mdjpt.calibration.evidence import Evidence
from mdjpt.calibration.personal_decoder import VersionAbout
from mdjpt.calibration.profile import PROFILE_FILE, ProfileAbout
from mdjpt.simulation import SimulatedParticipant
from streaming.pipeline import Pipeline
from streaming.publishers.json_lines import JsonLinesPublisher
from streaming.recorder import Recorder
from streaming.sources.recording import RecordingSource

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
OURS = ("app", "mdjpt", "streaming")
SFREQ = 125.0


def code_of(page: str) -> dict[str, Any]:
    """Run the Python of a page, and return what it defines."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    return names


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded session of 16 s in which two seconds are lost at 8 s; predictions beside it."""
    folder = tmp_path_factory.mktemp("session")
    person = SimulatedParticipant(seed=4, sfreq=SFREQ)
    kept = np.delete(np.arange(2000), np.s_[1000:1250])
    recording = mdjpt.Recording(person.generate(2000)[:, kept], SFREQ, person.ch_names, kept)
    recorder = Recorder(folder / "session.xdf")
    lines = JsonLinesPublisher(folder / "predictions.jsonl")
    decoder = mdjpt.EmotionDecoder(mdjpt.load_bundle(default_bundle()), hop_s=0.5)
    for answer in Pipeline(RecordingSource(recording, speed="max"), decoder, sink=recorder).run():
        recorder.predict(answer.prediction, None)
        lines.publish(answer.prediction)
    lines.close()
    return folder


def test_the_reader_on_the_page_of_recordings_finds_every_sample_and_the_gap(
    session: Path,
) -> None:
    samples, positions = code_of("formats/recording.md")["positions"](session / "session.xdf")
    assert samples.shape == (1750, 32)
    jump = np.flatnonzero(np.diff(positions) > 1)
    assert positions[jump].tolist() == [999]
    assert positions[jump + 1].tolist() == [1250]
    whole = mdjpt.read_recording(session / "session.xdf")
    np.testing.assert_array_equal(samples.T, whole.samples)


def test_the_checker_on_the_page_of_recordings_finds_a_flipped_bit(session: Path) -> None:
    damaged = code_of("formats/recording.md")["damaged"]
    path = session / "session.xdf"
    assert damaged(path) == []
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    other = session / "flipped.xdf"
    other.write_bytes(content)
    (session / "flipped.xdf.crc").write_bytes((session / "session.xdf.crc").read_bytes())
    assert len(damaged(other)) == 1


def test_the_reader_on_the_page_of_models_reads_a_bundle() -> None:
    about = code_of("formats/models_and_profiles.md")["about"](default_bundle())
    assert about["input"]["sfreq_hz"] == 125
    assert tuple(about["class_names"]) == mdjpt.load_bundle(default_bundle()).class_names


def test_the_page_of_models_names_the_versions_and_every_key() -> None:
    page = (ROOT / "docs/formats/models_and_profiles.md").read_text(encoding="utf-8")
    for kind in (BUNDLE_FILE, PROFILE_FILE):
        assert re.search(rf"`{kind.entry}` .*`format_version` {kind.format_version},", page)
    kept = [*fields(FileAbout), *fields(ProfileAbout), *fields(VersionAbout), *fields(Evidence)]
    assert [field.name for field in kept if f"`{field.name}`" not in page] == []


def test_the_page_of_messages_names_every_key_of_a_json_line(session: Path) -> None:
    page = (ROOT / "docs/formats/messages.md").read_text(encoding="utf-8")
    lines = (session / "predictions.jsonl").read_text().splitlines()
    for key in json.loads(lines[-1]):
        assert f"`{key}`" in page
    found = list(code_of("formats/messages.md")["labels"](session / "predictions.jsonl"))
    given = [row for row in map(json.loads, lines) if row["status"] == "ok"]
    assert found == [(row["end_s"], row["label"]) for row in given]


def test_there_are_twelve_examples() -> None:
    assert len(EXAMPLES) == 12


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_compiles_ends_in_a_picture_and_imports_public_names_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    compile(tree, str(path), "exec")
    assert "plt.subplots(" in ast.unparse(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            module = importlib.import_module(node.module)
            assert {alias.name for alias in node.names} <= set(module.__all__)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mdjpt":
            assert node.attr in mdjpt.__all__
