"""The app. Each worker prints its blocked signals after the fork and sends SIGTERM to itself."""

import json
import os
import signal
import sys

from app.__main__ import main


def _forked() -> None:
    blocked = sorted(each.name for each in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    os.write(1, json.dumps({"message": "forked", "blocked": blocked}).encode() + b"\n")
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    os.register_at_fork(after_in_child=_forked)
    sys.exit(main())
