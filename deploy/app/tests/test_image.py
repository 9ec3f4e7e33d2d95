"""What the Dockerfile says agrees with what it packs."""

import json
import re

from app import __version__

from .conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_version_and_python_are_those_of_the_app() -> None:
    assert f"\nARG VERSION={__version__}\n" in DOCKERFILE
    wanted = json.loads((ROOT / "Pipfile.lock").read_text())["_meta"]["requires"]["python_version"]
    assert f"\nARG BUILDER_BASE=python:{wanted}-" in DOCKERFILE
    assert f"!= ({wanted.replace('.', ', ')})" in DOCKERFILE


def test_the_context_is_what_is_copied_and_no_more() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert "*" in ignored
    assert admitted == {name for names in copied for name in names.split()}


def test_it_runs_as_a_number_and_without_a_shell() -> None:
    assert "\nUSER 65532:65532\n" in DOCKERFILE
    assert '\nENTRYPOINT ["python3", "-m", "app"]\n' in DOCKERFILE
