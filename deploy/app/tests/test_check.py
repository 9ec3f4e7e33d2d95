"""Tests of `python -m app check`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Volume


def check(given: str | bytes, **env: str) -> tuple[int, str]:
    data = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [sys.executable, "-m", "app", "check"],
        input=data,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def test_check_reports_equal_secrets(volume: Volume) -> None:
    volume.write(A="a", B="1\n2", SECRET_KEY="file")
    given = "A=a\nB=\"1\\n2\"\nexport SECRET_KEY='file'\nC=ünï # env\nD=\n"
    result = check(given, SECRETS_DIR=str(volume.path), SECRET_KEY="env", C="ünï", D="")
    expected = (
        "A: same (file)\nB: same (file)\nSECRET_KEY: same (file)\nC: same (env)\nD: same (env)\n"
    )
    assert result == (0, expected)


def test_check_reports_different_and_missing_secrets(volume: Volume) -> None:
    volume.write(A="marker-a\n", B="b")
    given = "A=marker-a\nB=b\nC=marker-c\nD=marker-d\n"
    result = check(given, SECRETS_DIR=str(volume.path), C="marker-x")
    expected = "A: different (file)\nB: same (file)\nC: different (env)\nD: missing\n"
    assert result == (1, expected)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "no NAME=VALUE line"),
        ("# nothing\n", "no NAME=VALUE line"),
        ("A=1\nmarker\n", "line 2 has no `=`"),
        (b"A=marker\xff", "not UTF-8"),
        (b"A=" + b"x" * (4 << 20), "more than 4194304 bytes"),
    ],
)
def test_invalid_input_is_rejected_without_a_value(given: str | bytes, problem: str) -> None:
    code, text = check(given)
    assert code == 2
    assert text.startswith("error: standard input: ")
    assert problem in text
    assert "marker" not in text


def test_unreadable_files_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("marker")
    code, text = check("A=1", SECRETS_DIR=str(tmp_path / "file"))
    assert (code, text) == (2, f"error: {tmp_path}/file cannot be read: Not a directory\n")


def test_example_file_matches() -> None:
    example = (ROOT / "secrets.env.example").read_bytes()
    env = {
        "SECRET_KEY": "dummy-w1th-$igns-that-a-shell-would-expand-8f2k",
        "DB_HOST": "db.example.internal",
        "DB_USER": "app",
        "DB_PASSWORD": "dummy correct horse battery staple",
        "SMTP_PASSWORD": "dummy-4vJ7mQ2x",
        "API_TOKEN": "dummy-tok_2b9d1f60c7e84a35",
    }
    code, text = check(example, **env)
    assert code == 0
    assert text.splitlines() == [f"{name}: same (env)" for name in env]
