"""Compares the settings that the app shows with its ConfigMap. Prints names, never values."""

import json
import os
import sys
from urllib.error import URLError
from urllib.request import urlopen


def ask(path: str) -> bytes:
    """Returns the body of a successful response."""
    try:
        with urlopen(os.environ["APP_URL"] + path, timeout=10) as answer:
            print(f"{path}: {answer.status}")
            return answer.read()
    except URLError as error:
        sys.exit(f"error: {path}: {error}")


def plain(value: object) -> str:
    """Normalizes a setting, because the app shows some of them in another form."""
    text = str(value).strip().lower().rstrip("/")
    return "warning" if text == "warn" else text


ask("/healthz")
ask("/readyz")
shown = json.loads(ask("/"))["config"]
different = []
for name in filter(None, os.environ["CONFIG_NAMES"].split(",")):
    if name not in shown:
        print(f"{name}: the app does not show it")
    elif plain(shown[name]) == plain(os.environ[name]):
        print(f"{name}: same")
    else:
        print(f"{name}: different")
        different.append(name)
sys.exit(f"error: not as configured: {', '.join(different)}" if different else 0)
