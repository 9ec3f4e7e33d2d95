"""The app; each worker says which signals wait as it is forked, and tells itself to stop."""

import json
import os
import signal
import sys

from app.__main__ import main


def _forked() -> None:
    waiting = sorted(each.name for each in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    os.write(1, json.dumps({"message": "forked", "waiting": waiting}).encode() + b"\n")
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    os.register_at_fork(after_in_child=_forked)
    sys.exit(main())
