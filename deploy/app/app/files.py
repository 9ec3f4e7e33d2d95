"""Reads mounted secret files as one consistent set.

The kubelet writes a volume into a new directory and then swaps the link `..data` to it, so it
never mixes two sets. The reader opens the directory behind the link once and reads all files
through it. It accepts the result only if the link still points to that directory afterwards.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .names import is_secret_name
from .secret import Secret

MAX_FILES = 1024
MAX_FILE_BYTES = 1 << 20
MAX_BYTES = 8 << 20

# How often a set may change during a read. A swap takes the kubelet about a second, a read takes
# a millisecond.
MAX_READ_ATTEMPTS = 10

Signature = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class FileSet:
    """The result of one read, with a signature that detects changes."""

    secrets: dict[str, Secret]
    signature: Signature
    newest: float
    """Time of the latest change, in seconds since the epoch."""


class UnreadableError(Exception):
    """A set that cannot be read. The message names files, never their content."""


def read(directory: Path) -> FileSet:
    """Returns all secrets in `directory`, or none if it does not exist."""
    for _ in range(MAX_READ_ATTEMPTS):
        try:
            with _opened(directory) as fd:
                listed = _listed(fd)
                secrets = _contents(directory, fd, [name for name, _ in listed])
                found = _signature(fd, listed)
        except FileNotFoundError:
            # The kubelet swapped the set during the read, or the directory does not exist.
            if not directory.exists():
                return FileSet({}, (), 0.0)
            continue
        except OSError as error:
            raise UnreadableError(_text(directory, error)) from None
        if signature(directory) == found:
            newest = max((status.st_ctime for _, status in listed), default=0.0)
            return FileSet(secrets, found, newest)
    raise UnreadableError(f"{directory} changed {MAX_READ_ATTEMPTS} times while it was read")


def signature(directory: Path) -> Signature | None:
    """Returns a value that differs after every change, or None if it cannot be determined."""
    try:
        with _opened(directory) as fd:
            return _signature(fd, _listed(fd))
    except FileNotFoundError:
        return None if directory.exists() else ()
    except OSError:
        return None


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        fd = os.open(directory / "..data", flags)
    except FileNotFoundError:
        fd = os.open(directory, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def _listed(fd: int) -> list[tuple[str, os.stat_result]]:
    """Returns the files of secrets in their order, without directories and invalid names."""
    listed = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if not is_secret_name(entry.name):
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                # A dangling link. If its target was just removed, the signature will differ.
                continue
            if not stat.S_ISDIR(status.st_mode):
                listed.append((entry.name, status))
    return sorted(listed, key=lambda item: item[0])


def _signature(fd: int, listed: list[tuple[str, os.stat_result]]) -> Signature:
    def facts(status: os.stat_result) -> tuple[int, ...]:
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)

    files = [(name, *facts(status), status.st_size) for name, status in listed]
    return (facts(os.fstat(fd)), *files)


def _contents(directory: Path, fd: int, names: list[str]) -> dict[str, Secret]:
    if len(names) > MAX_FILES:
        raise UnreadableError(f"{directory} has more than {MAX_FILES} files: mount fewer")
    secrets: dict[str, Secret] = {}
    total = 0
    for name in names:
        content = _content(directory, fd, name)
        total += len(content)
        if total > MAX_BYTES:
            raise UnreadableError(f"{directory} has more than {MAX_BYTES} bytes: mount less")
        secrets[name] = Secret(content)
    return secrets


def _content(directory: Path, fd: int, name: str) -> bytes:
    # Opening a pipe would block, and reading a device might never end.
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=fd)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise UnreadableError(f"{directory / name} is not a regular file: remove it")
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableError(f"{directory / name} has more than {MAX_FILE_BYTES} bytes")
    return content


def _text(directory: Path, error: OSError) -> str:
    # The error contains the name of a file, but the whole path of the directory.
    name = str(error.filename or "/")
    path = directory if name.startswith("/") else directory / name
    return f"{path} cannot be read: {error.strerror}"
