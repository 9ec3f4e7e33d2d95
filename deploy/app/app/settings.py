"""The settings from the environment, validated at startup."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from .names import PATTERN, is_secret_name

ALWAYS_SECRET = ("SECRET_KEY", "DB_PASSWORD")

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, without the secrets. README.md lists them."""

    api_base_url: str | None
    environment: str
    listen_address: str
    log_format: str
    log_level: str
    max_connections: int
    port: int
    required_secrets: tuple[str, ...]
    secret_names: tuple[str, ...]
    secrets_dir: Path
    stop_delay: int
    stop_timeout: int
    workers: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Reads the settings from `environ`. The error contains all problems."""
        reader = _Reader(environ)
        required = reader.get("REQUIRED_SECRETS", (), _names, _NAMES)
        named = reader.get("APP_SECRETS", (), _names, _NAMES)
        settings = cls(
            api_base_url=reader.get("API_BASE_URL", None, _base_url, _BASE_URL),
            environment=reader.get("ENVIRONMENT", "development", _label, _LABEL),
            listen_address=reader.get("LISTEN_ADDRESS", "::", _address, _ADDRESS),
            log_format=reader.get("LOG_FORMAT", "json", _choice(_FORMATS), _one_of(_FORMATS)),
            log_level=reader.get("LOG_LEVEL", "info", _choice(_LEVELS), _one_of(_LEVELS)),
            max_connections=reader.number("MAX_CONNECTIONS", 500, 1, 65536),
            port=reader.number("PORT", 8080, 1, 65535),
            required_secrets=required,
            secret_names=tuple(sorted({*ALWAYS_SECRET, *named, *required})),
            secrets_dir=reader.get("SECRETS_DIR", Path("/var/run/secrets/app"), _path, _PATH),
            stop_delay=reader.number("STOP_DELAY", 0, 0, 300),
            stop_timeout=reader.number("STOP_TIMEOUT", 20, 1, 300),
            workers=reader.number("WORKERS", 1, 1, 64),
        )
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings

    def shown(self) -> dict[str, object]:
        """Returns the public settings by the names of their variables."""
        return {
            "API_BASE_URL": self.api_base_url,
            "ENVIRONMENT": self.environment,
            "LISTEN_ADDRESS": self.listen_address,
            "LOG_FORMAT": self.log_format,
            "LOG_LEVEL": self.log_level,
            "MAX_CONNECTIONS": self.max_connections,
            "PORT": self.port,
            "REQUIRED_SECRETS": list(self.required_secrets),
            "SECRETS_DIR": str(self.secrets_dir),
            "STOP_DELAY": self.stop_delay,
            "STOP_TIMEOUT": self.stop_timeout,
            "WORKERS": self.workers,
        }


class SettingsError(Exception):
    """Invalid settings. The messages never quote a value, because it may be a misplaced secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


_NAMES = f"use names of secrets, separated by commas: {PATTERN}; not the name of a setting"
_BASE_URL = (
    "use an http or https URL with a host, without user, password, query and fragment "
    "(they often contain secrets)"
)
_LABEL = "use up to 63 letters, digits, `-`, `_` and `.`"
_ADDRESS = "use an IP address; :: for all of IPv4 and IPv6, 0.0.0.0 for all of IPv4"
_PATH = "use the absolute path of a directory"
_FORMATS = {"json": "json", "text": "text"}
_LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
    "critical": "critical",
}
_SETTINGS = {
    *("API_BASE_URL", "APP_SECRETS", "ENVIRONMENT", "HOSTNAME", "LISTEN_ADDRESS", "LOG_FORMAT"),
    *("LOG_LEVEL", "MAX_CONNECTIONS", "PATH", "PORT", "REQUIRED_SECRETS", "SECRETS_DIR"),
    *("STOP_DELAY", "STOP_TIMEOUT", "WORKERS"),
}


class _Reader:
    """Reads variables and collects their problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def get(self, name: str, default: D, parse: Callable[[str], T | None], hint: str) -> T | D:
        """Returns the parsed variable. `parse` returns None for an invalid text.

        An empty variable counts as unset, because charts and compose files set empty ones.
        """
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        value = parse(text)
        if value is None:
            self.problems.append(f"the environment variable {name} is not valid: {hint}")
            return default
        return value

    def number(self, name: str, default: int, minimum: int, maximum: int) -> int:
        def parse(text: str) -> int | None:
            # int() also accepts `1_0` and the digits of other scripts.
            if re.fullmatch(r"[0-9]{1,9}", text) is None:
                return None
            return int(text) if minimum <= int(text) <= maximum else None

        hint = f"use a whole number from {minimum} to {maximum} (default {default})"
        return self.get(name, default, parse, hint)


def _choice(choices: Mapping[str, str]) -> Callable[[str], str | None]:
    return lambda text: choices.get(text.lower())


def _one_of(choices: Mapping[str, str]) -> str:
    return "use one of " + ", ".join(dict.fromkeys(choices.values()))


def _names(text: str) -> tuple[str, ...] | None:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if all(is_secret_name(name) and name not in _SETTINGS for name in names):
        return tuple(dict.fromkeys(names))
    return None


def _label(text: str) -> str | None:
    return text if re.fullmatch(r"[-._a-zA-Z0-9]{1,63}", text) else None


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _path(text: str) -> Path | None:
    return Path(text) if text.startswith("/") and "\0" not in text else None


def _base_url(text: str) -> str | None:
    if not text.isprintable() or re.search(r"\s", text):
        return None
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    plain = url.scheme in ("http", "https") and url.hostname and "@" not in url.netloc
    return text if plain and not ({"?", "#"} & set(text)) else None
