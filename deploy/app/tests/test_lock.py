"""The lock file matches the Pipfile, and pip installs exactly its packages."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import requirements

from .conftest import ROOT

LOCK = json.loads((ROOT / "Pipfile.lock").read_text())
PIPFILE = tomllib.loads((ROOT / "Pipfile").read_text())


def written(*arguments: str, root=ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "requirements.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_lock_file_matches_pipfile() -> None:
    assert requirements.digest(PIPFILE) == LOCK["_meta"]["hash"]["sha256"]


def test_lock_file_of_another_pipfile_is_rejected(tmp_path) -> None:
    for name in ("requirements.py", "Pipfile.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    other = (ROOT / "Pipfile").read_text().replace("[packages]", '[packages]\nrequests = "*"')
    (tmp_path / "Pipfile").write_text(other)
    done = written(root=tmp_path)
    assert done.returncode == 1
    assert "Pipfile.lock does not match the Pipfile" in done.stderr
    assert done.stdout == ""


def test_requirements_have_versions_and_hashes() -> None:
    text = written().stdout.replace(" \\\n", "")
    lines = text.splitlines()
    assert [line.split("==")[0] for line in lines] == sorted(LOCK["default"])
    for line in lines:
        name = line.split("==")[0]
        assert line.startswith(name + LOCK["default"][name]["version"])
        assert re.findall(r"--hash=(\S+)", line) == sorted(LOCK["default"][name]["hashes"])
    assert len(written("--dev").stdout.split("==")) > len(text.split("=="))


def test_image_contains_no_test_packages() -> None:
    assert not set(PIPFILE["dev-packages"]) & set(LOCK["default"])
    assert LOCK["_meta"]["requires"] == {"python_version": "3.11"}


def test_installed_versions_match_lock_file() -> None:
    for section in ("default", "develop"):
        for name, package in LOCK[section].items():
            assert "==" + metadata.version(name) == package["version"]
