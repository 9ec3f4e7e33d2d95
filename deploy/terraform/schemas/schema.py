"""Turns the bindings of a type into its schema, as `terraform providers schema -json` prints it."""

import re

from bindings import Bindings, Entry, Flags

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
# How a getter reads an attribute says which type it has. The first that occurs counts.
GETTERS = (
    ("getStringAttribute(", "string"),
    ("getNumberAttribute(", "number"),
    ("getBooleanAttribute(", "bool"),
    ("getStringMapAttribute(", ["map", "string"]),
    ("getNumberMapAttribute(", ["map", "number"]),
    ("getBooleanMapAttribute(", ["map", "bool"]),
    ("getAnyMapAttribute(", "dynamic"),
    ("getNumberListAttribute(", ["list", "number"]),
    ("getListAttribute(", ["list", "string"]),
)


def simple(kind: str, storage: str):
    """The type of an attribute without nested structure; None if it has one."""
    if storage in ("any", "anyList", "anyMap"):
        return "dynamic"
    if kind == "simple":
        return PRIMITIVES[storage]
    match = re.fullmatch(r"(string|number|boolean)((?:List|Map|Set)+)", storage)
    if match is None:
        return None
    collections = re.findall("List|Map|Set", match[2])
    inner = PRIMITIVES[match[1]]
    # `stringMapList` is a list of maps of strings.
    for collection in collections[:-1]:
        inner = [collection.lower(), inner]
    return [kind, inner]


class Schema:
    """Builds the schema of one type."""

    def __init__(self, bindings: Bindings, nested: bool):
        self.bindings = bindings
        # Providers of protocol 6 have nested attributes, those of protocol 5 attributes of an object type.
        self.nested = nested

    def root(self) -> dict:
        return self.block(self.bindings.main.lower())

    def block(self, structure: str) -> dict:
        attributes, blocks = {}, {}
        flags = self.bindings.flags(structure)
        entries = self.bindings.entries(structure)
        for entry in entries:
            interface = self.bindings.interface(structure)
            mandatory = (interface, entry.name.replace("_", "")) in self.bindings.mandatory
            known = flags.get(entry.name, Flags(False, not mandatory, mandatory, ""))
            is_block = (interface, entry.name) in self.bindings.blocks
            if is_block and simple(entry.kind, entry.storage) is None:
                nested = self.nested_block(entry, known)
                # The bindings do not know the statements of a web ACL. A block with them could not be checked.
                if not has_dynamic(nested):
                    blocks[entry.name] = nested
            else:
                attributes[entry.name] = marked(self.attribute(entry), known, entry.write_only)
        settable = {entry.name for entry in entries}
        for name, known in flags.items():
            if name not in settable:
                attributes[name] = marked({"type": self.computed(name, known.code)}, known, False)
        return {key: value for key, value in (("attributes", attributes), ("block_types", blocks)) if value}

    def attribute(self, entry: Entry) -> dict:
        if (found := simple(entry.kind, entry.storage)) is not None:
            return {"type": found}
        child = self.block(self.structure(entry))
        if self.nested:
            mode = "single" if entry.kind == "struct" else entry.kind
            return {"nested_type": {"attributes": all_attributes(child), "nesting_mode": mode}}
        inner = object_type(child)
        return {"type": inner if entry.kind == "struct" else [entry.kind, inner]}

    def nested_block(self, entry: Entry, flags: Flags) -> dict:
        child = self.block(self.structure(entry))
        mode = "single" if entry.kind == "struct" else entry.kind
        block = {"block": child, "nesting_mode": mode}
        if mode in ("list", "set"):
            if flags.required:
                block["min_items"] = 1
            if not entry.repeats:
                block["max_items"] = 1
        return block

    def structure(self, entry: Entry) -> str:
        function = re.search(r"(\w+)ToHclTerraform", entry.value)
        name = function[1] if function else re.sub(r"(List|Map)$", "", entry.storage)
        return name.lower()

    def computed(self, name: str, code: str):
        """The type of an attribute that only the provider sets."""
        member = re.search(rf'new (?P<cdktn>cdktn\.)?(?P<class>\w+)\(this, "{name}"(?:, (?P<set>true|false))?', code)
        if member is None:
            collection = "set" if "Fn.tolist" in code else "list"
            found = next((type_ for getter, type_ in GETTERS if getter in code), "dynamic")
            return [collection, found[1]] if found[0] == "list" else found
        many = "set" if member["set"] == "true" else "list"
        if member["cdktn"]:
            return library_type(member["class"], many)
        owner, kind = re.fullmatch(r"(\w+?)(List|Map|OutputReference)", member["class"]).groups()
        inner = object_type(self.block(owner.lower()))
        return {"List": [many, inner], "Map": ["map", inner], "OutputReference": inner}[kind]


def library_type(name: str, many: str):
    """The type that a collection class of the library stands for, such as StringMapList."""
    match = re.match("String|Number|Boolean|Any", name)
    primitive = PRIMITIVES[match[0].lower()]
    return {
        "Map": ["map", primitive],
        "MapList": [many, ["map", primitive]],
        "ListList": [many, ["list", primitive]],
    }[name.removeprefix(match[0])]


def marked(attribute: dict, flags: Flags, write_only: bool) -> dict:
    if flags.required:
        attribute["required"] = True
    elif flags.optional or not flags.computed:
        attribute["optional"] = True
    if flags.computed:
        attribute["computed"] = True
    if write_only:
        attribute["write_only"] = True
    return attribute


def all_attributes(block: dict) -> dict:
    """The attributes of a nested attribute; its structures count as attributes."""
    attributes = dict(block.get("attributes", {}))
    for name, inner in block.get("block_types", {}).items():
        nested = {"attributes": all_attributes(inner["block"]), "nesting_mode": inner["nesting_mode"]}
        attributes[name] = {"nested_type": nested, "optional": True}
    return attributes


def object_type(block: dict) -> list:
    members = {name: value_type(one) for name, one in block.get("attributes", {}).items()}
    for name, inner in block.get("block_types", {}).items():
        members[name] = collected(inner["nesting_mode"], object_type(inner["block"]))
    return ["object", members]


def value_type(attribute: dict):
    if "type" in attribute:
        return attribute["type"]
    nested = attribute["nested_type"]
    members = {name: value_type(one) for name, one in nested["attributes"].items()}
    return collected(nested["nesting_mode"], ["object", members])


def collected(mode: str, inner):
    return inner if mode == "single" else [mode, inner]


def has_dynamic(block: dict) -> bool:
    return "'dynamic'" in repr(block)
