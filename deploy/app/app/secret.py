"""A secret value that cannot print itself."""

import hmac
from typing import NoReturn


class Secret:
    """Bytes that only `reveal` gives away.

    Neither text, format, repr nor pickle shows them, nor how long they are.
    """

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        self.__value = value

    def reveal(self) -> bytes:
        """The value: for the call that needs it, never for a variable that lives on."""
        return self.__value

    def matches(self, other: "Secret") -> bool:
        """Whether both are the same, in a time that tells nothing about where they differ."""
        return hmac.compare_digest(self.__value, other.__value)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self.matches(other) if isinstance(other, Secret) else NotImplemented

    # A hash would be a digest without a key.
    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither copied nor serialized")
