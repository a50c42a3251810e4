"""Entry points: ``mdjpt``, ``python -m app`` and the graphical ``mdjpt-live``.

Spawned processes import this module again, so it imports nothing heavy at its head.
"""

from __future__ import annotations

import sys

__all__ = ["main", "open_dashboard"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments without the program's name; those of the process when None.

    Returns
    -------
    int
        Exit code: 0 done, 2 bad usage or file, 3 source, 4 model or profile.
    """
    from app.cli.main import run_command_line

    return run_command_line(sys.argv[1:] if arguments is None else arguments)


def open_dashboard() -> int:
    """Open the dashboard, as a double click does."""
    return main(["app"])


if __name__ == "__main__":
    sys.exit(main())
