"""The TOML file of a pre-training.

::

    seed = 0

    [[dataset]]
    path = "stores/seed"          # relative to the file
    subjects = ["1", "2"]         # optional: all; sessions likewise

    [network]                     # fields of mdjpt.network.model.EncoderConfig
    variant = "paper"

    [windows]                     # fields of mdjpt.training.pairs.PairSettings, but for n_times
    [loss]                        # fields of LossSettings
    [optimiser]                   # fields of OptimiserSettings
    [machine]                     # fields of MachineSettings
    [ablation]                    # fields of mdjpt.training.ablation.Ablation
"""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from mdjpt.errors import MdjptError
from mdjpt.network.model import EncoderConfig
from mdjpt.training.ablation import Ablation
from mdjpt.training.config import (
    DatasetChoice,
    LossSettings,
    MachineSettings,
    OptimiserSettings,
    PretrainConfig,
)
from mdjpt.training.pairs import PairSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_config"]

Settings = TypeVar("Settings")


def read_config(path: str | Path) -> PretrainConfig:
    """Read the settings of a pre-training.

    Parameters
    ----------
    path : path-like
        TOML file.

    Raises
    ------
    MdjptError
        The file cannot be read, or a setting is unknown, of the wrong type or out of range; the
        message names file and setting.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MdjptError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MdjptError(f"{path}: no TOML: {error}") from None
    try:
        return _config_of(content, path.parent)
    except (ValueError, TypeError) as error:
        raise MdjptError(f"{path}: {error}") from None


def _config_of(content: Mapping[str, Any], folder: Path) -> PretrainConfig:
    known = {"seed", "dataset", "network", "windows", "loss", "optimiser", "machine", "ablation"}
    if unknown := sorted(content.keys() - known):
        raise ValueError(f"unknown setting {unknown[0]!r}; there are {', '.join(sorted(known))}")
    listed = content.get("dataset", [])
    if not isinstance(listed, list):
        raise TypeError("dataset must be [[dataset]], one for each store")
    network = _settings(EncoderConfig(variant="paper"), content, "network")
    defaults = PairSettings(n_times=network.n_times)
    if "n_times" in content.get("windows", {}):
        raise ValueError("[windows] n_times is set as [network] n_times")
    return PretrainConfig(
        datasets=tuple(_dataset(item, folder) for item in listed),
        seed=_typed(content.get("seed", 0), int, "seed"),
        network=network,
        windows=_settings(defaults, content, "windows"),
        loss=_settings(LossSettings(), content, "loss"),
        optimiser=_settings(OptimiserSettings(), content, "optimiser"),
        machine=_settings(MachineSettings(), content, "machine"),
        ablation=_settings(Ablation(), content, "ablation"),
    )


def _dataset(table: Mapping[str, Any], folder: Path) -> DatasetChoice:
    if not isinstance(table, dict) or "path" not in table:
        raise ValueError("[[dataset]] path is missing: the folder of a prepared store")
    choice = _settings(DatasetChoice(Path()), {"dataset": table}, "dataset")
    return replace(choice, path=folder / choice.path.expanduser())


def _settings(defaults: Settings, content: Mapping[str, Any], section: str) -> Settings:
    """Return the defaults with what a table of the file sets."""
    table = content.get(section, {})
    if not isinstance(table, dict):
        raise TypeError(f"[{section}] must be a table")
    kinds = get_type_hints(type(defaults))
    known = [item.name for item in fields(defaults)]  # type: ignore[arg-type]
    if unknown := sorted(table.keys() - set(known)):
        raise ValueError(
            f"[{section}] unknown setting {unknown[0]!r}; there are {', '.join(known)}"
        )
    values = {
        name: _typed(value, kinds[name], f"[{section}] {name}") for name, value in table.items()
    }
    return replace(defaults, **values)  # type: ignore[type-var]


def _typed(value: Any, kind: Any, name: str) -> Any:
    """Return a TOML value as a setting's type, or say what it must be."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {value!r}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{name} must be a list, got {value!r}")
        return tuple(_typed(item, get_args(kind)[0], name) for item in value)
    source = {float: (float, int), Path: (str,)}.get(kind, (kind,))
    if not isinstance(value, source) or (isinstance(value, bool) and kind is not bool):
        wanted = {float: "a number", int: "an integer", bool: "true or false"}.get(kind, "a text")
        raise TypeError(f"{name} must be {wanted}, got {value!r}")
    return kind(value)
