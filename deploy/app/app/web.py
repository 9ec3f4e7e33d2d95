"""The endpoints."""

import logging
import os
from collections.abc import Callable

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from . import __version__
from .access import ROUTE
from .metrics import Metrics
from .settings import Settings
from .store import SecretStore

log = logging.getLogger("app.web")


def create_app(
    settings: Settings, store: SecretStore, metrics: Metrics, stopping: Callable[[], bool]
) -> Flask:
    """Creates the app. `stopping` returns whether the process is stopping."""
    app = Flask("app", static_folder=None, template_folder=None)
    pod = os.environ.get("HOSTNAME")

    @app.get("/")
    def index() -> Response:
        return jsonify(
            app="app",
            version=__version__,
            environment=settings.environment,
            pod=pod,
            config=settings.shown(),
            secrets=[entry.described() for entry in store.entries.values()],
        )

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        missing = store.missing(settings.required_secrets)
        if stopping():
            return jsonify(status="stopping", missing=missing), 503
        if missing:
            return jsonify(status="secrets are missing", missing=missing), 503
        return jsonify(status="ok", missing=missing), 200

    @app.get("/metrics")
    def page() -> Response:
        content, content_type = metrics.page(request.headers.get("Accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    @app.before_request
    def record_route() -> None:
        request.environ[ROUTE] = request.url_rule.rule if request.url_rule else None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        # Keep its headers, such as `Allow`, but not its text, which can quote the request.
        response = Response(status=error.code, headers=error.get_headers())
        response.set_data(app.json.dumps({"error": error.name}) + "\n")
        response.mimetype = "application/json"
        return response

    @app.errorhandler(Exception)
    def unexpected_error(error: Exception) -> tuple[Response, int]:
        log.error("request failed", exc_info=error)
        return jsonify(error="Internal Server Error"), 500

    return app
