#!/usr/bin/env python3
"""Writes the schemas of the providers, from the wheels in a directory.

    generate.py --wheels DIRECTORY --out DIRECTORY

`types.txt` beside this file lists the wanted types. `README.md` explains where the wheels come from.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from bindings import Package
from schema import Schema

HERE = Path(__file__).parent
# Providers that speak protocol 6 have nested attributes.
PROTOCOL_6 = {"helm", "time", "tls"}
# The provider reads this from the configuration of a module; the bindings leave it out.
AWS_META = {"attributes": {"user_agent": {"optional": True, "type": ["list", "string"]}}}


def wanted_types() -> dict[str, list[str]]:
    """The wanted types and their sensitive attributes, which the bindings do not mark."""
    types = {}
    for line in (HERE / "types.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            types[words[0]] = words[1:]
    return types


def provider_of(type_: str) -> str:
    return type_.split(".")[-1].split("_")[0]


def extracted(wheel: Path, wanted: dict[str, list[str]]) -> dict:
    package = Package(wheel)
    name = package.source.split("/")[-1]
    wanted = {one: marks for one, marks in wanted.items() if provider_of(one) == name}
    out = {
        "source": "/".join(package.source.split("/")[-2:]),
        "version": package.version,
        "wheel": {"name": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
        "provider": {},
        "resource_schemas": {},
        "data_source_schemas": {},
        "ephemeral_resource_schemas": {},
    }
    if name == "aws":
        out["provider_meta"] = {"block": AWS_META, "version": 0}
    missing = dict(wanted)
    for bindings in package.types():
        schema = Schema(bindings, name in PROTOCOL_6)
        if bindings.category == "provider":
            out["provider"] = {"block": schema.root(), "version": 0}
        elif bindings.name in wanted:
            block = schema.root()
            for path in missing.pop(bindings.name):
                mark_sensitive(block, path.split("."))
            out[bindings.category][bindings.type] = {"block": block, "version": 0}
    if missing:
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(missing))}\nhint: correct types.txt")
    return out


def mark_sensitive(block: dict, path: list[str]) -> None:
    attribute = block["attributes"][path[0]]
    if len(path) > 1:
        mark_sensitive(attribute["nested_type"], path[1:])
    else:
        attribute["sensitive"] = True


def text(extract: dict) -> str:
    """JSON with one type a line, so that a diff shows the changed types."""

    def compact(value) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    lines = []
    for key, value in extract.items():
        if key.endswith("_schemas"):
            types = ",\n".join(f"{json.dumps(name)}:{compact(one)}" for name, one in sorted(value.items()))
            lines.append(f"{json.dumps(key)}:{{\n{types}\n}}" if types else f"{json.dumps(key)}:{{}}")
        else:
            lines.append(f"{json.dumps(key)}:{compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    wheels = sorted(arguments.wheels.glob("cdktn_provider_*.whl"))
    if not wheels:
        sys.exit(f"no wheels in {arguments.wheels}")
    wanted = wanted_types()
    for wheel in wheels:
        extract = extracted(wheel, wanted)
        name = extract["source"].split("/")[-1]
        (arguments.out / f"{name}.json").write_text(text(extract))


if __name__ == "__main__":
    main()
