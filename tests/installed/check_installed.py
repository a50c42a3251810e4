"""Use an installed mdJPT Live as somebody without the checkout does: `make wheel-test` runs this.

It runs in an empty folder, isolated (`python -I`), with the commands beside the interpreter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("mdjpt"))
MISSING = {
    "outputs": ("run", "sim:?duration=12", "--publish", "osc:9000"),
    "train": ("data", "prepare", "folder", "--raw", ".", "--out", "store"),
    "export": ("export", "sim.edf", "--to", "bids", "--out", "bids", "--subject", "01"),
}
"""What needs an extra that is not installed, and must say so in one line."""


def run(*arguments: str, code: int = 0) -> str:
    """Run a command, see that it ends with `code`, and return what it said."""
    began = time.monotonic()
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == code, f"mdjpt {' '.join(arguments)}: {done.returncode}\n{said}"
    assert "Traceback" not in said, said
    sys.stdout.write(f"{time.monotonic() - began:6.1f} s  mdjpt {' '.join(arguments)}\n")
    return said


def main() -> None:
    """Check the package, the demo model, a recording, the window, and what extras say."""
    import app

    assert "site-packages" in str(app.__file__), app.__file__
    assert run("--version").strip() == version("mdjpt-live")
    run("run", "sim:?seed=7&duration=20&sfreq=125", "--speed", "max", "--out", "sim.jsonl")
    statuses = [json.loads(line)["status"] for line in Path("sim.jsonl").read_text().splitlines()]
    assert "ok" in statuses, statuses
    run("simulate", "--out", "sim.edf", "--duration", "20")
    run("features", "sim.edf", "--out", "features.npz")
    run("record", "file:sim.edf", "--out", "recordings", "--speed", "max")
    (recorded,) = Path("recordings").glob("*.xdf")
    run("check", str(recorded))
    run("app", "sim:", "--screenshot", "window.png", "--after", "3")
    assert Path("window.png").stat().st_size > 10_000
    for extra, arguments in MISSING.items():
        said = run(*arguments, code=2)
        assert f"[{extra}]" in said, said


main()
