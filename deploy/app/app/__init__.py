"""The app that the sealed secrets are for: it shows which secrets it has, never what they are."""

__version__ = "0.1.0"
