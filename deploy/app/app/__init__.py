"""The sample app: it shows which secrets it has, never their values."""

__version__ = "0.1.0"
