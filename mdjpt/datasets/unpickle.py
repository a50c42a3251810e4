"""Pickled arrays without the code that a pickle can run.

DEAP, FACED and the features of SEED-V are distributed as pickles, and a pickle is a program. Here
the only names that it may ask for are those with which NumPy writes an array, and even those are
answered by stand-ins that note down what is wanted: no function of NumPy, of the standard library
or of anyone else is called by the file. The arrays are built afterwards, from checked dtype, shape
and bytes.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import DatasetError, one_line
from mdjpt.guard.regular_file import regular_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_pickled", "unpickled"]

MAX_BYTES = 2 << 30
MAX_OPCODES = 1_000_000
MAX_DEPTH = 8
_PLAIN_DTYPE = re.compile(r"[?bBiuf]|[iuf][1248]|b1|[SU][1-9]\d{0,5}")
_REFUSED_OPCODES = frozenset(
    {
        "EXT1",
        "EXT2",
        "EXT4",
        "PERSID",
        "BINPERSID",
        "INST",
        "OBJ",
        "NEWOBJ",
        "NEWOBJ_EX",
        "NEXT_BUFFER",
        "READONLY_BUFFER",
    }
)
_MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def read_pickled(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """Read a pickle of plain numeric arrays in dicts, lists and tuples, up to `max_bytes` large.

    It may be of any pickle protocol, written by Python 2 or 3.

    Raises DatasetError: the file is missing, too large or damaged, or asks for anything but plain
    arrays.
    """
    return unpickled(regular_bytes(path, max_bytes, DatasetError, "pickle of arrays"), str(path))


def unpickled(data: bytes, where: str) -> Any:
    """Return the content of a pickle in memory, as :func:`read_pickled` does of a file.

    Raises DatasetError: the pickle is damaged, or asks for anything but plain arrays.
    """
    try:
        _check_opcodes(data)
        return _built(_ArrayUnpickler(BytesIO(data), encoding="latin1").load(), {})
    except pickle.UnpicklingError as error:
        raise DatasetError(f"{where}: {one_line(error)}") from None
    except Exception as error:  # a damaged pickle raises nearly every exception there is
        text = one_line(f"{type(error).__name__}: {error}")
        raise DatasetError(f"{where}: damaged or cut off: {text}") from None


def _check_opcodes(data: bytes) -> None:
    """Refuse what no array needs, before anything is executed.

    A ten-byte pickle can make the machine allocate gigabytes for its memo, hence the limit there.
    """
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name in _REFUSED_OPCODES:
            raise pickle.UnpicklingError(f"the pickle uses {opcode.name}, no array needs that")
        if count > MAX_OPCODES or (
            opcode.name in _MEMO_OPCODES and int(argument or 0) > MAX_OPCODES
        ):
            raise pickle.UnpicklingError(f"the pickle has more than {MAX_OPCODES} parts")


class _DtypeStandIn:
    """What ``numpy.dtype(code, align, copy)`` and its state ask for."""

    __slots__ = ("_byteorder", "_code")

    def __init__(self, code: str) -> None:
        self._code = code
        self._byteorder = ""

    def __setstate__(self, state: Any) -> None:
        _, byteorder, subdtype, names, fields, *_ = state
        is_record = (subdtype, names, fields) != (None, None, None)
        if is_record or byteorder not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError("an array of records, only plain numbers are read")
        self._byteorder = byteorder.strip("=|")

    def numpy(self) -> np.dtype[Any]:
        """Return the dtype, or refuse objects, records and dates."""
        if not isinstance(self._code, str) or not _PLAIN_DTYPE.fullmatch(self._code):
            raise pickle.UnpicklingError(
                f"an array of dtype {self._code!r:.40}, only plain numbers are read"
            )
        return np.dtype(self._byteorder + self._code)


class _ArrayStandIn:
    """What ``numpy.ndarray`` and its state ask for."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self._state = tuple(state)[-4:]  # an older pickle lacks the version in front

    def numpy(self) -> NDArray[Any]:
        """Return the array."""
        shape, dtype, is_fortran, data = self._state
        if isinstance(data, str):  # written by Python 2, whose strings are bytes
            data = data.encode("latin1")
        return _array(data, dtype, shape, "F" if is_fortran else "C")


class _Name:
    """A name that the pickle asked for; calling it notes down what is wanted."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f"the pickle changes {self._name}")

    def __call__(self, *arguments: Any) -> Any:
        """Answer for the function of NumPy that has this name."""
        if self._name == "dtype":
            return _DtypeStandIn(arguments[0])
        if self._name == "_reconstruct":
            return _ArrayStandIn()
        if self._name == "scalar":
            return _scalar(*arguments)
        if self._name == "_frombuffer":
            data, dtype, shape, order = arguments
            return _array(data, dtype, shape, order)
        if self._name == "encode":
            return _encoded(*arguments)
        if self._name == "bytes" and not arguments:  # the data of an empty array
            return b""
        raise pickle.UnpicklingError(f"the pickle calls {self._name}")


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """Return the bytes that Python 3 wrote as text for protocol 2 and below."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"the pickle asks for the codec {encoding!r:.40}")
    return text.encode("latin1")


def _scalar(dtype: Any, data: Any) -> Any:
    if isinstance(data, str):
        data = data.encode("latin1")
    return _array(data, dtype, (1,), "C")[0]


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    """Build an array from checked parts."""
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, _DtypeStandIn):
        raise pickle.UnpicklingError("an array without its bytes, only plain numbers are read")
    if not all(type(n) is int and n >= 0 for n in shape) or order not in ("C", "F"):
        raise pickle.UnpicklingError(f"an array of shape {shape!r:.60}")
    kind = dtype.numpy()
    if math.prod(shape) * kind.itemsize != len(data):
        raise pickle.UnpicklingError(
            f"damaged: {len(data)} bytes for an array of {kind} and shape {shape!r:.60}"
        )
    return np.frombuffer(bytearray(data), kind).reshape(shape, order=order)


# NumPy 2 writes numpy._core, all before it numpy.core.
_NAMES = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "bytes"): "bytes",
    **{
        (f"numpy.{core}.{module}", name): name
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    },
}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the names of plain arrays and no other."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Return the stand-in for an exact pair of module and name."""
        known = _NAMES.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(
                f"the pickle asks for {module}.{name}: only plain numeric arrays are read, "
                "nothing in it was run"
            )
        return _Name(known)


def _built(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """Return a content with arrays in the place of their stand-ins, each built once."""
    if depth > MAX_DEPTH:
        raise pickle.UnpicklingError(f"the pickle nests more than {MAX_DEPTH} levels")
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, _ArrayStandIn):
        result: Any = value.numpy()
    elif isinstance(value, dict):
        result = {_plain(key): _built(item, done, depth + 1) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        result = type(value)(_built(item, done, depth + 1) for item in value)
    else:
        return _plain(value)
    done[id(value)] = result
    return result


def _plain(value: Any) -> Any:
    if not isinstance(
        value, (str, bytes, bytearray, int, float, np.generic, np.ndarray, type(None))
    ):
        raise pickle.UnpicklingError(f"the pickle holds a {type(value).__name__.strip('_')}")
    return value
