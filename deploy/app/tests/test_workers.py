"""Several workers behave like one."""

import re
from pathlib import Path

from .conftest import Start, Volume


def total(metrics: str, pattern: str) -> float:
    return float(re.search("^" + pattern + r" (\S+)$", metrics, re.MULTILINE)[1])


def test_counters_of_workers_add_up(start: Start, volume: Volume, tmp_path: Path) -> None:
    volume.write(SECRET_KEY="1")
    (tmp_path / "tmp").mkdir()
    app = start(WORKERS="3", SECRETS_DIR=str(volume.path), TMPDIR=str(tmp_path / "tmp"))
    app.wait_until(lambda: len(app.records(logger="_granian.serve")) == 3)
    assert len(app.workers()) == 3
    for _ in range(60):
        assert app.get("/").status == 200
    route = r'app_http_requests_total\{method="GET",route="/",status="200"\}'
    answers = [app.get("/metrics").body for _ in range(20)]
    assert {total(answer, route) for answer in answers} == {60}
    assert all(answer.count("app_secret_present{") == 1 for answer in answers)

    volume.write(SECRET_KEY="2")
    changed = "the mounted secrets changed"
    app.wait_until(lambda: len(app.records(message=changed)) == 3, seconds=2)
    assert total(app.get("/metrics").body, "app_secret_reloads_total") == 3
    assert {app.secrets()["SECRET_KEY"]["generation"] for _ in range(30)} == {2}

    assert len(list((tmp_path / "tmp").iterdir())) == 1
    app.terminate()
    assert app.ended() == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_connections_over_the_limit_wait(start: Start) -> None:
    app = start(MAX_CONNECTIONS="2")
    held = [app.connect() for _ in range(2)]
    for connection in held:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: app\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
    waiting = app.connect()
    waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: app\r\n\r\n")
    waiting.settimeout(0.5)
    try:
        early = waiting.recv(12)
    except TimeoutError:
        early = b""
    assert early == b""
    held[0].close()
    waiting.settimeout(5)
    assert waiting.recv(12) == b"HTTP/1.1 200"
    for connection in (held[1], waiting):
        connection.close()


def test_missing_temporary_directory_error_has_a_hint(start: Start, tmp_path: Path) -> None:
    read_only = "import tempfile; tempfile.mkdtemp = lambda **_: (_ for _ in ()).throw(OSError())\n"
    (tmp_path / "sitecustomize.py").write_text(read_only)
    path = f"{tmp_path}:{Path(__file__).parent.parent}"
    app = start(wait=False, WORKERS="2", PYTHONPATH=path)
    assert app.ended() == 1
    (record,) = app.records(level="error")
    assert "mount an emptyDir at /tmp, or set WORKERS to 1" in record["message"]
    assert start(WORKERS="1", PYTHONPATH=path).get("/").status == 200
