"""How secrets may be called."""

import re

PATTERN = "letters, digits, `-`, `_` and `.`, at most 253, the first no `.`"

_NAME = re.compile(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252}")


def is_secret_name(name: str) -> bool:
    """Whether Kubernetes would take `name` as a key of a Secret, and the app shows it.

    What starts with a dot is the kubelet's own, or hidden on purpose.
    """
    return _NAME.fullmatch(name) is not None
