"""Reads the TypeScript bindings of a Terraform provider.

Each resource has a JavaScript file with a function for each nested structure, which lists its settable
attributes, and a class for it, whose comments say which attributes are computed, optional or required.
The declarations (`.d.ts`) tell blocks from attributes.
"""

import gzip
import io
import json
import re
import tarfile
import zipfile
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

# One settable attribute or block, in a function or in the main class.
ENTRY = re.compile(
    r'^ +"?(?P<name>\w+)"?: \{\n'
    r" +value: (?P<value>.*),\n"
    r" +isBlock: (?:true|false),\n"
    r' +type: "(?P<kind>\w+)",\n'
    r' +storageClassType: "(?P<storage>\w+)",\n'
    r" +\}",
    re.MULTILINE,
)
FLAGS = re.compile(
    r"^ +// (?P<name>\w+) - computed: (?P<computed>\w+), optional: (?P<optional>\w+), required: (?P<required>\w+)$",
    re.MULTILINE,
)
MAIN_CLASS = re.compile(
    r"^class (?P<name>\w+) extends cdktn\."
    r"(?P<base>TerraformResource|TerraformDataSource|TerraformProvider|TerraformEphemeralResource) ",
    re.MULTILINE,
)
TYPE_NAME = re.compile(r"(?:terraformResourceType|terraformEphemeralResourceType|terraformEphemeralType): '(\w+)'")
STATIC_TYPE_NAME = re.compile(r'tfResourceType = "(\w+)"')
CATEGORIES = {
    "TerraformResource": ("resource_schemas", ""),
    "TerraformDataSource": ("data_source_schemas", "data."),
    "TerraformEphemeralResource": ("ephemeral_resource_schemas", "ephemeral."),
    "TerraformProvider": ("provider", "provider."),
}


@dataclass
class Flags:
    """The flags of an attribute, from a comment, and the code of its accessors."""

    computed: bool
    optional: bool
    required: bool
    code: str


@dataclass
class Entry:
    """A settable attribute or block."""

    name: str
    value: str
    kind: str
    storage: str

    @property
    def repeats(self) -> bool:
        return "apperHcl(" in self.value

    @property
    def write_only(self) -> bool:
        return "markWriteOnlyAttribute" in self.value


@dataclass
class Bindings:
    """The bindings of one type."""

    category: str
    type: str
    main: str
    functions: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    blocks: set[tuple[str, str]] = field(default_factory=set)
    mandatory: set[tuple[str, str]] = field(default_factory=set)

    @property
    def name(self) -> str:
        prefix = {category: prefix for category, prefix in CATEGORIES.values()}[self.category]
        return prefix + self.type

    def entries(self, structure: str) -> list[Entry]:
        if structure == self.main.lower():
            text = self.classes[structure].partition("synthesizeHclAttributes")[2]
        else:
            text = self.functions.get(structure, "")
        return [Entry(**found.groupdict()) for found in ENTRY.finditer(text)]

    def flags(self, structure: str) -> dict[str, Flags]:
        text = self.code(structure)
        found = list(FLAGS.finditer(text))
        flags = {}
        for match, following in zip_longest(found, found[1:]):
            end = following.start() if following else len(text)
            # The next accessor, which belongs to the same attribute, has a type of its own.
            code = re.split(r"// Temporarily|// ===", text[match.end() : end])[0]
            words = [match[word] == "true" for word in ("computed", "optional", "required")]
            flags[match["name"]] = Flags(*words, code)
        return flags

    def code(self, structure: str) -> str:
        if structure == self.main.lower():
            return self.classes[structure]
        return self.classes.get(f"{structure}outputreference", "")

    def interface(self, structure: str) -> str:
        return f"{structure}config" if structure == self.main.lower() else structure


def read(scripts: str, declarations: str) -> Bindings | None:
    """The bindings in the files of a directory; None for helpers."""
    main = MAIN_CLASS.search(scripts)
    if main is None:
        return None
    category = CATEGORIES[main["base"]][0]
    type_name = TYPE_NAME.search(scripts) or STATIC_TYPE_NAME.search(scripts)
    bindings = Bindings(category, type_name[1] if type_name else "", main["name"])
    for part in re.split(r"^(?=function |class |exports\.)", scripts, flags=re.MULTILINE):
        if function := re.match(r"function (\w+)ToHclTerraform\(", part):
            bindings.functions[function[1].lower()] = part
        elif declared := re.match(r"class (\w+) ", part):
            bindings.classes[declared[1].lower()] = part
    interfaces = re.finditer(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", declarations, re.MULTILINE | re.DOTALL)
    for interface in interfaces:
        owner = interface[1].lower()
        for block in re.finditer(r"/\*\*\n +\* (\w+) block\n", interface[2]):
            bindings.blocks.add((owner, block[1]))
        for member in re.finditer(r"^    readonly (\w+): ", interface[2], re.MULTILINE):
            bindings.mandatory.add((owner, member[1].lower()))
    return bindings


class Package:
    """The bindings of a provider, in a wheel."""

    def __init__(self, wheel: Path):
        with zipfile.ZipFile(wheel) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
            plain = gzip.decompress(archive.read(inner))
        self.tar = tarfile.open(fileobj=io.BytesIO(plain))
        self.directories: dict[str, list[tarfile.TarInfo]] = {}
        for member in self.tar:
            parts = member.name.split("/")
            if member.name == "package/package.json":
                provider = json.loads(self.text(member))["cdktn"]["provider"]
                self.source, self.version = provider["name"], provider["version"]
            elif parts[:2] == ["package", "lib"] and len(parts) > 3:
                self.directories.setdefault(parts[2], []).append(member)

    def types(self):
        for _, members in sorted(self.directories.items()):
            # `index` first: large types continue in other files.
            members.sort(key=lambda member: (not member.name.rsplit("/", 1)[1].startswith("index."), member.name))
            scripts = "\n".join(self.text(one) for one in members if one.name.endswith(".js"))
            declarations = "\n".join(self.text(one) for one in members if one.name.endswith(".d.ts"))
            if (bindings := read(scripts, declarations)) is not None:
                yield bindings

    def text(self, member: tarfile.TarInfo) -> str:
        return self.tar.extractfile(member).read().decode()
