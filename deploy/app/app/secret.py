"""A secret value that cannot print itself."""

import hmac
from typing import NoReturn


class Secret:
    """Bytes that only `reveal` returns.

    `str`, `format`, `repr` and `pickle` show neither the bytes nor their length.
    """

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        self.__value = value

    def reveal(self) -> bytes:
        """Returns the value. Pass it on directly, and do not keep it in a variable."""
        return self.__value

    def matches(self, other: "Secret") -> bool:
        """Compares both values in constant time."""
        return hmac.compare_digest(self.__value, other.__value)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self.matches(other) if isinstance(other, Secret) else NotImplemented

    # A hash would be an unkeyed digest of the value.
    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be copied or serialized")
