"""A set of mounted files is read completely or not at all."""

import os
import threading
from pathlib import Path

import pytest

from app import files
from app.files import UnreadableError

from .conftest import Volume


def texts(directory: Path) -> dict[str, bytes]:
    return {name: secret.reveal() for name, secret in files.read(directory).secrets.items()}


def test_missing_directory_has_no_secrets(tmp_path: Path) -> None:
    assert texts(tmp_path / "none") == {}
    (tmp_path / "link").symlink_to("none")
    assert texts(tmp_path / "link") == {}
    assert files.signature(tmp_path / "none") == ()


def test_file_content_is_unchanged(volume: Volume) -> None:
    volume.write(TEXT="a\n", BINARY=b"\x00\xff\r\n", EMPTY="")
    assert texts(volume.path) == {"TEXT": b"a\n", "BINARY": b"\x00\xff\r\n", "EMPTY": b""}


def test_plain_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("a")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "b").write_text("b")
    (tmp_path / "B").symlink_to("real/b")
    (tmp_path / "dangling").symlink_to("nothing")
    assert texts(tmp_path) == {"A": b"a", "B": b"b"}


def test_files_with_invalid_names_are_ignored(tmp_path: Path) -> None:
    for name in (".hidden", "..2026", "with blank", "ünï", "new\nline", "a" * 254):
        (tmp_path / name).write_text("x")
    (tmp_path / "ok-1._").write_text("x")
    assert list(texts(tmp_path)) == ["ok-1._"]


def test_signature_changes_with_every_write(volume: Volume) -> None:
    seen = [files.signature(volume.path)]
    volume.write(A="1")
    seen.append(files.signature(volume.path))
    volume.write(A="1")
    seen.append(files.signature(volume.path))
    (volume.path / "A").write_text("22")
    seen.append(files.signature(volume.path))
    assert None not in seen
    assert len(set(seen)) == 4
    assert files.read(volume.path).signature == seen[-1]


def test_two_sets_are_never_mixed(volume: Volume) -> None:
    names = [f"NAME_{number}" for number in range(40)]
    volume.write(**dict.fromkeys(names, "0"))
    ended = threading.Event()

    def swap() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            volume.write(**dict.fromkeys(names, str(number)))

    writer = threading.Thread(target=swap)
    writer.start()
    seen = set()
    try:
        for _ in range(300):
            try:
                found = texts(volume.path)
            except UnreadableError:
                continue
            assert len(found) == 40
            assert len(set(found.values())) == 1
            seen |= set(found.values())
    finally:
        ended.set()
        writer.join()
    assert len(seen) > 3


def test_set_swapped_during_read_is_read_again(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.write(A="old", B="old")
    read = files._content

    def swapping(directory: Path, fd: int, name: str):
        content = read(directory, fd, name)
        if name == "A" and content == b"old":
            volume.write(A="new", B="new")
        return content

    monkeypatch.setattr(files, "_content", swapping)
    assert texts(volume.path) == {"A": b"new", "B": b"new"}


def test_constantly_changing_set_is_an_error(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.write(A="1")
    read = files._content

    def swapping(directory: Path, fd: int, name: str):
        volume.write(A="1")
        return read(directory, fd, name)

    monkeypatch.setattr(files, "_content", swapping)
    with pytest.raises(UnreadableError, match="changed 10 times"):
        files.read(volume.path)


def test_size_limits_are_enforced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "A").write_bytes(b"x" * files.MAX_FILE_BYTES)
    assert len(texts(tmp_path)["A"]) == files.MAX_FILE_BYTES
    (tmp_path / "A").write_bytes(b"x" * (files.MAX_FILE_BYTES + 1))
    with pytest.raises(UnreadableError, match=r"A has more than 1048576 bytes"):
        files.read(tmp_path)
    (tmp_path / "A").write_bytes(b"x" * 60)
    (tmp_path / "B").write_bytes(b"x" * 60)
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    with pytest.raises(UnreadableError, match="more than 100 bytes"):
        files.read(tmp_path)
    monkeypatch.setattr(files, "MAX_FILES", 1)
    with pytest.raises(UnreadableError, match="more than 1 files"):
        files.read(tmp_path)


def test_pipe_is_rejected_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "PIPE")
    with pytest.raises(UnreadableError, match="PIPE is not a regular file"):
        files.read(tmp_path)


def test_file_instead_of_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnreadableError, match="cannot be read: Not a directory"):
        files.read(tmp_path / "file")
