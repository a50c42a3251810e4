"""Public datasets of emotional EEG, read where their owner's files are there.

The readers are imported on first use: the processes that read single files need none of them.
"""

from __future__ import annotations

import math
import re
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from mdjpt.datasets.cards import CARDS
from mdjpt.datasets.reader import DatasetReader
from mdjpt.datasets.trials import DatasetCard, Label, RecordingKey, Trial
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "READERS",
    "DatasetCard",
    "DatasetReader",
    "Label",
    "RecordingKey",
    "Trial",
    "list_datasets",
    "open_dataset",
]

READERS: dict[str, type[DatasetReader]]

_HOMES = {
    "seed": ("mdjpt.datasets.seed", "SeedReader"),
    "seed-iv": ("mdjpt.datasets.seed", "SeedIVReader"),
    "seed-v": ("mdjpt.datasets.seed", "SeedVReader"),
    "seed-vii": ("mdjpt.datasets.seed_vii", "SeedVIIReader"),
    "faced": ("mdjpt.datasets.faced", "FacedReader"),
    "deap": ("mdjpt.datasets.deap", "DeapReader"),
    "dreamer": ("mdjpt.datasets.emotiv", "DreamerReader"),
    "amigos": ("mdjpt.datasets.emotiv", "AmigosReader"),
    "emoeeg-mc": ("mdjpt.datasets.emoeeg_mc", "EmoEegMcReader"),
    "released": ("mdjpt.datasets.released", "ReleasedReader"),
    "bids": ("mdjpt.datasets.bids", "BidsReader"),
    "folder": ("mdjpt.datasets.folder", "FolderReader"),
}


def open_dataset(name: str, root: str | Path, **options: Any) -> DatasetReader:
    """Open a dataset on disk.

    Parameters
    ----------
    name : str
        Key of `READERS`; case, spaces, hyphens and underscores do not matter ("SEED_IV").
    root : path-like
        Its folder.
    **options
        Of the reader's constructor, such as ``target="valence"``; a text stands for the number or
        the list of one that the constructor takes.

    Returns
    -------
    reader : DatasetReader
        Ready to list subjects and to read trials.

    Raises
    ------
    DatasetError
        Unknown name, or nothing of that set in the folder.
    ValueError
        An option has a value that the reader does not know.

    See Also
    --------
    mdjpt.list_datasets : Which there are.

    Examples
    --------
    >>> import mdjpt
    >>> mdjpt.open_dataset("seed", "SEED/")  # doctest: +SKIP
    """
    key = next((key for key in _HOMES if _plain(key) == _plain(name)), None)
    if key is None:
        raise DatasetError(f"no dataset is called {name!r}; there are {', '.join(_HOMES)}")
    reader = _reader(key)
    return reader(root, **_typed(reader, options))


def list_datasets() -> list[DatasetCard]:
    """Return the cards of all datasets that can be read.

    See Also
    --------
    mdjpt.open_dataset : Opens one.

    Examples
    --------
    >>> import mdjpt
    >>> len(mdjpt.list_datasets()) >= 11
    True
    """
    return list(CARDS.values())


def _reader(key: str) -> type[DatasetReader]:
    module, name = _HOMES[key]
    reader: type[DatasetReader] = getattr(import_module(module), name)
    return reader


def _typed(reader: type[DatasetReader], options: dict[str, Any]) -> dict[str, Any]:
    """Return options with numbers and lists for those texts of a command line that stand for such.

    Raises ValueError: a number is none.
    """
    kinds = {name: str(p.annotation) for name, p in signature(reader).parameters.items()}
    return {name: _value(name, kinds.get(name, ""), value) for name, value in options.items()}


def _value(name: str, kind: str, value: Any) -> Any:
    if not isinstance(value, str) or re.search(r"\bstr\b(?!\])", kind):
        return value
    if "Sequence[str]" in kind:
        return (value,)
    number = int if re.search(r"\bint\b", kind) and "float" not in kind else float
    if number is float and "float" not in kind:
        return value
    try:
        found = number(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return found


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", " -_"))


def __getattr__(name: str) -> Any:
    """Import all readers when `READERS` is first asked for (PEP 562)."""
    if name != "READERS":
        raise AttributeError(f"module 'mdjpt.datasets' has no attribute {name!r}")
    globals()[name] = {key: _reader(key) for key in _HOMES}
    return globals()[name]
