"""A pickled dataset gives plain arrays, whatever wrote it, and never runs code."""

from __future__ import annotations

import builtins
import codecs
import contextlib
import copyreg
import functools
import importlib
import operator
import os
import pickle
import pydoc
import runpy
import subprocess
import timeit
from pathlib import Path

import numpy as np
import pytest

from mdjpt.datasets.unpickle import read_pickled, unpickled
from mdjpt.errors import DatasetError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments

    def __call__(self):
        raise NotImplementedError("callable only so that it can be pickled as a function")


class EvilCodec:
    """Never constructed: its pickle names a class of this very module."""


def gadgets(canary, script):
    """Return pickles that create `canary` when they are loaded, or try to."""
    touch = f"open({str(canary)!r}, 'w').close()"
    shell = f"touch {canary}"
    os_module = Call(importlib.import_module, "os")
    runstring = np.testing._private.utils.runstring
    objects = {
        "os.system": Call(os.system, shell),
        "os.popen": Call(os.popen, shell),
        "subprocess.Popen": Call(subprocess.Popen, ["touch", str(canary)]),
        "subprocess.check_output": Call(subprocess.check_output, ["touch", str(canary)]),
        "builtins.eval": Call(builtins.eval, touch),
        "builtins.exec": Call(builtins.exec, touch),
        "builtins.open": Call(builtins.open, str(canary), "w"),
        "builtins.compile": Call(builtins.exec, Call(builtins.compile, touch, "x", "exec")),
        "builtins.getattr": Call(Call(builtins.getattr, os_module, "system"), shell),
        "builtins.__import__": Call(
            Call(builtins.getattr, Call(builtins.__import__, "os"), "system"), shell
        ),
        "importlib.import_module": Call(importlib.import_module, script.stem),
        "runpy.run_path": Call(runpy.run_path, str(script)),
        "timeit.timeit": Call(timeit.timeit, touch, "pass", timeit.default_timer, 1),
        "functools.partial": Call(functools.partial(os.system, shell)),
        "operator.attrgetter": Call(Call(operator.attrgetter("system"), os_module), shell),
        "operator.methodcaller": Call(operator.methodcaller("system", shell), os_module),
        "codecs.open": Call(codecs.open, str(canary), "w"),
        "pydoc.pipepager": Call(pydoc.pipepager, "", shell),
        "pathlib.Path.touch": Call(Path.touch, canary),
        "numpy.testing.runstring": Call(runstring, touch, {}),
        "numpy.save": Call(np.save, str(canary), [1.0]),
        "object array": np.array([Call(os.system, shell)], dtype=object),
        "object scalar": Call(np._core.multiarray.scalar, np.dtype(object), Call(os.system, shell)),
        "array of a subclass": Call(
            np._core.multiarray._reconstruct, Call(os.system, shell), (0,), b"b"
        ),
        "dict key": {"data": np.zeros(3), "labels": [Call(os.system, shell)]},
        "class of an application": EvilCodec(),
    }
    return {name: pickle.dumps(value, protocol=4) for name, value in objects.items()}


def raw_gadgets(canary):
    """Return pickles that no pickler writes."""
    shell = f"touch {canary}".encode()
    call = b"(S'" + shell + b"'\ntR."
    array = pickle.dumps(np.arange(3.0), protocol=2)
    state = pickle.dumps(Call(os.system, shell.decode()), protocol=2)[2:-1]
    return {
        "nt.system": b"cnt\nsystem\n" + call,
        "posix.system": b"cposix\nsystem\n" + call,
        "ctypes.CDLL": b"cctypes\nCDLL\n(Nt" + b"R.",
        "torch.storage": b"ctorch.storage\n_load_from_bytes\n(S'"
        + state.hex().encode()
        + b"'\ntR.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x1acore.multiarray.os.system__\x93.",
        "dotted traversal": (
            b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x17os.system.__call__12345\x93."
        ),
        "name in a wrong module": b"cnumpy\n_reconstruct\n(tR.",
        "state of an array": array[:-1] + b"}" + state + b"Rb.",
        "state of a function": b"cnumpy\ndtype\n}S'x'\n" + state + b"sb.",
        "instance": b"(S'" + shell + b"'\nios\nsystem\n.",
        "object": b"(cos\nsystem\nS'" + shell + b"'\no.",
        "new object": b"\x80\x02cos\nsystem\n(tU\x00\x81.",
        "extension": b"\x80\x02\x82\x07.",
        "persistent": b"Pevil\n.",
    }


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "ran"


@pytest.fixture
def script(tmp_path, canary, monkeypatch):
    path = tmp_path / "mdjpt_canary_script.py"
    path.write_text(f"open({str(canary)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    return path


def test_no_gadget_runs_and_each_refusal_names_the_file(tmp_path, canary, script):
    copyreg.add_extension("os", "system", 7)
    try:
        pickles = gadgets(canary, script) | raw_gadgets(canary)
        assert len(pickles) >= 40
        for name, data in pickles.items():
            path = tmp_path / f"{name}.pkl".replace("/", "_")
            path.write_bytes(data)
            with pytest.raises(DatasetError, match=r"\.pkl: ") as caught:
                read_pickled(path)
            assert str(path) in str(caught.value), name
            assert "\n" not in str(caught.value), name
            assert not canary.exists(), name
    finally:
        copyreg.remove_extension("os", "system", 7)


def test_the_gadgets_are_real(canary, script):
    asleep = {"numpy.save", "class of an application"}
    for name, data in gadgets(canary, script).items():
        if name in asleep:
            continue
        try:
            result = pickle.loads(data)
        except (TypeError, AttributeError, ValueError):
            result = None  # the canary is set before the rest fails
        if hasattr(result, "wait"):
            result.wait()
        if hasattr(result, "close"):
            result.close()
        assert canary.exists(), name
        canary.unlink()
        importlib.sys.modules.pop(script.stem, None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_arrays_come_back_from_every_protocol(protocol):
    content = {
        "data": np.arange(24.0).reshape(2, 3, 4),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i2"),
        "empty": np.zeros((0, 3)),
        "flags": np.array([True, False]),
        "names": np.array(["FP1", "OZ"]),
        "scalar": np.float64(2.5),
        "list": [np.int64(3), "text", b"bytes", (1, None)],
    }
    back = unpickled(pickle.dumps(content, protocol), "here")
    for name in ("data", "fortran", "big endian", "empty", "flags", "names"):
        np.testing.assert_array_equal(back[name], content[name])
        assert back[name].dtype == content[name].dtype
        assert back[name].flags.writeable
    assert back["scalar"] == content["scalar"]
    assert back["list"] == content["list"]


def test_an_array_written_by_python_2_is_read():
    data = (
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\t"
        b"U\x02f8q\nK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tq\x0eb\x89U\x10" + np.array([1.5, -2.0]).tobytes() + b"q\x0ftq\x10bs."
    )
    np.testing.assert_array_equal(unpickled(data, "here")["data"], [1.5, -2.0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("records", np.zeros(2, dtype=[("a", "f8")])),
        ("dates", np.zeros(2, dtype="datetime64[s]")),
        ("void", np.zeros(2, dtype="V8")),
        ("set", {1, 2}),
        ("complex", 1 + 2j),
    ],
)
def test_what_no_dataset_needs_is_refused(name, value):
    with pytest.raises(DatasetError, match="here: "):
        unpickled(pickle.dumps(value, protocol=4), "here")


def test_deep_nesting_is_refused():
    nested = [1]
    for _ in range(50):
        nested = [nested]
    with pytest.raises(DatasetError, match="nests more than"):
        unpickled(pickle.dumps(nested), "here")


def test_a_memo_that_asks_for_gigabytes_is_refused():
    with pytest.raises(DatasetError, match="parts"):
        unpickled(b"\x80\x02K\x01r\xff\xff\xff\x7f.", "here")


def test_a_false_shape_asks_for_no_memory():
    data = pickle.dumps(np.zeros((2, 3)), protocol=2)
    with pytest.raises(DatasetError, match="bytes for an array"):
        unpickled(data.replace(b"K\x02K\x03\x86", b"K\xffK\xff\x86"), "here")


def test_a_file_over_the_limit_is_not_opened(tmp_path):
    path = tmp_path / "large.pkl"
    path.write_bytes(pickle.dumps(np.zeros(100)))
    with pytest.raises(DatasetError, match="more than any pickle of arrays"):
        read_pickled(path, max_bytes=10)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.pkl"):
        read_pickled(tmp_path / "none.pkl")


def test_mutants_give_a_result_or_one_clear_error():
    rng = np.random.default_rng(13)
    content = {"data": np.arange(60.0).reshape(3, 4, 5), "labels": np.ones((3, 4))}
    for protocol in PROTOCOLS:
        original = pickle.dumps(content, protocol)
        for _ in range(150):
            mutant = bytearray(original[: rng.integers(1, len(original) + 1)])
            for position in rng.integers(0, len(mutant), size=rng.integers(0, 4)):
                mutant[position] = rng.integers(256)
            with contextlib.suppress(DatasetError):
                unpickled(bytes(mutant), "here")
