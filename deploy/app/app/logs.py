"""Writes logs to standard output, one line per record, in JSON or as text.

A logged exception shows its type and location, not its message, because messages quote their
input, as `invalid literal for int()` does.
"""

import json
import logging
import logging.config
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType

_MAX_MESSAGE_CHARS = 8192
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}


def config(level: str, style: str) -> dict[str, object]:
    """Returns the logging configuration of this process."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": JsonFormatter if style == "json" else TextFormatter}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"handlers": ["stdout"], "level": level.upper()},
        "loggers": {
            # Granian's own handlers would write its records twice or in another format.
            "_granian": {"handlers": [], "propagate": True},
            "granian.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }


def configure(level: str, style: str) -> None:
    """Sends all logs, warnings and uncaught exceptions to standard output."""
    logging.config.dictConfig(config(level, style))
    logging.captureWarnings(True)
    # Otherwise Python prints a failed log call with its arguments to standard error.
    logging.raiseExceptions = False
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class _Formatter(logging.Formatter):
    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Returns the fields of the record in output order."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage()[:_MAX_MESSAGE_CHARS],
            "logger": record.name,
        }
        fields |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            fields["exception"] = f"{kind.__module__}.{kind.__qualname__}"
            fields["stack"] = _stack(trace)
        return fields


class JsonFormatter(_Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats the record."""
        return json.dumps(self.fields(record), default=repr)


class TextFormatter(_Formatter):
    """A readable line."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats the record."""
        fields = self.fields(record)
        head = "{time} {level:<8} {logger}: {message}".format(**fields)
        rest = {key: value for key, value in fields.items() if key not in _HEAD}
        pairs = [f" {key}={json.dumps(value, default=repr)}" for key, value in rest.items()]
        return (head + "".join(pairs)).translate(_CONTROL)


_HEAD = ("time", "level", "logger", "message")


def _stack(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
    ]


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("app").critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    _uncaught(args.exc_type, error, args.exc_traceback)
