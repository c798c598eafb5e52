"""The house rules of the code, held by reading it. Every failure says what to do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = "app/storage/migrations/"
FUNCTION, FILE = 40, 400
Names = frozenset[str]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Broken = tuple[int, str]
"""A line and what to do about it."""


def words(text: str) -> Names:
    return frozenset(text.split())


# --- the rules --------------------------------------------------------------------------------

PURE: tuple[str, ...] = (
    "app/text/",
    "app/flows/",
    "app/insight/statistics.py",
    "app/feedback/cells.py",
)
PURE += ("app/requests/numbers.py", "app/requests/statuses.py")
PURE += ("app/insight/dimensions.py", "app/insight/alert_signs.py")
PURE += ("app/insight/composition.py", "app/insight/disclosure.py", "app/insight/figures.py")
PURE += ("app/insight/digest_text.py", "app/insight/digest_details.py")
PURE += ("app/insight/flow_results.py",)
PURE_LIBRARIES = words(
    "__future__ abc bisect collections dataclasses datetime decimal difflib enum fractions "
    "functools hashlib heapq itertools json math operator re string textwrap types typing "
    "unicodedata babel icu4py phonenumbers regex stdnum app.text app.flows app.words app.errors"
)
PURE_ROOMS = {
    "flows": words("pydantic yaml"),
    "insight": words(
        "app.insight.statistics app.insight.disclosure app.insight.figures app.insight.digest_text"
    ),
}
# Called by these names, even an allowed library reads a clock, a file or a die.
IMPURE_CALLS = words("now utcnow today open print input exec eval read_text write_text")

BELOW: dict[str, Names] = {
    "text": words("app.text app.words app.errors"),
    "channels": words("app.channels app.text app.words app.errors app.settings app.clock"),
    "storage": words("app.storage app.text app.words app.errors"),
    "registry": words("app.registry app.storage app.text app.words app.errors app.clock"),
    "people": words("app.people app.storage app.text app.words app.errors app.clock"),
}
DOMAINS = {"registry": 1, "people": 1, "delivery": 2, "requests": 2, "feedback": 2}
DOMAINS |= {"insight": 3, "conversation": 3}
EDGES = words("app.web app.cli app.upkeep app.office app.supervisor app.embedded worker")

ONLY: dict[str, tuple[str, ...]] = {
    "rq": ("app/bell.py", "worker.py"),
    "redis": ("app/bell.py", "worker.py"),
    "africastalking": ("app/channels/africastalking_sdk.py",),
    "twilio": ("app/channels/twilio.py",),
    "httpx": ("app/channels/",),
    "flask": ("app/web/", "app/__init__.py", "app/cli/phone.py"),
    "werkzeug": ("app/web/",),
    "alembic": ("app/storage/",),
    "psycopg": ("app/storage/",),
    "granian": ("app/cli/serve.py",),
    "prometheus_client": ("app/counters.py", "app/web/metrics"),
    "click": ("app/cli/",),
    "holidays": ("app/clock.py",),
    "phonenumbers": ("app/text/numbers.py",),
    "stdnum": ("app/requests/numbers.py",),
    "cryptography": ("app/people/vault.py", "app/people/sealed_files.py"),
}
# Elsewhere a connection is handed on, begun or refused; what it is asked stands in app/storage/.
HANDED_ON = words(
    "Connection Engine exc SQLAlchemyError OperationalError IntegrityError DBAPIError"
)
ASKS_ITSELF = {"app/web/health.py": words("text")}  # SELECT 1 is about no table.
# The migration lock outlives the migrations' own transactions.
COMMITS: tuple[str, ...] = ("app/storage/migrating.py", MIGRATIONS)
# Where nothing was done yet, a turn's first trip is made once more.
COMMITS += ("app/storage/trips.py",)
# These commands write a row or two for which no domain folder has a use yet.
BEGINS = (*(f"app/{room}/" for room in DOMAINS), "app/upkeep.py", "app/cli/people.py")
BEGINS += ("app/cli/requests.py", "app/living.py", "app/cli/backup.py")
CONNECTING = words(
    "create_engine open_engine connect Redis from_url Client AsyncClient Popen Thread urlopen "
    "create_connection open_office wait_for"
)
STARTS_A_PROCESS = ("app/web/wsgi.py",)  # The web server imports it to be given the application.

GUARDS = {
    "hooks.py /channels/<name>/<any(ussd, sms, receipt, event, optout):hook>": "token",
    "phone.py /phone": "loopback",
    "phone.py /phone/inbox": "loopback",
    "health.py /live": "open",
    "health.py /ready": "open",
    "metrics.py /metrics": "machine",
    "api.py /requests": "bearer",
    "api.py /requests/<path:number>": "bearer",
    "api_document.py /openapi.json": "open",
    "api_figures.py /odsc/<code>/summary": "bearer",
    "api_figures.py /districts/<code>/summary": "bearer",
    "api_figures.py /provinces/<code>/summary": "bearer",
    "api_figures.py /groups/<code>/summary": "bearer",
    "api_figures.py /country/summary": "bearer",
    "api_figures.py /ranking": "bearer",
    "api_results.py /packages": "bearer",
    "api_results.py /packages/<package>": "bearer",
    "api_results.py /packages/<package>/responses": "bearer",
}
OPEN = words("app/web/health.py app/web/api_document.py")
ROUTES = words("route get post put patch delete")


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One file of Python."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def room(self) -> str:
        """The folder or file directly under app/."""
        parts = self.path.split("/")
        return parts[1].removesuffix(".py") if parts[0] == "app" else ""

    @property
    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    @property
    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported: `from a import b` is a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{above}.{alias.name}") for alias in node.names)


def calls(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and last name of what is called: `clock.now()` and `now()` are both "now"."""
    for node in nodes:
        if isinstance(node, ast.Call):
            target = node.func
            name = target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
            yield node.lineno, name


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: everything outside functions and `__main__`."""
    for child in ast.iter_child_nodes(node):
        asks_main = isinstance(child, ast.If) and "__main__" in ast.unparse(child.test)
        if not asks_main and not isinstance(child, Function | ast.Lambda):
            yield child
            yield from at_import(child)


def within(name: str, allowed: Names) -> bool:
    """Whether the name or one above it is among the allowed."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in allowed for length in range(1, len(parts) + 1))


@cache
def sources(*places: str) -> list[Source]:
    paths = [path for place in places for path in sorted((ROOT / place).rglob("*.py"))]
    paths += [ROOT / place for place in places if place.endswith(".py")]
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


# --- holding them -----------------------------------------------------------------------------


def pure_rooms(source: Source) -> Iterator[Broken]:
    if not source.path.startswith(PURE):
        return
    allowed = PURE_LIBRARIES | PURE_ROOMS.get(source.room, words(""))
    for line, name in source.imports:
        if not within(name, allowed):
            yield line, f"a pure room may not import {name}; take what it gives as an argument."
    for line, name in calls(ast.walk(source.tree)):
        if name in IMPURE_CALLS:
            yield line, f"{name}() is not pure; take what it gives as an argument."


def downwards(source: Source) -> Iterator[Broken]:
    room, level = source.room, DOMAINS.get(source.room, 0)
    for line, name in source.imports:
        other = f"{name}..".split(".")[1] if name.startswith("app.") else ""
        if name.startswith("."):
            yield line, "write the import from `app` on."
        if other and room in BELOW and not within(name, BELOW[room]):
            yield line, f"{room} may not import {name}, which stands above or beside it."
        if level and within(name, EDGES):
            yield line, f"{name} imports {room}, not the other way round."
        if level and other != room and DOMAINS.get(other, 0) >= level:
            yield line, f"{room} may not import {other}: domain folders only downwards."
        if (level or room == "web") and other == "channels" and "channels.base" not in name:
            yield line, "of channels only the contract, app.channels.base, is shared."


def one_place(source: Source) -> Iterator[Broken]:
    path = source.path
    for line, name in source.imports:
        library, last = name.split(".")[0], name.rsplit(".", 1)[-1]
        if not path.startswith(ONLY.get(library, path)):
            yield line, f"{library} belongs in {' and '.join(ONLY[library])} alone."
        harmless = HANDED_ON | ASKS_ITSELF.get(path, words(""))
        if library == "sqlalchemy" and source.room != "storage" and last not in harmless:
            yield line, f"{last} writes SQL: make it a query in app/storage/."


def transactions(source: Source) -> Iterator[Broken]:
    if source.path.startswith((*COMMITS, *BEGINS)):
        return
    for line, name in calls(ast.walk(source.tree)):
        if name in {"commit", "rollback"} or (name == "begin" and source.room != "flows"):
            yield line, f"{name}() is for the domain folder that opens the transaction."


def nothing_at_import(source: Source) -> Iterator[Broken]:
    if source.path.startswith((*STARTS_A_PROCESS, MIGRATIONS)):
        return
    for line, name in calls(at_import(source.tree)):
        if name in CONNECTING:
            yield line, f"{name}() runs at import; call it in a function."


def sizes(source: Source) -> Iterator[Broken]:
    length = len(source.text.splitlines())
    if length > FILE:
        yield 1, f"{length} lines are more than {FILE}: split the file by what it is about."
    for function in source.functions:
        length = (function.end_lineno or 0) - function.lineno + 1
        if length > FUNCTION:
            yield function.lineno, f"{function.name} has {length} lines: take it apart."


def annotated(source: Source) -> Iterator[Broken]:
    for function in source.functions:
        every = function.args
        given = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
        bare = [arg.arg for arg in given if arg is not None and arg.annotation is None]
        bare = [name for name in bare if name not in {"self", "cls"}]
        bare += ["what it returns"] if function.returns is None else []
        if bare:
            yield function.lineno, f"annotate {', '.join(bare)} of {function.name}."


PRODUCT = ("app", "worker.py")
EVERYTHING = (*PRODUCT, "tests", "bench", "scripts")
RULES: dict[str, tuple[Callable[[Source], Iterator[Broken]], tuple[str, ...]]] = {
    "pure rooms import nothing that acts": (pure_rooms, PRODUCT),
    "imports go downwards": (downwards, PRODUCT),
    "each library has its place": (one_place, PRODUCT),
    "only domain folders open and end transactions": (transactions, PRODUCT),
    "nothing connects at import": (nothing_at_import, PRODUCT),
    "functions and files are short": (sizes, EVERYTHING),
    "everything is annotated": (annotated, EVERYTHING),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_house_rule_holds(rule: str) -> None:
    check, places = RULES[rule]
    read = [one for one in sources(*places) if check is not sizes or MIGRATIONS not in one.path]
    broken = [f"{one.path}:{line}: {words}" for one in read for line, words in check(one)]
    assert not broken, "\n" + "\n".join(broken)


BAD = [
    ("pure rooms import nothing that acts", "app/text/x.py", "import os"),
    ("pure rooms import nothing that acts", "app/text/x.py", "import yaml"),
    ("pure rooms import nothing that acts", "app/flows/x.py", "from app import clock"),
    ("pure rooms import nothing that acts", "app/flows/x.py", "from app.storage import people"),
    ("pure rooms import nothing that acts", "app/insight/statistics.py", "import random"),
    ("pure rooms import nothing that acts", "app/feedback/cells.py", "at = datetime.now()"),
    ("imports go downwards", "app/channels/x.py", "from app.flows import model"),
    ("imports go downwards", "app/storage/x.py", "from app.people.vault import Vault"),
    ("imports go downwards", "app/people/x.py", "import app.delivery.sending"),
    ("imports go downwards", "app/delivery/x.py", "from app.feedback import cells"),
    ("imports go downwards", "app/feedback/x.py", "from app.insight import digests"),
    ("imports go downwards", "app/insight/x.py", "from app.web import hooks"),
    ("imports go downwards", "app/conversation/x.py", "from app.channels.kannel import Kannel"),
    ("imports go downwards", "app/conversation/x.py", "from . import desk"),
    ("each library has its place", "app/delivery/x.py", "import rq"),
    ("each library has its place", "app/channels/x.py", "from flask import request"),
    ("each library has its place", "app/channels/kannel.py", "import twilio.rest"),
    ("each library has its place", "app/insight/x.py", "from sqlalchemy import select"),
    ("each library has its place", "app/web/hooks.py", "from sqlalchemy import text"),
    ("only domain folders open and end transactions", "app/storage/x.py", "tx.commit()"),
    ("only domain folders open and end transactions", "app/web/x.py", "engine.begin()"),
    ("nothing connects at import", "app/bell.py", "redis = Redis.from_url(URL)"),
    ("nothing connects at import", "app/x.py", "class A:\n    client = httpx.Client()"),
    ("functions and files are short", "app/x.py", "def f() -> None:\n" + "    f()\n" * 40),
    ("functions and files are short", "app/x.py", "f()\n" * 401),
    ("everything is annotated", "app/x.py", "def f(a) -> None: ..."),
    ("everything is annotated", "app/x.py", "def f(): ..."),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_the_rule_notices(rule: str, path: str, text: str) -> None:
    check, _ = RULES[rule]
    assert list(check(Source(path, text)))


# --- routes -----------------------------------------------------------------------------------


def routes() -> Iterator[tuple[str, Source, Function]]:
    """Every route under app/web/ with its file and view."""
    for source in sources("app/web"):
        for view in source.functions:
            for mark in view.decorator_list:
                if isinstance(mark, ast.Call) and list(calls([mark]))[0][1] in ROUTES:
                    path = ast.literal_eval(mark.args[0])
                    yield f"{source.path.removeprefix('app/web/')} {path}", source, view


def guarded(guard: str, source: Source, view: Function) -> bool:
    """Whether the code asks for what GUARDS says."""
    if guard == "token":
        return "authentic" in {name for _, name in calls(ast.walk(view))}
    if guard == "bearer":
        # Before anything is read: nobody else learns what is right or wrong.
        return ast.unparse(view.body[0]) == "token = bearer(office)"
    if guard == "machine":
        # This one, or one that has the token.
        return ast.unparse(view.body[0]).startswith("if not may_read(office):\n    return ")
    marks = {ast.unparse(mark) for one in source.functions for mark in one.decorator_list}
    before = any(mark.endswith(".before_request") for mark in marks)
    return before if guard == "loopback" else source.path in OPEN


def test_every_route_is_guarded() -> None:
    found = list(routes())
    for route, source, view in found:
        assert route in GUARDS, f"Say in GUARDS who may call {route}, and let the code ask."
        assert guarded(GUARDS[route], source, view), f"{route} must ask for {GUARDS[route]}."
    gone = GUARDS.keys() - {route for route, _, _ in found}
    assert not gone, f"There is no such route any more: take {gone} out of GUARDS."


def test_no_route_comes_in_another_way() -> None:
    for source in sources(*PRODUCT):
        for line, name in calls(ast.walk(source.tree)):
            hidden = name in {"add_url_rule", "as_view", "register_error_handler"}
            assert not hidden, f"{source.path}:{line}: write it as a decorator, to be seen here."
