"""Serves the app with Granian: the server is this process, the workers are its children."""

import errno
import logging
import mmap
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from . import __version__, logs
from .files import UnreadableError
from .settings import Settings
from .store import SecretStore, take_from_environment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("app.server")

# Longer than the 60 seconds after which common load balancers close idle connections. If the server
# closed first, the next request of the load balancer would fail.
_IDLE_MILLISECONDS = 75_000
_SAME_SIGNAL_SECONDS = 0.1
# SIGHUP arrives when the terminal closes.
_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MULTIPROC = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings) -> int:
    """Serves until a stop signal arrives. Returns the exit code."""
    # A core dump would contain the secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The workers inherit the store, which only works with fork.
    multiprocessing.set_start_method("fork", force=True)
    store = SecretStore(
        take_from_environment(os.environ, settings.secret_names), settings.secrets_dir
    )
    try:
        store.refresh()
    except UnreadableError as error:
        log.error("cannot start: %s", error)
        return 1
    missing = store.missing(settings.required_secrets)
    if missing:
        text = "not ready: required secrets are missing"
        log.warning(text, extra={"fields": {"missing": missing}})
    try:
        address = _claim(settings.listen_address, settings.port)
    except OSError as error:
        log.error("cannot listen on port %d: %s", settings.port, error.strerror)
        return 1
    # Block the stop signals until a thread waits for them. Python does not call a handler for a
    # signal that arrives right after a fork, or just before the main thread sleeps.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    with _metrics_directory(settings.workers):
        log.info("starting version %s on port %d", __version__, settings.port)
        return _Server(replace(settings, listen_address=address), store).run()


class _Server(MPServer):
    """Granian with a delayed stop that `/readyz` announces."""

    def __init__(self, settings: Settings, store: SecretStore) -> None:
        self._settings = settings
        self._store = store
        self._main = os.getpid()
        # Shared with the workers. The byte is 1 once the server is stopping.
        self._stopping = mmap.mmap(-1, 1)
        # The share of each worker, rounded up.
        share = -(-settings.max_connections // settings.workers)
        super().__init__(
            "app",
            address=settings.listen_address,
            port=settings.port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=_IDLE_MILLISECONDS),
            websockets=False,
            workers=settings.workers,
            workers_kill_timeout=settings.stop_timeout,
            backpressure=share,
            blocking_threads=min(share, _threads()),
            log_level=LogLevels(settings.log_level),
            log_dictconfig=logs.config(settings.log_level, settings.log_format),
        )

    def run(self) -> int:
        """Serves and returns the exit code."""
        try:
            self.serve(target_loader=self._load, wrap_loader=False)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    def signal_handler_interrupt(self, *_args: object, **_kwargs: object) -> None:
        """Ends a worker that receives a stop signal before it serves."""
        os._exit(0)

    def _spawn_workers(self, *args: object) -> None:
        super()._spawn_workers(*args)  # type: ignore[no-untyped-call]
        # Start the thread after the fork, because threads do not survive it.
        threading.Thread(target=self._stop_on_signal, name="stop", daemon=True).start()

    def _stop_on_signal(self) -> None:
        """Reports not ready at once. Stops after the delay, or on a second signal."""
        signal.sigwait(_STOP)
        self._stopping[0] = 1
        if self._settings.stop_delay:
            # A signal to the process and one to its group count once.
            time.sleep(_SAME_SIGNAL_SECONDS)
            while signal.sigtimedwait(_STOP, 0):
                pass
            signal.sigtimedwait(_STOP, self._settings.stop_delay)
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _load(self) -> "WSGIApplication":
        """Builds the app in the worker."""
        # Import late: the metrics library chooses its multi-process mode at import.
        from .access import measured
        from .metrics import Metrics
        from .watch import Watcher
        from .web import create_app

        # Ctrl-C signals the whole process group. A separate group leaves the workers to the server.
        os.setpgid(0, 0)
        threading.Thread(target=_stop_worker_on_signal, name="stop", daemon=True).start()
        logs.configure(self._settings.log_level, self._settings.log_format)
        metrics = Metrics(self._settings, self._store)
        app = create_app(self._settings, self._store, metrics, lambda: self._stopping[0] != 0)
        Watcher(self._store, metrics.reloaded, metrics.reload_failed, parent=self._main).start()
        return measured(app.wsgi_app, metrics)


def _stop_worker_on_signal() -> None:
    """Calls the current handler, which is Granian's once the worker serves."""
    signal.sigwait([signal.SIGTERM])
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        handler(signal.SIGTERM, None)


def _claim(address: str, port: int) -> str:
    """Fails if another process uses the port. Granian would silently share the port with it.

    Returns the address to listen on: all of IPv4 instead of all, where the kernel has no IPv6.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        if address == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return _claim("0.0.0.0", port)  # noqa: S104
        raise
    return address


def _threads() -> int:
    # Granian's recommended number: the interpreter runs one thread at a time.
    return (os.cpu_count() or 1) * 2 + 1


@contextmanager
def _metrics_directory(workers: int) -> Iterator[None]:
    """Provides a directory in which several workers add up their counters."""
    os.environ.pop(_MULTIPROC, None)
    if workers == 1:
        yield
        return
    try:
        directory = tempfile.mkdtemp(prefix="app-metrics-")
    except OSError:
        hint = "mount an emptyDir at /tmp, or set WORKERS to 1"
        log.error(
            "cannot create a temporary directory for the metrics of several workers: %s", hint
        )
        sys.exit(1)
    os.environ[_MULTIPROC] = directory
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
