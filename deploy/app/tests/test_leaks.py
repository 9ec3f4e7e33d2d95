"""The output of the app never contains a value."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from app import web
from app.access import measured
from app.metrics import Metrics
from app.secret import Secret
from app.settings import Settings
from app.store import SecretStore

from .conftest import ROOT, Start, Volume

MARKERS = [f"marker-{name}-93b1" for name in ("env", "named", "file", "later", "other")]


def assert_clean(text: str) -> None:
    for marker in MARKERS:
        encoded = base64.b64encode(marker.encode()).decode().rstrip("=")
        for form in (marker, marker[::-1], marker.encode().hex(), encoded[:-1]):
            assert form not in text


@pytest.mark.parametrize("style", ["json", "text"])
def test_endpoints_and_logs_contain_no_value(start: Start, volume: Volume, style: str) -> None:
    volume.write(DB_PASSWORD=MARKERS[2], CERT=MARKERS[2] + "\n\x00")
    app = start(
        SECRET_KEY=MARKERS[0],
        DB_PASSWORD=MARKERS[0],
        API_TOKEN=MARKERS[1],
        APP_SECRETS="API_TOKEN",
        REQUIRED_SECRETS="ABSENT",
        # Not a secret by name, but not shown either.
        OTHER=MARKERS[4],
        SECRETS_DIR=str(volume.path),
        LOG_LEVEL="debug",
        LOG_FORMAT=style,
        FLASK_DEBUG="1",
        FLASK_ENV="development",
        PYTHONASYNCIODEBUG="1",
    )
    emitted = []

    def request_everything() -> None:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE", "BREW"):
            for path in (
                "/",
                "/healthz",
                "/readyz",
                "/metrics",
                "/none",
                "/console",
                "/config",
                "/env",
            ):
                answer = app.request(method, path)
                emitted.append(f"{answer.status} {answer.headers} {answer.body}")
        for head in (b"GET /\xff HTTP/1.1", b"GET / HTTP/9", b"\x00\x01", b"GET  HTTP/1.1"):
            connection = app.connect()
            connection.sendall(head + b"\r\nHost: \xff\r\nTransfer-Encoding: x\r\n\r\n")
            emitted.append(connection.recv(65536).decode("latin-1"))
            connection.close()

    request_everything()
    volume.write(DB_PASSWORD=MARKERS[3], NEW=MARKERS[3])
    app.wait_until(lambda: app.secrets()["DB_PASSWORD"]["generation"] == 2)
    volume.write(DB_PASSWORD=MARKERS[3], HUGE=MARKERS[3] * (1 << 17))
    app.wait_until(lambda: "HUGE has more than" in app.text())
    request_everything()
    app.terminate()
    assert app.ended() == 0
    emitted.append(app.text())
    assert any("DB_PASSWORD" in text for text in emitted)
    assert_clean("\n".join(emitted))


def test_requests_do_not_contain_secrets_of_the_environment(start: Start, tmp_path: Path) -> None:
    probe = (
        "import app.access as a, os\n"
        "inner = a.measured\n"
        "def measured(wsgi, metrics):\n"
        "    def outer(environ, start):\n"
        "        print(environ, dict(os.environ), flush=True)\n"
        "        return wsgi(environ, start)\n"
        "    return inner(outer, metrics)\n"
        "a.measured = measured\n"
        "import runpy\n"
        "runpy.run_module('app', run_name='__main__', alter_sys=True)\n"
    )
    (tmp_path / "probe.py").write_text(probe)
    env = {"SECRET_KEY": MARKERS[0], "API_TOKEN": MARKERS[1], "APP_SECRETS": "API_TOKEN"}
    app = start(module="probe", PYTHONPATH=f"{ROOT}:{tmp_path}", **env)
    text = app.text()
    assert "REQUEST_METHOD" in text
    assert "LISTEN_ADDRESS" in text
    assert_clean(text)


def test_logged_exceptions_contain_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import logs

    settings = Settings.read({})
    store = SecretStore({"SECRET_KEY": Secret(MARKERS[0].encode())}, tmp_path / "none")
    store.refresh()
    metrics = Metrics(settings, store)
    app = web.create_app(settings, store, metrics, lambda: False)

    @app.get("/fails")
    def fails() -> str:
        value = store.entries["SECRET_KEY"].secret.reveal().decode()
        raise ValueError(f"cannot use {value!r}")

    @app.get("/fails-late")
    def fails_late() -> str:
        return "fine"

    @app.after_request
    def break_late(response):
        if "fine" in response.get_data(as_text=True):
            raise OSError(MARKERS[0])
        return response

    logs.configure("debug", "json")
    app.wsgi_app = measured(app.wsgi_app, metrics)  # type: ignore[method-assign]
    client = app.test_client()
    answers = [client.get("/fails"), client.get("/fails-late")]
    assert [answer.status_code for answer in answers] == [500, 500]
    monkeypatch.setattr(store, "missing", lambda _: 1 / 0)
    answers.append(client.get("/readyz"))
    emitted = "".join(capsys.readouterr()) + "".join(answer.text for answer in answers)
    assert "builtins.ValueError" in emitted
    assert "builtins.OSError" in emitted
    assert "builtins.ZeroDivisionError" in emitted
    assert "test_leaks.py" in emitted
    assert_clean(emitted)


def test_uncaught_exceptions_contain_no_value() -> None:
    code = (
        "import threading\n"
        "from app import logs\n"
        "logs.configure('debug', 'json')\n"
        f"def fail(): raise ValueError({MARKERS[0]!r})\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "import warnings; warnings.warn('shown')\n"
        "fail()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("builtins.ValueError") == 2
    assert "shown" in done.stdout
    assert_clean(done.stdout + done.stderr)
