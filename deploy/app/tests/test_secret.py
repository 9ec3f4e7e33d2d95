"""A Secret never shows its value."""

import copy
import json
import logging
import pickle

import pytest

from app import logs
from app.secret import Secret
from app.store import Entry, SecretStore

MARKER = "marker-5f1c"


@pytest.fixture
def secret() -> Secret:
    return Secret(MARKER.encode())


def test_text_does_not_show_the_value(secret: Secret) -> None:
    texts = [str(secret), repr(secret), f"{secret}", f"{secret:>30}", f"{secret!r}", f"{[secret]}"]
    assert MARKER not in "".join(texts)
    assert len(str(secret)) == len(str(Secret(b"")))


def test_store_and_entry_do_not_show_the_value(secret: Secret, tmp_path) -> None:
    store = SecretStore({"SECRET_KEY": secret}, tmp_path)
    store.refresh()
    entry = store.entries["SECRET_KEY"]
    assert isinstance(entry, Entry)
    assert MARKER not in repr(entry) + repr(store.entries) + repr(entry.described())


@pytest.mark.parametrize("serialize", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_secret_cannot_be_serialized(secret: Secret, serialize) -> None:
    with pytest.raises(TypeError) as caught:
        serialize(secret)
    assert MARKER not in str(caught.value)


def test_secret_has_no_hash_and_no_dictionary(secret: Secret) -> None:
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_secrets_compare_by_value(secret: Secret) -> None:
    assert secret == Secret(MARKER.encode())
    assert secret.matches(Secret(secret.reveal()))
    assert secret != Secret(b"")
    assert secret != MARKER.encode()


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(), logs.TextFormatter()])
def test_logged_secret_and_exception_do_not_show_the_value(secret, formatter) -> None:
    try:
        raise ValueError(f"invalid literal: {MARKER!r}") from KeyError(MARKER)
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("app", logging.ERROR, "", 1, "failed: %s", (secret,), info)
    record.fields = {"given": secret, "list": [secret]}
    line = formatter.format(record)
    assert MARKER not in line
    assert "ValueError" in line
    assert "test_secret.py" in line
    assert "\n" not in line
