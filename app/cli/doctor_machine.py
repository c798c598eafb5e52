"""`siang doctor`: the database, Redis, the disk, the keys, the clocks."""

from __future__ import annotations

import shutil
from pathlib import Path

from app import bell, clock
from app.cli.doctor_findings import Finding, Place, megabytes
from app.embedded import Redis
from app.errors import ConfigError
from app.people.vault import Sealed
from app.storage import operations

OLDEST_VERSION = 150_000
# Below the first nothing is written any more, the second is a morning's warning.
NO_SPACE, LITTLE_SPACE = 200_000_000, 2_000_000_000
SKEW_SECONDS, WRONG_SECONDS = 2.0, 30.0
KEYS = ("SIANG_PHONE_KEY", "SIANG_HASH_KEY")
# So many of the oldest and of the newest numbers are opened.
TRIED = 5
CROWDED_PERCENT = 85


def database(place: Place) -> Finding:
    name = "database"
    if place.connection is None:
        remedy = "Start PostgreSQL, or mend DATABASE_URL"
        return Finding(name, "fail", place.why or "It does not answer", remedy)
    found = operations.server(place.connection)
    said = (
        f"PostgreSQL {found.version} answers; {megabytes(found.octets)}, "
        f"{found.connections} of {found.most_connections} connections"
    )
    if found.number < OLDEST_VERSION:
        return Finding(name, "fail", said, "Move to PostgreSQL 15 or newer")
    if found.standby:
        return Finding(name, "fail", f"{said}; a standby", "Let DATABASE_URL name the primary")
    if found.connections * 100 > found.most_connections * CROWDED_PERCENT:
        return Finding(name, "warn", said, "Raise max_connections, or look who else is there")
    return Finding(name, "ok", said)


def migrations(place: Place) -> Finding:
    name, needed = "migrations", operations.newest_revision()
    there = operations.revision(place.server)
    if not there:
        return Finding(name, "fail", "There are no tables", "siang prepare")
    if there < needed:
        said = f"The tables are at {there}, this code needs {needed}"
        return Finding(name, "fail", said, "siang prepare")
    if there > needed:
        said = f"The tables are at {there}, this code knows {needed}"
        return Finding(name, "warn", said, "Finish the update: this is the older code")
    return Finding(name, "ok", f"At {there}, the newest")


def redis(place: Place) -> Finding:
    """Never a failure: without it Siang is slower, not stopped."""
    name = "redis"
    url = place.settings.redis_url or _embedded_redis(place.settings.home)
    if not url:
        return Finding(name, "warn", "The embedded one does not run", "siang run starts it")
    try:
        told = bell.connect(url).info()
    except Exception as error:
        # Whatever it is, an address or a password: its words may repeat them.
        said = f"It does not answer ({type(error).__name__}): upkeep does the work, slower"
        return Finding(name, "warn", said, "Start Redis, or mend REDIS_URL")
    policy = told.get("maxmemory_policy", "?")
    keeps = "writes to disk" if told.get("aof_enabled") else "in memory alone, which is enough"
    said = f"Redis {told.get('redis_version', '?')} answers; {policy}, {keeps}"
    if policy != "noeviction" and told.get("maxmemory"):
        return Finding(name, "warn", said, "Set maxmemory-policy noeviction: it may drop bells")
    return Finding(name, "ok", said)


def _embedded_redis(home: Path) -> str:
    server = Redis(home)
    found = sorted(server.socket.parent.glob("redis-*.sock"))
    return f"unix://{found[-1]}" if found else ""


def disk(place: Place) -> Finding:
    folders = {"SIANG_HOME": place.settings.home}
    data = _local_data(place)
    if data is not None:
        folders["the database"] = data
    free = {what: shutil.disk_usage(folder).free for what, folder in folders.items()}
    said = "; ".join(f"{what} has {megabytes(left)} left" for what, left in free.items())
    remedy = "Make space: what arrives could not be kept"
    if min(free.values()) < NO_SPACE:
        return Finding("disk", "fail", said, remedy)
    if min(free.values()) < LITTLE_SPACE:
        return Finding("disk", "warn", said, remedy)
    return Finding("disk", "ok", said)


def _local_data(place: Place) -> Path | None:
    """Where a database of this machine keeps its files; None where it is elsewhere or hides it."""
    if place.connection is None:
        return None
    url = place.connection.engine.url
    host = str(url.query.get("host") or url.host or "/")
    if not host.startswith("/") and host not in ("localhost", "127.0.0.1", "::1"):
        return None
    folder = operations.folder(place.connection)
    # It may be in a container: then its folder is not ours.
    return Path(folder) if folder and Path(folder).is_dir() else None


def keys(place: Place) -> Finding:
    name = "keys"
    made = [one for one in KEYS if not place.environment.get(one)]
    source = "made at the first start" if made else "from the environment"
    asked = place.ready and place.connection is not None
    numbers = operations.some_numbers(place.tables, TRIED) if asked else []
    for one in numbers:
        try:
            opened = place.vault.hash(place.vault.open(Sealed(one.hash, one.cipher)))
        except ConfigError:
            opened = b""
        if opened != one.hash:
            said = f"What is stored does not open with these keys ({source})"
            return Finding(name, "fail", said, f"Set {' and '.join(KEYS)} as they were")
    tried = f"{len(numbers)} of the stored numbers open" if numbers else "no number is stored yet"
    tried = tried if asked else "not tried on what is stored"
    if made:
        said = f"{' and '.join(made)} in {place.settings.home / 'secrets.env'}; {tried}"
        return Finding(name, "warn", said, "Set both in the environment, and keep them safe")
    return Finding(name, "ok", f"From the environment; {tried}")


def clocks(place: Place) -> Finding:
    name = "clocks"
    before = clock.now()
    there = operations.clock(place.server)
    after = clock.now()
    skew = (there - before - (after - before) / 2).total_seconds()
    local = there.astimezone(clock.VIENTIANE)
    said = f"{local:%H:%M} in Vientiane; the database's is {abs(skew):.1f} s off this machine's"
    offset = local.utcoffset()
    if offset is None or offset.total_seconds() != 7 * 3600:
        return Finding(name, "fail", "Asia/Vientiane is not UTC+7 here", "Install tzdata anew")
    remedy = "Let NTP set the clocks of both machines"
    if abs(skew) > WRONG_SECONDS:
        return Finding(name, "fail", said, remedy)
    return Finding(name, "warn" if abs(skew) > SKEW_SECONDS else "ok", said, remedy)
