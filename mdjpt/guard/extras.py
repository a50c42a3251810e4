"""Packages that only some of the work needs, imported when that work begins."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from mdjpt.errors import MdjptError

__all__ = [
    "check_training_extra",
    "how_to_install",
    "installed_version",
    "require_extra",
    "require_training_extra",
]


def installed_version(distribution: str) -> str:
    """Return the version of a distribution, "" when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def how_to_install(error: ModuleNotFoundError, extra: str = "train") -> str:
    """Say in one line which module is missing and how to install it."""
    return f'this needs {error.name}, which is not installed: pip install "mdjpt-live[{extra}]"'


def require_training_extra(*modules: str) -> Any:
    """Import modules of the optional extra ``train``, see :func:`require_extra`."""
    return require_extra("train", *modules)


def require_extra(extra: str, *modules: str) -> Any:
    """Import modules of an optional extra, as in ``pip install mdjpt-live[train]``.

    One module is returned as it is, several as a tuple in the order of their dotted names.

    Raises MdjptError: one is not installed; the message says how to install it.
    """
    try:
        imported = tuple(import_module(name) for name in modules)
    except ModuleNotFoundError as error:
        raise MdjptError(how_to_install(error, extra)) from None
    return imported[0] if len(imported) == 1 else imported


def check_training_extra(*packages: str) -> None:
    """Make sure that packages of the extra ``train`` are installed, without importing them.

    Raises MdjptError as for :func:`require_training_extra`.
    """
    for name in packages:
        if find_spec(name) is None:
            raise MdjptError(how_to_install(ModuleNotFoundError(name=name)))
