"""Reads `NAME=VALUE` lines, as `mtk-seal` does.

Nothing is interpolated. An unquoted value ends at the end of the line, or before a `#` that
follows a blank. Single-quoted values are literal. In double quotes, a backslash and one of
``n r t \\ " $`` are an escape. Quoted values may span lines. A CRLF in them becomes an LF.
"""

import re

from .names import PATTERN, is_secret_name


class DotenvError(Exception):
    """A line that cannot be parsed. The message never quotes it: any part may be a value."""


def parse(text: str) -> dict[str, str]:
    """Returns the values in the order of the lines."""
    values: dict[str, str] = {}
    at = 0
    while (at := _matched(_SKIPPED, text, at).end()) < len(text):
        line = text.count("\n", 0, at) + 1
        head = _HEAD.match(text, at)
        if head is None:
            raise DotenvError(f"line {line} has no `=`; quote values that span lines")
        name = head["name"].strip(" \t")
        if not is_secret_name(name):
            raise DotenvError(f"line {line} does not begin with a name: {PATTERN}")
        if name in values:
            raise DotenvError(f"line {line} sets {name} again: remove one of the lines")
        values[name], at = _value(text, head.end(), line)
    return values


_SKIPPED = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z))*[ \t]*")
_HEAD = re.compile(r"(?:export[ \t]+)?(?P<name>[^=\n]*)=[ \t]*")
_PLAIN = re.compile(r"(?P<value>[^\n]*?)[ \t]*(?:(?:(?<=[ \t])#[^\n]*)?\r?(?:\n|\Z))")
_SINGLE = re.compile(r"'(?P<value>[^']*)'")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"', re.DOTALL)
_REST = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\n]*)?\r?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def _matched(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """Matches a pattern that matches every text."""
    match = pattern.match(text, at)
    assert match is not None
    return match


def _value(text: str, at: int, line: int) -> tuple[str, int]:
    """Returns the value at `at` and the start of the next line."""
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        plain = _matched(_PLAIN, text, at)
        return plain["value"], plain.end()
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, at)
    if quoted is None:
        raise DotenvError(f"the quote on line {line} is not closed")
    rest = _REST.match(text, quoted.end())
    if rest is None:
        raise DotenvError(f"unexpected text after the closing quote of line {line}")
    value = quoted["value"].replace("\r\n", "\n")
    return (value if quote == "'" else _unescaped(value, line)), rest.end()


def _unescaped(value: str, line: int) -> str:
    if any(escape not in _ESCAPED for escape in _ESCAPE.findall(value)):
        text = 'has an unknown escape; valid are \\n \\r \\t \\\\ \\" \\$, or use single quotes'
        raise DotenvError(f"the value of line {line} {text}")
    return _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], value)
