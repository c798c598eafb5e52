"""siang …: one module a command group. Every command works whether the gateway runs or not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping

import click

from app import logs
from app.errors import OperatorError

COMMANDS: Mapping[str, str] = {
    "run": "app.cli.run:run",
    "serve": "app.cli.serve:serve",
    "prepare": "app.cli.prepare:prepare_command",
    "channels": "app.cli.channels:channels_command",
    "dial": "app.cli.phone:dial",
    "sms": "app.cli.phone:sms",
    "tally": "app.cli.tally:tally_command",
    "digest": "app.cli.insight:digest_command",
    "recount": "app.cli.tally:recount_command",
    "messages": "app.cli.messages:messages_command",
    "doctor": "app.cli.doctor:doctor_command",
    "alarms": "app.cli.alarms:alarms_command",
    "alerts": "app.cli.alerts:alerts_command",
    "staff": "app.cli.people:staff",
    "requests": "app.cli.requests:requests",
    "export": "app.cli.export:export",
    "ranking": "app.cli.ranking:ranking_command",
    "tokens": "app.cli.tokens:tokens",
    "registry": "app.cli.registry:registry",
    "flows": "app.cli.flows:flows",
    "measure": "app.cli.measure:measure",
    "backup": "app.cli.backup:backup_command",
    "restore": "app.cli.restore:restore_command",
    "purge": "app.cli.purge:purge_command",
    "keys": "app.cli.keys:keys",
}
"""Each command and where it is written; only the one that is used is imported."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """An operator's errors become one sentence on stderr and exit status 2."""
        try:
            with logs.warnings_to_stderr():
                return super().invoke(ctx)
        except OperatorError as error:
            click.echo(str(error), err=True)
            sys.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Siang: citizens' feedback by SMS and USSD."""
