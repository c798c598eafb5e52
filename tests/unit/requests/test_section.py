"""[requests] in siang.toml, and what it becomes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app import open_mail, open_registrar, settings
from app.channels import open_channels
from app.errors import ConfigError
from app.requests.filing import Registrar
from app.requests.looking import Pace
from app.sections import RequestsSection
from app.settings import ROOT


def registrar_of(folder: Path, section: str) -> Registrar:
    """The registrar of the shipped configuration with another [requests]."""
    shipped = (ROOT / "config" / "siang.toml").read_text("utf-8")
    before, _, after = shipped.partition("[requests]")
    others = after[after.index("\n[") :]
    config = folder / "config"
    config.mkdir()
    for name in ("languages", "requests.yaml"):
        (config / name).symlink_to(ROOT / "config" / name)
    (config / "siang.toml").write_text(f"{before}{section}\n{others}", "utf-8")
    loaded = settings.load({"SIANG_CONFIG": str(config), "SIANG_HOME": str(folder / "home")})
    return open_registrar(loaded, open_mail(loaded, open_channels(loaded.channels)))


def test_the_shipped_values_are_the_defaults(tmp_path: Path) -> None:
    loaded = settings.load({"SIANG_HOME": str(tmp_path)})
    assert loaded.requests == RequestsSection()
    registrar = registrar_of(tmp_path, "")
    assert (registrar.pace, registrar.invite_after) == (Pace(), timedelta(hours=3))


def test_a_registrar_goes_by_what_is_configured(tmp_path: Path) -> None:
    section = "[requests]\ninvite_after_hours = 1\nmisses_per_hour = 3\nmisses_per_day = 4\n"
    registrar = registrar_of(tmp_path, section + "found_per_day = 5\nburst = 6")
    assert registrar.pace == Pace(misses_per_hour=3, misses_per_day=4, found_per_day=5, burst=6)
    assert registrar.invite_after == timedelta(hours=1)


@pytest.mark.parametrize(
    "line", ["misses_per_hour = 0", "burst = 0", "stale_after_days = 0", "x = 1"]
)
def test_a_wrong_key_or_value_stops_the_start(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=f"requests.{line.split()[0]}"):
        registrar_of(tmp_path, f"[requests]\n{line}")
