"""Reads command lines of `az`, one JSON list a line, and prints what Azure's own parser does not take.

Runs in an environment of its own, with azure-cli in it. Nothing is executed and nobody is asked.
"""

import contextlib
import io
import json
import sys

from azure.cli.core import MainCommandsLoader, get_default_cli
from azure.cli.core._help import AzCliHelp
from azure.cli.core.commands import AzCliCommandInvoker
from azure.cli.core.parser import AzCliCommandParser


def problem(arguments: list[str]) -> str | None:
    """What is wrong with one command line; None if it is taken."""
    context = get_default_cli()
    invoker = AzCliCommandInvoker(
        cli_ctx=context,
        parser_cls=AzCliCommandParser,
        commands_loader_cls=MainCommandsLoader,
        help_cls=AzCliHelp,
    )
    context.invocation = invoker
    loader = invoker.commands_loader
    loader.load_command_table(arguments)
    command = invoker._rudimentary_get_command(arguments)
    if command not in loader.command_table:
        return f"there is no command '{command}'"
    invoker.data["command_string"] = loader.command_name = command
    loader.load_arguments(command)
    loader.command_table = {command: loader.command_table[command]}
    invoker.parser.cli_ctx = context
    invoker.parser.load_command_table(loader)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            invoker.parser.parse_args(arguments)
    except SystemExit:
        return said.getvalue().strip().splitlines()[0] if said.getvalue().strip() else "it is not taken"
    return None


for line in sys.stdin:
    words = json.loads(line)
    told = problem(words)
    if told is not None:
        print(f"az {' '.join(words)}: {told}")
