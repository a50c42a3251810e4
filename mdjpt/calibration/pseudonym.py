"""Pseudonyms: what a participant is called instead of by name."""

from __future__ import annotations

import re
import secrets

from mdjpt.errors import ProfileError

__all__ = ["check_pseudonym", "is_pseudonym", "new_pseudonym"]

_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def new_pseudonym() -> str:
    """Return a random pseudonym, e.g. "P-3f9a1c07"."""
    return f"P-{secrets.token_hex(4)}"


def is_pseudonym(text: str) -> bool:
    """Tell whether a text is 1 to 32 letters, digits, hyphens or underscores."""
    return _PSEUDONYM.fullmatch(text) is not None


def check_pseudonym(text: str) -> None:
    """Refuse what is no pseudonym, see :func:`is_pseudonym`.

    Raises
    ------
    ProfileError
        When it is none.
    """
    if not is_pseudonym(text):
        raise ProfileError(
            f"a pseudonym is 1 to 32 letters, digits, - or _, got {text[:40]!r}; never use a name"
        )
