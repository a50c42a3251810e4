"""Damaged copies of files, each read in a fork under limits (POSIX only).

A crash, an endless loop or too much memory ends that fork and is counted; so does a reader that
starts a program, opens a connection or writes. Formats are in :mod:`tests.support.fuzzed_files`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

MEMORY_BYTES = 1 << 30
SECONDS = 10
_TESTS = Path(__file__).parents[1]
MAX_FLIPS = 8
_OUTSIDE = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
_DEEP, _TWICE = '"\\u0001deep"', "\\u0001twice"

HOSTILE = (
    None,
    True,
    -1,
    0,
    0.5,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "\ud800",
    "a\x1b]0;owned\x07\u202e\n\x00[/x]<b>",
    "x" * 100_000,
    "1e999",
    [],
    {},
    [[]],
    {"": None},
    "\x01deep",
)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut, overwrite, repeat or flip some of a file, its head more often than the rest."""
    data = bytearray(content)
    span = len(data) if rng.random() < 0.4 else min(len(data), 4096)
    at = int(rng.integers(span))
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        n = int(rng.integers(1, 64))
        data[at : at + n] = rng.bytes(n)
    elif kind == 2:
        n = int(rng.integers(1, 512))
        data[at:at] = data[at : at + n]
    elif kind == 3:
        del data[at : at + int(rng.integers(1, 64))]
    else:
        for place in rng.integers(span, size=rng.integers(1, MAX_FLIPS + 1)).tolist():
            data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def spoiled(value: Any, rng: np.random.Generator) -> Any:
    """Change a JSON value somewhere: a hostile value, a key that lacks, is new or comes twice."""
    value = json.loads(json.dumps(value))
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(value))
        if not places:
            return HOSTILE[rng.integers(len(HOSTILE))]
        parent, key = places[rng.integers(len(places))]
        kind = rng.integers(6)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict):
            parent["\x01twice" + key] = HOSTILE[rng.integers(len(HOSTILE))]
        elif kind == 2 and isinstance(parent, dict):
            parent[f"{key}x"] = parent[key]
        elif kind == 3:
            other, place = places[rng.integers(len(places))]
            parent[key] = json.loads(json.dumps(other[place])) if place in _keys(other) else None
        elif kind == 4 and isinstance(parent[key], int | float):
            parent[key] *= (-1, 0, 1000, 10**18)[rng.integers(4)]
        else:
            parent[key] = HOSTILE[rng.integers(len(HOSTILE))]
    return value


def json_text(value: Any) -> bytes:
    """Write a spoiled value, with NaN, keys that come twice and a list without an end."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text.replace(_TWICE, "").replace(_DEEP, 90_000 * "[").encode()


def spoiled_json(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage JSON by its structure, now and then by its bytes."""
    return (
        damaged(content, rng)
        if rng.random() < 0.25
        else json_text(spoiled(json.loads(content), rng))
    )


def spoiled_header(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the header of a safetensors file: sizes, types, places, entries."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    end = 8 + struct.unpack("<Q", content[:8])[0]
    text = json_text(spoiled(json.loads(content[8:end]), rng))
    text += b" " * (-len(text) % 8)
    length = len(text) if rng.random() < 0.9 else int(rng.choice([0, 2**20, 2**40, 2**63]))
    return struct.pack("<Q", length) + text + content[end:]


def _keys(parent: Any) -> Any:
    return parent if isinstance(parent, dict) else range(len(parent))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key in a JSON value."""
    if isinstance(value, dict | list):
        for key in _keys(value):
            yield value, key
            yield from _places(value[key])


def outcomes(
    path: Path,
    read: Callable[[Path], object],
    mutate: Callable[[bytes, np.random.Generator], bytes],
    random: Iterator[np.random.Generator],
    *,
    is_guarded: bool,
) -> dict[str, Any]:
    """Write mutant after mutant to `path`, read each in a fork, and count what came of it.

    A reader that the program runs in a process of its own may crash, which ends in one line there.
    """
    assert not path.is_relative_to(_TESTS), "it would be written over"
    content, counts, wrong, slowest_s = path.read_bytes(), dict[str, int](), list[str](), 0.0
    read(path)  # the sound file is read, and every fork has what that imports
    report = path.with_name("report.log")
    for number, rng in enumerate(random):
        path.write_bytes(mutate(content, rng))
        begun = time.perf_counter()
        outcome = forked(lambda: read(path), report)
        slowest_s = max(slowest_s, time.perf_counter() - begun)
        counts[outcome] = counts.get(outcome, 0) + 1
        if outcome == "wrong" or not (is_guarded or outcome in ("read", "refused")):
            said = report.read_text(errors="replace")[-1500:] if report.exists() else ""
            wrong.append(f"{path.name}, mutant {number}: {outcome}: {said}")
        report.unlink(missing_ok=True)
    return {"outcomes": counts, "wrong": wrong, "slowest_s": slowest_s}


def forked(read: Callable[[], object], report: Path) -> str:
    """Call a reader in a fork under limits: "read", "refused", or what was wrong."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = _read(read, report)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return signal.Signals(-code).name
    return ("read", "refused", "wrong")[code]


def _read(read: Callable[[], object], report: Path) -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory_bytes = pages * resource.getpagesize() + MEMORY_BYTES
    for kind, limit in {"AS": memory_bytes, "CPU": SECONDS, "CORE": 0}.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (limit, resource.RLIM_INFINITY))
    signal.alarm(2 * SECONDS)
    outside: list[str] = []
    sys.addaudithook(lambda event, arguments: outside.extend(_reaches_out(event, arguments)))
    try:
        read()
        code, said = 0, ""
    except MdjptError as error:
        said = str(error)
        code = 1 if said.isprintable() and len(said) < 2000 else 2
    except BaseException:
        code, said = 2, traceback.format_exc()
    if outside:
        code, said = 2, f"it reached out: {outside}"
    if code == 2:
        report.write_text(said, errors="replace")
    return code


def _reaches_out(event: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """Name what no reader may do: programs, connections, files to write."""
    if event in _OUTSIDE:
        yield f"{event} {arguments[:1]!r}"
    if event == "open" and str(arguments[1] or "r")[0] in "wax" and arguments[0] != os.devnull:
        yield f"write {arguments[0]!r}"
