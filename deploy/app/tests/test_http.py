"""The endpoints of a running app."""

import errno
import re
import socket
from pathlib import Path

import pytest

from app import __version__, server

from .conftest import Start, Volume, free_port

SINCE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_index_shows_everything_except_values(start: Start, volume: Volume) -> None:
    volume.write(DB_PASSWORD="file", SMTP="s")
    app = start(
        SECRET_KEY="env",
        DB_PASSWORD="env",
        API_TOKEN="t",
        UNNAMED="u",
        APP_SECRETS="API_TOKEN,ABSENT",
        SECRETS_DIR=str(volume.path),
        ENVIRONMENT="test",
        API_BASE_URL="http://api",
        HOSTNAME="pod-1",
    )
    answer = app.get("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    index = answer.json
    assert (index["app"], index["version"]) == ("app", __version__)
    assert (index["environment"], index["pod"]) == ("test", "pod-1")
    assert index["config"]["API_BASE_URL"] == "http://api"
    assert index["config"]["PORT"] == app.port
    sources = {secret["name"]: secret["source"] for secret in index["secrets"]}
    assert sources == {
        "API_TOKEN": "env",
        "DB_PASSWORD": "file",
        "SECRET_KEY": "env",
        "SMTP": "file",
    }
    for secret in index["secrets"]:
        assert secret.keys() == {"name", "source", "since", "generation"}
        assert SINCE.fullmatch(secret["since"])
        assert secret["generation"] == 1


def test_app_is_ready_only_with_required_secrets(start: Start, volume: Volume) -> None:
    app = start(
        REQUIRED_SECRETS="SECRET_KEY,DB_PASSWORD", SECRETS_DIR=str(volume.path), SECRET_KEY="s"
    )
    assert app.get("/healthz").json == {"status": "ok"}
    answer = app.get("/readyz")
    assert answer.status == 503
    assert answer.json == {"status": "secrets are missing", "missing": ["DB_PASSWORD"]}
    assert 'app_secret_present{name="DB_PASSWORD"} 0.0' in app.get("/metrics").body
    (warning,) = app.records(level="warning")
    assert warning["missing"] == ["DB_PASSWORD"]

    volume.write(DB_PASSWORD="d")
    app.wait_until(lambda: app.get("/readyz").status == 200, seconds=2)
    assert app.get("/readyz").json == {"status": "ok", "missing": []}
    assert 'app_secret_present{name="DB_PASSWORD"} 1.0' in app.get("/metrics").body


def test_app_reloads_swapped_volume_within_a_second(start: Start, volume: Volume) -> None:
    volume.write(SECRET_KEY="1", DB_PASSWORD="1")
    app = start(SECRETS_DIR=str(volume.path))
    before = app.secrets()
    volume.write(SECRET_KEY="2", DB_PASSWORD="1", NEW="1")
    app.wait_until(lambda: app.secrets()["SECRET_KEY"]["generation"] == 2, seconds=1.5)
    after = app.secrets()
    assert after["DB_PASSWORD"] == before["DB_PASSWORD"]
    assert after["SECRET_KEY"]["since"] > before["SECRET_KEY"]["since"]
    assert after["NEW"]["generation"] == 1
    (record,) = app.records(message="the mounted secrets changed")
    assert (record["added"], record["changed"], record["removed"]) == (["NEW"], ["SECRET_KEY"], [])
    metrics = app.get("/metrics").body
    assert "app_secret_reloads_total 1.0" in metrics
    assert 'app_secret_generation{name="SECRET_KEY"} 2.0' in metrics


def test_unreadable_set_changes_nothing(start: Start, volume: Volume) -> None:
    volume.write(SECRET_KEY="1")
    app = start(SECRETS_DIR=str(volume.path))
    volume.write(SECRET_KEY="2", HUGE=b"x" * (1 << 20) + b"x")
    app.wait_until(lambda: app.records(level="error"), seconds=2)
    app.wait_until(
        lambda: re.search(r"app_secret_reload_errors_total [2-9]", app.get("/metrics").body)
    )
    assert app.secrets()["SECRET_KEY"]["generation"] == 1
    (record,) = app.records(level="error")
    assert "HUGE has more than 1048576 bytes" in record["message"]
    volume.write(SECRET_KEY="2")
    app.wait_until(lambda: app.secrets()["SECRET_KEY"]["generation"] == 2, seconds=2)


def test_requests_are_counted_by_route_method_and_status(start: Start) -> None:
    app = start()
    app.get("/")
    app.get("/?token=1")
    app.get("/one-path")
    app.get("/another-path")
    app.request("POST", "/")
    app.request("BREW", "/")
    metrics = app.get("/metrics").body
    for line in (
        'app_http_requests_total{method="GET",route="/",status="200"} 2.0',
        'app_http_requests_total{method="GET",route="unmatched",status="404"} 2.0',
        'app_http_requests_total{method="POST",route="unmatched",status="405"} 1.0',
        'app_http_requests_total{method="other",route="unmatched",status="405"} 1.0',
        'app_http_request_duration_seconds_count{method="GET",route="/",status="200"} 2.0',
        'app_http_request_duration_seconds_bucket{le="10.0",method="GET",route="/",status="200"} 2',
        f'app_info{{environment="development",version="{__version__}"}} 1.0',
        "app_secret_reloads_total 0.0",
    ):
        assert line in metrics
    assert "process_resident_memory_bytes" in metrics
    assert "-path" not in metrics
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = app.request("GET", "/metrics", accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith("# EOF\n")


def test_errors_are_json(start: Start) -> None:
    app = start()
    answer = app.get("/%0Anone?secret=1")
    assert (answer.status, answer.json) == (404, {"error": "Not Found"})
    assert answer.headers["content-type"] == "application/json"
    answer = app.request("DELETE", "/")
    assert (answer.status, answer.json) == (405, {"error": "Method Not Allowed"})
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    answer = app.request("HEAD", "/")
    assert (answer.status, answer.body) == (200, "")


def test_access_log_has_method_path_status_and_duration(start: Start) -> None:
    app = start()
    app.get("/a%0Ab?token=marker")
    app.get("/healthz")
    app.get("/readyz")
    app.wait_until(lambda: app.records(logger="app.access"))
    (record,) = app.records(logger="app.access")
    assert record.keys() >= {"time", "level", "message", "logger"}
    assert SINCE.fullmatch(record["time"])
    assert (record["method"], record["path"], record["status"]) == ("GET", "/a\nb", 404)
    assert 0 < record["duration_ms"] < 1000
    assert "marker" not in app.text()


def test_probes_are_logged_at_debug_level(start: Start) -> None:
    app = start(LOG_LEVEL="debug")
    app.get("/readyz")
    app.wait_until(lambda: app.records(logger="app.access", level="debug", path="/readyz"))


def test_text_log_escapes_control_characters(start: Start) -> None:
    app = start(LOG_FORMAT="text")
    app.get("/a%0A%1Bb")
    app.wait_until(lambda: "path=" in app.text())
    (line,) = [line for line in app.text().splitlines() if "path=" in line]
    assert re.match(
        r"\S+Z info     app\.access: request method=\"GET\" path=\"/a\\n\\u001bb\" ", line
    )


def test_invalid_settings_end_the_app(start: Start) -> None:
    app = start(wait=False, PORT="marker", WORKERS="marker")
    assert app.ended() == 2
    messages = [record["message"] for record in app.records(level="error")]
    assert len(messages) == 2
    assert "PORT is not valid: use a whole number from 1 to 65535" in messages[0]
    assert "marker" not in app.text()


def test_port_in_use_ends_the_app(start: Start) -> None:
    app = start()
    other = start(wait=False, PORT=str(app.port))
    assert other.ended() == 1
    (record,) = other.records(level="error")
    assert record["message"].endswith(f"on port {app.port}: Address already in use")


def test_unreadable_secrets_end_the_app_at_startup(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    app = start(wait=False, SECRETS_DIR=str(tmp_path / "file"))
    assert app.ended() == 1
    (record,) = app.records(level="error")
    assert "file cannot be read: Not a directory" in record["message"]


def test_default_address_is_all_of_ipv4_and_ipv6(start: Start) -> None:
    app = start(LISTEN_ADDRESS="")
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, app.port), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert connection.recv(12).endswith(b" 200")


def test_kernel_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    assert server._claim("::", port) == "::"
    real = socket.socket

    def without_ipv6(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return real(family, kind)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    assert server._claim("::", port) == "0.0.0.0"  # noqa: S104
    with pytest.raises(OSError, match="no IPv6"):
        server._claim("::1", port)
