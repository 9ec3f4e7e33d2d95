"""Checks that the app has its secrets. Prints names and sources, never values."""

import json
import os
import sys
from urllib.error import URLError
from urllib.request import urlopen

try:
    with urlopen(os.environ["APP_URL"] + "/", timeout=10) as answer:
        present = {entry["name"]: entry["source"] for entry in json.load(answer)["secrets"]}
except URLError as error:
    sys.exit(f"error: {error}")
for name, source in sorted(present.items()):
    print(f"{name}: from {source}")
required = filter(None, os.environ["SECRET_NAMES"].split(","))
missing = [name for name in required if name not in present]
sys.exit(f"error: missing: {', '.join(missing)}" if missing else 0)
