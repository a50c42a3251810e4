"""The command-line reference, made from the program itself."""

from __future__ import annotations

from typing import Any

import typer.main

from app.cli.main import cli

__all__ = ["write_commands"]

_HEAD = """# Command line

Made from the program at each build; `mdjpt COMMAND --help` prints the same. A command ends with
code 0 when it is done, 1 when `doctor` found a fault, 2 for bad usage or a bad file, 3 for a source
that is not found or lost for good, 4 for a model or profile that cannot be used. Errors are one
line on stderr.
"""


def write_commands() -> str:
    """Return the page as Markdown: every command with its arguments and options."""
    commands = dict(_leaves("mdjpt", typer.main.get_command(cli)))
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands.items())])


def _leaves(name: str, command: Any) -> Any:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for part, child in inner.items():
        yield from _leaves(f"{name} {part}", child)


def _section(name: str, command: Any) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    return f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
