"""Asks the app which secrets it has. Prints names and where they come from, never values."""

import json
import os
import sys
from urllib.error import URLError
from urllib.request import urlopen

try:
    with urlopen(os.environ["APP_URL"] + "/", timeout=10) as answer:
        here = {entry["name"]: entry["source"] for entry in json.load(answer)["secrets"]}
except URLError as error:
    sys.exit(f"error: {error}")
for name, source in sorted(here.items()):
    print(f"{name}: from {source}")
wanted = filter(None, os.environ["SECRET_NAMES"].split(","))
missing = [name for name in wanted if name not in here]
sys.exit(f"error: missing: {', '.join(missing)}" if missing else 0)
