"""What README and docs tell people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli.main import cli
from mdjpt.errors import ModelError
from streaming.sources.source_spec import parse_source

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MADE = {"measured", "gallery", "generated", "commands.md", "changes.md"}  # by `make docs`
PAGES = [
    ROOT / "README.md",
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if not {*p.parts} & MADE),
]
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES}
BLOCKS = {
    page: "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)) for page, text in TEXTS.items()
}
COMMANDS = sorted(
    {
        line.split(" #")[0].strip()
        for block in BLOCKS.values()
        for line in block.splitlines()
        if line.strip().startswith("mdjpt")
    }
)
INLINE = sorted({c for text in TEXTS.values() for c in re.findall(r"`(mdjpt [a-z][^`\n]*)`", text)})
KINDS = ("sim:", "file:", "lsl:", "brainflow:")


def command_of(line: str) -> tuple[Any, list[str]]:
    """Return the command that a line calls, and its arguments."""
    command: Any = typer.main.get_command(cli)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"no command {words[0]!r}: {line}"
        command = command.commands[words.pop(0)]
    return command, words


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_pages_can_be_parsed_with_all_its_options(line: str) -> None:
    command, words = command_of(line)
    try:
        source = command.make_context("mdjpt", words).params.get("source", "")
    except ModelError:  # a name that only somebody who has added it knows
        return
    if isinstance(source, str) and source.startswith(KINDS):
        parse_source(source)


@pytest.mark.parametrize("line", INLINE)
def test_commands_within_a_sentence_exist_with_their_options(line: str) -> None:
    command, words = command_of(line)
    known = {option for parameter in command.params for option in parameter.opts}
    asked = {word for word in words if word.startswith("--")}
    assert asked <= known | {"--help", "--version"}


@pytest.mark.parametrize("target", ["run", "test"])
def test_the_make_targets_of_the_readme_exist(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_file_that_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_other_targets_that_the_pages_name_exist() -> None:
    targets = {t for text in TEXTS.values() for t in re.findall(r"`make ([a-z-]+)", text)}
    makefile = (ROOT / "Makefile").read_text()
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


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
