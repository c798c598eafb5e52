"""config/siang.toml, then the environment, become one frozen Settings.

Unknown or missing keys refuse to start with a sentence that names them. Secrets come from the
environment; where it has none they are generated once into SIANG_HOME (see `app.keyring`).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from ipaddress import ip_address
from pathlib import Path

from pydantic import ValidationError

from app import keyring
from app.errors import ConfigError
from app.sections import (
    BudgetSection,
    ChannelSection,
    ConfigFile,
    ConversationSection,
    DeliverySection,
    DigestSection,
    LoadSection,
    PricesSection,
    RequestsSection,
    RetentionSection,
    ServiceSection,
)
from app.words import Limits

ROOT = Path(__file__).resolve().parent.parent
CHANNEL_PREFIX = "SIANG_CHANNEL_"
_REDIS_URL = re.compile(r"rediss?://([^@\s/]*@)?[^:/\s@]+(:\d{1,5})?(/\d*)?(\?\S*)?|unix://\S+")
# Nobody answers two screens in a row with the same key that quickly; a gateway repeats so.
QUICKEST_REPEAT = 3.0
KNOWN_VARIABLES = frozenset(
    {
        "SIANG_BACKUP_KEY",
        "SIANG_CONFIG",
        "SIANG_HOME",
        "SIANG_HOST",
        "SIANG_LOG",
        "SIANG_METRICS_TOKEN",
        "SIANG_PUBLIC_URL",
        "SIANG_PHONE_KEY",
        "SIANG_PHONE_KEY_OLD",
        "SIANG_HASH_KEY",
        "SIANG_PHONE_PAGE",
    }
)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """One [channels.NAME] section: `options` are the kind's own keys, validated by the adapter.

    `tokens` are the secrets accepted in `?token=`: the first is handed out, the others are still
    valid while a gateway's console is being changed. `base_url` is where the gateway reaches us.
    `ussd_repeat_seconds` is what the section sets as `repeat_seconds`, and shorter where it does
    not: two questions in a row are often answered with the same key.
    """

    name: str
    kind: str
    base_url: str
    tokens: tuple[str, ...] = attribute(repr=False)
    ussd_limits: Limits = Limits()
    sms_limits: Limits = Limits()
    deadline_seconds: float = 8.0
    joins: bool = True
    rate: float = 0.0
    segment_kip: int = 200
    prefix_kip: Mapping[str, int] = attribute(default_factory=dict)
    repeat_seconds: float = 10.0
    ussd_repeat_seconds: float = QUICKEST_REPEAT
    join_minutes: int = 10
    canary_to: str = attribute(default="", repr=False)
    heartbeat_minutes: int = 0
    options: Mapping[str, object] = attribute(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the gateway is told from outside. `repr` hides every secret."""

    home: Path
    config: Path
    host: str
    port: int
    base_url: str
    phone_page_open: bool
    service: ServiceSection
    conversation: ConversationSection
    delivery: DeliverySection
    requests: RequestsSection
    digest: DigestSection
    prices: PricesSection
    budget: BudgetSection
    limits: LoadSection
    retention: RetentionSection
    channels: Mapping[str, ChannelConfig]
    redis_url: str = attribute(repr=False)
    phone_key: bytes = attribute(repr=False)
    hash_key: bytes = attribute(repr=False)
    metrics_token: str = attribute(repr=False)
    # While the phone key is being changed: what numbers may still be sealed with.
    old_phone_key: bytes | None = attribute(repr=False)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the file and the environment. Raises ConfigError naming the key and the remedy."""
    env = os.environ if environment is None else environment
    config = Path(env.get("SIANG_CONFIG") or ROOT / "config").resolve()
    parsed = _read_file(config / "siang.toml")
    _refuse_unknown(env, parsed)
    home = _home(env)
    port = _port(env.get("PORT", "8000"))
    base_url = (env.get("SIANG_PUBLIC_URL") or parsed.service.public_url).rstrip("/")
    base_url = base_url or f"http://127.0.0.1:{port}"
    secrets = keyring.open_keyring(home / "secrets.env", env, _secret_names(parsed))
    prefixes = {channel_variable(one, "") for one in parsed.channels}
    return Settings(
        home=home,
        config=config,
        host=_host(env.get("SIANG_HOST") or "127.0.0.1"),
        port=port,
        base_url=base_url,
        phone_page_open=_phone_page(env.get("SIANG_PHONE_PAGE") or "loopback"),
        service=parsed.service,
        conversation=parsed.conversation,
        delivery=parsed.delivery,
        requests=parsed.requests,
        digest=parsed.digest,
        prices=parsed.prices,
        budget=parsed.budget,
        limits=parsed.limits,
        retention=parsed.retention,
        channels={
            name: _channel(name, section, parsed.prices, base_url, env, secrets, prefixes)
            for name, section in parsed.channels.items()
        },
        redis_url=_redis_url(env.get("REDIS_URL", "")),
        phone_key=keyring.key_bytes("SIANG_PHONE_KEY", secrets),
        hash_key=keyring.key_bytes("SIANG_HASH_KEY", secrets),
        old_phone_key=_old_phone_key(env),
        metrics_token=_metrics_token(env.get("SIANG_METRICS_TOKEN", "")),
    )


def _read_file(path: Path) -> ConfigFile:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration at {path}", "Copy config/siang.toml or set SIANG_CONFIG"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", "Mend the line it names") from None
    try:
        parsed = ConfigFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_sentences(path, error), "Mend config/siang.toml") from None
    variables = [channel_variable(name, "") for name in parsed.channels]
    if len(set(variables)) < len(variables):
        raise ConfigError(
            f"{path}: two channels differ only in - and _",
            "Their environment variables would be one",
        )
    for where, channel in _named(parsed.delivery):
        if channel not in parsed.channels:
            raise ConfigError(
                f"{path}: {where} is {channel!r}, which is no channel",
                f"Use one of {', '.join(parsed.channels)}",
            )
    return parsed


def _named(delivery: DeliverySection) -> Iterator[tuple[str, str]]:
    """Every place at which the section names a channel, with the name."""
    yield "delivery.sms_channel", delivery.sms_channel
    yield from (("delivery.fallbacks", name) for name in delivery.fallbacks)
    for number, route in enumerate(delivery.routes):
        yield from ((f"delivery.routes.{number}.channels", name) for name in route.channels)


def _digits(prefix: str) -> str:
    return prefix.removeprefix("+")


def _sentences(path: Path, error: ValidationError) -> str:
    lines = [
        f"{path}: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "\n".join(lines)


def _refuse_unknown(env: Mapping[str, str], parsed: ConfigFile) -> None:
    prefixes = tuple(channel_variable(name, "") for name in parsed.channels)
    for variable in env:
        known = variable in KNOWN_VARIABLES or variable.startswith(prefixes)
        if variable.startswith("SIANG_") and not known:
            raise ConfigError(
                f"The environment variable {variable} is not one that Siang knows",
                f"Unset it; known are {', '.join(sorted(KNOWN_VARIABLES))} and "
                f"{CHANNEL_PREFIX}<NAME>_<KEY> for the channels in siang.toml",
            )


def _home(env: Mapping[str, str]) -> Path:
    home = Path(env.get("SIANG_HOME") or ROOT / "var").expanduser().resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"SIANG_HOME {home} cannot be made: {error.strerror}",
            "Choose a folder you may write to",
        ) from None
    return home


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise ConfigError(f"PORT is {text!r}, which is no port", "Use a number from 1 to 65535")


def _old_phone_key(env: Mapping[str, str]) -> bytes | None:
    name = "SIANG_PHONE_KEY_OLD"
    return keyring.key_bytes(name, env) if env.get(name) else None


def _host(text: str) -> str:
    try:
        return str(ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise ConfigError(
            f"SIANG_HOST is {text!r}, which is no address of this machine",
            "Use 127.0.0.1, or 0.0.0.0 for every network it is in",
        ) from None


def _phone_page(text: str) -> bool:
    if text not in {"loopback", "open"}:
        raise ConfigError(
            f"SIANG_PHONE_PAGE is {text!r}", "Use open to show /phone to everybody, or loopback"
        )
    return text == "open"


def _metrics_token(token: str) -> str:
    if token and len(token) < keyring.MINIMUM_TOKEN:
        raise ConfigError(
            f"SIANG_METRICS_TOKEN has fewer than {keyring.MINIMUM_TOKEN} signs",
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token


def _redis_url(url: str) -> str:
    if url and not _REDIS_URL.fullmatch(url):
        # The value may hold a password: it is not repeated.
        raise ConfigError(
            "REDIS_URL is no address of a Redis",
            "Set it to redis://HOST:6379/0 or unix://PATH, or unset it for the embedded Redis",
        )
    return url


def channel_variable(channel: str, key: str) -> str:
    """The environment variable that sets one key of a channel: SIANG_CHANNEL_KANNEL_PASSWORD."""
    return f"{CHANNEL_PREFIX}{channel}_{key}".upper().replace("-", "_")


def _secret_names(parsed: ConfigFile) -> list[str]:
    tokens = [channel_variable(name, "token") for name in parsed.channels]
    return ["SIANG_PHONE_KEY", "SIANG_HASH_KEY", *tokens]


def _section(name: str, given: Mapping[str, object]) -> ChannelSection:
    try:
        return ChannelSection.model_validate(given)
    except ValidationError as error:
        place = f"channels.{name}, or the environment's {channel_variable(name, '')}…"
        raise ConfigError(_sentences(Path(place), error), "Mend it there") from None


def _ussd_repeats(section: ChannelSection) -> float:
    given = "repeat_seconds" in section.model_fields_set
    return section.repeat_seconds if given else QUICKEST_REPEAT


def _channel(
    name: str,
    section: ChannelSection,
    prices: PricesSection,
    base_url: str,
    env: Mapping[str, str],
    secrets: Mapping[str, str],
    prefixes: Collection[str],
) -> ChannelConfig:
    given = section.model_dump(exclude_unset=True)
    prefix = channel_variable(name, "")
    token_variable = channel_variable(name, "token")
    for variable, value in env.items():
        # SIANG_CHANNEL_BOX_B_TOKEN is of channel box-b where there is one, not of box.
        owner = max((one for one in prefixes if variable.startswith(one)), key=len, default="")
        if owner == prefix and variable != token_variable:
            given[variable.removeprefix(prefix).lower()] = value
    section = _section(name, given)
    return ChannelConfig(
        name=name,
        kind=section.kind,
        base_url=base_url,
        tokens=keyring.tokens(token_variable, secrets),
        ussd_limits=Limits(**section.ussd_limits.model_dump()),
        sms_limits=Limits(**section.sms_limits.model_dump()),
        deadline_seconds=section.deadline_seconds,
        joins=section.joins,
        rate=section.rate,
        segment_kip=(
            prices.sms_segment_kip if section.segment_kip is None else section.segment_kip
        ),
        prefix_kip={_digits(prefix): kip for prefix, kip in section.prefix_kip.items()},
        repeat_seconds=section.repeat_seconds,
        ussd_repeat_seconds=_ussd_repeats(section),
        join_minutes=section.join_minutes,
        canary_to=section.canary_to,
        heartbeat_minutes=section.heartbeat_minutes,
        options=dict(section.model_extra or {}),
    )
