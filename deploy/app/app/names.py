"""Valid names of secrets."""

import re

PATTERN = "letters, digits, `-`, `_` and `.`, at most 253, not beginning with `.`"

_NAME = re.compile(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252}")


def is_secret_name(name: str) -> bool:
    """Whether `name` is a valid key of a Secret that the app shows.

    Names that begin with a dot belong to the kubelet or are hidden on purpose.
    """
    return _NAME.fullmatch(name) is not None
