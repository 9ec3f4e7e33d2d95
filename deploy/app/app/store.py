"""The secrets the app has now: from the environment, and over it from mounted files."""

import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import files
from .secret import Secret

# A file that changed so short ago can change again without a new time stamp.
_SETTLED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret, and what may be told of it."""

    name: str
    source: str
    since: datetime
    generation: int
    secret: Secret

    def described(self) -> dict[str, object]:
        """All but the value."""
        since = self.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "name": self.name,
            "source": self.source,
            "since": since,
            "generation": self.generation,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What another reading brought: names only."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def take_from_environment(
    environ: MutableMapping[str, str], names: Iterable[str]
) -> dict[str, Secret]:
    """Takes the secrets out of `environ`: what is not there cannot be dumped from there.

    Granian copies the environment into that of every request, and children inherit it.
    """
    taken = {name: environ.pop(name) for name in names if name in environ}
    return {name: Secret(value.encode("utf-8", "surrogateescape")) for name, value in taken.items()}


class SecretStore:
    """Secrets by name. One thread calls `refresh`, all may read `entries`."""

    def __init__(self, environment: Mapping[str, Secret], directory: Path) -> None:
        self._environment = dict(environment)
        self._directory = directory
        self._entries: dict[str, Entry] = {}
        self._generations: dict[str, int] = {}
        self._signature: files.Signature | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """A set that belongs together: never changed, only replaced."""
        return self._entries

    def missing(self, required: Iterable[str]) -> list[str]:
        """Which of `required` are not there."""
        entries = self._entries
        return [name for name in required if name not in entries]

    def refresh(self) -> Difference:
        """Takes the mounted files as they are now, all of them or, on an error, none."""
        if self._signature is not None and files.signature(self._directory) == self._signature:
            return Difference((), (), ())
        found = files.read(self._directory)
        settled = time.time() - found.newest > _SETTLED_SECONDS
        difference = self._take(found.secrets)
        self._signature = found.signature if settled else None
        return difference

    def _take(self, mounted: Mapping[str, Secret]) -> Difference:
        now = datetime.now(UTC)
        wanted = {name: ("env", secret) for name, secret in self._environment.items()}
        wanted |= {name: ("file", secret) for name, secret in mounted.items()}
        before, after = self._entries, dict[str, Entry]()
        added: list[str] = []
        changed: list[str] = []
        for name, (source, secret) in sorted(wanted.items()):
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
