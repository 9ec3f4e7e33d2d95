"""Runs the app as a real process and sends HTTP requests to it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Process:
    """`python -m app` with a minimal environment plus `env`."""

    def __init__(self, directory: Path, env: dict[str, str], *, wait: bool, module: str) -> None:
        self.port = free_port()
        self.output = directory / f"output-{self.port}"
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LISTEN_ADDRESS": "127.0.0.1",
            "PORT": str(self.port),
            "SECRETS_DIR": str(directory / "none"),
            **env,
        }
        with self.output.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=directory,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if wait:
            self.wait_until(self.answers)

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("/healthz").status == 200
        return False

    def request(self, method: str, path: str, headers: dict[str, str] | None = None) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            body = response.read().decode()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, names, body)

    def get(self, path: str) -> Response:
        return self.request("GET", path)

    def secrets(self) -> dict[str, dict]:
        return {secret["name"]: secret for secret in self.get("/").json["secrets"]}

    def wait_until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self.popen.poll() is not None:
                pytest.fail(f"the app exited with {self.popen.returncode}:\n{self.text()}")
            if time.monotonic() > end:
                pytest.fail(f"timeout after {seconds} s:\n{self.text()}")
            time.sleep(0.02)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def terminate(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = 10) -> int:
        return self.popen.wait(seconds)

    def text(self) -> str:
        return self.output.read_text()

    def records(self, **fields: object) -> list[dict]:
        records = [json.loads(line) for line in self.text().splitlines()]
        return [record for record in records if fields.items() <= record.items()]


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts apps, and stops the running ones after the test."""
    processes: list[Process] = []

    def start(*, wait: bool = True, module: str = "app", **env: str) -> Process:
        processes.append(Process(tmp_path, env, wait=wait, module=module))
        return processes[-1]

    yield start
    for process in processes:
        if process.popen.poll() is None:
            process.terminate()
            try:
                process.popen.wait(5)
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Volume:
    """A directory of secret files, written in the way of the kubelet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        path.mkdir()

    def write(self, **files: str | bytes) -> None:
        self.number += 1
        name = f"..2026_11_23_21_00_00.{self.number}"
        directory = self.path / name
        directory.mkdir()
        for file, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (directory / file).write_bytes(data)
        link = self.path / "..data"
        before = self.path / link.readlink() if link.is_symlink() else None
        (self.path / "..data_tmp").symlink_to(name)
        (self.path / "..data_tmp").rename(link)
        for file in files:
            if not (self.path / file).is_symlink():
                (self.path / file).symlink_to(f"..data/{file}")
        for file in self.path.iterdir():
            if not file.name.startswith("..") and file.name not in files:
                file.unlink()
        if before is not None:
            for file in before.iterdir():
                file.unlink()
            before.rmdir()


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "secrets")
