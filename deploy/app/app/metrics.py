"""The metrics for Prometheus.

With one worker, this process holds the counters. With several, the client library adds up the
counters of all workers in files. `MULTIPROC` must name their directory before the library is
imported. The responding worker reports the state of the secrets, because all workers read the same
files.
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
    """The counters and the page of metrics."""

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
        self._registry.register(_CurrentState(settings, store))
        labels = ("method", "route", "status")
        self._requests = Counter("app_http_requests", "Number of responses.", labels, registry=own)
        self._durations = Histogram(
            "app_http_request_duration_seconds",
            "Time from the head of the request to the complete response.",
            labels,
            buckets=_BUCKETS,
            registry=own,
        )
        self._reloads = Counter(
            "app_secret_reloads",
            "Changed sets of mounted secrets that were loaded, counted by each worker.",
            registry=own,
        )
        self._reload_errors = Counter(
            "app_secret_reload_errors",
            "Failed reads of the mounted secrets, counted by each worker.",
            registry=own,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is the route of the app, not the requested path."""
        labels = (method if method in _METHODS else "other", route, str(status))
        self._requests.labels(*labels).inc()
        self._durations.labels(*labels).observe(seconds)

    def reloaded(self) -> None:
        """Counts a reload."""
        self._reloads.inc()

    def reload_failed(self) -> None:
        """Counts a failed read."""
        self._reload_errors.inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """Returns the page in the format of the `Accept` header, and its content type."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _CurrentState(Collector):
    """The current state of the app and its secrets."""

    def __init__(self, settings: Settings, store: SecretStore) -> None:
        self._info = {"version": __version__, "environment": settings.environment}
        self._required = settings.required_secrets
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Reads the store."""
        entries = self._store.entries
        present = dict.fromkeys(self._required, 0.0) | dict.fromkeys(entries, 1.0)
        yield _gauge(
            "app_info",
            "Version and environment of the app.",
            self._info.keys(),
            [(tuple(self._info.values()), 1)],
        )
        yield _named(
            "app_secret_present",
            "1 if the app has the secret, 0 if a required secret is missing.",
            present,
        )
        yield _named(
            "app_secret_generation",
            "Number of values of the secret that this process has seen.",
            {name: float(entry.generation) for name, entry in entries.items()},
        )
        yield _named(
            "app_secret_since_timestamp_seconds",
            "Time when this process first saw the current value.",
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
