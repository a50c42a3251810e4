"""The command line: names, options and help. The work is done in :mod:`app.cli`.

Every command imports what it needs when it runs, so that ``mdjpt --help`` answers at once.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.calibration_cli import calibrate_command, calibrate_live_command
from app.cli.options import planned
from app.live_cli import (
    app_command,
    bench_command,
    check_command,
    features_command,
    replay_command,
    run_command,
    simulate_command,
    sources_command,
)
from app.model_cli import PASS_ON, model_cli
from app.research_cli import data_cli, evaluate_cli, pretrain_command
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cli", "run_command_line"]

cli = typer.Typer(
    name="mdjpt",
    help="Real-time emotion decoding from EEG. Research use only, not a medical device.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)
COMMANDS: dict[str, Callable[..., int]] = {
    "app": app_command,
    "run": run_command,
    "sources": sources_command,
    "replay": replay_command,
    "check": check_command,
    "features": features_command,
    "simulate": simulate_command,
    "bench": bench_command,
    "calibrate": calibrate_command,
    "calibrate-live": calibrate_live_command,
    "pretrain": pretrain_command,
}
for name, command in COMMANDS.items():
    cli.command(name)(command)
for name, group in {"model": model_cli, "data": data_cli, "evaluate": evaluate_cli}.items():
    cli.add_typer(group, name=name)

# typer carries a click of its own, whose UsageError it does not export.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def run_command_line(arguments: list[str]) -> int:
    """Run one command; a user's mistake is one line on stderr, never a traceback.

    Parameters
    ----------
    arguments : list of str
        Arguments without the program's name.

    Returns
    -------
    int
        Exit code.
    """
    try:
        _refuse_shadowed_packages()
        result = typer.main.get_command(cli).main(
            arguments, prog_name="mdjpt", standalone_mode=False
        )
    except MdjptError as error:
        _complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except USAGE_ERROR as error:
        message = getattr(error, "format_message", error.__str__)()
        _complain(f"{message} Try mdjpt --help")
        return 2
    except BrokenPipeError:
        # The reader of our output went away (mdjpt ... | head); nothing is left to say.
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _complain(message: str) -> None:
    sys.stderr.write(f"mdjpt: {' '.join(message.split())}\n")


def _refuse_shadowed_packages() -> None:
    """Make sure that our packages, whose names are generic, are the ones that are imported."""
    home = Path(__file__).resolve().parents[2]
    for name in ("app", "mdjpt", "streaming"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if origin != home:
            owners = importlib.metadata.packages_distributions().get(name, [])
            others = ", ".join(o for o in owners if o != "mdjpt-live") or str(origin)
            raise MdjptError(
                f"the package {name!r} of {others} hides ours: install mdjpt-live in an "
                "environment of its own"
            )


@cli.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(importlib.metadata.version("mdjpt-live"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.exit(app_command(None))


@cli.command("doctor", context_settings=PASS_ON)
def doctor_command() -> int:
    """Check this installation (not there yet)."""
    return planned("doctor")
