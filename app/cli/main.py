"""The command line: all commands, and how their errors are told.

A command is one file beside this one. It imports what it needs when it runs, so that
``mdjpt --help`` answers at once.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.bench import bench
from app.cli.calibrate import calibrate
from app.cli.calibrate_live import calibrate_live
from app.cli.check import check
from app.cli.dashboard import open_dashboard
from app.cli.data import data_cli
from app.cli.doctor import doctor
from app.cli.evaluate import evaluate_cli
from app.cli.export import export
from app.cli.features import features
from app.cli.interruption import Terminated, terminated_by_signal
from app.cli.model import model_cli
from app.cli.pretrain import pretrain
from app.cli.recipe import recipe_cli
from app.cli.record import record
from app.cli.repair import repair
from app.cli.replay import replay
from app.cli.run import run
from app.cli.simulate import simulate
from app.cli.sources import sources
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
    "app": open_dashboard,
    "run": run,
    "record": record,
    "sources": sources,
    "replay": replay,
    "check": check,
    "repair": repair,
    "export": export,
    "features": features,
    "simulate": simulate,
    "bench": bench,
    "doctor": doctor,
    "calibrate": calibrate,
    "calibrate-live": calibrate_live,
    "pretrain": pretrain,
}
for name, command in COMMANDS.items():
    cli.command(name)(command)
GROUPS = {"model": model_cli, "data": data_cli, "evaluate": evaluate_cli, "recipe": recipe_cli}
for name, group in GROUPS.items():
    cli.add_typer(group, name=name)

# typer carries a click of its own, whose UsageError it does not export.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def run_command_line(arguments: list[str]) -> int:
    """Run one command; a user's mistake is one line on stderr, never a traceback."""
    try:
        _refuse_shadowed_packages()
        with nullcontext() if _opens_a_window(arguments) else terminated_by_signal():
            result = typer.main.get_command(cli).main(
                arguments, prog_name="mdjpt", standalone_mode=False
            )
    except MdjptError as error:
        _complain(str(error))
        return error.exit_code
    except Terminated:
        _complain("ended by SIGTERM")
        return 143
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except USAGE_ERROR as error:
        message = getattr(error, "format_message", error.__str__)()
        _complain(f"{message.replace('Value error, ', '').rstrip('.')}. Try mdjpt --help")
        return 2
    except BrokenPipeError:
        # The reader of our output went away (mdjpt ... | head); nothing is left to say.
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _opens_a_window(arguments: list[str]) -> bool:
    """Tell the dashboard's command, whose event loop lets no exception through."""
    named = [argument for argument in arguments if not argument.startswith("-")]
    return not named or named[0] == "app"


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
        context.exit(open_dashboard())
