"""Around every request: the access log, the request metrics, and the last resort for errors."""

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
_LONGEST_PATH = 256


def measured(inner: "WSGIApplication", metrics: Metrics) -> "WSGIApplication":
    """`inner` with every request logged and counted.

    The query is left out: people put tokens there.
    """

    def outer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        began = time.perf_counter()
        status, body = _answer(inner, environ, start)
        seconds = time.perf_counter() - began
        method = str(environ.get("REQUEST_METHOD", ""))
        route = environ.get(ROUTE)
        metrics.request(method, route or "unmatched", status, seconds)
        fields = {
            "method": method[:16],
            "path": str(environ.get("PATH_INFO", ""))[:_LONGEST_PATH],
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
        }
        level = logging.DEBUG if route in _PROBES else logging.INFO
        log.log(level, "request", extra={"fields": fields})
        return body

    return outer


def _answer(
    inner: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse"
) -> tuple[int, list[bytes]]:
    """The whole answer: all of this app's are small."""
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
        # The server would show the message.
        log.exception("a request failed outside of the app")
        start("500 Internal Server Error", [("Content-Type", "application/json")])
        return 500, [b'{"error":"Internal Server Error"}\n']
