"""Serves the app: Granian in this process, and its workers as children."""

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

# More than the 60 seconds after which common load balancers drop an idle connection: who closes
# first must not be the one that is not asking.
_IDLE_MILLISECONDS = 75_000
_SAME_SIGNAL_SECONDS = 0.1
# A closed terminal means stop, as it does for any program in its foreground.
_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MULTIPROC = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings) -> int:
    """Serves until a signal says stop; answers the exit code."""
    # A core dump would hold the secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The workers take over what is read here, as only forked ones do.
    multiprocessing.set_start_method("fork", force=True)
    store = SecretStore(
        take_from_environment(os.environ, settings.secret_names), settings.secrets_dir
    )
    try:
        store.refresh()
    except UnreadableError as error:
        log.error("the app cannot start: %s", error)
        return 1
    missing = store.missing(settings.required_secrets)
    if missing:
        text = "not ready until these secrets are there"
        log.warning(text, extra={"fields": {"missing": missing}})
    try:
        _claim(settings.listen_address, settings.port)
    except OSError as error:
        log.error("the app cannot listen on port %d: %s", settings.port, error.strerror)
        return 1
    # Signals wait from here on, until a thread asks for them: a handler of Python's is not called
    # for one that comes in a new child's first moments, or just before the main thread sleeps.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    with _metrics_directory(settings.workers):
        log.info("version %s starts on port %d", __version__, settings.port)
        return _Server(settings, store).run()


class _Server(MPServer):
    """Granian, but it announces that it stops, and waits a while before it does."""

    def __init__(self, settings: Settings, store: SecretStore) -> None:
        self._settings = settings
        self._store = store
        self._main = os.getpid()
        # Shared with the workers; the byte says that the server is about to stop.
        self._stopping = mmap.mmap(-1, 1)
        # A worker's share, rounded up.
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
        """Serves; answers the exit code."""
        try:
            self.serve(target_loader=self._load, wrap_loader=False)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    def signal_handler_interrupt(self, *_args: object, **_kwargs: object) -> None:
        """What a worker that is told to stop does before it serves."""
        os._exit(0)

    def _spawn_workers(self, *args: object) -> None:
        super()._spawn_workers(*args)  # type: ignore[no-untyped-call]
        # Not before the workers are forked: they would get half a thread.
        threading.Thread(target=self._stop_when_told, name="stop", daemon=True).start()

    def _stop_when_told(self) -> None:
        """Not ready at once; then, after the delay or at a second signal, no new connections."""
        signal.sigwait(_STOP)
        self._stopping[0] = 1
        if self._settings.stop_delay:
            # Who signals a process and its group means it once.
            time.sleep(_SAME_SIGNAL_SECONDS)
            while signal.sigtimedwait(_STOP, 0):
                pass
            signal.sigtimedwait(_STOP, self._settings.stop_delay)
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _load(self) -> "WSGIApplication":
        """What a worker serves; called in the worker."""
        # Imported late: whether several processes count together is decided at the import.
        from .access import measured
        from .metrics import Metrics
        from .watch import Watcher
        from .web import create_app

        # Ctrl-C reaches a whole group: the workers wait for what the server tells them.
        os.setpgid(0, 0)
        threading.Thread(target=_stop_worker_when_told, name="stop", daemon=True).start()
        logs.configure(self._settings.log_level, self._settings.log_format)
        metrics = Metrics(self._settings, self._store)
        app = create_app(self._settings, self._store, metrics, lambda: self._stopping[0] != 0)
        Watcher(self._store, metrics.reloaded, metrics.reload_failed, parent=self._main).start()
        return measured(app.wsgi_app, metrics)


def _stop_worker_when_told() -> None:
    """Calls the handler in force: Granian's own once the worker serves."""
    signal.sigwait([signal.SIGTERM])
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        handler(signal.SIGTERM, None)


def _claim(address: str, port: int) -> None:
    """Fails if another process listens there: Granian would share the port with it, unnoticed."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def _threads() -> int:
    # What Granian holds reasonable: the interpreter runs one of them at a time.
    return (os.cpu_count() or 1) * 2 + 1


@contextmanager
def _metrics_directory(workers: int) -> Iterator[None]:
    """Where several workers add up their numbers."""
    os.environ.pop(_MULTIPROC, None)
    if workers == 1:
        yield
        return
    try:
        directory = tempfile.mkdtemp(prefix="app-metrics-")
    except OSError:
        hint = "mount an emptyDir at /tmp, or set WORKERS to 1"
        log.error("more than one worker needs a directory for temporary files: %s", hint)
        sys.exit(1)
    os.environ[_MULTIPROC] = directory
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
