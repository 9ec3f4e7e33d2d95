"""Writes pip's requirements from Pipfile.lock: `python3 requirements.py [--dev]`.

The image and the tests use it, so that neither needs pipenv. Like `pipenv install --deploy`, it
rejects a lock file that does not match the Pipfile, and packages without hashes.
"""

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KNOWN = {"hashes", "index", "markers", "version"}


def main() -> None:
    """Writes the requirements to standard output."""
    parser = argparse.ArgumentParser(description="Writes pip's requirements from Pipfile.lock.")
    parser.add_argument("--dev", action="store_true", help="include the packages for the tests")
    sections = ("default", "develop") if parser.parse_args().dev else ("default",)
    lock = json.loads((HERE / "Pipfile.lock").read_text())
    pipfile = tomllib.loads((HERE / "Pipfile").read_text())
    if lock["_meta"]["hash"]["sha256"] != digest(pipfile):
        sys.exit("error: Pipfile.lock does not match the Pipfile\nhint: run `pipenv lock`")
    sys.stdout.write("".join(requirements(lock, sections)))


def digest(pipfile: dict[str, Any]) -> str:
    """Returns the digest by which pipenv matches a lock file to a Pipfile."""
    data = {
        "_meta": {"sources": pipfile["source"], "requires": pipfile["requires"]},
        "default": pipfile["packages"],
        "develop": pipfile["dev-packages"],
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def requirements(lock: dict[str, Any], sections: tuple[str, ...]) -> list[str]:
    """Returns a line for each package, without an index: configure mirrors in pip."""
    packages = {name: lock[section][name] for section in sections for name in lock[section]}
    return [_line(name, packages[name]) for name in sorted(packages)]


def _line(name: str, package: dict[str, Any]) -> str:
    unknown = package.keys() - KNOWN
    if unknown or not package.get("hashes"):
        sys.exit(f"error: {name} in Pipfile.lock is not a package with a version and hashes")
    marker = f" ; {package['markers']}" if "markers" in package else ""
    hashes = "".join(f" \\\n    --hash={digest}" for digest in sorted(package["hashes"]))
    return f"{name}{package['version']}{marker}{hashes}\n"


if __name__ == "__main__":
    main()
