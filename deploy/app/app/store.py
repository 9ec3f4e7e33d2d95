"""The current secrets of the app. Mounted files take precedence over the environment."""

import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import files
from .secret import Secret

# A file that changed more recently can change again without a new timestamp.
_TIMESTAMP_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret with its public facts."""

    name: str
    source: str
    since: datetime
    generation: int
    secret: Secret

    def described(self) -> dict[str, object]:
        """Returns everything except the value."""
        since = self.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "name": self.name,
            "source": self.source,
            "since": since,
            "generation": self.generation,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes between two reads, as names only."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def take_from_environment(
    environ: MutableMapping[str, str], names: Iterable[str]
) -> dict[str, Secret]:
    """Removes the secrets from `environ`, so that a dump of it does not contain them.

    Granian copies the environment into every request, and child processes inherit it.
    """
    taken = {name: environ.pop(name) for name in names if name in environ}
    return {name: Secret(value.encode("utf-8", "surrogateescape")) for name, value in taken.items()}


class SecretStore:
    """Secrets by name. One thread calls `refresh`. All threads may read `entries`."""

    def __init__(self, environment: Mapping[str, Secret], directory: Path) -> None:
        self._environment = dict(environment)
        self._directory = directory
        self._entries: dict[str, Entry] = {}
        self._generations: dict[str, int] = {}
        self._signature: files.Signature | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """A consistent set. It is never modified, only replaced."""
        return self._entries

    def missing(self, required: Iterable[str]) -> list[str]:
        """Returns the names in `required` that are missing."""
        entries = self._entries
        return [name for name in required if name not in entries]

    def refresh(self) -> Difference:
        """Loads the mounted files: all of them, or none on an error."""
        if self._signature is not None and files.signature(self._directory) == self._signature:
            return Difference((), (), ())
        found = files.read(self._directory)
        settled = time.time() - found.newest > _TIMESTAMP_GRACE_SECONDS
        difference = self._take(found.secrets)
        self._signature = found.signature if settled else None
        return difference

    def _take(self, mounted: Mapping[str, Secret]) -> Difference:
        now = datetime.now(UTC)
        current = {name: ("env", secret) for name, secret in self._environment.items()}
        current |= {name: ("file", secret) for name, secret in mounted.items()}
        before, after = self._entries, dict[str, Entry]()
        added: list[str] = []
        changed: list[str] = []
        for name, (source, secret) in sorted(current.items()):
            old = before.get(name)
            if old is not None and old.secret.matches(secret):
                after[name] = Entry(name, source, old.since, old.generation, old.secret)
                continue
            (added if old is None else changed).append(name)
            generation = self._generations.get(name, 0) + 1
            self._generations[name] = generation
            after[name] = Entry(name, source, now, generation, secret)
        self._entries = after
        removed = tuple(name for name in before if name not in after)
        return Difference(tuple(added), tuple(changed), removed)
