"""The Dockerfile matches the files that it packs."""

import json
import re

from app import __version__

from .conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_dockerfile_has_version_and_python_of_the_app() -> None:
    assert f"\nARG VERSION={__version__}\n" in DOCKERFILE
    version = json.loads((ROOT / "Pipfile.lock").read_text())["_meta"]["requires"]["python_version"]
    assert f"\nARG BUILDER_BASE=python:{version}-" in DOCKERFILE
    assert f"!= ({version.replace('.', ', ')})" in DOCKERFILE


def test_build_context_contains_only_copied_files() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert "*" in ignored
    assert admitted == {name for names in copied for name in names.split()}


def test_image_runs_as_numeric_user_without_a_shell() -> None:
    assert "\nUSER 65532:65532\n" in DOCKERFILE
    assert '\nENTRYPOINT ["python3", "-m", "app"]\n' in DOCKERFILE
