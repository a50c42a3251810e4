"""The models that a person chooses by name: the demo, and those in the person's own folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from mdjpt.errors import MdjptError, ModelError

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle

__all__ = ["DEMO", "ModelEntry", "add_model", "find_model", "list_models", "remove_model"]

DEMO = "demo"
SUFFIX = ".safetensors"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be chosen."""

    name: str
    """What ``--model`` takes."""
    path: Path
    """Its bundle."""
    class_names: tuple[str, ...] = ()
    """What it answers without a calibration; empty without an emotion head."""
    simulated: bool = False
    """True when it has seen simulated people."""
    problem: str = ""
    """One line when the file cannot be used, else ""."""

    @property
    def needs_calibration(self) -> bool:
        """True for a model that decodes nothing until somebody calibrates on it."""
        return not (self.class_names or self.problem)


def models_folder() -> Path:
    """Return the folder of a person's models; it may not exist yet."""
    return user_data_path("mdjpt-live", appauthor=False) / "models"


def list_models() -> tuple[ModelEntry, ...]:
    """Read what each model is, the demo first, then by name; a damaged one is named.

    Reads every file whole: some milliseconds a model. Raises ModelError: the folder cannot be read.
    """
    return tuple(_entry(name, path) for name, path in _paths().items())


def find_model(named: str) -> Path:
    """Return the bundle of a name in :func:`list_models`, else of a path.

    Raises ModelError: a word that is neither.
    """
    known = _paths()
    if named in known:
        return known[named]
    path = Path(named).expanduser()
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path  # whoever opens it says what is wrong with it
    raise ModelError(f"{named}: no such model: name one of {', '.join(known)}, or a bundle's path")


def add_model(bundle: Path, name: str = "") -> ModelEntry:
    """Copy a bundle into the folder, by default under its file's name.

    Raises ModelError: it cannot be used, the name is taken or no name, or nothing can be written.
    """
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.guard.atomic_file import write_file

    name = name or bundle.name.removesuffix(SUFFIX)
    if not NAME.fullmatch(name):
        raise ModelError(f"{name!r} is no name for a model: letters, digits, '.', '_', '-'; --name")
    load_bundle(bundle)
    if name in _paths():
        raise ModelError(f"{name}: there is a model of this name already; choose another --name")
    path = models_folder() / f"{name}{SUFFIX}"
    write_file(path, bundle.read_bytes(), ModelError)
    return _entry(name, path)


def remove_model(name: str) -> Path:
    """Delete a model of the folder, and return where it was.

    Raises ModelError: there is none of this name, it comes with the program, or it is kept.
    """
    paths = _paths()
    if name == DEMO:
        raise ModelError(f"{DEMO} comes with the program and stays")
    if name not in paths:
        raise ModelError(f"{name}: no such model in {models_folder()}; see mdjpt model list")
    try:
        paths[name].unlink()
    except OSError as error:
        raise ModelError(f"{paths[name]}: cannot be removed: {error.strerror}") from None
    return paths[name]


def _paths() -> dict[str, Path]:
    from app.session import default_bundle

    folder = models_folder()
    try:
        own = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read: {error.strerror}") from None
    named = {path.name.removesuffix(SUFFIX): path for path in own if path.name[0] != "."}
    return {DEMO: default_bundle()} | {name: named[name] for name in named if name != DEMO}


def _entry(name: str, path: Path) -> ModelEntry:
    from mdjpt.bundle.bundle import load_bundle

    try:
        bundle: Bundle = load_bundle(path)
    except MdjptError as error:
        return ModelEntry(name, path, problem=str(error))
    return ModelEntry(name, path, bundle.class_names, bundle.simulated)
