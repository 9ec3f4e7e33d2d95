"""Watches the mounted files and the parent process."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from .files import UnreadableError
from .store import SecretStore

log = logging.getLogger("app.secrets")

# A check is one `stat` per file, which is not measurable twice per second.
PERIOD_SECONDS = 0.5


class Watcher(threading.Thread):
    """A thread that refreshes the store until the process ends."""

    def __init__(
        self,
        store: SecretStore,
        reloaded: Callable[[], None],
        failed: Callable[[], None],
        parent: int,
    ) -> None:
        super().__init__(name="secrets-watcher", daemon=True)
        self._store = store
        self._reloaded = reloaded
        self._failed = failed
        self._parent = parent
        self._last_error: str | None = None

    def run(self) -> None:
        """Checks once per period."""
        while True:
            time.sleep(PERIOD_SECONDS)
            self.check()
            if os.getppid() != self._parent:
                # The server was killed, so nothing else would stop its worker.
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def check(self) -> None:
        """Refreshes the store and logs the result."""
        try:
            difference = self._store.refresh()
        except UnreadableError as error:
            self._failed()
            if str(error) != self._last_error:
                log.error("cannot reload the mounted secrets, keeping the old ones: %s", error)
            self._last_error = str(error)
            return
        if self._last_error is not None:
            log.info("reading the mounted secrets works again")
            self._last_error = None
        if difference:
            self._reloaded()
            names = {
                "added": list(difference.added),
                "changed": list(difference.changed),
                "removed": list(difference.removed),
            }
            log.info("the mounted secrets changed", extra={"fields": names})
