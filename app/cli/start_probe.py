"""Opens the dashboard, prints when it was painted and when it showed signals, and closes it.

Run by ``mdjpt bench`` as ``python -m app.cli.start_probe UNIX_TIME_OF_THE_START``.
"""

from __future__ import annotations

import json
import sys
import time

__all__ = ["main"]

CLOSE_AFTER_S = 6.0


def main() -> int:
    """Measure one start from the Unix time that the caller gives."""
    begun = float(sys.argv[1])
    seen: dict[str, float] = {}

    def note(name: str) -> None:
        seen.setdefault(name, time.time() - begun)

    from app.cli.dashboard import open_window

    code = open_window(
        None,
        None,
        None,
        after_s=CLOSE_AFTER_S,
        on_milestone=note,
    )
    sys.stdout.write(json.dumps(seen) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
