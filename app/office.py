"""What a process holds: opened once by `app.open_office`, handed to web, workers and commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from app.channels.base import Channel
from app.conversation.desk import Desk
from app.delivery.post import Post
from app.insight.alerts import Lookout
from app.insight.rules import Rules
from app.insight.sentences import Sentences
from app.requests.filing import Registrar
from app.settings import Settings
from app.words import Language


@dataclass(frozen=True, slots=True)
class Office:
    """The parts of a running Siang."""

    settings: Settings
    engine: Engine
    desk: Desk
    post: Post
    registrar: Registrar
    channels: Mapping[str, Channel]
    sentences: Mapping[Language, Sentences]
    insight: Rules
    lookout: Lookout
