"""What the README tells people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import run_command_line

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [line.split(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("mdjpt ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_and_option_of_the_readme_exists(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)[1:]
    n_names = 2 if words[0] in ("model", "data", "evaluate") else 1
    assert run_command_line([*words[:n_names], "--help"]) == 0
    text = capsys.readouterr().out
    assert "not there yet" not in text
    for option in (word for word in words if word.startswith("--")):
        assert option in text, f"{option} of: {line}"


@pytest.mark.parametrize("target", ["run", "test"])
def test_the_make_targets_of_the_readme_exist(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_file_that_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_python_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["table"].features.shape == (len(names["table"].start_s), 512)
    assert names["pipeline"].predict(names["epochs"]).shape == (6,)
    assert "trials right" in capsys.readouterr().out
