"""Ways to spoil the structure of a file: cells, settings, chunks, descriptions, checked arrays."""

from __future__ import annotations

import json
import os
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError
from tests.support.mutants import HOSTILE, damaged, spoiled, spoiled_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdjpt.bundle.checked_file import FileKind


def checked(content: bytes, rng: np.random.Generator, kind: Callable[[], FileKind]) -> bytes:
    """Spoil what a checked file says, or its arrays, and give it checksums that agree."""
    import safetensors

    from mdjpt.bundle.checked_file import write_checked

    if rng.random() < 0.4:
        return spoiled_header(content, rng)
    end = 8 + struct.unpack("<Q", content[:8])[0]
    entry = json.loads(json.loads(content[8:end])["__metadata__"][kind().entry])
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    arrays = {
        name: np.frombuffer(view["data"], types[view["dtype"]]).reshape(view["shape"]).copy()
        for name, view in safetensors.deserialize(content)
    }
    about = entry["about"]
    if rng.random() < 0.6:
        about = spoiled(about, rng)
    else:
        _spoil_arrays(arrays, rng)
    scratch = Path(os.environ["FUZZ_SCRATCH"]) / "scratch"
    try:
        write_checked(scratch, kind(), arrays, about)
    except (ValueError, TypeError, MdjptError):  # what no JSON text of ours can hold
        return spoiled_header(content, rng)
    return scratch.read_bytes()


def _spoil_arrays(arrays: dict[str, Any], rng: np.random.Generator) -> None:
    name = list(arrays)[rng.integers(len(arrays))]
    array = arrays[name]
    changes = [
        lambda: array.ravel(),
        lambda: array.T,
        lambda: array.reshape(-1)[:0],
        lambda: array[..., None],
        lambda: array.astype(np.float64),
        lambda: array.astype(np.int64),
        lambda: -array,
        lambda: array * 1e30 if array.dtype.kind == "f" else array + 2**62,
        lambda: array * 0,
        lambda: np.repeat(array, 2, axis=0) if array.ndim else array[None],
    ]
    kind = rng.integers(len(changes) + 2)
    if kind < len(changes):
        arrays[name] = np.ascontiguousarray(changes[kind]())
    elif kind == len(changes):
        del arrays[name]
    else:
        arrays[f"{name}.more"] = array


def edges(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the pickle and the directory of an archive: its first and last bytes."""
    at = 8_000 if rng.random() < 0.6 else len(content) - 12_000
    part = damaged(content[at : at + 4_000] if at == 8_000 else content[at:], rng)
    head = damaged(content[:12_000], rng)
    if at == 8_000:
        return head + content[12_000:]
    return content[:at] + part


_VALUES = ("nan", "inf", "-1", "9" * 400, "1e999", "''", '"\\u001b[2J"', "[" * 5000, "{}", "true")


def cells(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil cells, columns, separators and quotes of a table."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(int(rng.integers(1, 4))):
        row = rows[rng.integers(len(rows))]
        place, kind = int(rng.integers(len(row))), rng.integers(5)
        if kind == 0:
            del row[place]
        elif kind == 1:
            row.insert(place, row[place])
        elif kind == 2:
            row[place] = str(HOSTILE[rng.integers(len(HOSTILE))])
        elif kind == 3:
            row[place] = ("nan", "-inf", "1e400", '"', "\0", "=cmd()", "2024-99-99", "1970-01-01")[
                rng.integers(8)
            ]
        else:
            rows.append(list(row))
        rows = [r for r in rows if r] or [[""]]
    separator = (",", ",", "\t", ";")[rng.integers(4)]
    return "\n".join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")


def settings(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil values, keys and tables of TOML."""
    if rng.random() < 0.25:
        return damaged(content, rng)
    lines = content.decode().splitlines()
    for _ in range(int(rng.integers(1, 4))):
        place, kind = int(rng.integers(len(lines))), rng.integers(4)
        key = lines[place].partition("=")[0] or "x "
        if kind == 0:
            lines[place] = f"{key}= {_VALUES[rng.integers(len(_VALUES))]}"
        elif kind == 1:
            lines.append(lines[place])
        elif kind == 2:
            lines[place] = f"x{lines[place]}"
        else:
            del lines[place]
            lines = lines or [""]
    return "\n".join(lines).encode()


def chunks(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil an XDF file chunk by chunk: headers, counts, stamps, numbers, order."""
    parts, at = [], 4
    while at < len(content):
        n = content[at]
        stop = at + 1 + n + int.from_bytes(content[at + 1 : at + 1 + n], "little")
        parts.append(bytearray(content[at + 1 + n : stop]))
        at = stop
    for _ in range(int(rng.integers(1, 4))):
        kind, place = rng.integers(6), int(rng.integers(len(parts)))
        headers = [i for i, part in enumerate(parts) if part[:2] == b"\x02\x00"]
        if kind == 0:
            del parts[place]
        elif kind == 1:
            parts.insert(int(rng.integers(len(parts))), bytearray(parts[place]))
        elif kind == 2 and headers:
            header = headers[rng.integers(len(headers))]
            parts[header] = parts[header][:6] + xml(bytes(parts[header][6:]), rng)
        elif kind == 3 and len(parts[place]) > 20:
            wild = rng.choice([np.nan, np.inf, -1e300, 1e18, 0.0, -1.0])
            parts[place][12:20] = struct.pack("<d", wild)
        elif kind == 4 and len(parts[place]) > 10:
            parts[place][6:11] = b"\x04" + struct.pack("<I", int(rng.integers(2**32)))
        else:
            parts[place] = bytearray(damaged(bytes(parts[place]), rng))
        parts = parts or [bytearray(b"\x01\x00")]
    return b"XDF:" + b"".join(b"\x04" + struct.pack("<I", len(p)) + bytes(p) for p in parts)


def xml(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil the texts and elements of a description of a stream."""
    if rng.random() < 0.2:
        return damaged(content, rng)
    texts = list(re.finditer(rb">([^<>]*)</", content))
    values = ["", "-1", "nan", "1e9", "0", "2147483648", "9" * 400, "inf", "int64", "string", "x"]
    values += ["a&#27;]0;x&#7;&#8238;", "[red]x[/x]", "&lt;b&gt;", "=cmd()", "日" * 2000]
    for _ in range(int(rng.integers(1, 4))):
        found = texts[rng.integers(len(texts))]
        value = values[rng.integers(len(values))].encode()
        content = content[: found.start(1)] + value + content[found.end(1) :]
        texts = list(re.finditer(rb">([^<>]*)</", content))
    if rng.random() < 0.2:
        element = rng.choice([b"<channel>", b"</channels>", b"<channel_count>2</channel_count>"])
        at = int(rng.integers(len(content)))
        content = content[:at] + bytes(element) + content[at:]
    return content
