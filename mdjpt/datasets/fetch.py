"""Open datasets from the archive that keeps them, NEMAR: what there is, chosen, fetched, noted.

The archive lists every file with size and checksum: ``ID/`` names the newest version,
``ID/VERSION/manifest.json`` its files. What was fetched, and under which licence, is noted beside
the data in ``fetched.json``, and goes from there into the store.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mdjpt.errors import DatasetError
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.download import Algorithm, download
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.schema import STRICT, checked, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mdjpt.datasets.trials import DatasetCard

__all__ = ["OPEN_SETS", "Listing", "OpenSet", "fetch", "fetched_card", "list_files"]

ARCHIVE = "https://data.nemar.org"
NOTE = "fetched.json"
MAX_NOTE_BYTES = 1 << 20
TIMEOUT_S = (10.0, 60.0)
OPEN_LICENCES = ("cc0", "cc010", "pddl", "ccby", "ccby40")  # letters and digits alone
_SUBJECT = re.compile(r"sub-([A-Za-z0-9]+)")
Line = Annotated[str, Field(min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True, config=STRICT)
class OpenSet:
    """A dataset whose licence lets anybody fetch it."""

    name: str
    """As ``data fetch`` takes it."""
    title: str
    """Name as its authors write it."""
    id: str
    """In the archive."""
    licence: str
    """The strictest that the dataset or the archive states."""
    url: str
    """Where it is described."""
    reader: str
    """As ``data prepare`` takes it."""
    options: tuple[str, ...]
    """KEY=VALUE for that reader."""
    part: str
    """Folder that the reader needs; "" for the raw recordings."""


OPEN_SETS = {
    name: OpenSet(name=name, **values | {"options": tuple(values["options"])})
    for name, values in tomllib.loads(
        files("mdjpt.datasets").joinpath("open_sets.toml").read_text(encoding="utf-8")
    ).items()
}
"""The sets by name."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the archive lists it."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    size: Annotated[int, Field(ge=0)]
    bytes_url: Line
    checksum: Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]
    checksum_algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be fetched."""

    version: str
    files: tuple[RemoteFile, ...]
    licence: str
    """Of the archive's record, "" where there is none."""

    @property
    def n_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, config=STRICT)
class _Note:
    """The content of ``fetched.json``."""

    name: Line
    title: Line
    licence: Line
    url: Line
    id: Line
    version: Line
    fetched: Line
    subjects: tuple[Line, ...]
    n_files: int
    n_bytes: int


def list_files(wanted: OpenSet, subjects: str = "", archive: str = ARCHIVE) -> Listing:
    """Ask the archive which files of a dataset there are.

    Parameters
    ----------
    wanted : OpenSet
        The dataset.
    subjects : str
        ``1-5`` or ``1,3,S7``; all by default. Numbers stand for the labels with leading zeros.
    archive : str
        Address of the archive.

    Raises
    ------
    DatasetError
        No connection, an answer that is no listing, or a subject that is not there.
    """
    base = f"{archive}/{wanted.id}"
    versions = _json(f"{base}/")
    version = versions.get("latest") if isinstance(versions, dict) else None
    if not isinstance(version, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", version):
        raise DatasetError(f"{base}/: names no version")
    address = f"{base}/{version}/manifest.json"
    found = _json(address)
    listed = [
        checked(RemoteFile, _known(entry), address, DatasetError)
        for entry in (found if isinstance(found, list) else found.get("files", []))
    ]
    for file in listed:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or "\\" in file.path:
            raise DatasetError(f"{address}: lists {file.path!r}, which lies outside the dataset")
    chosen = _chosen(listed, wanted, subjects)
    record = _json(f"{base}/metadata.json", needed=False)
    licence = str(record.get("license", "")) if isinstance(record, dict) else ""
    return Listing(version, tuple(sorted(chosen, key=lambda file: file.path)), licence)


def fetch(
    wanted: OpenSet,
    listing: Listing,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Fetch what is not there yet, verify every file, and note what it is.

    Parameters
    ----------
    wanted : OpenSet
        The dataset.
    listing : Listing
        Its files.
    folder : Path
        Where they go.
    progress : callable
        Takes the bytes that are there and the bytes in all.

    Returns
    -------
    Path
        The note.

    Raises
    ------
    DatasetError
        The disk is too small, the dataset states a licence that is not open, or none, or a file
        cannot be fetched;
        what has come stays, and the same call goes on from there.
    """
    _require_space(listing, folder)
    first = [f for f in listing.files if f.path == "dataset_description.json"]
    if not first:
        raise DatasetError(f"{wanted.title}: no dataset_description.json, and so no licence")
    done, stated = 0, ""
    for file in (*first, *(f for f in listing.files if f not in first)):
        path = folder / file.path
        download(
            path,
            file.bytes_url,
            file.checksum,
            file.checksum_algorithm,
            at_most=file.size,
            error=DatasetError,
            progress=partial(_told, progress, done, listing.n_bytes),
        )
        if file in first:
            stated = _stated_licence(path, wanted, listing)
        done += file.size
        progress(done, listing.n_bytes)
    note = _Note(
        **{key: getattr(wanted, key) for key in ("name", "title", "url", "id")},
        licence=_both(wanted.licence, stated),
        version=listing.version,
        fetched=datetime.now(UTC).date().isoformat(),
        subjects=tuple(sorted({s for f in listing.files for s in _SUBJECT.findall(f.path)})),
        n_files=len(listing.files),
        n_bytes=listing.n_bytes,
    )
    write_file(folder / NOTE, TypeAdapter(_Note).dump_json(note, indent=1), DatasetError)
    return folder / NOTE


def fetched_card(card: DatasetCard, folder: Path) -> DatasetCard:
    """Return a reader's card with name, licence and source of what was fetched into its folder.

    Raises DatasetError: the note is damaged.
    """
    path = folder / NOTE
    if not path.exists():
        return card
    note = parsed(
        _Note, regular_bytes(path, MAX_NOTE_BYTES, DatasetError, "note"), path, DatasetError
    )
    licence = f"{note.licence} (as fetched {note.fetched}: {note.id} {note.version})"
    return replace(card, name=note.name, title=note.title, licence=licence, url=note.url)


def _told(
    progress: Callable[[int, int], None], before: int, total: int, have: int, _all: int
) -> None:
    progress(before + have, total)


def _chosen(listed: Iterable[RemoteFile], wanted: OpenSet, subjects: str) -> list[RemoteFile]:
    """Keep what is about the whole dataset, and the wanted part of the wanted people."""
    people = _wanted(subjects)
    kept, seen = [], set()
    for file in listed:
        folders = PurePosixPath(file.path).parts[:-1]
        if not folders:
            kept.append(file)
            continue
        in_part = folders[0] == wanted.part if wanted.part else folders[0].startswith("sub-")
        labels = [m[1] for part in folders if (m := _SUBJECT.fullmatch(part))]
        if in_part and (not labels or not people or people & _spellings(labels[0])):
            kept.append(file)
            seen |= _spellings(labels[0]) if labels else set()
    if missing := sorted(people - seen):
        raise DatasetError(f"{wanted.title}: no subject {missing[0]!r} in the archive")
    if not seen:
        raise DatasetError(f"{wanted.title}: the archive lists no recording of it")
    return kept


def _wanted(subjects: str) -> set[str]:
    """Read ``1-5,7,S9``; numbers without leading zeros."""
    found: set[str] = set()
    for part in filter(None, (part.strip() for part in subjects.split(","))):
        ends = re.fullmatch(r"(\d{1,4})-(\d{1,4})", part)
        if ends:
            found |= {str(n) for n in range(int(ends[1]), int(ends[2]) + 1)}
        elif re.fullmatch(r"[A-Za-z0-9]{1,32}", part):
            found.add(str(int(part)) if part.isdecimal() else part)
        else:
            raise DatasetError(f"--subjects takes 1-5 or 1,3,S7, got {subjects!r}")
    return found


def _spellings(label: str) -> set[str]:
    return {str(int(label)) if label.isdecimal() else label}


def _require_space(listing: Listing, folder: Path) -> None:
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    have = sum(
        path.stat().st_size
        for file in listing.files
        for path in (folder / file.path, folder / f"{file.path}.part")
        if path.is_file()
    )
    needed, free = max(listing.n_bytes - have, 0), shutil.disk_usage(there).free
    if needed > free:
        raise DatasetError(f"{there}: {needed / 1e9:.1f} GB to come, only {free / 1e9:.1f} GB free")


def _stated_licence(description: Path, wanted: OpenSet, listing: Listing) -> str:
    """Return what the dataset states, else the archive; refuse what does not let anybody use it."""
    content = regular_bytes(description, MAX_NOTE_BYTES, DatasetError, "dataset_description.json")
    said = parsed(dict[str, Any], content, description, DatasetError)
    stated = str(said.get("License", "")) or listing.licence
    if _plain(stated) not in OPEN_LICENCES:
        raise DatasetError(
            f"{wanted.title}: it now states the licence {stated!r}, not {wanted.licence}: "
            f"read it at {wanted.url}; nothing else was fetched"
        )
    return stated


def _both(known: str, stated: str) -> str:
    return known if _plain(known) == _plain(stated) else f"{known}; its description: {stated}"


def _plain(licence: str) -> str:
    return re.sub(r"[^a-z0-9]", "", licence.lower())


def _known(entry: Any) -> Any:
    names = RemoteFile.__dataclass_fields__
    return {k: v for k, v in entry.items() if k in names} if isinstance(entry, dict) else entry


def _json(url: str, *, needed: bool = True) -> Any:
    import requests

    try:
        answer = requests.get(url, timeout=TIMEOUT_S)
    except requests.RequestException:
        raise DatasetError(f"{url}: no answer: offline, or behind a proxy (HTTPS_PROXY)?") from None
    if answer.status_code == 404 and not needed:
        return {}
    if answer.status_code != 200:
        raise DatasetError(f"{url}: the archive answered {answer.status_code}")
    try:
        found = answer.json()
    except ValueError:
        raise DatasetError(f"{url}: no listing (JSON)") from None
    if not isinstance(found, (dict, list)):
        raise DatasetError(f"{url}: no listing")
    return found
