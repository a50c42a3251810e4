"""Every format, damaged and hostile: it is read, or refused in one line, and nothing else happens.

The thousand mutants of each format are run by ``-m slow``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli.main import run_command_line
from tests.support.fuzzed_files import DATASETS, OURS, RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
SOUND = ROOT / "assets" / "recordings" / "physionet_S001R01_30s.edf"
MUTANTS_IN_SHORT = 20
MUTANTS_IN_FULL = 1000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks under limits of Linux")


def read_mutants(folder: Path, names: Iterable[str], seed: int, n: int) -> None:
    """Read mutants in a process of its own and check what came of them."""
    arguments = [",".join(names), str(folder), str(seed), str(n)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fuzzed_files", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    for name, found in json.loads(done.stdout).items():
        outcomes = found["outcomes"]
        print(name, outcomes, f"slowest {found['slowest_s']:.2f} s")  # noqa: T201
        assert not found["wrong"], (name, found["wrong"][:3])
        assert sum(outcomes.values()) == n
        assert outcomes["refused"] > 0


@pytest.mark.parametrize("names", [OURS, RECORDINGS, DATASETS], ids=["ours", "eeg", "datasets"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, names: Iterable[str]) -> None:
    read_mutants(tmp_path, names, 20261, MUTANTS_IN_SHORT)


COMMANDS = {
    "bundle": (["model", "info", "{}"], 4),
    "model": (["features", str(SOUND), "--model", "{}", "--out", "f.npz"], 4),
    "profile": (["run", f"file:{SOUND}", "--profile", "{}", "--speed", "max"], 4),
    "checkpoint": (["model", "import", "{}", "--out", "b.safetensors"], 4),
    "labels": (["calibrate", str(SOUND), "--labels", "{}", "--out", "p.safetensors"], 2),
    "truth": (["calibrate", str(SOUND), "--labels", "{}.json", "--out", "p.safetensors"], 2),
    "toml": (["pretrain", "{}", "--out", "out"], 2),
    "recording": (["check", "{}.edf"], 2),
    "packed": (["check", "{}.csv.gz"], 2),
    "montage": (["check", str(SOUND), "--montage", "{}"], 2),
    "repair": (["repair", "{}.xdf"], 2),
}


def refused(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command that must end in one line and a code."""
    assert run_command_line(arguments) == code
    said = capsys.readouterr().err.splitlines()
    last = said[-1]
    assert last.startswith("mdjpt: ")
    assert last.isprintable()
    assert not any("Traceback" in line for line in said)


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize("kind", ["pipe", "zero", "folder", "deep"])
def test_what_is_no_such_file_ends_a_command_in_one_line(
    tmp_path: Path,
    what: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    command, code = COMMANDS[what]
    given = next(part for part in command if "{}" in part).format("given")
    made = {
        "pipe": lambda: os.mkfifo(given),
        "zero": lambda: Path(given).symlink_to("/dev/zero"),
        "folder": lambda: Path(given).mkdir(),
        "deep": lambda: Path(given).write_text("a = " + "[" * 100_000),
    }
    made[kind]()
    refused([part.format("given") for part in command], code, capsys)
    assert not [path for path in tmp_path.iterdir() if path.name != given]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*OURS, *RECORDINGS, *DATASETS])
def test_a_thousand_damaged_files_of_each_format_are_read_or_refused(
    tmp_path: Path, name: str
) -> None:
    read_mutants(tmp_path, [name], 20262, MUTANTS_IN_FULL)
