"""Settings come from the environment. Errors never quote a value."""

from pathlib import Path

import pytest

from app.settings import Settings, SettingsError


def test_defaults_apply_to_unset_variables() -> None:
    assert Settings.read({}).shown() == {
        "API_BASE_URL": None,
        "ENVIRONMENT": "development",
        "LISTEN_ADDRESS": "::",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "info",
        "MAX_CONNECTIONS": 500,
        "PORT": 8080,
        "REQUIRED_SECRETS": [],
        "SECRETS_DIR": "/var/run/secrets/app",
        "STOP_DELAY": 0,
        "STOP_TIMEOUT": 20,
        "WORKERS": 1,
    }
    assert Settings.read({}).secret_names == ("DB_PASSWORD", "SECRET_KEY")


def test_all_settings_are_read() -> None:
    settings = Settings.read(
        {
            "API_BASE_URL": "https://api.example.com:8443/v1",
            "APP_SECRETS": "API_TOKEN, smtp.password,,API_TOKEN",
            "ENVIRONMENT": "production",
            "LISTEN_ADDRESS": "0.0.0.0",  # noqa: S104
            "LOG_FORMAT": "TEXT",
            "LOG_LEVEL": "WARN",
            "MAX_CONNECTIONS": " 20 ",
            "PORT": "9000",
            "REQUIRED_SECRETS": "SECRET_KEY,OTHER",
            "SECRETS_DIR": "/secrets",
            "STOP_DELAY": "3",
            "STOP_TIMEOUT": "4",
            "WORKERS": "2",
        }
    )
    assert settings == Settings(
        api_base_url="https://api.example.com:8443/v1",
        environment="production",
        listen_address="0.0.0.0",  # noqa: S104
        log_format="text",
        log_level="warning",
        max_connections=20,
        port=9000,
        required_secrets=("SECRET_KEY", "OTHER"),
        secret_names=("API_TOKEN", "DB_PASSWORD", "OTHER", "SECRET_KEY", "smtp.password"),
        secrets_dir=Path("/secrets"),
        stop_delay=3,
        stop_timeout=4,
        workers=2,
    )


def test_empty_variable_counts_as_unset() -> None:
    assert Settings.read({"PORT": "", "LOG_LEVEL": " "}) == Settings.read({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_BASE_URL", "ftp://marker"),
        ("API_BASE_URL", "marker"),
        ("API_BASE_URL", "https://user:marker@host"),
        ("API_BASE_URL", "https://marker@host"),
        ("API_BASE_URL", "https://host/?token=marker"),
        ("API_BASE_URL", "https://host/#marker"),
        ("API_BASE_URL", "https://host:marker/"),
        ("API_BASE_URL", "https://[marker/"),
        ("API_BASE_URL", "https://host/a marker"),
        ("API_BASE_URL", "https://host/a\u2028marker"),
        ("API_BASE_URL", "https:///marker"),
        ("APP_SECRETS", "A,mark er"),
        ("APP_SECRETS", ".marker"),
        ("APP_SECRETS", "PORT"),
        ("REQUIRED_SECRETS", "PATH"),
        ("ENVIRONMENT", "marker!"),
        ("ENVIRONMENT", "m" * 64),
        ("LISTEN_ADDRESS", "marker"),
        ("LOG_FORMAT", "marker"),
        ("LOG_LEVEL", "marker"),
        ("MAX_CONNECTIONS", "0"),
        ("PORT", "marker"),
        ("PORT", "65536"),
        ("PORT", "80_80"),
        ("PORT", "-1"),
        ("PORT", "８０８０"),  # noqa: RUF001
        ("PORT", "8080.0"),
        ("PORT", "9" * 5000),
        ("SECRETS_DIR", "marker/relative"),
        ("STOP_DELAY", "301"),
        ("STOP_TIMEOUT", "0"),
        ("WORKERS", "65"),
    ],
)
def test_invalid_setting_is_named_with_a_hint_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"the environment variable {name} is not valid: use ")
    assert "marker" not in problem


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"PORT": "x", "WORKERS": "y"})
    assert len(caught.value.problems) == 2
