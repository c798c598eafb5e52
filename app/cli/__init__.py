"""siang …: one module a command group. Every command works whether the gateway runs or not."""

from __future__ import annotations

import sys

import click

from app.errors import OperatorError


class _Group(click.Group):
    """Turns an operator's errors into one sentence on stderr and exit status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            click.echo(str(error), err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Siang: citizens' feedback by SMS and USSD."""


def _register() -> None:
    from app.cli import channels, flows, insight, people, phone, registry, requests, run

    for command in (
        run.run,
        run.serve,
        channels.channels_command,
        phone.dial,
        phone.sms,
        insight.tally_command,
        insight.digest_command,
        insight.recount_command,
        people.staff,
        registry.registry,
        requests.requests,
        flows.flows,
    ):
        main.add_command(command)


_register()
