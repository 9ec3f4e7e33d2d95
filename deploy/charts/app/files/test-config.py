"""Asks the app whether its settings have reached it. Prints names, never values."""

import json
import os
import sys
from urllib.request import urlopen

base = os.environ["APP_URL"]
for path in ("/healthz", "/readyz"):
    with urlopen(base + path, timeout=10) as answer:
        print(f"{path}: {answer.status}")
with urlopen(base + "/", timeout=10) as answer:
    shown = json.load(answer)["config"]


def plain(value: object) -> str:
    """The app spells some settings in its own way."""
    text = str(value).strip().lower().rstrip("/")
    return "warning" if text == "warn" else text


different = []
for name in filter(None, os.environ["CONFIG_NAMES"].split(",")):
    if name not in shown:
        print(f"{name}: the app does not show it")
        continue
    same = plain(shown[name]) == plain(os.environ[name])
    print(f"{name}: {'same' if same else 'different'}")
    if not same:
        different.append(name)
sys.exit(f"error: not as configured: {', '.join(different)}" if different else 0)
