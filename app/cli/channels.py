"""siang channels: the webhook addresses to paste into each gateway's console."""

from __future__ import annotations

import json

import click

from app import settings
from app.channels import open_channels
from app.channels.base import HOOKS, Channel, hook_url


def described(channel: Channel) -> dict[str, object]:
    """`{name, kind, urls: {ussd, sms, receipt, event, optout}}`; null for a hook it has not."""
    urls = {
        hook: hook_url(channel.config, hook) if hook in channel.hooks else None for hook in HOOKS
    }
    return {"name": channel.config.name, "kind": channel.config.kind, "urls": urls}


@click.command("channels")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, tokens included.")
def channels_command(as_json: bool) -> None:
    """The channels and their webhook URLs. They hold secret tokens: paste, do not publish."""
    listed = [described(channel) for channel in open_channels(settings.load().channels).values()]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    for one in listed:
        click.echo(f"{one['name']} ({one['kind']})")
        urls = one["urls"]
        assert isinstance(urls, dict)
        for hook, url in urls.items():
            if url is not None:
                click.echo(f"  {hook:<8} {url}")
