"""Wraps every request: access log, request metrics, and a handler for unexpected errors."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("app.access")

ROUTE = "app.route"

_PROBES = ("/healthz", "/readyz")
_MAX_PATH_CHARS = 256


def measured(inner: "WSGIApplication", metrics: Metrics) -> "WSGIApplication":
    """Wraps `inner` so that every request is logged and counted.

    The log omits the query, because clients put tokens there.
    """

    def outer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        began = time.perf_counter()
        status, body = _respond(inner, environ, start)
        seconds = time.perf_counter() - began
        method = str(environ.get("REQUEST_METHOD", ""))
        route = environ.get(ROUTE)
        metrics.request(method, route or "unmatched", status, seconds)
        fields = {
            "method": method[:16],
            "path": str(environ.get("PATH_INFO", ""))[:_MAX_PATH_CHARS],
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
        }
        level = logging.DEBUG if route in _PROBES else logging.INFO
        log.log(level, "request", extra={"fields": fields})
        return body

    return outer


def _respond(
    inner: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse"
) -> tuple[int, list[bytes]]:
    """Returns the whole response. All responses of this app are small."""
    status = 500

    def started(
        line: str, headers: list[tuple[str, str]], _info: object = None
    ) -> Callable[..., object]:
        nonlocal status
        status = int(line.split(" ", 1)[0])
        return start(line, headers)

    try:
        parts = inner(environ, started)
        try:
            return status, list(parts)
        finally:
            getattr(parts, "close", lambda: None)()
    except Exception:
        # Otherwise the server would show the exception's message.
        log.exception("request failed outside of the app")
        start("500 Internal Server Error", [("Content-Type", "application/json")])
        return 500, [b'{"error":"Internal Server Error"}\n']
