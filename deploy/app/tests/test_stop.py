"""The app announces a stop, finishes requests, and ends in time."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .conftest import Process, Start

HEAD = b"GET / HTTP/1.1\r\nHost: app\r\n"


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_the_app_with_success(start: Start, number: signal.Signals) -> None:
    app = start()
    idle = app.connect()
    idle.sendall(HEAD + b"\r\n")
    assert idle.recv(12) == b"HTTP/1.1 200"
    silent = app.connect()
    workers = app.workers()
    began = time.monotonic()
    app.popen.send_signal(number)
    assert app.ended() == 0
    assert time.monotonic() - began < 2
    assert all(gone(worker) for worker in workers)
    idle.close()
    silent.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_running_request_is_answered_during_stop(start: Start, workers: str) -> None:
    app = start(WORKERS=workers)
    slow = app.connect()
    slow.sendall(HEAD)
    time.sleep(0.2)
    app.terminate()
    app.wait_until(lambda: app.records(message="Shutting down granian"))
    app.wait_until(lambda: refused(app))
    assert app.popen.poll() is None
    slow.sendall(b"\r\n")
    response = http.client.HTTPResponse(slow)
    response.begin()
    assert response.status == 200
    assert b'"app"' in response.read()
    response.close()
    slow.close()
    assert app.ended() == 0


def refused(app: Process) -> bool:
    try:
        app.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_app_serves_during_the_delay_but_is_not_ready(start: Start) -> None:
    app = start(STOP_DELAY="1")
    assert app.get("/readyz").status == 200
    failures, answers, ended = [], [], threading.Event()

    def send_requests() -> None:
        while not ended.is_set():
            try:
                answers.append(app.get("/").status)
            except OSError as error:
                failures.append(error)

    client = threading.Thread(target=send_requests)
    client.start()
    began = time.monotonic()
    app.terminate()
    app.wait_until(lambda: app.get("/readyz").status == 503, seconds=0.8)
    assert app.get("/readyz").json == {"status": "stopping", "missing": []}
    assert app.get("/healthz").status == 200
    time.sleep(0.5)
    # Clients that follow the probe have stopped sending requests by now.
    ended.set()
    client.join()
    assert app.ended() == 0
    assert time.monotonic() - began >= 1
    assert not failures
    assert set(answers) == {200}


def test_simultaneous_signals_count_once(start: Start) -> None:
    for _ in range(3):
        app = start()
        for _ in range(200):
            app.terminate()
        assert app.ended(5) == 0
    app = start(STOP_DELAY="1")
    began = time.monotonic()
    app.terminate()
    app.terminate()
    assert app.ended(5) == 0
    assert time.monotonic() - began >= 1


def test_second_signal_ends_the_delay(start: Start) -> None:
    app = start(STOP_DELAY="60")
    app.terminate()
    app.wait_until(lambda: app.get("/readyz").status == 503)
    time.sleep(0.2)
    app.terminate()
    assert app.ended(5) == 0


def test_stuck_client_does_not_block_the_stop(start: Start) -> None:
    app = start(STOP_TIMEOUT="1")
    stuck = app.connect()
    stuck.sendall(HEAD)
    time.sleep(0.2)
    began = time.monotonic()
    app.terminate()
    assert app.ended(5) == 0
    assert time.monotonic() - began >= 1
    stuck.close()


def test_signal_during_startup_ends_the_app(start: Start) -> None:
    for step in range(8):
        app = start(wait=False, WORKERS="2", STOP_TIMEOUT="60")
        time.sleep(0.1 + 0.06 * step)
        app.terminate()
        # Before Python has installed its handlers, the signal ends the process directly.
        assert app.ended(5) in (0, -signal.SIGTERM)
        assert "Traceback" not in app.text()


def test_signal_in_a_python_callback_is_not_lost() -> None:
    # Python would drop an exception of the handler here, and the app would continue.
    program = """
import os, signal, sys, weakref
from app import __main__ as app

class Thing:
    pass

def parser():
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del thing
    print("continues", flush=True)
    os._exit(3)

app._parser = parser
app.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_signal_right_after_the_fork_is_not_lost(start: Start) -> None:
    # Python clears pending signals in a new child, so the signals must still be blocked.
    app = start(module="tests.forked", wait=False)
    assert app.ended() == 1
    assert app.records(message="forked", blocked=["SIGHUP", "SIGINT", "SIGTERM"])
    assert app.records(message="Unexpected exit from worker-1")
    assert not app.records(message="Started worker-1")


def test_workers_do_not_outlive_the_server(start: Start) -> None:
    app = start(WORKERS="2")
    app.wait_until(lambda: len(app.records(logger="_granian.serve")) == 2)
    workers = app.workers()
    assert len(workers) == 2
    app.popen.kill()
    app.ended()
    end = time.monotonic() + 5
    while not all(gone(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_dead_worker_ends_the_app_with_an_error(start: Start) -> None:
    app = start()
    (worker,) = app.workers()
    os.kill(worker, signal.SIGKILL)
    assert app.ended() == 1
