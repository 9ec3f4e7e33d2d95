"""Reads `NAME=VALUE` lines, as `mtk-seal` does.

Nothing is interpolated. Without quotes a value ends at the end of the line, or before a `#` that
follows a blank. In single quotes everything is literal; in double quotes backslash and one of
``n r t \\ " $`` are escapes. Quoted values may span lines, and a CRLF in them is an LF.
"""

import re

from .names import PATTERN, is_secret_name


class DotenvError(Exception):
    """Why a line cannot be read. The text quotes none of it: anything may be a value."""


def parse(text: str) -> dict[str, str]:
    """The values in their order."""
    values: dict[str, str] = {}
    at = 0
    while (at := _matched(_SKIPPED, text, at).end()) < len(text):
        line = text.count("\n", 0, at) + 1
        head = _HEAD.match(text, at)
        if head is None:
            raise DotenvError(f"line {line} has no `=`: quote values that span lines")
        name = head["name"].strip(" \t")
        if not is_secret_name(name):
            raise DotenvError(f"line {line} does not begin with a name: {PATTERN}")
        if name in values:
            raise DotenvError(f"line {line} gives {name} again: remove one of the two")
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
    """For patterns that match whatever there is."""
    match = pattern.match(text, at)
    assert match is not None
    return match


def _value(text: str, at: int, line: int) -> tuple[str, int]:
    """The value at `at`, and where the next line begins."""
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        plain = _matched(_PLAIN, text, at)
        return plain["value"], plain.end()
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, at)
    if quoted is None:
        raise DotenvError(f"the quote that opens on line {line} is never closed")
    rest = _REST.match(text, quoted.end())
    if rest is None:
        raise DotenvError(f"after the closing quote of line {line} there is more than a comment")
    value = quoted["value"].replace("\r\n", "\n")
    return (value if quote == "'" else _unescaped(value, line)), rest.end()


def _unescaped(value: str, line: int) -> str:
    if any(escape not in _ESCAPED for escape in _ESCAPE.findall(value)):
        text = 'holds an escape that is none of \\n \\r \\t \\\\ \\" \\$: use single quotes'
        raise DotenvError(f"the value of line {line} {text}")
    return _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], value)
