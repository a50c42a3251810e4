"""Public datasets of emotional EEG, read where their owner's files are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdjpt.datasets.bids import BidsReader
from mdjpt.datasets.deap import DeapReader
from mdjpt.datasets.emoeeg_mc import EmoEegMcReader
from mdjpt.datasets.emotiv import AmigosReader, DreamerReader
from mdjpt.datasets.faced import FacedReader
from mdjpt.datasets.folder import FolderReader
from mdjpt.datasets.released import ReleasedReader
from mdjpt.datasets.seed import SeedIVReader, SeedReader
from mdjpt.datasets.seed_v import SeedVReader
from mdjpt.datasets.seed_vii import SeedVIIReader
from mdjpt.datasets.trials import DatasetCard, DatasetReader, Label, RecordingKey, Trial
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

_ALL: tuple[type[DatasetReader], ...] = (
    SeedReader,
    SeedIVReader,
    SeedVReader,
    SeedVIIReader,
    FacedReader,
    DeapReader,
    DreamerReader,
    AmigosReader,
    EmoEegMcReader,
    ReleasedReader,
    BidsReader,
    FolderReader,
)
READERS: dict[str, type[DatasetReader]] = {reader.card.name: reader for reader in _ALL}


def open_dataset(name: str, root: str | Path, **options: Any) -> DatasetReader:
    """Open a dataset on disk.

    Parameters
    ----------
    name : str
        Key of `READERS`; case, spaces, hyphens and underscores do not matter ("SEED_IV").
    root : path-like
        Its folder.
    **options
        Of the reader's constructor, such as ``target="valence"``.

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
    """
    readers = {_plain(key): reader for key, reader in READERS.items()}
    reader = readers.get(_plain(name))
    if reader is None:
        raise DatasetError(f"no dataset is called {name!r}; there are {', '.join(READERS)}")
    return reader(root, **options)


def list_datasets() -> list[DatasetCard]:
    """Return the cards of all datasets that can be read."""
    return [reader.card for reader in READERS.values()]


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", " -_"))
