"""Reading a file that nobody vouches for, in a process with limits of its own.

Readers of foreign formats hang, eat memory and crash natively on damaged files. Here that ends one
short-lived process and one clear error. A plain subprocess serves rather than multiprocessing's
spawn: it never imports the caller's main module again, and works from scripts without a main guard
and from daemonic processes.

`GuardedReader` is the side of the application, `serve` that of the process, which limits itself
before it opens the file and leaves its result in a folder: see `mdjpt.guard.result`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mdjpt.errors import MdjptError, one_line
from mdjpt.guard.extras import how_to_install
from mdjpt.guard.result import read_result, write_error, write_result

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GuardedReader", "Limits", "call_named", "leave_result", "reason", "serve"]

MEMORY_BYTES = 1 << 30
MEMORY_PER_BYTE = 16  # 16-bit or compressed samples pass through float64 and a copy
CPU_S = 8
TIMEOUT_S = 60.0
MAX_REASON = 1000
_MEGABYTE = 1e6
# What reading and checking a result that makes no sense can raise.
_UNUSABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use."""

    memory_bytes: int
    """Address space, beyond what it has when it begins to read; Linux only."""
    cpu_s: int
    """CPU seconds; not on Windows."""
    timeout_s: float
    """Wall time after which it is killed."""

    @classmethod
    def for_file(
        cls,
        n_bytes: int,
        *,
        cpu_s_per_megabyte: float = 1.0,
        timeout_s: float | None = None,
        memory_bytes: int | None = None,
    ) -> Self:
        """Allow what reading a file of that size takes.

        CPU seconds a megabyte come on top of 8; by default there are 60 s and 1 s a megabyte, and 1
        GiB and 16 times the file.
        """
        megabytes = n_bytes / _MEGABYTE
        return cls(
            memory_bytes=memory_bytes or MEMORY_BYTES + MEMORY_PER_BYTE * n_bytes,
            cpu_s=int(CPU_S + cpu_s_per_megabyte * megabytes),
            timeout_s=TIMEOUT_S + round(megabytes) if timeout_s is None else timeout_s,
        )


@dataclass(frozen=True, slots=True)
class GuardedReader:
    """A kind of file and how to read it in a process of its own."""

    module: str
    """Entry module of the process; it calls `serve`."""
    error: type[MdjptError]
    """What is raised when the file cannot be read."""

    def read(
        self,
        path: Path,
        limits: Limits,
        checked: Callable[[Any], T],
        *,
        content: bytes = b"",
        **options: Any,
    ) -> T:
        """Run the process to its end and take its result over; blocks.

        `checked` turns the value that the process hands back into the result, trusting none of it.
        `content` is for the standard input of the process, the options (JSON types) are for the
        function that the entry module serves.

        Raises MdjptError of the class `error`: one line that names the file.
        """
        with tempfile.TemporaryDirectory(prefix="mdjpt-read-") as name:
            request = {
                "path": str(path),
                "options": options,
                "folder": name,
                "memory_bytes": limits.memory_bytes,
                "cpu_s": limits.cpu_s,
            }
            question = Path(name, "content")
            question.write_bytes(content)
            failure = _run(self.module, json.dumps(request), question, limits.timeout_s)
            if failure:
                raise self.error(f"{path}: {failure}")
            return self.taken_over(path, Path(name), checked)

    def taken_over(self, path: Path, folder: Path, checked: Callable[[Any], T]) -> T:
        """Load what the process left for a file, trusting none of it.

        Raises MdjptError of the class `error`: the process left an error, or nothing usable.
        """
        try:
            result = read_result(folder)
            if "error" not in result:
                return checked(result["value"])
            failure = one_line(result["error"].removeprefix(f"{path}: "), MAX_REASON)
        except _UNUSABLE:
            failure = "damaged: its reader left no usable result"
        raise self.error(f"{path}: {failure}")


def _run(module: str, request: str, question: Path, timeout_s: float) -> str:
    """Run the process to its end and say why it had to be killed or crashed, "" when it did not."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    here = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.getenv("PYTHONPATH"))))
    # -P: the working directory, full of someone's files, is no place to import from.
    command = [sys.executable, "-P", "-m", module, request]
    with (
        question.open("rb") as content,
        subprocess.Popen(
            command,
            stdin=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        ) as process,
    ):
        try:
            return _cause_of_death(process.wait(timeout_s))
        except subprocess.TimeoutExpired:
            return f"not read after {timeout_s:g} s; damaged, or too large for this machine"
        finally:
            process.kill()


def _cause_of_death(code: int) -> str:
    """Say what the exit status of a process means, "" for success."""
    if code == 0:
        return ""
    name = next((s.name for s in signal.Signals if s == -code), f"exit status {code}")
    if name in ("SIGXCPU", "SIGKILL"):
        return "damaged: its reader did not come to an end and was stopped"
    return f"damaged: its reader crashed ({name})"


def serve(read: Callable[..., Any]) -> None:
    """Do what the command line of this process asks for, under its limits.

    `read` is called with the path and the options; it returns what `write_result` writes.
    """
    request = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    _limit(request["memory_bytes"], request["cpu_s"])
    leave_result(Path(request["folder"]), read, Path(request["path"]), **request["options"])


def call_named(path: Path, function: str, options: dict[str, Any]) -> Any:
    """Read a file with the function that a request names: what this module does as an entry module.

    The function is ``module:name``; it is imported in the guarded process alone.
    """
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(path, **options)


def leave_result(folder: Path, read: Callable[..., Any], path: Path, **options: Any) -> None:
    """Read a file in this process, without limits, and leave the result or an error in a folder.

    The folder is for `GuardedReader.taken_over`.
    """
    try:
        write_result(folder, read(path, **options))
    except Exception as error:
        write_error(folder, reason(error))


_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_FOR_PROGRAMMERS = re.compile(
    r"\b(?:mne|np|numpy|scipy|self)\.|\w\(\)|\w=|\bread_raw|parameter|argument|^Consider"
)
"""Sentences of other people's errors that say what to write in Python."""


def reason(error: Exception) -> str:
    """Say in one line, without the file's name, why a reader failed."""
    if isinstance(error, MdjptError):
        return str(error)
    if isinstance(error, MemoryError):
        return "damaged, or too large for the memory that a reader may use"
    if isinstance(error, RecursionError):
        return "damaged: its structure never ends"
    if isinstance(error, ModuleNotFoundError):
        return how_to_install(error)
    sentences = _SENTENCE.split(str(error))
    said = " ".join(part for part in sentences if not _FOR_PROGRAMMERS.search(part))
    return "cannot be read, damaged or cut off" + (f": {one_line(said)}" if said.strip() else "")


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Cap address space, CPU seconds and core dumps where the platform can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit is the only one.
        return
    limits = {resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_CORE: 0}
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except (OSError, ValueError):  # Elsewhere than on Linux the cap is refused or without effect.
        pass
    else:
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + memory_bytes
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(OSError, ValueError):  # a platform without this limit
            resource.setrlimit(kind, (allowed, hard))


if __name__ == "__main__":
    serve(call_named)
