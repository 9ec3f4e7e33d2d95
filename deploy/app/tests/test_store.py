"""Files take precedence over the environment. Each value has a time and a generation."""

from pathlib import Path

import pytest

from app.files import UnreadableError
from app.secret import Secret
from app.store import Difference, SecretStore, take_from_environment

from .conftest import Volume


def facts(store: SecretStore) -> dict[str, tuple[str, int, bytes]]:
    return {
        name: (entry.source, entry.generation, entry.secret.reveal())
        for name, entry in store.entries.items()
    }


def test_secrets_are_removed_from_the_environment() -> None:
    environ = {"SECRET_KEY": "a", "PORT": "80", "BYTES": "\udcff"}
    taken = take_from_environment(environ, ["SECRET_KEY", "BYTES", "NONE"])
    assert environ == {"PORT": "80"}
    assert taken == {"SECRET_KEY": Secret(b"a"), "BYTES": Secret(b"\xff")}


def test_file_takes_precedence_over_environment(volume: Volume) -> None:
    volume.write(SECRET_KEY="file", OTHER="o")
    store = SecretStore({"SECRET_KEY": Secret(b"env"), "A": Secret(b"a")}, volume.path)
    assert store.refresh() == Difference(("A", "OTHER", "SECRET_KEY"), (), ())
    assert facts(store) == {
        "A": ("env", 1, b"a"),
        "OTHER": ("file", 1, b"o"),
        "SECRET_KEY": ("file", 1, b"file"),
    }
    assert store.missing(["B", "A"]) == ["B"]


def test_changes_increment_generation_and_update_time(volume: Volume) -> None:
    volume.write(A="1", B="1")
    store = SecretStore({}, volume.path)
    store.refresh()
    first = dict(store.entries)

    volume.write(A="1", B="2", C="1")
    assert store.refresh() == Difference(("C",), ("B",), ())
    assert facts(store) == {
        "A": ("file", 1, b"1"),
        "B": ("file", 2, b"2"),
        "C": ("file", 1, b"1"),
    }
    assert store.entries["A"].since == first["A"].since
    assert store.entries["B"].since > first["B"].since

    volume.write(A="1")
    assert store.refresh() == Difference((), (), ("B", "C"))
    volume.write(A="1", B="2")
    assert store.refresh() == Difference(("B",), (), ())
    assert store.entries["B"].generation == 3


def test_rewriting_the_same_value_changes_nothing(volume: Volume) -> None:
    volume.write(A="1")
    store = SecretStore({}, volume.path)
    store.refresh()
    before = store.entries["A"]
    volume.write(A="1")
    assert not store.refresh()
    assert store.entries["A"] == before


def test_removed_file_falls_back_to_environment(volume: Volume) -> None:
    volume.write(A="file")
    store = SecretStore({"A": Secret(b"env")}, volume.path)
    store.refresh()
    volume.write()
    assert store.refresh() == Difference((), ("A",), ())
    assert facts(store) == {"A": ("env", 2, b"env")}


def test_read_error_keeps_old_secrets(volume: Volume) -> None:
    volume.write(A="1", B="1")
    store = SecretStore({}, volume.path)
    store.refresh()
    volume.write(A="2", B=b"x" * (1 << 20) + b"x")
    for _ in range(2):
        with pytest.raises(UnreadableError):
            store.refresh()
    assert facts(store) == {"A": ("file", 1, b"1"), "B": ("file", 1, b"1")}
    volume.write(A="2", B="2")
    assert store.refresh() == Difference((), ("A", "B"), ())


def test_in_place_changes_within_one_tick_are_detected(tmp_path: Path) -> None:
    store = SecretStore({}, tmp_path)
    for number in range(1, 200):
        (tmp_path / "A").write_text(str(number % 10))
        store.refresh()
        assert store.entries["A"].generation == number
