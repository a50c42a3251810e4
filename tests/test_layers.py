"""What may be imported where: the engine stays light, and names that hide ours are told."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imported_by(statement: str) -> set[str]:
    """Return the top-level packages that a statement imports in a fresh interpreter."""
    code = f"import sys; {statement}; print(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import app.__main__",
        "import app.cli.main",
        "import app.session",
        "import streaming.processes.engine_process",
        "import streaming.processes.decoder_process",
        "import streaming.sources.recording, streaming.sources.simulated",
        "import mdjpt",
    ],
)
def test_entry_modules_import_neither_torch_nor_qt(statement: str) -> None:
    loaded = imported_by(statement)
    assert not loaded & {"torch", "PySide6", "pyqtgraph", "mne", "brainflow", "lightning"}


def test_the_engine_that_makes_a_source_has_not_imported_torch() -> None:
    statement = (
        "from app.session import build_source; "
        "from streaming.sources.source_spec import parse_source; "
        "s = build_source(parse_source('sim:?n_channels=4'), (), 1.0); s.open(); s.close()"
    )
    assert not imported_by(statement) & {"torch", "PySide6"}


def test_a_package_that_hides_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "streaming").mkdir()
    (tmp_path / "streaming" / "__init__.py").write_text("")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import streaming; "
        f"sys.path.insert(0, {str(ROOT)!r}); from app.cli.main import run_command_line; "
        "sys.exit(run_command_line(['--version']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "'streaming'" in done.stderr
    assert "hides ours" in done.stderr


def test_no_bare_pickle_and_no_unchecked_load_in_the_source() -> None:
    banned = ("pickle.load(", "pickle.loads(", "allow_pickle=True", "weights_only=False")
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for folder in ("app", "mdjpt", "streaming")
        for path in (ROOT / folder).rglob("*.py")
        for word in banned
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_a_circle_of_imports_is_found(tmp_path: Path) -> None:
    """The contract that forbids circles is one: it finds those that are made up here."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (circles,) = [c for c in contracts["contracts"] if c["type"] == "acyclic_siblings"]
    roots = contracts["root_packages"]
    assert sorted(circles["ancestors"]) == sorted(roots)
    lines = ["[importlinter]", "root_packages =", *(f"  {root}" for root in roots)]
    lines += ["[importlinter:contract:1]", "name = circles", "type = acyclic_siblings"]
    lines += ["ancestors =", *(f"  {root}" for root in roots)]
    (tmp_path / ".importlinter").write_text("\n".join(lines))
    for root in roots:
        (tmp_path / root / "a").mkdir(parents=True)
        for folder in (root, f"{root}/a"):
            (tmp_path / folder / "__init__.py").write_text("")
        (tmp_path / root / "a" / "one.py").write_text("x = 1")
        (tmp_path / root / "two.py").write_text(f"import {root}.a.one")

    def check() -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert check().returncode == 0
    for root in roots:
        whole = (tmp_path / root / "a" / "one.py").read_text()
        (tmp_path / root / "a" / "one.py").write_text(f"import {root}.two")
        done = check()
        assert done.returncode != 0
        assert f"No cycles are allowed in {root}" in done.stdout
        (tmp_path / root / "a" / "one.py").write_text(whole)
