"""siang run: the whole gateway in the foreground."""

from __future__ import annotations

import os
import subprocess
import sys
from http.client import HTTPConnection
from ipaddress import ip_address

import click

from app import embedded, settings
from app.channels import open_channels
from app.channels.base import HOOKS
from app.settings import ROOT, Settings
from app.supervisor import Servers, supervise


@click.command()
def run() -> None:
    """Start everything: databases where needed, web, workers and upkeep. Ctrl-C stops it."""

    loaded = settings.load()
    open_channels(loaded.channels)
    remarks: list[str] = []

    def prepare_database(servers: Servers) -> None:
        remarks.extend(_prepare(servers))

    sys.exit(
        supervise(
            ROOT / "Procfile",
            ROOT,
            loaded.home,
            os.environ,
            host=loaded.host,
            port=loaded.port,
            prepare=prepare_database,
            ready=lambda: _answers(loaded),
            announce=lambda: _announce(loaded, remarks),
        )
    )


def _prepare(servers: Servers) -> list[str]:
    """What `siang prepare` has to remark. In a process of its own: what a migration needs would
    stay in the memory of this one, which only watches. Ends this one where it fails."""
    prepared = subprocess.run(
        [sys.executable, "-m", "app.cli", "prepare"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": servers.database_url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=embedded.end_with_parent,
    )
    if prepared.returncode:
        sys.exit(prepared.returncode)
    return prepared.stdout.splitlines()


def _answers(loaded: Settings) -> bool:
    connection = HTTPConnection(_reachable(loaded.host), loaded.port, timeout=0.5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    # A server that listens on every address is reached on this machine by the loopback one.
    return "127.0.0.1" if ip_address(host).is_unspecified else host


def _announce(loaded: Settings, remarks: list[str]) -> None:
    """Where everything is. Without tokens: what is printed here ends up in somebody's log."""
    channels = open_channels(loaded.channels).values()
    local = f"http://{_reachable(loaded.host)}:{loaded.port}"
    lines = ["", f"Siang is running on {local}"]
    if any(channel.config.kind == "simulator" for channel in channels):
        lines.append(f"Try it on a phone in your browser: {local}/phone")
    lines += [
        f"Dial {loaded.service.ussd_code}, or text {loaded.service.short_code}.",
        "Webhooks; `siang channels` prints them with their secret tokens, ready to paste:",
    ]
    for channel in channels:
        config = channel.config
        lines += [
            f"  {config.name:<15} {hook:<8} {config.base_url}/channels/{config.name}/{hook}"
            for hook in HOOKS
            if hook in channel.hooks
        ]
    click.echo("\n".join([*lines, *remarks, "Ctrl-C stops it.", ""]))
