"""`python3 -m app` serves the app. `python3 -m app check` compares its secrets with a file."""

import argparse
import logging
import os
import signal
import sys

from . import __version__, logs
from .settings import Settings, SettingsError


def main() -> int:
    """Runs the command and returns the exit code."""
    # The kernel does not deliver unhandled signals to the first process of a container. The handler
    # exits at once, because Python drops an exception that is raised in some callbacks.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    arguments = _parser().parse_args()
    logs.configure("info", "json")
    try:
        settings = Settings.read(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            logging.getLogger("app.settings").error(problem)
        return 2
    logs.configure(settings.log_level, settings.log_format)
    # Import late, so that each command loads only its own dependencies.
    if arguments.command == "check":
        from .check import check

        return check(settings, os.environ, sys.stdin.buffer, sys.stdout)
    from .server import serve

    return serve(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app", description="Serves the app.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    text = "compare the secrets with NAME=VALUE lines on standard input, without showing any"
    commands.add_parser("check", help=text, description=text.capitalize() + ".")
    return parser


if __name__ == "__main__":
    sys.exit(main())
