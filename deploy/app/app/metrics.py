"""What Prometheus gets.

With one worker the numbers are in this process. With several, the client library adds those of all
up in files, for which `MULTIPROC` must name a directory before the library is imported. What is
true of the secrets now is told by the worker that answers: all of them read the same files.
"""

import os
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from . import __version__
from .settings import Settings
from .store import SecretStore

MULTIPROC = "PROMETHEUS_MULTIPROC_DIR"

_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters, and the page that shows them."""

    def __init__(self, settings: Settings, store: SecretStore) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        several = MULTIPROC in os.environ
        own = None if several else self._registry
        if several:
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
        self._registry.register(_Now(settings, store))
        labels = ("method", "route", "status")
        self._requests = Counter("app_http_requests", "Requests answered.", labels, registry=own)
        self._durations = Histogram(
            "app_http_request_duration_seconds",
            "Time from a request's head to its whole answer.",
            labels,
            buckets=_BUCKETS,
            registry=own,
        )
        self._reloads = Counter(
            "app_secret_reloads",
            "Changed sets of mounted secrets that were taken, each worker for itself.",
            registry=own,
        )
        self._reload_errors = Counter(
            "app_secret_reload_errors",
            "Looks at the mounted secrets that failed, each worker for itself.",
            registry=own,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is that of the app, not what was asked for."""
        labels = (method if method in _METHODS else "other", route, str(status))
        self._requests.labels(*labels).inc()
        self._durations.labels(*labels).observe(seconds)

    def reloaded(self) -> None:
        """Counts a changed set."""
        self._reloads.inc()

    def reload_failed(self) -> None:
        """Counts a look that failed."""
        self._reload_errors.inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """The page in the format that the `Accept` header asks for, and its content type."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Now(Collector):
    """What is true at this moment."""

    def __init__(self, settings: Settings, store: SecretStore) -> None:
        self._info = {"version": __version__, "environment": settings.environment}
        self._required = settings.required_secrets
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Reads the store."""
        entries = self._store.entries
        present = dict.fromkeys(self._required, 0.0) | dict.fromkeys(entries, 1.0)
        yield _gauge("app_info", "The app.", self._info.keys(), [(tuple(self._info.values()), 1)])
        yield _named(
            "app_secret_present",
            "Whether a secret is there; 0 only for those that are required.",
            present,
        )
        yield _named(
            "app_secret_generation",
            "How many values of the secret this process has seen.",
            {name: float(entry.generation) for name, entry in entries.items()},
        )
        yield _named(
            "app_secret_since_timestamp_seconds",
            "When this process first saw the current value.",
            {name: entry.since.timestamp() for name, entry in entries.items()},
        )


def _named(name: str, text: str, values: Mapping[str, float]) -> Metric:
    return _gauge(name, text, ["name"], [((key,), value) for key, value in values.items()])


def _gauge(
    name: str,
    text: str,
    labels: Iterable[str],
    values: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=list(labels))
    for key, value in values:
        gauge.add_metric(key, value)
    return gauge
