"""The Flask application, out of its parts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.office import Office
from app.web import (
    api,
    api_document,
    api_figures,
    api_results,
    health,
    hooks,
    load,
    metrics,
    phone,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Everything but a gateway's webhook, which has limits of its own, is a short form.
LARGEST_BODY = 64 * 1024
HERE = str(Path(__file__).parent)


class Web(Flask):
    """The application behind so many proxies of ours, each of which adds to X-Forwarded-For."""

    def __init__(self, proxies: int) -> None:
        super().__init__(
            "app.web",
            static_folder="static",
            static_url_path="/static",
            root_path=HERE,
        )
        # No gateway goes where it is sent on to, and the page that says so shows its token.
        self.url_map.merge_slashes = False
        inner = super().wsgi_app
        # Only the address: the proxies' word for scheme and host is not asked for.
        self._entrance = ProxyFix(inner, x_for=proxies, x_proto=0, x_host=0) if proxies else inner

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._entrance(environ, start_response)


def build(office: Office) -> Flask:
    """The Flask application on an opened office."""
    app = Web(office.settings.service.proxies)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY
    percent = office.settings.limits.source_percent
    load.limit_pages(app, load.Gate("pages", load.MOST_PAGES, percent))
    app.register_blueprint(hooks.blueprint(office))
    app.register_blueprint(phone.blueprint(office))
    app.register_blueprint(api.blueprint(office))
    app.register_blueprint(api_figures.blueprint(office))
    app.register_blueprint(api_results.blueprint(office))
    app.register_blueprint(api_document.blueprint(office))
    app.register_blueprint(health.blueprint(office))
    app.register_blueprint(metrics.blueprint(office))
    return app
