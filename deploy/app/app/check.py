"""Compares the app's secrets with NAME=VALUE lines on standard input, without showing values.

Run it inside the container: `kubectl exec -i deploy/app -- python3 -m app check < secrets.env`.
"""

from collections.abc import Mapping
from typing import BinaryIO, TextIO

from . import dotenv, files
from .secret import Secret
from .settings import Settings

# A Secret holds up to 1 MiB. Quotes and comments may need more.
_MAX_INPUT_BYTES = 4 << 20


def check(settings: Settings, environ: Mapping[str, str], given: BinaryIO, out: TextIO) -> int:
    """Writes a line for each name. Returns 0 if all are the same, 1 if not, 2 on an error."""
    content = given.read(_MAX_INPUT_BYTES + 1)
    try:
        if len(content) > _MAX_INPUT_BYTES:
            raise dotenv.DotenvError(f"more than {_MAX_INPUT_BYTES} bytes")
        expected = dotenv.parse(content.decode("utf-8-sig"))
        if not expected:
            raise dotenv.DotenvError("no NAME=VALUE line")
        mounted = files.read(settings.secrets_dir).secrets
    except UnicodeDecodeError:
        return _failed(out, "standard input: not UTF-8")
    except dotenv.DotenvError as error:
        return _failed(out, f"standard input: {error}")
    except files.UnreadableError as error:
        return _failed(out, str(error))
    results = [_compared(name, value, mounted, environ) for name, value in expected.items()]
    out.writelines(f"{name}: {result}\n" for name, result, _ in results)
    return 0 if all(same for _, _, same in results) else 1


def _compared(
    name: str, value: str, mounted: Mapping[str, Secret], environ: Mapping[str, str]
) -> tuple[str, str, bool]:
    if name in mounted:
        actual, source = mounted[name], "file"
    elif name in environ:
        actual, source = Secret(environ[name].encode("utf-8", "surrogateescape")), "env"
    else:
        return name, "missing", False
    same = actual.matches(Secret(value.encode()))
    return name, f"{'same' if same else 'different'} ({source})", same


def _failed(out: TextIO, text: str) -> int:
    out.write(f"error: {text}\n")
    return 2
