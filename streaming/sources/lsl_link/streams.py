"""Which LSL streams there are, and which of them is meant.

LSL cannot be kept off the network: its ports listen on every interface whatever its configuration.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pylsl

from mdjpt.errors import SourceError, SourceNotFound, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "StreamDescription",
    "StreamQuery",
    "StreamWatch",
    "describe",
    "is_numeric",
    "only_one",
    "quieten",
]

FORGET_AFTER_S = 2.0
"""A stream that answers no more is taken off the list after this time."""
SETTLE_S = 0.8
"""Time for every stream to answer: those that multicast does not reach are asked after 0.5 s."""
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What an LSL stream says of itself.

    Attributes
    ----------
    name, type, source_id, hostname, uid : str
        LSL's fields; the uid is new every time that the outlet is made.
    n_channels : int
        Columns, electrodes or not.
    sfreq : float
        Nominal rate in Hz, 0 for an irregular one.
    labels, units, types : tuple of str
        Of each column; "" where the stream says nothing. Empty before the stream was asked.
    simulated : bool
        True when the stream says that its signal comes from no brain.
    """

    name: str
    type: str
    source_id: str
    hostname: str
    uid: str
    n_channels: int
    sfreq: float
    labels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    simulated: bool = False

    def __str__(self) -> str:
        """Return what tells the stream from its neighbours, for a message."""
        identity = f", source_id={self.source_id}" if self.source_id else ", no source_id"
        said = f"{self.name} ({self.type}, {self.n_channels} ch, {self.sfreq:g} Hz{identity})"
        return printable(said)

    def difference(self, other: StreamDescription) -> str:
        """Say in which of rate, channels, labels and units `other` differs, "" when in none."""
        pairs = [
            ("rate", f"{self.sfreq:g} Hz", f"{other.sfreq:g} Hz"),
            ("channels", f"{self.n_channels}", f"{other.n_channels}"),
        ]
        if self.n_channels == other.n_channels:
            pairs += [
                ("labels", ",".join(self.labels), ",".join(other.labels)),
                ("units", ",".join(self.units), ",".join(other.units)),
            ]
        return "; ".join(
            f"{what} {printable(was, 80)} -> {printable(now, 80)}"
            for what, was, now in pairs
            if was != now
        )


def describe(info: Any) -> StreamDescription:
    """Read a ``pylsl.StreamInfo``; labels are there only when it came from an inlet."""
    n_channels = info.channel_count()
    labels, units, types = _columns(info, n_channels)
    return StreamDescription(
        name=info.name(),
        type=info.type(),
        source_id=info.source_id(),
        hostname=info.hostname(),
        uid=info.uid(),
        n_channels=n_channels,
        sfreq=info.nominal_srate(),
        labels=labels,
        units=units,
        types=types,
        simulated=info.desc().child_value("simulated") == "true",
    )


def _columns(info: Any, n_channels: int) -> list[tuple[str, ...]]:
    """Return label, unit and type of each column, "" where the description has no entry."""
    rows: list[tuple[str, ...]] = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty() and len(rows) < n_channels:
        rows.append(tuple(channel.child_value(key).strip() for key in ("label", "unit", "type")))
        channel = channel.next_sibling("channel")
    rows += [("", "", "")] * (n_channels - len(rows))
    return list(zip(*rows, strict=True))


def is_numeric(info: Any) -> bool:
    """Tell a stream of numbers from one of text."""
    return info.channel_format() not in (pylsl.cf_string, pylsl.cf_undefined)


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which stream is meant; an empty field matches any.

    Attributes
    ----------
    name, type, source_id, hostname : str
        As the stream announces them.
    sfreq : float or None
        Rate in Hz that the user gives to a stream, which then need not declare one.
    """

    name: str = ""
    type: str = ""
    source_id: str = ""
    hostname: str = ""
    sfreq: float | None = None

    def __str__(self) -> str:
        """Return the query for a message: ``named 'demo', type=EEG``."""
        named = f" named {self.name!r}" if self.name else ""
        fields = ("type", "source_id", "hostname")
        return named + "".join(f", {f}={getattr(self, f)}" for f in fields if getattr(self, f))

    def select(self, infos: Iterable[Any]) -> list[Any]:
        """Return the streams of numbers that match, those of type EEG when there are some."""
        found = [info for info in infos if self._matches(info)]
        if self.type:
            return found
        eeg = [info for info in found if info.type().upper() == "EEG"]
        return eeg if eeg or not (self.name or self.source_id) else found

    def _matches(self, info: Any) -> bool:
        return self.names(info) and not self.refuses(info)

    def refuses(self, info: Any) -> str:
        """Say why a stream is of no use, "" when it is."""
        if not is_numeric(info):
            return "sends text"
        if info.nominal_srate() > 0 or self.sfreq is not None:
            return ""
        return f"declares no rate: give it, as in lsl:{info.name()}?sfreq=250"

    def names(self, info: Any) -> bool:
        """Tell whether a stream of any kind has what is asked for."""
        wanted = (
            (self.name, info.name()),
            (self.type.upper(), info.type().upper()),
            (self.source_id, info.source_id()),
            (self.hostname, info.hostname()),
        )
        return all(wants in ("", has) for wants, has in wanted)


@cache
def quieten() -> None:
    """Keep the remarks of every copy of liblsl off the terminal, unless the user configured it.

    To be called before the first use of pylsl or mne_lsl; holds for child processes too.
    """
    places = (Path(), Path.home() / "lsl_api", Path("/etc/lsl_api"))
    if "LSLAPICFG" in os.environ or any((place / "lsl_api.cfg").exists() for place in places):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".cfg", prefix="lsl_api_", delete=False) as file:
        file.write("[log]\nlevel = -3\n")
    os.environ["LSLAPICFG"] = file.name
    atexit.register(Path(file.name).unlink, missing_ok=True)


class StreamWatch:
    """Looks at the network in the background and knows which streams are there now."""

    def __init__(self) -> None:
        quieten()
        self._began = time.monotonic()
        self._resolver = pylsl.ContinuousResolver(forget_after=FORGET_AFTER_S)

    def visible(self) -> list[Any]:
        """Return the streams that answered lately; never blocks."""
        return list(self._resolver.results())

    def find(self, query: StreamQuery, timeout_s: float) -> Any:
        """Wait for a stream that is meant; `confirm` tells later whether it is the only one.

        Raises
        ------
        SourceNotFound
            None answered within `timeout_s`.
        SourceError
            Several answered; the message lists them.
        """
        deadline = time.monotonic() + timeout_s
        while not query.select(self.visible()):
            if time.monotonic() > deadline:
                raise SourceNotFound(self._nothing_found(query, timeout_s))
            time.sleep(_POLL_S)
        return only_one(query, self.visible())

    def confirm(self, query: StreamQuery) -> None:
        """Wait until every stream had the time to answer; SourceError when several are meant."""
        self.settle()
        if len(query.select(self.visible())) > 1:
            only_one(query, self.visible())

    def settle(self) -> None:
        """Wait until every stream had the time to answer."""
        time.sleep(max(0.0, self._began + SETTLE_S - time.monotonic()))

    def _nothing_found(self, query: StreamQuery, timeout_s: float) -> str:
        seen = []
        for info in self.visible():
            is_meant = query.names(info) and (query.name or info.type().upper() == "EEG")
            reason = query.refuses(info) if is_meant else ""
            seen.append(f"{describe(info)}" + (f", which {reason}" if reason else ""))
        there = (
            f"there are: {'; '.join(seen)}" if seen else "no stream at all: is its sender running?"
        )
        return f"no LSL stream of EEG{query} within {timeout_s:g} s; {there}"


def only_one(query: StreamQuery, infos: Iterable[Any]) -> Any:
    """Return the stream that matches; SourceError lists them when there are several.

    Of those with one source_id, as a sender that died without a word leaves behind, the newest.
    """
    found = query.select(infos)
    if not found:
        raise SourceNotFound(f"LSL stream{query} is gone")
    identities = {(i.name(), i.type(), i.source_id(), i.channel_count()) for i in found}
    if len(identities) > 1 or (len(found) > 1 and not found[0].source_id()):
        listed = "; ".join(sorted(str(describe(info)) for info in found))
        raise SourceError(
            f"{len(found)} LSL streams match{query}: {listed}; say which, "
            "as in lsl:NAME?source_id=ID or lsl:NAME?type=EEG&hostname=HOST"
        )
    return max(found, key=lambda info: info.created_at())
